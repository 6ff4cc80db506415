//! Values of flags, read from text.

use std::time::Duration;

use sluicebox_rules::size;

use crate::shutdown::Elsewhere;

/// A number from 1.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// A number of bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    size::parse(text)
}

/// A number of bytes, from 1 to `most`.
pub(super) fn size_up_to<T: TryFrom<u64>>(
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync {
    move |text| match size::parse(text)? {
        0 => Err("must be at least 1".into()),
        number if number > most => Err(format!("must be at most {most}")),
        number => T::try_from(number).map_err(|_| "is too much".into()),
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
    match text.parse() {
        Ok(0.0) => Ok(Duration::ZERO),
        Ok(number) if f64::is_sign_negative(number) => Err("must not be less than 0".into()),
        _ => seconds(text),
    }
}

/// The address of a server that speaks RTMP.
pub(super) fn elsewhere(text: &str) -> Result<Elsewhere, String> {
    const MOST: usize = 1024;
    let rest = ["rtmp://", "rtmps://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Err("has no host".into()),
        Some(_) if text.len() > MOST => Err(format!("is longer than {MOST} bytes")),
        Some(_) if text.contains(|c: char| c.is_control() || c == ' ') => {
            Err("has characters that no address has".into())
        }
        Some(rest) => Ok(Elsewhere::new(text, rest.trim_end_matches('/').contains('/'))),
        None => Err("does not begin with rtmp:// or rtmps://".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_the_application_or_are_whole() {
        let url = |text: &str| elsewhere(text).map(|elsewhere| elsewhere.url("live?key"));
        assert_eq!(url("rtmp://b:1936").as_deref(), Ok("rtmp://b:1936/live?key"));
        assert_eq!(url("rtmps://[::1]/").as_deref(), Ok("rtmps://[::1]/live?key"));
        assert_eq!(url("rtmp://b/other/app").as_deref(), Ok("rtmp://b/other/app"));
        for wrong in
            ["", "b:1936", "http://b", "rtmp://", "rtmp:///live", "rtmp://b/\n", "rtmp://a b"]
        {
            assert!(elsewhere(wrong).is_err(), "{wrong}");
        }
        assert!(elsewhere(&format!("rtmp://{}", "b".repeat(2000))).is_err());
    }

    #[test]
    fn seconds_are_more_than_nothing() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["0", "-1", "nan", "inf", "1e300", "x", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seconds_or_none("0"), Ok(Duration::ZERO));
        assert_eq!(seconds_or_none("2"), Ok(Duration::from_secs(2)));
        assert_eq!(seconds_or_none("-5"), Err("must not be less than 0".into()));
    }
}
