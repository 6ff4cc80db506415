//! Log lines on standard error, in step with the lines about running streams.
//!
//! Lines are written by a thread of their own: whoever logs never waits for standard error. When
//! nobody reads it, lines are kept up to a bound and dropped beyond; when it is closed, they are
//! dropped.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::flags::LogForm;

/// Lines that may wait to be written.
const WAITING: usize = 10_000;

/// Starts logging, until the guard is dropped: what waits by then is written. Lines about streams
/// give way while a log line is printed.
pub(crate) fn start(form: LogForm, lines: Option<MultiProgress>) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING)
        .thread_name("log")
        .finish(Lines(lines));
    let base = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_target(false)
        // It would tell standard error that standard error fails, and panic.
        .log_internal_errors(false)
        .with_writer(writer);
    // A second start, in a process that embeds the server, keeps the first.
    let _ = match form {
        LogForm::Text => {
            let color = io::IsTerminal::is_terminal(&io::stderr());
            tracing::subscriber::set_global_default(base.with_ansi(color).finish())
        }
        LogForm::Json => tracing::subscriber::set_global_default(
            base.json().flatten_event(true).with_current_span(false).finish(),
        ),
    };
    guard
}

struct Lines(Option<MultiProgress>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // There is nobody left to tell that it failed.
        let _ = match &self.0 {
            Some(lines) => lines.suspend(|| io::stderr().write_all(bytes)),
            None => io::stderr().write_all(bytes),
        };
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
