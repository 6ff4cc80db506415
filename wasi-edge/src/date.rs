//! Dates in UTC, from seconds since 1970.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

/// Year, month, day, hour, minute and second of a time since 1970.
fn civil(since_1970: Duration) -> [u64; 6] {
    let seconds = since_1970.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 1 March of the year 0, in which leap days come last (Hinnant's algorithm).
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    [year, month, day, second / 3600, second / 60 % 60, second % 60]
}

/// As in the name of a recording: `20261122T114506Z`.
pub(crate) fn short(since_1970: Duration) -> String {
    let [year, month, day, hour, minute, second] = civil(since_1970);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// As in a log line: `2026-11-22T11:45:06.123456Z`.
pub(crate) fn long(since_1970: Duration) -> String {
    let [year, month, day, hour, minute, second] = civil(since_1970);
    let micros = since_1970.subsec_micros();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"),
            (1_795_347_906, "20261122T114506Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(short(Duration::from_secs(seconds)), date);
        }
        assert_eq!(long(Duration::from_micros(1_500_000)), "1970-01-01T00:00:01.500000Z");
    }
}
