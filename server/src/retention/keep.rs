//! How much is kept, as typed: `30d,500GB`.

use std::str::FromStr;
use std::time::Duration;

use sluicebox_rules::size;

/// What is kept of finished recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    /// Until they are so old.
    pub(crate) age: Option<Duration>,
    /// So many bytes of them together, the youngest.
    pub(crate) bytes: Option<u64>,
}

const AGES: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 7 * 86_400)];

/// Sizes without a unit that are more likely to be meant as ages: `30` would delete everything.
const PLAIN: u64 = 1_000_000;

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut keep = Self::default();
        for part in text.split(',').map(str::trim) {
            if let Some(seconds) = age(part) {
                if keep.age.replace(Duration::from_secs(seconds)).is_some() {
                    return Err("names two ages".into());
                }
            } else if let Ok(bytes @ 1..) = size::parse(part) {
                if bytes < PLAIN && part.ends_with(|c: char| c.is_ascii_digit()) {
                    return Err(format!("{part:?} has no unit: an age as 30d, or a size as 500GB"));
                }
                if keep.bytes.replace(bytes).is_some() {
                    return Err("names two sizes".into());
                }
            } else {
                return Err(format!("{part:?} is neither an age as 30d nor a size as 500GB"));
            }
        }
        Ok(keep)
    }
}

/// A whole number, more than nothing, and its unit: in seconds.
fn age(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = AGES.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read() {
        let keep = |text: &str| text.parse::<Keep>();
        let age = Some(Duration::from_secs(30 * 86_400));
        assert_eq!(keep("30d"), Ok(Keep { age, bytes: None }));
        assert_eq!(keep("500GB"), Ok(Keep { age: None, bytes: Some(500_000_000_000) }));
        assert_eq!(keep("30d, 2 TiB"), Ok(Keep { age, bytes: Some(2 << 40) }));
        let bytes = |text| keep(text).map(|keep| keep.bytes);
        assert_eq!((bytes("1500000"), bytes("5M")), (Ok(Some(1_500_000)), Ok(Some(5 << 20))));
        assert_eq!(keep("5m").map(|keep| keep.age), Ok(Some(Duration::from_secs(300))));
        for wrong in ["", "30", "d", "0d", "0GB", "-1d", "1d,2d", "1GB,2GB", "9999999999999TB", "0"]
        {
            assert!(keep(wrong).is_err(), "{wrong}");
        }
    }
}
