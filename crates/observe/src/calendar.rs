//! Moments as people write them: calendar parts, and a written form kept for as long as the second
//! lasts.
//!
//! The machine's time zone is known to the operating system only, so the caller brings a function
//! for it ([`LocalTime`]); [`utc`] is the one that needs no system.

use crate::strftime::push_time;

/// A moment split into calendar parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokenDown {
    /// The year, such as 2026.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// Days since Sunday, 0 to 6.
    pub weekday: u8,
    /// Days since 1 January, 0 to 365.
    pub year_day: u16,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// Splits seconds since 1970 into the calendar parts of some time zone.
pub type LocalTime = fn(unix_seconds: i64) -> BrokenDown;

/// Calendar parts in UTC.
pub fn utc(unix_seconds: i64) -> BrokenDown {
    let days = unix_seconds.div_euclid(86_400);
    let of_day = unix_seconds.rem_euclid(86_400);
    // Counted from 1 March 0000, the leap day is the last of its year and of its 400 years, so the
    // divisions below need no table: see "chrono-Compatible Low-Level Date Algorithms", Hinnant.
    let since_march = days + 719_468;
    let era = since_march.div_euclid(146_097);
    let day_of_era = since_march.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    // The year that began in March has 306 days left before its January.
    let year_day = if month <= 2 {
        day_of_year - 306
    } else {
        day_of_year + 59 + i64::from(leap)
    };
    BrokenDown {
        year: year as i32,
        month: month as u8,
        day: day as u8,
        hour: (of_day / 3_600) as u8,
        minute: (of_day / 60 % 60) as u8,
        second: (of_day % 60) as u8,
        weekday: (days + 4).rem_euclid(7) as u8,
        year_day: year_day as u16,
        offset: 0,
    }
}

/// A time format with its latest result: a busy server writes the same second thousands of times.
#[derive(Debug)]
pub(crate) struct TimeText {
    format: String,
    local_time: LocalTime,
    /// The second that `text` shows.
    second: Option<i64>,
    text: Vec<u8>,
}

impl TimeText {
    pub(crate) fn new(format: &str, local_time: LocalTime) -> TimeText {
        TimeText {
            format: format.to_owned(),
            local_time,
            second: None,
            text: Vec::new(),
        }
    }

    /// The text for this second.
    pub(crate) fn at(&mut self, unix_seconds: i64) -> &[u8] {
        if self.second != Some(unix_seconds) {
            self.text.clear();
            let parts = (self.local_time)(unix_seconds);
            push_time(&mut self.text, &self.format, &parts, unix_seconds);
            self.second = Some(unix_seconds);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(parts: BrokenDown) -> (i32, u8, u8, u8, u8, u8, u8, u16) {
        let BrokenDown {
            year,
            month,
            day,
            hour,
            minute,
            second,
            weekday,
            year_day,
            ..
        } = parts;
        (year, month, day, hour, minute, second, weekday, year_day)
    }

    #[test]
    fn known_moments() {
        assert_eq!(date(utc(0)), (1970, 1, 1, 0, 0, 0, 4, 0));
        assert_eq!(date(utc(-1)), (1969, 12, 31, 23, 59, 59, 3, 364));
        assert_eq!(date(utc(1_795_271_268)), (2026, 11, 21, 14, 27, 48, 6, 324));
        assert_eq!(date(utc(951_782_400)), (2000, 2, 29, 0, 0, 0, 2, 59));
        assert_eq!(date(utc(978_220_800)), (2000, 12, 31, 0, 0, 0, 0, 365));
        assert_eq!(date(utc(4_107_542_400)), (2100, 3, 1, 0, 0, 0, 1, 59));
    }

    #[test]
    fn days_follow_each_other() {
        let lengths = |leap: bool| {
            [
                31,
                28 + u8::from(leap),
                31,
                30,
                31,
                30,
                31,
                31,
                30,
                31,
                30,
                31,
            ]
        };
        let mut second = 0;
        for year in 1970..2110 {
            let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            let mut year_day = 0;
            for (month, length) in (1..).zip(lengths(leap)) {
                for day in 1..=length {
                    let parts = utc(second);
                    assert_eq!((parts.year, parts.month, parts.day), (year, month, day));
                    assert_eq!(parts.year_day, year_day);
                    assert_eq!(i64::from(parts.weekday), (second / 86_400 + 4) % 7);
                    year_day += 1;
                    second += 86_400;
                }
            }
        }
    }

    #[test]
    fn the_text_follows_the_second() {
        let mut text = TimeText::new("%H:%M:%S", utc);
        assert_eq!(text.at(59), b"00:00:59");
        assert_eq!(text.at(59), b"00:00:59");
        assert_eq!(text.at(60), b"00:01:00");
        assert_eq!(text.at(59), b"00:00:59");
    }
}
