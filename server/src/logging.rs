//! Log lines on standard error, in step with the lines about running streams.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::flags::LogForm;

/// Starts logging. Lines about streams give way while a log line is printed.
pub(crate) fn start(form: LogForm, lines: &MultiProgress) {
    let base = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::INFO)
        .with_target(false)
        .with_writer(Lines(lines.clone()));
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
}

#[derive(Clone)]
struct Lines(MultiProgress);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
