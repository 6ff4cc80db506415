//! How much is kept, as typed: `30d,500GB`.

use std::str::FromStr;
use std::time::Duration;

/// What is kept of finished recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    /// Until they are so old.
    pub(crate) age: Option<Duration>,
    /// So many bytes of them together, the youngest.
    pub(crate) bytes: Option<u64>,
}

const AGES: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 7 * 86_400)];

const SIZES: [(&str, u64); 9] = [
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("B", 1),
];

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut keep = Self::default();
        for part in text.split(',').map(str::trim) {
            if let Some(bytes) = number(part, &SIZES) {
                if keep.bytes.replace(bytes).is_some() {
                    return Err("names two sizes".into());
                }
            } else if let Some(seconds) = number(part, &AGES) {
                if keep.age.replace(Duration::from_secs(seconds)).is_some() {
                    return Err("names two ages".into());
                }
            } else {
                return Err(format!("{part:?} is neither an age as 30d nor a size as 500GB"));
            }
        }
        Ok(keep)
    }
}

/// A whole number, more than nothing, and its unit.
fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
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
        for wrong in
            ["", "30", "d", "0d", "0GB", "-1d", "1d,2d", "1GB,2GB", "9999999999999TB", "1M"]
        {
            assert!(keep(wrong).is_err(), "{wrong}");
        }
    }
}
