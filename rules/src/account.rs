//! What came of a stream, and of the whole run.

use sluicebox_core::{Close, End, Ledger, Refused, Reject, Tally};

/// The account of a recording: the session's ledger, checked against what the sink took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// What the session says.
    pub ledger: Ledger,
    /// Tags in the recording, and the bytes of their bodies, as the sink counted them.
    pub recorded: Tally,
}

impl Account {
    /// Messages that were received and are not in the recording.
    pub fn lost(&self) -> u64 {
        self.ledger.received.messages.saturating_sub(self.recorded.messages)
    }

    /// Whether every message received is in the recording, to the byte.
    pub fn complete(&self) -> bool {
        self.ledger.complete() && self.recorded == self.ledger.written
    }
}

/// The ledger of a stream that two publishers brought, one after the other.
pub fn joined(one: Ledger, other: Ledger) -> Ledger {
    let refused = Refused {
        aborted: one.refused.aborted.plus(other.refused.aborted),
        torn: one.refused.torn.plus(other.refused.torn),
        early: one.refused.early.plus(other.refused.early),
        foreign: one.refused.foreign.plus(other.refused.foreign),
    };
    Ledger {
        received: one.received.plus(other.received),
        written: one.written.plus(other.written),
        unwrapped: one.unwrapped + other.unwrapped,
        refused,
    }
}

/// What came of the run: decides the exit code of `--once`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    begun: u64,
    complete: u64,
    /// Media came that belongs to no publish.
    stray: bool,
}

impl Outcome {
    /// A publish was accepted.
    pub fn begun(&mut self) {
        self.begun += 1;
    }

    /// A publish that was accepted has ended. One that brought nothing is not complete.
    pub fn ended(&mut self, account: &Account) {
        self.complete += u64::from(account.complete() && account.recorded.messages > 0);
    }

    /// Media came that belongs to no publish, and is on no ledger.
    pub fn stray(&mut self) {
        self.stray = true;
    }

    /// Whether something was recorded and nothing of it is missing.
    pub fn complete(&self) -> bool {
        self.begun > 0 && self.begun == self.complete && !self.stray
    }
}

/// Who ended a stream, for the log.
pub fn reason(end: End) -> &'static str {
    match end {
        End::Peer => "peer stopped",
        End::Closed(Close::Gone) => "connection ended",
        End::Closed(Close::Shutdown) => "server stops",
        End::Closed(Close::Idle) => "nothing sent for too long",
        End::Rejected(Reject::Storage) => "recording failed",
        End::Rejected(Reject::Busy) => "another publisher came",
        End::Failed => "connection failed",
        _ => "ended by the server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_of_publishers_add_up() {
        let tally = |messages, bytes| Tally { messages, bytes };
        let one = Ledger {
            received: tally(5, 116),
            written: tally(4, 90),
            unwrapped: 16,
            refused: Refused { torn: tally(1, 10), ..Refused::default() },
        };
        let clean = Ledger { received: tally(2, 7), written: tally(2, 7), ..Ledger::default() };
        let both = joined(one, clean);
        assert!(one.balanced() && both.balanced() && !both.complete());
        assert_eq!((both.received, both.refused.total()), (tally(7, 123), tally(1, 10)));
        assert!(joined(clean, clean).complete());
    }

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
        let mut outcome = Outcome::default();
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
        let mut outcome = Outcome::default();
        outcome.begun();
        outcome.ended(&account(1));
        assert!(outcome.complete());
        outcome.stray();
        assert!(!outcome.complete());
    }
}
