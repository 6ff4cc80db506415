//! The cost of every server under every load, as bars.

#![expect(clippy::cast_possible_truncation, reason = "pixels, and numbers of bars")]

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use sluicebox_bench::table::median;

use crate::report::{self, ratios};

/// Pixels of the picture, and of each bar with what is around it.
const WIDTH: u32 = 1000;
const BAR: u32 = 18;
const TITLE: u32 = 34;
/// Where names end and bars begin, in pixels, of one of two columns.
const NAMES: i32 = 130;
const COLUMN: i32 = 500;
/// What the longest bar stands for, as a ratio to the floor.
const MOST: f64 = 64.0;

/// Draws the costs of `results` to `path`, on a scale on which each step is twice the one before.
pub(crate) fn draw(results: &[report::Result<'_>], path: &Path) -> Result<()> {
    let panels: Vec<_> = results.iter().filter(|(case, _)| case.is_cost()).collect();
    let rows = panels.chunks(2).map(|row| {
        let all = row.iter().map(|(_, all)| TITLE + BAR * all.len() as u32);
        all.max().unwrap_or(0) + 12
    });
    let heights: Vec<u32> = rows.collect();
    let total = heights.iter().sum::<u32>() + 2 * TITLE;
    let root = SVGBackend::new(path, (WIDTH, total)).into_drawing_area();
    let failed = |error| anyhow!("{}: {error}", path.display());
    root.fill(&WHITE).map_err(|error| failed(error.to_string()))?;
    let mut canvas = Canvas { root: &root, error: None };
    canvas.words("Time on a processor, as a ratio to a raw copy", (12, 8), 18, HPos::Left);
    let mut top = TITLE as i32;
    for (row, height) in panels.chunks(2).zip(&heights) {
        for (column, (case, all)) in row.iter().enumerate() {
            let left = column as i32 * COLUMN;
            canvas.words(case.name, (left + NAMES, top + 8), 14, HPos::Left);
            for (index, series) in all.iter().enumerate() {
                let y = top + (TITLE + BAR * index as u32) as i32;
                canvas.bar(series.adapter.name, &ratios(all, series), (left, y));
            }
        }
        top += *height as i32;
    }
    let foot = "Shorter is better. Each doubling is as long as the one before; lines are the least and the most of the runs.";
    canvas.words(foot, (12, top + 8), 12, HPos::Left);
    if let Some(error) = canvas.error {
        return Err(failed(error));
    }
    root.present().map_err(|error| failed(error.to_string()))
}

struct Canvas<'a, 'b> {
    root: &'a DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
    /// The first thing that went wrong.
    error: Option<String>,
}

impl Canvas<'_, '_> {
    fn words(&mut self, text: &str, at: (i32, i32), size: i32, side: HPos) {
        let style = TextStyle::from(("sans-serif", size).into_font());
        let style = style.pos(Pos::new(side, VPos::Top));
        self.note(self.root.draw_text(text, &style, at).err());
    }

    fn note(&mut self, error: Option<impl std::fmt::Display>) {
        if let Some(error) = error {
            self.error.get_or_insert_with(|| error.to_string());
        }
    }

    /// The median as a bar with a number, the least and the most as a line.
    fn bar(&mut self, name: &str, ratios: &[f64], (left, y): (i32, i32)) {
        let middle = y + BAR as i32 / 2;
        self.words(name, (left + NAMES - 8, middle - 6), 12, HPos::Right);
        if ratios.is_empty() {
            return self.words("failed", (left + NAMES + 4, middle - 6), 12, HPos::Left);
        }
        let colour = match name {
            "native" | "sandboxed" => RGBColor(31, 119, 180),
            "rawsink" => RGBColor(127, 127, 127),
            _ => RGBColor(255, 160, 90),
        };
        let (value, zero) = (median(ratios.to_vec()), left + NAMES);
        let bar = [(zero, y + 2), (zero + length(value), y + BAR as i32 - 2)];
        let drawn = self.root.draw(&Rectangle::new(bar, colour.filled()));
        self.note(drawn.err());
        let most = ratios.iter().copied().fold(0.0, f64::max);
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let line = vec![(zero + length(least), middle), (zero + length(most), middle)];
        let drawn = self.root.draw(&PathElement::new(line, BLACK));
        self.note(drawn.err());
        let end = zero + length(most.max(value)) + 5;
        self.words(&format!("{value:.2}"), (end, middle - 6), 12, HPos::Left);
    }
}

/// Pixels of a bar: a quarter is nothing, as the scale has no 0.
fn length(ratio: f64) -> i32 {
    let share = (ratio.max(0.25) * 4.0).log2() / (MOST * 4.0).log2();
    (share * f64::from(COLUMN - NAMES - 60)).round() as i32
}
