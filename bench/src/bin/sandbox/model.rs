//! What publishers cost, as a formula: so much for the server, for each publisher and for each byte.

use sluicebox_bench::table;

use crate::server::Target;

/// Publishers in real time, and what they cost.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) publishers: f64,
    /// Bytes received a second, from all of them.
    pub(crate) bytes: f64,
    /// Seconds on a processor a second.
    pub(crate) cpu: f64,
}

/// Prints the formula that fits the points of each server best, if there are enough.
pub(crate) fn print(targets: &[Target], points: &[Vec<Point>]) {
    if points.iter().any(|points| points.len() < 4) {
        return;
    }
    println!("### Time on a processor for a second of live media, as a formula\n");
    table::header(&[
        "server",
        "us for the server",
        "us for each publisher",
        "ms for each 10^6 bytes",
        "off by, at most",
        "of one it was not told of",
    ]);
    for (target, points) in targets.iter().zip(points) {
        let formula @ [a, b, c] = fit(points);
        let all = points.iter().map(|one| off(formula, one));
        table::row(&[
            target.name.to_owned(),
            format!("{:.0}", a * 1e6),
            format!("{:.1}", b * 1e6),
            format!("{:.2}", c * 1e9),
            percent(all),
            percent(points_left_out(points)),
        ]);
    }
    println!();
}

/// How far each point is from the formula that fits the others.
fn points_left_out(points: &[Point]) -> impl Iterator<Item = f64> {
    points
        .iter()
        .enumerate()
        .map(|(i, one)| off(fit(&[&points[..i], &points[i + 1..]].concat()), one))
}

/// How far from a point a formula is, as a share of what was measured.
fn off([a, b, c]: [f64; 3], one: &Point) -> f64 {
    ((a + b * one.publishers + c * one.bytes) / one.cpu - 1.0).abs()
}

fn percent(off: impl Iterator<Item = f64>) -> String {
    format!("{:.0} %", 100.0 * off.fold(0.0, f64::max))
}

/// The formula whose errors, as shares of what was measured, have the least squares.
fn fit(points: &[Point]) -> [f64; 3] {
    let mut matrix = [[0.0; 4]; 3];
    for one in points {
        let row = [1.0, one.publishers, one.bytes, one.cpu].map(|value| value / one.cpu);
        for i in 0..3 {
            for (cell, value) in matrix[i].iter_mut().zip(row) {
                *cell += row[i] * value;
            }
        }
    }
    solve(matrix)
}

/// Gauss and Jordan.
fn solve(mut matrix: [[f64; 4]; 3]) -> [f64; 3] {
    for i in 0..3 {
        let pivot = (i..3).max_by(|a, b| matrix[*a][i].abs().total_cmp(&matrix[*b][i].abs()));
        matrix.swap(i, pivot.unwrap_or(i));
        let row = matrix[i].map(|value| value / matrix[i][i]);
        for other in &mut matrix {
            let factor = other[i];
            for (cell, value) in other.iter_mut().zip(row) {
                *cell -= factor * value;
            }
        }
        matrix[i] = row;
    }
    matrix.map(|row| row[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_found_again() {
        let cost = |publishers: f64, bytes: f64| Point {
            publishers,
            bytes,
            cpu: 0.001 + 2e-4 * publishers + 1e-9 * bytes,
        };
        let points = [cost(1.0, 6e5), cost(100.0, 6e7), cost(100.0, 8e5), cost(1000.0, 8e6)];
        let [a, b, c] = fit(&points);
        assert!((a / 0.001 - 1.0).abs() < 1e-6 && (b / 2e-4 - 1.0).abs() < 1e-6);
        assert!((c / 1e-9 - 1.0).abs() < 1e-6);
        assert!(points_left_out(&points).chain([off([a, b, c], &points[0])]).all(|off| off < 1e-6));
        // One that costs twice as much is found by none of the others.
        let odd = Point { cpu: 2.0 * points[1].cpu, ..points[1] };
        let off = points_left_out(&[&points[..], &[odd]].concat()).last().unwrap();
        assert!((off - 0.5).abs() < 1e-6, "{off}");
    }
}
