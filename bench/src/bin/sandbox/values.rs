//! Values of several runs, as one cell of a table.

use sluicebox_bench::table;
pub(crate) use sluicebox_bench::table::{ratio, spread};

/// The median.
pub(crate) fn median(values: &[f64], digits: usize) -> String {
    format!("{:.digits$}", table::median(values.to_vec()))
}

/// Bytes in MiB.
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
