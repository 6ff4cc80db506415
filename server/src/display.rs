//! A line for each running stream, on a terminal.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::shutdown::Stop;
use crate::stats::{Reading, Stats};

/// Time between two looks at the streams.
const PERIOD: Duration = Duration::from_millis(500);

/// The lines about running streams.
#[derive(Debug)]
pub(crate) struct Display {
    lines: MultiProgress,
    streams: Mutex<Vec<Line>>,
}

#[derive(Debug)]
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
        Self { lines: MultiProgress::with_draw_target(target), streams: Mutex::default() }
    }

    /// What log lines have to give way to.
    pub(crate) fn lines(&self) -> &MultiProgress {
        &self.lines
    }

    /// Shows a stream, as long as its statistics live.
    pub(crate) fn add(&self, name: String, stats: &Arc<Stats>) {
        if self.lines.is_hidden() {
            return;
        }
        let bar = self.lines.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("{spinner:.red} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let (begun, last) = (Instant::now(), Reading::default());
        let line = Line { name, stats: Arc::downgrade(stats), bar, begun, last };
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Draws until `stop` is raised and the last stream has ended. Returns at once if there is
    /// nothing to draw on.
    pub(crate) fn run(&self, stop: &Stop) {
        if self.lines.is_hidden() {
            return;
        }
        while !stop.wait(PERIOD) {
            self.draw();
        }
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let _ = self.lines.clear();
    }

    fn draw(&self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain_mut(|line| {
            let Some(stats) = line.stats.upgrade() else {
                line.bar.finish_and_clear();
                return false;
            };
            let now = stats.read();
            line.bar.set_message(text(&line.name, line.begun.elapsed(), &stats, now, line.last));
            line.bar.tick();
            line.last = now;
            true
        });
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
