//! Values of several runs, as one cell of a table.

use sluicebox_bench::table;

/// The median, and from where to where the values go if there are several.
pub(crate) fn spread(values: &[f64], digits: usize) -> String {
    let median = table::median(values.to_vec());
    if values.len() < 2 {
        return format!("{median:.digits$}");
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}

/// The median of the ratios of `values` to `others`, run by run.
pub(crate) fn ratio(values: &[f64], others: &[f64]) -> String {
    let ratios = values.iter().zip(others).map(|(value, other)| value / other).collect();
    format!("{:.2}", table::median(ratios))
}

/// The median.
pub(crate) fn median(values: &[f64], digits: usize) -> String {
    format!("{:.digits$}", table::median(values.to_vec()))
}

/// Bytes in MiB.
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_each_run() {
        assert_eq!(ratio(&[2.0, 30.0, 8.0], &[1.0, 10.0, 2.0]), "3.00");
        assert_eq!(spread(&[2.0, 30.0, 8.0], 1), "8.0 (2.0–30.0)");
        assert_eq!(spread(&[2.0], 1), "2.0");
    }
}
