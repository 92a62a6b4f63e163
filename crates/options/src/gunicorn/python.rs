//! Reads the statements of a Python file as far as a configuration needs it: assignments of literals
//! at the outermost level. Nothing is run.

/// A value, as far as it can be known without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// A number, as written.
    Number(String),
    /// `True` or `False`.
    Flag(bool),
    /// `None`.
    None,
    /// A list or tuple of the above.
    List(Vec<Value>),
    /// Something that has to be computed.
    Expression(String),
}

impl Value {
    /// The texts an option would be given.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::Text(text) | Self::Number(text) => vec![text.clone()],
            Self::Flag(flag) => vec![flag.to_string()],
            Self::List(items) => items.iter().flat_map(Self::texts).collect(),
            Self::None | Self::Expression(_) => Vec::new(),
        }
    }
}

/// One statement at the outermost level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// `name = value`.
    Assignment {
        line: u32,
        name: String,
        written: String,
        value: Value,
    },
    /// `def name(…):`.
    Function { line: u32, name: String },
    /// `name: something`, without a value.
    Annotation { line: u32, name: String },
    /// Anything else.
    Other { line: u32 },
}

impl Statement {
    /// The line it begins on.
    pub(super) fn line(&self) -> u32 {
        match self {
            Self::Assignment { line, .. }
            | Self::Function { line, .. }
            | Self::Annotation { line, .. }
            | Self::Other { line } => *line,
        }
    }
}

/// The statements of the outermost level, in order.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    for (line, logical) in logical_lines(text) {
        if logical.starts_with([' ', '\t']) || logical.trim().is_empty() {
            continue;
        }
        statements.push(statement(line, logical.trim()));
    }
    statements
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(fits)
        && name
            .bytes()
            .next()
            .is_some_and(|first| !first.is_ascii_digit())
}

fn statement(line: u32, text: &str) -> Statement {
    let function = text
        .strip_prefix("async ")
        .unwrap_or(text)
        .strip_prefix("def ");
    if let Some(function) = function {
        let name = function.split('(').next().unwrap_or_default().trim();
        return Statement::Function {
            line,
            name: name.to_owned(),
        };
    }
    let assignment = text
        .split_once('=')
        .filter(|(_, value)| !value.starts_with('='));
    let Some((name, value)) = assignment else {
        return match text.split_once(':') {
            Some((name, behind)) if is_name(name) && !behind.is_empty() => Statement::Annotation {
                line,
                name: name.to_owned(),
            },
            _ => Statement::Other { line },
        };
    };
    // `name: str = value` is an assignment as well.
    let name = name.split(':').next().unwrap_or_default().trim();
    if !is_name(name) {
        return Statement::Other { line };
    }
    let written = value.trim();
    Statement::Assignment {
        line,
        name: name.to_owned(),
        written: written.to_owned(),
        value: value_of(written, 0),
    }
}

/// Lines joined while a bracket or a long string is open, comments cut off; with the number of the
/// first one. Blanks at the start stay, they tell the level.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let (mut current, mut start, mut number) = (String::new(), 1, 1);
    let (mut depth, mut quote): (usize, Option<&str>) = (0, None);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let mut length = character.len_utf8();
        if let Some(open) = quote {
            if character == '\\' {
                length += rest[1..].chars().next().map_or(0, char::len_utf8);
            } else if rest.starts_with(open) {
                length = open.len();
                quote = None;
            } else if character == '\n' && open.len() == 1 {
                quote = None;
            }
        } else {
            match character {
                '#' => {
                    rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                    continue;
                }
                '"' | '\'' => {
                    let long = if character == '"' { "\"\"\"" } else { "'''" };
                    let open = if rest.starts_with(long) {
                        long
                    } else {
                        &long[..1]
                    };
                    length = open.len();
                    quote = Some(open);
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '\\' if rest.starts_with("\\\n") => length = 2,
                _ => {}
            }
        }
        let (taken, after) = rest.split_at(length);
        number += u32::try_from(taken.matches('\n').count()).unwrap_or(0);
        if taken == "\n" && depth == 0 && quote.is_none() {
            lines.push((start, std::mem::take(&mut current)));
            start = number;
        } else {
            current.push_str(if taken == "\n" && quote.is_none() {
                " "
            } else {
                taken
            });
        }
        rest = after;
    }
    lines.push((start, current));
    lines
}

/// Lists within lists are followed this deep.
const DEEPEST: usize = 4;

fn value_of(text: &str, depth: usize) -> Value {
    let text = text.trim();
    let expression = || Value::Expression(text.to_owned());
    match text {
        "None" => return Value::None,
        "True" => return Value::Flag(true),
        "False" => return Value::Flag(false),
        _ => {}
    }
    if let Some(string) = string(text) {
        return Value::Text(string);
    }
    let digits = text.replace('_', "");
    if !digits.is_empty()
        && digits.parse::<f64>().is_ok()
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return Value::Number(digits);
    }
    let list = [('[', ']'), ('(', ')')]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
    let Some(items) = list.filter(|_| depth < DEEPEST).and_then(parts) else {
        return expression();
    };
    let items: Vec<Value> = items.iter().map(|item| value_of(item, depth + 1)).collect();
    if items
        .iter()
        .any(|item| matches!(item, Value::Expression(_)))
    {
        return expression();
    }
    Value::List(items)
}

/// A single string literal, plain or raw; nothing when it is more than one.
fn string(text: &str) -> Option<String> {
    let raw = text.starts_with(['r', 'R']);
    let text = text.strip_prefix(['r', 'R', 'u', 'U']).unwrap_or(text);
    let open = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|open| text.starts_with(open))?;
    let inside = text.strip_prefix(open)?.strip_suffix(open)?;
    let mut result = String::new();
    let mut rest = inside;
    while let Some(character) = rest.chars().next() {
        if rest.starts_with(open) {
            return None;
        }
        rest = &rest[character.len_utf8()..];
        if character != '\\' || raw {
            result.push(character);
            continue;
        }
        let next = rest.chars().next()?;
        rest = &rest[next.len_utf8()..];
        result.push(match next {
            'n' => '\n',
            't' => '\t',
            other => other,
        });
    }
    Some(result)
}

/// Splits at the commas of the outermost level; nothing when brackets or quotes do not match.
fn parts(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_i32, None);
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (character, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            (character, Some(open)) if character == open => quote = None,
            ('"' | '\'', None) => quote = Some(character),
            ('(' | '[' | '{', None) => depth += 1,
            (')' | ']' | '}', None) => depth -= 1,
            (',', None) if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    (depth == 0 && quote.is_none()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        value_of(text, 0)
    }

    #[test]
    fn literals() {
        assert_eq!(value("'a\\'b'"), Value::Text("a'b".into()));
        assert_eq!(value("r'a\\d'"), Value::Text("a\\d".into()));
        assert_eq!(value("1_000"), Value::Number("1000".into()));
        assert_eq!(value("None"), Value::None);
        assert_eq!(value("['a', ('b', 3),]").texts(), ["a", "b", "3"]);
        for expression in [
            "'a' 'b'",
            "f'x'",
            "a + 1",
            "[a]",
            "'a' if x else 'b'",
            "os.environ['X']",
            "",
        ] {
            assert!(
                matches!(value(expression), Value::Expression(_)),
                "{expression}"
            );
        }
    }

    #[test]
    fn lines_are_joined_inside_brackets_and_strings() {
        let text =
            "a = [  # c\n 'x#y',\n]\nb = 1\nif b:\n    c = 2\nd = '''x\ny'''\ne == 1\nf: int = 3\n";
        let found: Vec<(u32, Value)> = statements(text)
            .into_iter()
            .filter_map(|statement| match statement {
                Statement::Assignment { line, value, .. } => Some((line, value)),
                _ => None,
            })
            .collect();
        assert_eq!(
            found,
            [
                (1, Value::List(vec![Value::Text("x#y".into())])),
                (4, Value::Number("1".into())),
                (7, Value::Text("x\ny".into())),
                (10, Value::Number("3".into())),
            ]
        );
    }
}
