//! What came of a stream, and of the whole run.

use std::sync::Mutex;

use sluicebox_core::{Ledger, Tally};

/// The account of a recording: the session's ledger, checked against what the sink took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) ledger: Ledger,
    /// Tags in the recording, and the bytes of their bodies, as the sink counted them.
    pub(crate) recorded: Tally,
}

impl Account {
    /// Messages that were received and are not in the recording.
    pub(crate) fn lost(&self) -> u64 {
        self.ledger.received.messages.saturating_sub(self.recorded.messages)
    }

    /// Whether every message received is in the recording, to the byte.
    pub(crate) fn complete(&self) -> bool {
        self.ledger.complete() && self.recorded == self.ledger.written
    }
}

/// What came of the run: decides the exit code of `--once`.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    begun: u64,
    complete: u64,
    /// Media came that belongs to no publish.
    stray: bool,
}

impl Outcome {
    /// A publish was accepted.
    pub(crate) fn begun(&self) {
        self.with(|state| state.begun += 1);
    }

    /// A publish that was accepted has ended. One that brought nothing is not complete.
    pub(crate) fn ended(&self, account: &Account) {
        let complete = account.complete() && account.recorded.messages > 0;
        self.with(|state| state.complete += u64::from(complete));
    }

    /// Media came that belongs to no publish, and is on no ledger.
    pub(crate) fn stray(&self) {
        self.with(|state| state.stray = true);
    }

    /// Whether something was recorded and nothing of it is missing.
    pub(crate) fn complete(&self) -> bool {
        self.with(|state| state.begun > 0 && state.begun == state.complete && !state.stray)
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_is_what_the_sink_says_too() {
        let tally = Tally { messages: 3, bytes: 30 };
        let ledger = Ledger { received: tally, written: tally, ..Ledger::default() };
        assert!(Account { ledger, recorded: tally }.complete());
        let short = Account { ledger, recorded: Tally { messages: 2, bytes: 20 } };
        assert!(!short.complete());
        assert_eq!(short.lost(), 1);
    }

    #[test]
    fn nothing_recorded_is_not_complete() {
        let outcome = Outcome::default();
        assert!(!outcome.complete());
        outcome.begun();
        assert!(!outcome.complete());
        let account = |messages| {
            let tally = Tally { messages, bytes: 1 };
            let ledger = Ledger { received: tally, written: tally, ..Ledger::default() };
            Account { ledger, recorded: tally }
        };
        outcome.ended(&account(0));
        assert!(!outcome.complete());
        let outcome = Outcome::default();
        outcome.begun();
        outcome.ended(&account(1));
        assert!(outcome.complete());
        outcome.stray();
        assert!(!outcome.complete());
    }
}
