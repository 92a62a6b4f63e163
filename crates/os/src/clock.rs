//! Time: a monotonic clock for durations, the wall clock for people.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since some fixed moment; never goes back. The same in every process of a machine,
/// so that server and worker can compare notes.
pub fn monotonic_micros() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call fills the timespec; CLOCK_MONOTONIC always exists on Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1_000
}

/// Microseconds since 1970 (UTC).
pub fn unix_micros() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// A moment in the machine's time zone, in calendar parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalTime {
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

/// Splits seconds since 1970 into calendar parts of the machine's time zone.
pub fn local_time(unix_seconds: i64) -> LocalTime {
    let seconds = unix_seconds as libc::time_t;
    // SAFETY: an all-zero tm is a valid value (its one pointer may be null).
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values; localtime_r is the thread-safe form.
    if unsafe { libc::localtime_r(&raw const seconds, &raw mut parts) }.is_null() {
        return LocalTime::default();
    }
    LocalTime {
        year: parts.tm_year + 1900,
        month: parts.tm_mon as u8 + 1,
        day: parts.tm_mday as u8,
        hour: parts.tm_hour as u8,
        minute: parts.tm_min as u8,
        second: parts.tm_sec as u8,
        weekday: parts.tm_wday as u8,
        year_day: parts.tm_yday as u16,
        offset: parts.tm_gmtoff as i32,
    }
}
