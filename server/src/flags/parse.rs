//! Values of flags, read from text.

use std::time::Duration;

/// A number from 1.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// Seconds, with a fraction if wished; more than nothing, less than a year.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    const YEAR: f64 = 366.0 * 86_400.0;
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number < YEAR => Ok(Duration::from_secs_f64(number)),
        Ok(_) => Err("must be more than 0 and less than a year".into()),
        Err(error) => Err(format!("{error}")),
    }
}

/// The same, or nothing.
pub(super) fn seconds_or_none(text: &str) -> Result<Duration, String> {
    if text.parse() == Ok(0.0) { Ok(Duration::ZERO) } else { seconds(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_more_than_nothing() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["0", "-1", "nan", "inf", "1e300", "x", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seconds_or_none("0"), Ok(Duration::ZERO));
        assert_eq!(seconds_or_none("2"), Ok(Duration::from_secs(2)));
        assert!(seconds_or_none("-1").is_err());
    }
}
