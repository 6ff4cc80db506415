//! How far a connection is, and how long it may take.

use core::time::Duration;

/// A point in time: the span since any fixed start.
pub type Moment = Duration;

/// How long a connection may take, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the handshake.
    pub handshake: Duration,
    /// From connecting to the first publish, and between publishes.
    pub publish: Duration,
    /// For a publisher that sends no whole message, and no 64 KiB of one.
    pub idle: Duration,
}

/// A connection that has sent nothing for so long gets its acknowledgement. Longer than publishers
/// rest between two reads: one that rests is not quiet.
pub const PAUSE: Duration = Duration::from_millis(200);
/// How long the last reply may take to be read before the connection is closed.
const LINGER: Duration = Duration::from_secs(2);
/// A publisher gets on with a whole tag, or with so many bytes of one, as a keyframe takes long on a
/// slow link. Less, now and then, is somebody who only holds a place.
const STEP: u64 = 64 << 10;
/// Publishes that one connection may begin in so much time. Encoders that stop and start again by
/// themselves do so every few seconds.
const PUBLISHES: u32 = 32;
const PUBLISHES_IN: Duration = Duration::from_secs(10);
/// Bytes of the client's side of the handshake.
const HANDSHAKE: u64 = 1 + 2 * 1536;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing but the handshake yet.
    Handshake,
    /// Commands, and nothing published.
    Setup,
    /// At least one stream is live.
    Publishing,
    /// The last reply is on its way; what still comes is thrown away.
    Lingering,
}

/// The phase of a connection, and the times that matter in it.
#[derive(Debug)]
pub struct Clock {
    phase: Phase,
    /// When the phase began.
    since: Moment,
    /// When bytes last came.
    heard: Moment,
    /// When a publisher last got on, and the bytes taken in by then.
    advanced: Moment,
    received: u64,
    /// Publishes since that time.
    publishes: (Moment, u32),
    /// Its session has been told that it went quiet since.
    paused: bool,
}

impl Clock {
    /// The clock of a connection that opens `now`.
    pub fn new(now: Moment) -> Self {
        Self {
            phase: Phase::Handshake,
            since: now,
            heard: now,
            advanced: now,
            received: 0,
            publishes: (now, 0),
            paused: true,
        }
    }

    /// How far the connection is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// It is that far now.
    pub fn enter(&mut self, phase: Phase, now: Moment) {
        if self.phase != phase {
            (self.phase, self.since, self.advanced) = (phase, now, now);
        }
    }

    /// Bytes came.
    pub fn heard(&mut self, now: Moment) {
        self.heard = now;
        self.paused = false;
    }

    /// The session has taken in `received` bytes so far.
    pub fn received(&mut self, received: u64, now: Moment) {
        // A sandboxed session may say anything.
        if received.saturating_sub(self.received) >= STEP {
            (self.advanced, self.received) = (self.heard, received);
        }
        if self.phase == Phase::Handshake && received > HANDSHAKE {
            self.enter(Phase::Setup, now);
        }
    }

    /// A tag has been written.
    pub fn advance(&mut self, now: Moment) {
        self.advanced = now;
    }

    /// Counts a publish. Whether it is one too many: each makes a file.
    pub fn publishes_too_often(&mut self, now: Moment) -> bool {
        if now.saturating_sub(self.publishes.0) > PUBLISHES_IN {
            self.publishes = (now, 0);
        }
        self.publishes.1 += 1;
        self.publishes.1 > PUBLISHES
    }

    /// Whether the session has still to be told when the connection goes quiet.
    pub fn will_pause(&self) -> bool {
        !self.paused
    }

    /// Whether the connection has gone quiet, and its session has to be told.
    pub fn pauses(&self, now: Moment) -> bool {
        !self.paused && now.saturating_sub(self.heard) >= PAUSE
    }

    /// The session has been told.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// When it has to be looked at again if nothing comes before: something takes too long from then
    /// on, or it has gone quiet.
    pub fn due(&self, timeouts: &Timeouts) -> Moment {
        let (since, patience, _) = self.patience(timeouts);
        let up = since + patience + Duration::from_millis(1);
        if self.paused { up } else { up.min(self.heard + PAUSE) }
    }

    /// What took too long, if something did.
    pub fn overdue(&self, now: Moment, timeouts: &Timeouts) -> Option<&'static str> {
        let (since, patience, what) = self.patience(timeouts);
        (now.saturating_sub(since) > patience).then_some(what)
    }

    /// Since when it is waited for what, how long at most, and what is said then.
    fn patience(&self, timeouts: &Timeouts) -> (Moment, Duration, &'static str) {
        // In all but publishing, from the beginning: bytes that trickle in do not buy time.
        match self.phase {
            Phase::Handshake => (self.since, timeouts.handshake, "handshake takes too long"),
            Phase::Setup => (self.since, timeouts.publish, "nothing published for too long"),
            Phase::Publishing => (self.advanced, timeouts.idle, "nothing sent for too long"),
            Phase::Lingering => (self.since, LINGER, "last reply not read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        handshake: Duration::from_secs(10),
        publish: Duration::from_secs(30),
        idle: Duration::from_secs(60),
    };

    const START: Moment = Duration::from_secs(1000);

    fn overdue(clock: &Clock, seconds: u64) -> bool {
        clock.overdue(clock.since + Duration::from_secs(seconds), &TIMEOUTS).is_some()
    }

    #[test]
    fn every_phase_has_its_patience() {
        let mut clock = Clock::new(START);
        clock.received(3072, START);
        assert!(!overdue(&clock, 9) && overdue(&clock, 11));
        clock.received(3100, START);
        assert_eq!(clock.phase(), Phase::Setup);
        assert!(!overdue(&clock, 29) && overdue(&clock, 31));
        clock.enter(Phase::Publishing, START);
        assert!(!overdue(&clock, 59) && overdue(&clock, 61));
        clock.enter(Phase::Lingering, START);
        assert!(!overdue(&clock, 1) && overdue(&clock, 3));
    }

    #[test]
    fn a_trickle_is_silence_and_a_large_message_is_not() {
        let mut clock = Clock::new(START);
        clock.enter(Phase::Publishing, START);
        let later = clock.since + Duration::from_secs(50);
        clock.heard(later);
        clock.received(STEP - 1, later);
        assert!(overdue(&clock, 61));
        clock.received(STEP, later);
        assert!(!overdue(&clock, 61) && overdue(&clock, 111));
    }

    #[test]
    fn it_is_looked_at_when_something_is_due() {
        let mut clock = Clock::new(START);
        assert!(clock.overdue(clock.due(&TIMEOUTS), &TIMEOUTS).is_some());
        clock.heard(START);
        assert!(clock.pauses(clock.due(&TIMEOUTS)));
    }

    #[test]
    fn quiet_is_told_once() {
        let mut clock = Clock::new(START);
        assert!(!clock.will_pause());
        clock.heard(START);
        let later = START + Duration::from_secs(2);
        assert!(clock.will_pause() && clock.pauses(later));
        clock.pause();
        assert!(!clock.will_pause() && !clock.pauses(later));
    }
}
