//! A line for each running stream, on a terminal.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use sluicebox_rules::stats::Reading;

use crate::shutdown::Stop;
use crate::stats::Stats;

/// Time between two looks at the streams.
const PERIOD: Duration = Duration::from_millis(500);

/// The lines about running streams.
#[derive(Debug)]
pub(crate) struct Display {
    lines: MultiProgress,
    shown: bool,
    /// Streams that have no line yet. Whoever adds one never waits for the terminal.
    new: Mutex<Vec<(String, Weak<Stats>)>>,
}

struct Line {
    name: String,
    stats: Weak<Stats>,
    bar: ProgressBar,
    begun: Instant,
    last: Reading,
}

impl Display {
    /// Draws on standard error if that is a terminal and lines are wanted.
    pub(crate) fn new(wanted: bool) -> Self {
        let target =
            if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let shown = !target.is_hidden();
        Self { lines: MultiProgress::with_draw_target(target), shown, new: Mutex::default() }
    }

    /// What log lines have to give way to, if there is something.
    pub(crate) fn lines(&self) -> Option<MultiProgress> {
        self.shown.then(|| self.lines.clone())
    }

    /// Shows a stream, as long as its statistics live.
    pub(crate) fn add(&self, name: String, stats: &Arc<Stats>) {
        if self.shown {
            let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
            new.push((name, Arc::downgrade(stats)));
        }
    }

    /// Draws until `stop` is raised. Returns at once if there is nothing to draw on.
    pub(crate) fn run(&self, stop: &Stop) {
        let mut streams = Vec::new();
        while self.shown && !stop.wait(PERIOD) {
            let new = std::mem::take(&mut *self.new.lock().unwrap_or_else(PoisonError::into_inner));
            streams.extend(new.into_iter().map(|(name, stats)| self.line(name, stats)));
            streams.retain_mut(Line::draw);
        }
        drop(streams);
        // Fails when the terminal is gone.
        let _ = self.lines.clear();
    }

    fn line(&self, name: String, stats: Weak<Stats>) -> Line {
        let bar = self.lines.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("{spinner:.red} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Line { name, stats, bar, begun: Instant::now(), last: Reading::default() }
    }
}

impl Line {
    /// Draws the line. False: its stream has ended.
    fn draw(&mut self) -> bool {
        let Some(stats) = self.stats.upgrade() else {
            self.bar.finish_and_clear();
            return false;
        };
        let now = stats.read();
        self.bar.set_message(text(&self.name, self.begun.elapsed(), &stats, now, self.last));
        self.bar.tick();
        self.last = now;
        true
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people, with one decimal")]
fn text(name: &str, time: Duration, stats: &Stats, now: Reading, last: Reading) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let period = PERIOD.as_secs_f64();
    let fps = now.frames.saturating_sub(last.frames) as f64 / period;
    let rate = (now.bytes - last.bytes) as f64 * 8.0 / period / 1e6;
    let size = now.bytes as f64 / 1e6;
    let (codecs, frames, lost) = (stats.codecs(), now.frames, now.lost);
    format!(
        "{hours:02}:{minutes:02}:{seconds:02} {name}  {codecs}  {size:.1} MB  \
         {fps:.0} fps  {rate:.2} Mbit/s  {frames} frames, {lost} lost"
    )
}
