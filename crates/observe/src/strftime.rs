//! `strftime` in the C locale: what `log-date` and `log-format-strftime` are written in.
//!
//! An unknown letter is kept as it stands, with its `%`: a log is no place to fail.

use crate::calendar::BrokenDown;
use crate::text::{push_padded, push_signed};

/// uWSGI's date without a format of one's own: `Sat Nov 21 14:27:48 2026`.
pub(crate) const CTIME: &str = "%a %b %e %H:%M:%S %Y";

/// The date of Apache's logs: `21/Nov/2026:14:27:48 +0000`.
pub(crate) const APACHE: &str = "%d/%b/%Y:%H:%M:%S %z";

/// The date of our lines for people: `2026-11-21 14:27:48`.
pub(crate) const READABLE: &str = "%Y-%m-%d %H:%M:%S";

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Appends a moment written as `format` says.
pub(crate) fn push_time(out: &mut Vec<u8>, format: &str, time: &BrokenDown, unix_seconds: i64) {
    let mut rest = format.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        // GNU's flags change the padding; the letters' own padding is what people want.
        let flags = rest
            .iter()
            .take_while(|flag| b"-_0^#".contains(flag))
            .count();
        let unpadded = rest[..flags].contains(&b'-');
        let Some((&letter, after)) = rest[flags..].split_first() else {
            out.push(b'%');
            continue;
        };
        if push_letter(out, letter, unpadded, time, unix_seconds) {
            rest = after;
        } else {
            out.push(b'%');
        }
    }
}

/// Appends what one letter stands for; false when it stands for nothing.
fn push_letter(
    out: &mut Vec<u8>,
    letter: u8,
    unpadded: bool,
    time: &BrokenDown,
    unix_seconds: i64,
) -> bool {
    let twelve = match time.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let number = |out: &mut Vec<u8>, number: u64, width: usize, fill: u8| {
        push_padded(out, number, if unpadded { 1 } else { width }, fill);
    };
    let again = |out: &mut Vec<u8>, format: &str| push_time(out, format, time, unix_seconds);
    match letter {
        b'a' => out.extend_from_slice(&weekday(time).as_bytes()[..3]),
        b'A' => out.extend_from_slice(weekday(time).as_bytes()),
        b'b' | b'h' => out.extend_from_slice(&month(time).as_bytes()[..3]),
        b'B' => out.extend_from_slice(month(time).as_bytes()),
        b'c' => again(out, CTIME),
        b'C' => number(out, time.year.div_euclid(100) as u64, 2, b'0'),
        b'd' => number(out, time.day.into(), 2, b'0'),
        b'D' | b'x' => again(out, "%m/%d/%y"),
        b'e' => number(out, time.day.into(), 2, b' '),
        b'F' => again(out, "%Y-%m-%d"),
        b'g' => number(out, iso_week(time).0.rem_euclid(100) as u64, 2, b'0'),
        b'G' => push_signed(out, iso_week(time).0.into()),
        b'H' => number(out, time.hour.into(), 2, b'0'),
        b'I' => number(out, twelve.into(), 2, b'0'),
        b'j' => number(out, u64::from(time.year_day) + 1, 3, b'0'),
        b'k' => number(out, time.hour.into(), 2, b' '),
        b'l' => number(out, twelve.into(), 2, b' '),
        b'm' => number(out, time.month.into(), 2, b'0'),
        b'M' => number(out, time.minute.into(), 2, b'0'),
        b'n' => out.push(b' '), // a line end would break the line in two
        b'p' => out.extend_from_slice(if time.hour < 12 { b"AM" } else { b"PM" }),
        b'P' => out.extend_from_slice(if time.hour < 12 { b"am" } else { b"pm" }),
        b'r' => again(out, "%I:%M:%S %p"),
        b'R' => again(out, "%H:%M"),
        b's' => push_signed(out, unix_seconds),
        b'S' => number(out, time.second.into(), 2, b'0'),
        b't' => out.push(b'\t'),
        b'T' | b'X' => again(out, "%H:%M:%S"),
        b'u' => number(
            out,
            if time.weekday == 0 {
                7
            } else {
                time.weekday.into()
            },
            1,
            b'0',
        ),
        b'U' => number(
            out,
            (u64::from(time.year_day) + 7 - u64::from(time.weekday)) / 7,
            2,
            b'0',
        ),
        b'V' => number(out, iso_week(time).1.into(), 2, b'0'),
        b'w' => number(out, time.weekday.into(), 1, b'0'),
        b'W' => {
            let since_monday = u64::from((time.weekday + 6) % 7);
            number(
                out,
                (u64::from(time.year_day) + 7 - since_monday) / 7,
                2,
                b'0',
            );
        }
        b'y' => number(out, time.year.rem_euclid(100) as u64, 2, b'0'),
        b'Y' => push_signed(out, time.year.into()),
        // The zone's name is not among the parts; its offset says the same.
        b'Z' if time.offset == 0 => out.extend_from_slice(b"UTC"),
        b'z' | b'Z' => push_offset(out, time.offset),
        b'%' => out.push(b'%'),
        _ => return false,
    }
    true
}

fn weekday(time: &BrokenDown) -> &'static str {
    WEEKDAYS[usize::from(time.weekday % 7)]
}

fn month(time: &BrokenDown) -> &'static str {
    MONTHS[usize::from(time.month.saturating_sub(1) % 12)]
}

/// Appends an offset as `+0130`.
fn push_offset(out: &mut Vec<u8>, offset: i32) {
    out.push(if offset < 0 { b'-' } else { b'+' });
    let minutes = u64::from(offset.unsigned_abs() / 60);
    push_padded(out, minutes / 60, 2, b'0');
    push_padded(out, minutes % 60, 2, b'0');
}

/// Year and week by ISO 8601: weeks begin on Monday, week 1 holds the first Thursday.
fn iso_week(time: &BrokenDown) -> (i32, u8) {
    let since_monday = i32::from((time.weekday + 6) % 7);
    // The Thursday of this week decides the year.
    let thursday = i32::from(time.year_day) - since_monday + 3;
    let length = |year: i32| 365 + i32::from((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
    if thursday < 0 {
        (
            time.year - 1,
            ((thursday + length(time.year - 1)) / 7 + 1) as u8,
        )
    } else if thursday >= length(time.year) {
        (
            time.year + 1,
            ((thursday - length(time.year)) / 7 + 1) as u8,
        )
    } else {
        (time.year, (thursday / 7 + 1) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::utc;

    fn written(format: &str, seconds: i64, offset: i32) -> String {
        let mut out = Vec::new();
        let time = BrokenDown {
            offset,
            ..utc(seconds + i64::from(offset))
        };
        push_time(&mut out, format, &time, seconds);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_three_usual_dates() {
        assert_eq!(written(CTIME, 1_795_271_268, 0), "Sat Nov 21 14:27:48 2026");
        assert_eq!(written(CTIME, 1_793_500_000, 0), "Sun Nov  1 02:26:40 2026");
        assert_eq!(
            written(APACHE, 1_795_271_268, 7_200),
            "21/Nov/2026:16:27:48 +0200"
        );
        assert_eq!(
            written(APACHE, 1_795_271_268, -12_600),
            "21/Nov/2026:10:57:48 -0330"
        );
        assert_eq!(written(READABLE, 1_795_271_268, 0), "2026-11-21 14:27:48");
    }

    /// What GNU date prints for the letters above, `LC_ALL=C TZ=UTC date -d @SECONDS +FORMAT`.
    #[test]
    fn every_letter_as_date_writes_it() {
        let format = "%a|%A|%b|%B|%c|%C|%d|%D|%e|%F|%g|%G|%h|%H|%I|%j|%k|%l|%m|%M|%p|%P|%R|%s|%S|\
                      %T|%u|%U|%V|%w|%W|%y|%Y|%z|%Z|%-d|%-H|%%";
        let known = [
            (
                1_795_271_268,
                "Sat|Saturday|Nov|November|Sat Nov 21 14:27:48 2026|20|21|11/21/26|21|2026-11-21|26|\
                 2026|Nov|14|02|325|14| 2|11|27|PM|pm|14:27|1795271268|48|14:27:48|6|46|47|6|46|26|\
                 2026|+0000|UTC|21|14|%",
            ),
            (
                0,
                "Thu|Thursday|Jan|January|Thu Jan  1 00:00:00 1970|19|01|01/01/70| 1|1970-01-01|70|\
                 1970|Jan|00|12|001| 0|12|01|00|AM|am|00:00|0|00|00:00:00|4|00|01|4|00|70|1970|\
                 +0000|UTC|1|0|%",
            ),
        ];
        for (seconds, expected) in known {
            assert_eq!(written(format, seconds, 0), expected);
        }
    }

    #[test]
    fn weeks_at_the_turn_of_the_year() {
        for (seconds, expected) in [
            (1_104_537_600, "2004 53 05 00 00"), // Saturday
            (1_230_768_000, "2009 01 09 00 00"), // Thursday
            (1_609_459_200, "2020 53 21 00 00"), // Friday
            (946_684_800, "1999 52 00 00 00"),   // Saturday
            (1_546_214_400, "2019 01 18 52 53"), // Monday, 31 December 2018
        ] {
            assert_eq!(written("%G %V %y %U %W", seconds, 0), expected);
        }
    }

    #[test]
    fn what_is_no_letter_is_kept() {
        assert_eq!(written("100% %q %", 0, 0), "100% %q %");
        assert_eq!(written("%", 0, 0), "%");
        assert_eq!(written("%-", 0, 0), "%-");
        assert_eq!(written("a%nb", 0, 0), "a b");
    }
}
