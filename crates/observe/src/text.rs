//! Numbers as decimal text, appended to a buffer without allocation.
//!
//! A log line holds about twenty numbers; the standard formatting machinery costs some 20 ns for
//! each of them, this about 3.

/// "00" to "99", so that two digits come from one look-up.
const PAIRS: &[u8; 200] = b"\
0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends `number` in decimal.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    let mut rest = number;
    while rest >= 100 {
        let pair = (rest % 100) as usize * 2;
        rest /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if rest >= 10 {
        let pair = rest as usize * 2;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        start -= 1;
        digits[start] = b'0' + rest as u8;
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends `number` in decimal, with a minus sign where it needs one.
pub(crate) fn push_signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push_number(out, number.unsigned_abs());
}

/// Appends `number` in decimal, filled up on the left with `fill` to `width` bytes.
pub(crate) fn push_padded(out: &mut Vec<u8>, number: u64, width: usize, fill: u8) {
    let mut bound = 10_u64;
    for _ in 1..width {
        if number < bound {
            out.push(fill);
        }
        bound = bound.saturating_mul(10);
    }
    push_number(out, number);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: u64) -> String {
        let mut out = Vec::new();
        push_number(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    fn padded(value: u64, width: usize, fill: u8) -> String {
        let mut out = Vec::new();
        push_padded(&mut out, value, width, fill);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        let mut value = 1_u64;
        while value < u64::MAX / 7 {
            for near in [value - 1, value, value + 1] {
                assert_eq!(number(near), near.to_string());
            }
            value *= 7;
        }
        for value in (0..1_100).chain([9_999, 10_000, 99_999, 100_000, u64::MAX]) {
            assert_eq!(number(value), value.to_string());
        }
    }

    #[test]
    fn signs_are_kept() {
        let mut out = Vec::new();
        for value in [-1, 0, 7, i64::MIN] {
            push_signed(&mut out, value);
            out.push(b' ');
        }
        assert_eq!(out, b"-1 0 7 -9223372036854775808 ");
    }

    #[test]
    fn padding_fills_up_and_never_cuts() {
        assert_eq!(padded(7, 2, b'0'), "07");
        assert_eq!(padded(7, 2, b' '), " 7");
        assert_eq!(padded(42, 2, b'0'), "42");
        assert_eq!(padded(0, 6, b'0'), "000000");
        assert_eq!(padded(99_999, 6, b'0'), "099999");
        assert_eq!(padded(1_234_567, 6, b'0'), "1234567");
    }
}
