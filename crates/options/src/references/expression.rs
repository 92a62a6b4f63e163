//! What stands between the brackets of `%(…)`: a name, or a sum of names and numbers.

use crate::bounds::MOST_BYTES;

/// Looks up the first value of an option or placeholder.
type Values<'a, 'text> = &'a dyn Fn(&str) -> Option<&'text str>;

/// What the next word does with the result so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Join,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Evaluates `%(…)`. A word by itself is the first value of an option or placeholder of that name,
/// or `None`. As soon as there is a blank, words are read from left to right, and one that is no
/// name is a number or nothing; `None` when they are all signs. It ends early when more comes out
/// than there ever is room for.
pub(super) fn evaluate(expression: &str, known: Values<'_, '_>) -> Option<String> {
    if !expression.contains(' ') {
        return known(expression).map(str::to_owned);
    }
    let mut result: Option<String> = None;
    let mut operator = Operator::Join;
    for word in expression.split(' ').filter(|word| !word.is_empty()) {
        operator = match word {
            "++" | "--" => {
                let step = if word == "++" { 1 } else { -1 };
                result = result.map(|value| number(&value).saturating_add(step).to_string());
                Operator::Join
            }
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            _ => {
                let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
                let operand = known(word).or(is_number.then_some(word));
                result = Some(apply(operator, result, operand.unwrap_or_default()));
                if result.as_ref().is_some_and(|text| text.len() > MOST_BYTES) {
                    return result;
                }
                Operator::Join
            }
        };
    }
    result
}

fn apply(operator: Operator, left: Option<String>, right: &str) -> String {
    let mut left = left.unwrap_or_default();
    let (first, second) = (number(&left), number(right));
    let result = match operator {
        Operator::Join => {
            left.push_str(right);
            return left;
        }
        Operator::Add => first.saturating_add(second),
        Operator::Subtract => first.saturating_sub(second),
        Operator::Multiply => first.saturating_mul(second),
        Operator::Divide => first.checked_div(second).unwrap_or(0),
    };
    result.to_string()
}

/// More digits than any number has.
const MOST_DIGITS: usize = 32;

/// The number at the start of a text, as C's `atoi` finds it.
pub(crate) fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(sign).take(MOST_DIGITS);
    let end = sign + digits.take_while(u8::is_ascii_digit).count();
    text[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(expression: &str, pairs: &[(&str, &str)]) -> Option<String> {
        let known = |word: &str| {
            let pair = pairs.iter().find(|(name, _)| *name == word);
            pair.map(|(_, value)| *value)
        };
        evaluate(expression, &known)
    }

    #[test]
    fn expressions_as_uwsgi_computes_them() {
        // Every line was compared with uWSGI 2.0.31.
        let known = [("workers", "5"), ("base", "one"), ("later", "two")];
        let cases = [
            ("base", Some("one")),
            ("workers * 2", Some("10")),
            ("3 + 4", Some("7")),
            ("workers + 1 * 2", Some("12")),
            ("base later", Some("onetwo")),
            ("base - 1", Some("-1")),
            ("workers / 0", Some("0")),
            ("workers ++", Some("6")),
            ("workers --", Some("4")),
            ("  workers  +  2 ", Some("7")),
            ("workers + workers * workers", Some("50")),
            ("nope + 1", Some("1")),
            ("base nope", Some("one")),
            ("2 * nope", Some("0")),
            ("nope + nope", Some("0")),
            ("nope ++", Some("1")),
            ("++ workers", Some("5")),
            ("10 - nope", Some("10")),
            ("nope nope", Some("")),
            ("nope ", Some("")),
            ("7 ", Some("7")),
            ("7", None),
            ("workers-1", None),
            ("nope", None),
            ("+ +", None),
            ("-", None),
            ("", None),
        ];
        for (expression, expected) in cases {
            assert_eq!(
                evaluated(expression, &known).as_deref(),
                expected,
                "{expression}"
            );
        }
    }

    #[test]
    fn large_numbers_do_not_overflow() {
        let known = [("big", "9223372036854775807")];
        assert_eq!(
            evaluated("big * big", &known).unwrap(),
            i64::MAX.to_string()
        );
        assert_eq!(evaluated("big ++", &known).unwrap(), i64::MAX.to_string());
    }
}
