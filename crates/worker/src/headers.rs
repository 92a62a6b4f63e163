//! Status and header fields as the app gives them: checked, and written as the server wants them.
//!
//! What the checks refuse would be a wrong answer at best and a split one at worst; the messages say
//! what to change in the app.

use pyo3::exceptions::{PyAssertionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::answer::Head;

/// Writes reason and fields into `out`, which is emptied before.
pub(crate) fn write_head(
    out: &mut Vec<u8>,
    status: &Bound<'_, PyAny>,
    fields: &Bound<'_, PyAny>,
) -> PyResult<Head> {
    out.clear();
    let mut head = write_status(out, status)?;
    let Ok(fields) = fields.cast::<PyList>() else {
        return Err(PyTypeError::new_err(format!(
            "start_response: the headers must be a list of (name, value) tuples, not {}",
            type_name(fields)
        )));
    };
    for field in fields.iter() {
        write_field(out, &field, &mut head)?;
    }
    Ok(head)
}

fn write_status(out: &mut Vec<u8>, status: &Bound<'_, PyAny>) -> PyResult<Head> {
    let Ok(text) = status.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!(
            "start_response: the status must be a str such as \"200 OK\", not {}",
            type_name(status)
        )));
    };
    let text = text.to_str()?;
    let code = match text.as_bytes() {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']
        | [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..] => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => {
            return Err(PyValueError::new_err(format!(
                "start_response: the status {text:?} does not begin with three digits and a blank, as \"200 OK\" does"
            )));
        }
    };
    if code < 200 {
        return Err(PyValueError::new_err(format!(
            "start_response: the status {text:?} is an interim one, which an app cannot send; answer with a final status (200 or above)"
        )));
    }
    let reason = text.get(4..).unwrap_or_default();
    push_latin1(out, reason, is_text).map_err(|wrong| bad_characters("the status", text, wrong))?;
    let reason_len = u16::try_from(out.len()).map_err(|_| {
        PyValueError::new_err("start_response: the status is longer than 65535 characters")
    })?;
    Ok(Head {
        status: code,
        reason_len,
        length: None,
    })
}

fn write_field(out: &mut Vec<u8>, field: &Bound<'_, PyAny>, head: &mut Head) -> PyResult<()> {
    let pair = field.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
    let Some(pair) = pair else {
        return Err(PyTypeError::new_err(format!(
            "start_response: each header must be a tuple (name, value), not {}",
            shown(field)
        )));
    };
    let (name, value) = (pair.get_borrowed_item(0)?, pair.get_borrowed_item(1)?);
    let Ok(name) = name.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!(
            "start_response: the name of a header must be a str, not {}",
            shown(&name)
        )));
    };
    let name = name.to_str()?;
    let Ok(value) = value.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!(
            "start_response: the value of the header {name:?} must be a str, not {} (use str(…), or .decode(\"latin-1\") for bytes)",
            type_name(&value)
        )));
    };
    let value = value.to_str()?;
    if name.is_empty() {
        return Err(PyValueError::new_err(
            "start_response: a header has an empty name",
        ));
    }
    let begin = out.len();
    push_latin1(out, name, is_token)
        .map_err(|wrong| bad_characters("the name of the header", name, wrong))?;
    out.extend_from_slice(b": ");
    push_latin1(out, value, is_text).map_err(|wrong| {
        bad_characters(&format!("the value of the header {name:?}"), value, wrong)
    })?;
    out.extend_from_slice(b"\r\n");
    // Fields about the connection (`Connection`, `Keep-Alive`, …) go on: the server takes them out, and
    // does what `Connection: close` asks for.
    if name.eq_ignore_ascii_case("transfer-encoding") {
        check_coding(value)?;
    }
    if name.eq_ignore_ascii_case("content-length") && set_length(head, value)? {
        out.truncate(begin);
    }
    Ok(())
}

/// How the body is framed is the server's affair; a coding that it does not do would have to be undone.
fn check_coding(value: &str) -> PyResult<()> {
    let coding = value.trim_matches([' ', '\t']);
    if coding.eq_ignore_ascii_case("chunked") || coding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    Err(PyAssertionError::new_err(format!(
        "start_response: the header \"Transfer-Encoding: {value}\" is about the connection, which is the server's affair (PEP 3333 forbids it); for a compressed body say Content-Encoding"
    )))
}

/// Whether the length was known already.
fn set_length(head: &mut Head, value: &str) -> PyResult<bool> {
    let digits = value.trim_matches([' ', '\t']);
    let number = Some(digits)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok());
    let Some(number) = number else {
        return Err(PyValueError::new_err(format!(
            "start_response: Content-Length must be a number of bytes, not {value:?}"
        )));
    };
    if head.length.is_some_and(|before| before != number) {
        return Err(PyValueError::new_err(
            "start_response: there are two different Content-Length headers",
        ));
    }
    Ok(head.length.replace(number).is_some())
}

/// Appends a text whose characters are bytes (latin-1) and pass the check; else gives the first that
/// is or does not.
fn push_latin1(out: &mut Vec<u8>, text: &str, passes: impl Fn(u8) -> bool) -> Result<(), char> {
    // Without an early way out, so that the compiler can look at many bytes at a time.
    let plain = text
        .bytes()
        .fold(true, |plain, byte| plain & byte.is_ascii() & passes(byte));
    if plain {
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    for character in text.chars() {
        let byte = u8::try_from(character)
            .ok()
            .filter(|&byte| passes(byte))
            .ok_or(character)?;
        out.push(byte);
    }
    Ok(())
}

/// Whether a byte may stand in a value: no control character, but a tab.
fn is_text(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

/// Whether a byte may stand in a name (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let it = byte as u8;
        table[byte] = it.is_ascii_alphanumeric()
            || matches!(
                it,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

fn bad_characters(where_: &str, text: &str, wrong: char) -> PyErr {
    let why = match wrong {
        '\r' | '\n' => "a line break there would let a client split the answer in two",
        _ if u32::from(wrong) > 0xff => {
            "it must be latin-1 (percent-encode it, or use RFC 8187 for file names)"
        }
        _ => "it may not stand there",
    };
    PyValueError::new_err(format!(
        "start_response: {where_} {text:?} contains {wrong:?}: {why}"
    ))
}

/// The name of a value's type, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value
        .get_type()
        .name()
        .map_or_else(|_| "something else".to_owned(), |name| name.to_string())
}

fn shown(value: &Bound<'_, PyAny>) -> String {
    value
        .repr()
        .map_or_else(|_| type_name(value), |text| text.to_string())
}
