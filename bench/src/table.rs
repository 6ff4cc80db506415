//! Medians, and tables in Markdown.

/// The middle of `values`, the upper one of two; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median, and from where to where the values go if there are several.
pub fn spread(values: &[f64], digits: usize) -> String {
    let median = median(values.to_vec());
    if values.len() < 2 {
        return format!("{median:.digits$}");
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}

/// The median of the ratios of `values` to `others`, run by run.
pub fn ratio(values: &[f64], others: &[f64]) -> String {
    let ratios = values.iter().zip(others).map(|(value, other)| value / other).collect();
    format!("{:.2}", median(ratios))
}

/// Prints one row, or a header with the line under it.
pub fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// Prints a header and the line under it, the first column to the left, the others to the right.
pub fn header(cells: &[&str]) {
    println!("| {} |", cells.join(" | "));
    println!("|---|{}", "---:|".repeat(cells.len() - 1));
}

/// Prints the processor, how many there are, and the kernel: what numbers are worth nothing
/// without.
pub fn machine() {
    println!("{}\n", machine_line());
}

/// The same as one line.
pub fn machine_line() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |line| line.trim_start_matches([':', '\t', ' ']));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
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
