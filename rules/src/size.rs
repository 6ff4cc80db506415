//! Sizes, as they are typed: `1500000`, `64K`, `28MB`, `2 GiB`.

use alloc::format;
use alloc::string::String;

/// Units of bytes, as coreutils has them: K, M, G and T count by 1024, as KiB, MiB, GiB and TiB do; kB, MB,
/// GB and TB count by 1000.
const UNITS: [(&str, u64); 16] = [
    ("", 1),
    ("B", 1),
    ("K", 1 << 10),
    ("KiB", 1 << 10),
    ("kB", 1000),
    ("KB", 1000),
    ("M", 1 << 20),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("G", 1 << 30),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("T", 1 << 40),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("k", 1 << 10),
];

/// A number of bytes: whole, with or without a unit.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    match (number.parse::<u64>(), factor) {
        _ if number.is_empty() => Err("is no number of bytes, as 1500000, 64K or 28MB".into()),
        (_, None) => Err(format!("{unit:?} is no unit: K, M, G, T (1024), kB, MB, GB, TB (1000)")),
        (Ok(number), Some(factor)) => {
            number.checked_mul(factor).ok_or_else(|| "is too much".into())
        }
        (Err(_), _) => Err("is too much".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn units_are_as_in_coreutils() {
        for (text, bytes) in [
            ("0", 0),
            ("1500000", 1_500_000),
            ("28MB", 28_000_000),
            ("28 MiB", 28 << 20),
            ("28M", 28 << 20),
            ("1k", 1024),
            ("1K", 1024),
            ("1kB", 1000),
            ("7B", 7),
            ("2 TB", 2_000_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in
            ["", "MB", "-1", "1.5G", "1m", "1 mb", "1GBs", "99999999999999999999", "99999999T"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
