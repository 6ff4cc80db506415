//! What a running stream is seen to be, shared with the display.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use sluicebox_media::tracks::Tracks;
use sluicebox_rules::stats;

/// Counts and hints of one stream.
pub(crate) type Stats = stats::Stats<Locked>;

/// Tracks behind a lock, which is taken for headers and for whoever wants to show them.
#[derive(Debug, Default)]
pub(crate) struct Locked(Mutex<Tracks>);

impl stats::Keep for Locked {
    /// What is read here is for people. A bug in the reading must not end a recording: it costs what
    /// was known.
    fn with(&self, act: impl FnOnce(&mut Tracks)) {
        let mut tracks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if catch_unwind(AssertUnwindSafe(|| act(&mut tracks))).is_err() {
            *tracks = Tracks::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_rules::stats::Keep as _;

    use super::*;

    #[test]
    fn a_panic_costs_what_was_known_and_no_more() {
        let locked = Locked::default();
        locked.with(|_| panic!("this one is meant"));
        let mut text = String::new();
        locked.with(|tracks| text = tracks.to_string());
        assert_eq!(text, "nothing yet");
    }
}
