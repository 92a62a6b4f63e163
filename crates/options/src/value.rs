//! Turns the text of a value into what the option takes.
//!
//! Two dialects: people who write for Verdigris get strict reading, because `processes = 4x` is a
//! mistake. A file written for uWSGI is read as uWSGI reads it (the C function `atoi`, any word is
//! true), and the caller is told what was dropped so that it can say so.

use std::time::Duration;

use thiserror::Error;

use crate::address::{Address, AddressError};

/// How strictly a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Written for Verdigris: anything odd is an error.
    Native,
    /// Written for uWSGI: read as uWSGI does, with a warning.
    Uwsgi,
}

/// A value that was read, and what had to be overlooked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read<T> {
    /// The value.
    pub value: T,
    /// What was odd about the text, if anything was; never set in the native dialect.
    pub oddity: Option<ValueError>,
}

/// Why a text is not a value of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValueError {
    /// Neither a true word nor a false one.
    #[error("`{0}` is neither true nor false")]
    Flag(String),
    /// No digits at the start.
    #[error("`{0}` is not a whole number")]
    Integer(String),
    /// Digits, then something else.
    #[error("`{text}` is not a whole number")]
    TrailingText {
        /// The whole text.
        text: String,
        /// The number at its start.
        read: i64,
    },
    /// A number outside of what the option allows.
    #[error("{value} is out of range: {lowest} to {highest}")]
    Range {
        /// The number.
        value: i64,
        /// The lowest allowed.
        lowest: i64,
        /// The highest allowed.
        highest: i64,
    },
    /// Not a size.
    #[error("`{0}` is not a size")]
    Size(String),
    /// Not a length of time.
    #[error("`{0}` is not a length of time")]
    Duration(String),
    /// Not an octal mode.
    #[error("`{0}` is not a mode of three octal digits")]
    Mode(String),
    /// None of the words the option knows.
    #[error("`{text}` is none of {choices}")]
    Choice {
        /// What was written.
        text: String,
        /// The words the option knows, joined.
        choices: String,
    },
    /// No `=` where `NAME=value` is wanted.
    #[error("`{0}` is not of the form NAME=value")]
    Pair(String),
    /// Not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Empty where something is needed.
    #[error("the value is empty")]
    Empty,
}

impl<T> Read<T> {
    pub(crate) fn plain(value: T) -> Self {
        Self {
            value,
            oddity: None,
        }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Read<U> {
        Read {
            value: change(self.value),
            oddity: self.oddity,
        }
    }
}

/// Reads a flag. Without a value it is true. uWSGI takes every word but `false`, `off`, `no` and
/// `0` for true.
pub fn flag(text: Option<&str>, dialect: Dialect) -> Result<Read<bool>, ValueError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(Read::plain(true));
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(Read::plain(true)),
        "false" | "off" | "no" | "0" => Ok(Read::plain(false)),
        _ => {
            let oddity = ValueError::Flag(text.to_owned());
            match dialect {
                Dialect::Native => Err(oddity),
                Dialect::Uwsgi => Ok(Read {
                    value: true,
                    oddity: Some(oddity),
                }),
            }
        }
    }
}

/// What C's `atoi` makes of a text, and whether it used all of it. Too large numbers saturate.
fn atoi(text: &str) -> (i64, bool) {
    let trimmed = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let mut number: i64 = 0;
    for digit in digits.bytes().take(length) {
        number = number
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'));
    }
    let whole = length > 0 && length == digits.len();
    (if negative { -number } else { number }, whole)
}

/// Reads a whole number within a range.
pub fn integer(
    text: &str,
    lowest: i64,
    highest: i64,
    dialect: Dialect,
) -> Result<Read<i64>, ValueError> {
    let (value, whole) = atoi(text);
    let starts_with_digit = text
        .trim_start()
        .trim_start_matches(['+', '-'])
        .starts_with(|first: char| first.is_ascii_digit());
    let oddity = match (whole, starts_with_digit) {
        (true, _) => None,
        (false, true) => Some(ValueError::TrailingText {
            text: text.to_owned(),
            read: value,
        }),
        (false, false) => Some(ValueError::Integer(text.to_owned())),
    };
    if let (Some(error), Dialect::Native) = (&oddity, dialect) {
        return Err(error.clone());
    }
    if !(lowest..=highest).contains(&value) {
        // `processes = many` is 0 for uWSGI and then out of range: say what was really wrong.
        return Err(oddity.unwrap_or(ValueError::Range {
            value,
            lowest,
            highest,
        }));
    }
    Ok(Read { value, oddity })
}

/// Reads a number of bytes. Native text may end in `k`, `m` or `g` (powers of 1024, an `iB` or `B`
/// may follow); uWSGI knows plain bytes only.
pub fn size(text: &str, dialect: Dialect) -> Result<Read<u64>, ValueError> {
    let (number, unit) = split_unit(text);
    let scale: Option<u64> = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(1 << 30),
        _ => None,
    };
    let bytes = match (number.parse::<u64>(), scale) {
        (Ok(number), Some(scale)) => number.checked_mul(scale),
        _ => None,
    };
    match (bytes, dialect) {
        (Some(bytes), _) => Ok(Read::plain(bytes)),
        (None, Dialect::Native) => Err(ValueError::Size(text.to_owned())),
        (None, Dialect::Uwsgi) => {
            integer(text, 0, i64::MAX, dialect).map(|read| read.map(|value| value as u64))
        }
    }
}

/// Reads a length of time. A plain number counts `unit`s; native text may carry its own unit:
/// `ms`, `s`, `m`, `h`, `d`.
pub fn duration(
    text: &str,
    unit: Duration,
    dialect: Dialect,
) -> Result<Read<Duration>, ValueError> {
    let (number, suffix) = split_unit(text);
    let scale = match suffix {
        "" => Some(unit),
        "ms" => Some(Duration::from_millis(1)),
        "s" => Some(Duration::from_secs(1)),
        "m" | "min" => Some(Duration::from_secs(60)),
        "h" => Some(Duration::from_secs(3600)),
        "d" => Some(Duration::from_secs(86400)),
        _ => None,
    };
    let length = match (number.parse::<u32>(), scale) {
        (Ok(number), Some(scale)) => scale.checked_mul(number),
        _ => None,
    };
    match (length, dialect) {
        (Some(length), _) => Ok(Read::plain(length)),
        (None, Dialect::Native) => Err(ValueError::Duration(text.to_owned())),
        (None, Dialect::Uwsgi) => {
            let read = integer(text, 0, i64::from(u32::MAX), dialect)?;
            Ok(read.map(|value| unit.saturating_mul(value as u32)))
        }
    }
}

/// The digits at the start, and what follows them.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    (&text[..end], text[end..].trim_start())
}

/// Reads an address. uWSGI reads the port with `atoi`, so a comment behind it does no harm there.
pub fn address(text: &str, dialect: Dialect) -> Result<Read<Address>, ValueError> {
    let error = match Address::parse(text) {
        Ok(address) => return Ok(Read::plain(address)),
        Err(error) => error,
    };
    let AddressError::Port(port) = &error else {
        return Err(error.into());
    };
    let digits = port.bytes().take_while(u8::is_ascii_digit).count();
    if dialect == Dialect::Native || digits == 0 {
        return Err(error.into());
    }
    let text = text.trim_end();
    let value = Address::parse(&text[..text.len() - port.len() + digits])?;
    let oddity = ValueError::TrailingText {
        text: text.to_owned(),
        read: atoi(port).0,
    };
    Ok(Read {
        value,
        oddity: Some(oddity),
    })
}

/// Reads the mode of a socket or file: nothing, `1` or `true` mean 666, else three octal digits
/// (a leading zero is fine).
pub fn mode(text: Option<&str>) -> Result<u32, ValueError> {
    let Some(text) = text.filter(|text| !text.is_empty() && *text != "1" && *text != "true") else {
        return Ok(0o666);
    };
    let digits = if text.len() == 4 {
        text.strip_prefix('0').unwrap_or(text)
    } else {
        text
    };
    match octal(digits) {
        Some(mode) if digits.len() == 3 => Ok(mode),
        _ => Err(ValueError::Mode(text.to_owned())),
    }
}

/// Reads a umask: one to four octal digits.
pub fn umask(text: &str) -> Result<u32, ValueError> {
    match octal(text) {
        Some(mask) if text.len() <= 4 && mask <= 0o777 => Ok(mask),
        _ => Err(ValueError::Mode(text.to_owned())),
    }
}

fn octal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if digits {
        u32::from_str_radix(text, 8).ok()
    } else {
        None
    }
}

/// Splits `NAME=value` at the first `=`.
pub fn pair(text: &str) -> Result<(String, String), ValueError> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(ValueError::Pair(text.to_owned())),
    }
}

/// Checks that a text is one of the words an option knows.
pub fn choice(text: &str, choices: &[&'static str]) -> Result<&'static str, ValueError> {
    match choices
        .iter()
        .find(|choice| choice.eq_ignore_ascii_case(text))
    {
        Some(choice) => Ok(choice),
        None => Err(ValueError::Choice {
            text: text.to_owned(),
            choices: choices.join(", "),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::Dialect::{Native, Uwsgi};
    use super::*;

    #[test]
    fn flags() {
        assert!(flag(None, Native).unwrap().value);
        assert!(flag(Some(""), Native).unwrap().value);
        assert!(flag(Some("True"), Native).unwrap().value);
        assert!(!flag(Some("OFF"), Uwsgi).unwrap().value);
        assert!(flag(Some("true i"), Native).is_err());
        let read = flag(Some("true i"), Uwsgi).unwrap();
        assert!(read.value && read.oddity.is_some());
    }

    #[test]
    fn integers_natively() {
        assert_eq!(integer("4", 1, 9, Native).unwrap().value, 4);
        assert!(matches!(
            integer("4x", 1, 9, Native),
            Err(ValueError::TrailingText { read: 4, .. })
        ));
        assert!(matches!(
            integer("", 1, 9, Native),
            Err(ValueError::Integer(_))
        ));
        assert!(matches!(
            integer("10", 1, 9, Native),
            Err(ValueError::Range { .. })
        ));
        assert!(matches!(
            integer("-1", 0, 9, Native),
            Err(ValueError::Range { .. })
        ));
    }

    #[test]
    fn integers_as_uwsgi_reads_them() {
        let read = integer("1000   # restart now and then", 0, 9999, Uwsgi).unwrap();
        assert_eq!(read.value, 1000);
        assert!(read.oddity.is_some());
        assert_eq!(integer("many", 0, 9, Uwsgi).unwrap().value, 0);
        assert!(matches!(
            integer("many", 1, 9, Uwsgi),
            Err(ValueError::Integer(_))
        ));
        assert_eq!(atoi("99999999999999999999").0, i64::MAX);
        assert_eq!(atoi("  -12b"), (-12, false));
    }

    #[test]
    fn sizes() {
        assert_eq!(size("65536", Native).unwrap().value, 65536);
        assert_eq!(size("64k", Native).unwrap().value, 65536);
        assert_eq!(size("2 MiB", Native).unwrap().value, 2 << 20);
        assert!(size("12 apples", Native).is_err());
        assert!(size("99999999999g", Native).is_err());
        assert_eq!(size("12 apples", Uwsgi).unwrap().value, 12);
        assert_eq!(size("true", Uwsgi).unwrap().value, 0);
    }

    #[test]
    fn durations() {
        let second = Duration::from_secs(1);
        assert_eq!(duration("30", second, Native).unwrap().value.as_secs(), 30);
        assert_eq!(
            duration("500ms", second, Native).unwrap().value.as_millis(),
            500
        );
        assert_eq!(
            duration("2h", second, Native).unwrap().value.as_secs(),
            7200
        );
        assert!(duration("soon", second, Native).is_err());
        assert_eq!(
            duration("30 ; seconds", second, Uwsgi)
                .unwrap()
                .value
                .as_secs(),
            30
        );
    }

    #[test]
    fn addresses() {
        let read = address("127.0.0.1:9191   ; for the graphs", Uwsgi).unwrap();
        assert_eq!(read.value, Address::parse("127.0.0.1:9191").unwrap());
        assert!(read.oddity.is_some());
        assert!(address("127.0.0.1:9191 ; x", Native).is_err());
        assert!(address(":{{ port }}", Uwsgi).is_err());
        assert!(address(":99999999 ; x", Uwsgi).is_err());
        assert_eq!(address("/run/a.sock", Uwsgi).unwrap().oddity, None);
    }

    #[test]
    fn modes() {
        assert_eq!(mode(None), Ok(0o666));
        assert_eq!(mode(Some("1")), Ok(0o666));
        assert_eq!(mode(Some("660")), Ok(0o660));
        assert_eq!(mode(Some("0660")), Ok(0o660));
        assert!(mode(Some("66")).is_err());
        assert!(mode(Some("888")).is_err());
        assert_eq!(umask("022"), Ok(0o22));
        assert!(umask("9").is_err());
    }

    #[test]
    fn pairs_and_choices() {
        assert_eq!(pair("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(pair("A").is_err() && pair("=x").is_err());
        assert_eq!(choice("HTTP", &["http", "uwsgi"]), Ok("http"));
        assert!(choice("ftp", &["http", "uwsgi"]).is_err());
    }
}
