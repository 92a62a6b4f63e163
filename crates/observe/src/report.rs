//! Amounts as people read them, and the line that a stop ends with.

use std::time::Duration;

use crate::text::{push_number, push_padded};

/// The last line of a graceful stop: `drained: 41 finished, 0 dropped, 0 killed`.
pub fn drained(finished: u64, dropped: u64, killed: u64) -> String {
    format!("drained: {finished} finished, {dropped} dropped, {killed} killed")
}

/// A duration with three figures that count: `850us`, `5.2ms`, `1.25s`, `3m20s`, `2h05m`, `3d04h`.
pub fn human_duration(duration: Duration) -> String {
    let mut out = Vec::new();
    push_duration(&mut out, duration.as_micros() as u64);
    String::from_utf8_lossy(&out).into_owned()
}

/// A number of bytes: `1234B`, `56.7KiB`, `3.4MiB`.
pub fn human_bytes(bytes: u64) -> String {
    let mut out = Vec::new();
    push_bytes(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends a duration given in microseconds.
pub(crate) fn push_duration(out: &mut Vec<u8>, micros: u64) {
    let seconds = micros / 1_000_000;
    match micros {
        0..1_000 => {
            push_number(out, micros);
            out.extend_from_slice(b"us");
        }
        1_000..100_000 => push_tenths(out, micros / 100, b"ms"),
        100_000..1_000_000 => {
            push_number(out, micros / 1_000);
            out.extend_from_slice(b"ms");
        }
        1_000_000..10_000_000 => {
            push_number(out, seconds);
            out.push(b'.');
            push_padded(out, micros / 10_000 % 100, 2, b'0');
            out.push(b's');
        }
        10_000_000..60_000_000 => push_tenths(out, micros / 100_000, b"s"),
        _ if seconds < 3_600 => push_two(out, seconds, 60, [b'm', b's']),
        _ if seconds < 86_400 => push_two(out, seconds / 60, 60, [b'h', b'm']),
        _ => push_two(out, seconds / 3_600, 24, [b'd', b'h']),
    }
}

/// Appends a number of bytes.
pub(crate) fn push_bytes(out: &mut Vec<u8>, bytes: u64) {
    const UNITS: [&[u8]; 6] = [b"KiB", b"MiB", b"GiB", b"TiB", b"PiB", b"EiB"];
    // Up to here the exact number is the shorter one to read.
    if bytes < 10_000 {
        push_number(out, bytes);
        out.push(b'B');
        return;
    }
    let mut rest = bytes;
    for (unit, following) in UNITS.iter().zip(1..) {
        if rest < 1 << 20 || following == UNITS.len() {
            push_tenths(out, (rest >> 10) * 10 + (((rest & 1_023) * 10) >> 10), unit);
            return;
        }
        rest >>= 10;
    }
}

/// Appends a number of tenths as `12.3`, and a unit.
fn push_tenths(out: &mut Vec<u8>, tenths: u64, unit: &[u8]) {
    push_number(out, tenths / 10);
    out.push(b'.');
    push_number(out, tenths % 10);
    out.extend_from_slice(unit);
}

/// Appends an amount of small units as big ones and small ones: `3m20s`.
fn push_two(out: &mut Vec<u8>, small: u64, small_in_big: u64, units: [u8; 2]) {
    push_number(out, small / small_in_big);
    out.push(units[0]);
    push_padded(out, small % small_in_big, 2, b'0');
    out.push(units[1]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stop_report() {
        assert_eq!(
            drained(41, 0, 0),
            "drained: 41 finished, 0 dropped, 0 killed"
        );
    }

    #[test]
    fn durations() {
        for (micros, expected) in [
            (0, "0us"),
            (999, "999us"),
            (1_000, "1.0ms"),
            (5_249, "5.2ms"),
            (99_999, "99.9ms"),
            (100_000, "100ms"),
            (999_999, "999ms"),
            (1_250_000, "1.25s"),
            (9_999_999, "9.99s"),
            (10_000_000, "10.0s"),
            (59_999_999, "59.9s"),
            (200_000_000, "3m20s"),
            (7_500_000_000, "2h05m"),
            (273_600_000_000, "3d04h"),
        ] {
            assert_eq!(human_duration(Duration::from_micros(micros)), expected);
        }
    }

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0B"),
            (1_234, "1234B"),
            (9_999, "9999B"),
            (10_240, "10.0KiB"),
            (58_060, "56.6KiB"),
            (1_048_575, "1023.9KiB"),
            (1_048_576, "1.0MiB"),
            (3_565_158, "3.3MiB"),
            (1 << 30, "1.0GiB"),
            (1 << 40, "1.0TiB"),
            (u64::MAX, "15.9EiB"),
        ] {
            assert_eq!(human_bytes(bytes), expected);
        }
    }
}
