//! One publisher for each name; what becomes of a second one; and what waits for its publisher.
//!
//! ```text
//!          ask                      leave                     until then
//!  free ────────▶ live ──────────────────────────▶ waiting ────────────────▶ given up
//!   ▲              │  ▲ ask: silent, or replaced     │ ask: goes on
//!   └── dropped ───┘  └──────────────────────────────┘
//! ```
//!
//! A second publisher never takes a name away: it asks the first one to leave, and asks again until
//! that has ended its recording or left it here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::moment::{Moment, now};

/// How long a publisher that was asked to leave may take: its disk may hang.
const LEAVING: Duration = Duration::from_secs(10);

/// What becomes of a publish whose name has a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnConflict {
    /// It is refused
    Reject,
    /// It takes the place of the first, which ends
    Replace,
    /// It is refused, unless the first has gone silent or is lost: then it goes on with its recording
    Grace,
}

/// The rules that claims go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) on_conflict: OnConflict,
    /// A publisher that has been silent for so long may be taken for lost by one that comes.
    pub(crate) silence: Duration,
    /// Most that may wait for their publishers.
    pub(crate) waiting: usize,
}

/// How lively a publisher is. Written by its connection.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// When it was last heard, in milliseconds.
    heard: AtomicU64,
    /// It is not listened to at present: a write takes its time. Silence is not its fault then.
    busy: AtomicBool,
}

impl Pulse {
    /// It was heard, and what it said is being taken in.
    pub(crate) fn heard(&self, now: Moment) {
        self.busy.store(true, Relaxed);
        self.beat(now);
    }

    /// What it said has been taken in, however long that took.
    pub(crate) fn listens(&self, now: Moment) {
        if self.busy.load(Relaxed) {
            self.beat(now);
            self.busy.store(false, Relaxed);
        }
    }

    /// When it was last heard.
    pub(crate) fn last_heard(&self) -> Moment {
        Duration::from_millis(self.heard.load(Relaxed))
    }

    /// Whether it is not listened to.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Relaxed)
    }

    fn beat(&self, now: Moment) {
        self.heard.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }
}

/// Who publishes under which name, and what waits for whom.
#[derive(Debug)]
pub(crate) struct Claims<W> {
    rules: Rules,
    state: Mutex<State<W>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<W> {
    holders: HashMap<String, Holder<W>>,
    waiting: usize,
    closed: bool,
}

#[derive(Debug)]
enum Holder<W> {
    Live {
        pulse: Arc<Pulse>,
        asked: Arc<AtomicBool>,
    },
    /// Boxed, as there are few and they are large: the table has room for them in every place.
    Waiting {
        what: Box<W>,
        until: Moment,
    },
}

/// A name's only publisher; given back when dropped.
#[derive(Debug)]
pub(crate) struct Claim<W> {
    claims: Arc<Claims<W>>,
    name: String,
    /// Another publisher wants the name.
    asked: Arc<AtomicBool>,
    /// The name is somebody else's by now, or waits.
    left: bool,
}

/// The answer to who asks for a name.
#[derive(Debug)]
pub(crate) enum Answer<W> {
    /// It is the asker's, and so is what waited for it.
    Yours(Claim<W>, Option<W>),
    /// Ask again in a moment.
    Later,
    /// It is not to be had, and why.
    Taken(&'static str),
}

impl<W> Claims<W> {
    pub(crate) fn new(rules: Rules) -> Arc<Self> {
        let state = State { holders: HashMap::new(), waiting: 0, closed: false };
        Arc::new(Self { rules, state: Mutex::new(state), changed: Condvar::new() })
    }

    /// Asks for a name, for the publisher with this pulse that did so first at `since`.
    pub(crate) fn ask(
        self: &Arc<Self>,
        name: &str,
        pulse: &Arc<Pulse>,
        since: Moment,
    ) -> Answer<W> {
        let mut state = self.lock();
        if let Some(Holder::Live { pulse, asked }) = state.holders.get(name) {
            return self.rules.judge(pulse, asked, since, now());
        }
        let asked = Arc::<AtomicBool>::default();
        let live = Holder::Live { pulse: pulse.clone(), asked: asked.clone() };
        let what = match state.holders.insert(name.to_owned(), live) {
            Some(Holder::Waiting { what, .. }) => {
                state.waiting -= 1;
                Some(*what)
            }
            _ => None,
        };
        let claim = Claim { claims: self.clone(), name: name.to_owned(), asked, left: false };
        Answer::Yours(claim, what)
    }

    /// Waits for the next of those whose time is up. None: there will be no more.
    pub(crate) fn next_given_up(&self) -> Option<W> {
        let mut state = self.lock();
        loop {
            let now = now();
            match state.oldest() {
                Some((name, until)) if until <= now || state.closed => {
                    return state.take(&name);
                }
                Some((_, until)) => {
                    let wait = self.changed.wait_timeout(state, until - now);
                    state = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
                None if state.closed => return None,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Has nothing wait any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        // The table stays right when a thread dies while it holds it: nothing in between can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> State<W> {
    /// Of those that wait, the one whose time is up first.
    fn oldest(&self) -> Option<(String, Moment)> {
        let waiting = self.holders.iter().filter_map(|(name, holder)| match holder {
            Holder::Waiting { until, .. } => Some((name, *until)),
            Holder::Live { .. } => None,
        });
        waiting.min_by_key(|(_, until)| *until).map(|(name, until)| (name.clone(), until))
    }

    /// Takes out what waits under a name, which is free then.
    fn take(&mut self, name: &str) -> Option<W> {
        let Some(Holder::Waiting { what, .. }) = self.holders.remove(name) else { return None };
        self.waiting -= 1;
        Some(*what)
    }
}

impl Rules {
    /// What somebody is told who wants a name that has a publisher.
    fn judge<W>(&self, pulse: &Pulse, asked: &AtomicBool, since: Moment, now: Moment) -> Answer<W> {
        const BUSY: &str = "name has a publisher";
        let waited = now.saturating_sub(since);
        match self.on_conflict {
            OnConflict::Reject => return Answer::Taken(BUSY),
            OnConflict::Replace => asked.store(true, Relaxed),
            OnConflict::Grace if asked.load(Relaxed) || pulse.is_busy() => {}
            OnConflict::Grace => {
                let heard = pulse.last_heard();
                if heard > since {
                    return Answer::Taken(BUSY);
                }
                asked.store(now.saturating_sub(heard) >= self.silence, Relaxed);
            }
        }
        if waited > self.silence + LEAVING {
            return Answer::Taken("name has a publisher that is held up by its disk");
        }
        Answer::Later
    }
}

impl<W> Claim<W> {
    /// Whether its publisher has to go, as another one wants the name.
    pub(crate) fn is_asked_to_leave(&self) -> bool {
        self.asked.load(Relaxed)
    }

    /// Leaves `what` for the next publisher of the name, for so long. Returns what is to be given up
    /// at once: too many wait, or nothing may wait any more.
    pub(crate) fn leave(mut self, what: W, time: Duration) -> Option<W> {
        let claims = self.claims.clone();
        let mut state = claims.lock();
        if state.closed || claims.rules.waiting == 0 {
            return Some(what);
        }
        let surplus = match state.waiting >= claims.rules.waiting {
            true => state.oldest().and_then(|(name, _)| state.take(&name)),
            false => None,
        };
        self.left = true;
        let waiting = Holder::Waiting { what: Box::new(what), until: now() + time };
        state.holders.insert(std::mem::take(&mut self.name), waiting);
        state.waiting += 1;
        claims.changed.notify_all();
        surplus
    }
}

impl<W> Drop for Claim<W> {
    fn drop(&mut self) {
        if !self.left {
            self.claims.lock().holders.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "live/cam";
    const LONG: Duration = Duration::from_secs(600);
    const SECOND: Duration = Duration::from_secs(1);

    fn claims(on_conflict: OnConflict) -> Arc<Claims<u32>> {
        Claims::new(Rules { on_conflict, silence: LONG, waiting: 2 })
    }

    /// Asks as a publisher that has just come.
    fn ask(claims: &Arc<Claims<u32>>, name: &str) -> Answer<u32> {
        claims.ask(name, &Arc::default(), now())
    }

    fn get(claims: &Arc<Claims<u32>>, name: &str) -> (Claim<u32>, Option<u32>) {
        match ask(claims, name) {
            Answer::Yours(claim, what) => (claim, what),
            answer => panic!("{answer:?}"),
        }
    }

    #[test]
    fn a_name_has_one_publisher_until_that_is_gone() {
        let claims = claims(OnConflict::Reject);
        let (claim, _) = get(&claims, NAME);
        assert!(matches!(ask(&claims, NAME), Answer::Taken(_)));
        assert!(!claim.is_asked_to_leave());
        get(&claims, "live/cam2");
        drop(claim);
        get(&claims, NAME);
    }

    #[test]
    fn who_is_replaced_is_asked_to_leave_first() {
        let claims = claims(OnConflict::Replace);
        let (claim, _) = get(&claims, NAME);
        assert!(matches!(ask(&claims, NAME), Answer::Later));
        assert!(claim.is_asked_to_leave());
        assert!(matches!(ask(&claims, NAME), Answer::Later));
        drop(claim);
        let (second, _) = get(&claims, NAME);
        assert!(!second.is_asked_to_leave());
    }

    #[test]
    fn who_is_silent_is_asked_to_leave_and_who_is_heard_is_not() {
        let rules = Rules { on_conflict: OnConflict::Grace, silence: 5 * SECOND, waiting: 2 };
        let (pulse, asked) = (Pulse::default(), AtomicBool::new(false));
        let judge = |since, now| rules.judge::<u32>(&pulse, &asked, since * SECOND, now * SECOND);
        pulse.heard(10 * SECOND);
        pulse.listens(10 * SECOND);
        assert!(matches!(judge(12, 12), Answer::Later));
        assert!(matches!(judge(12, 14), Answer::Later));
        assert!(matches!(judge(9, 14), Answer::Taken(_)));
        // While nobody listens to it, its silence means nothing; when somebody does, it is heard.
        pulse.heard(14 * SECOND);
        assert!(matches!(judge(12, 20), Answer::Later));
        assert!(!asked.load(Relaxed));
        pulse.listens(20 * SECOND);
        assert!(matches!(judge(12, 20), Answer::Taken(_)));
        assert!(matches!(judge(22, 25), Answer::Later));
        assert!(asked.load(Relaxed));
        // A word that comes too late changes nothing.
        pulse.heard(25 * SECOND);
        pulse.listens(25 * SECOND);
        assert!(matches!(judge(22, 25), Answer::Later));
    }

    #[test]
    fn nobody_waits_for_ever_for_a_publisher_that_hangs() {
        for on_conflict in [OnConflict::Replace, OnConflict::Grace] {
            let rules = Rules { on_conflict, silence: SECOND, waiting: 2 };
            let (pulse, asked) = (Pulse::default(), AtomicBool::new(false));
            pulse.heard(SECOND);
            let after = |time| rules.judge::<u32>(&pulse, &asked, SECOND, SECOND + time);
            assert!(matches!(after(LEAVING), Answer::Later));
            assert!(matches!(after(LEAVING + 2 * SECOND), Answer::Taken(_)));
        }
    }

    #[test]
    fn what_is_left_is_the_next_ones_or_given_up() {
        let claims = claims(OnConflict::Grace);
        assert_eq!(get(&claims, NAME).0.leave(1, LONG), None);
        let (claim, what) = get(&claims, NAME);
        assert_eq!(what, Some(1));
        assert_eq!(claim.leave(2, Duration::ZERO), None);
        assert_eq!(claims.next_given_up(), Some(2));
        assert_eq!(get(&claims, NAME).1, None);
    }

    #[test]
    fn what_waits_is_bounded_and_none_of_it_is_lost() {
        let claims = claims(OnConflict::Grace);
        assert_eq!(get(&claims, "a").0.leave(1, LONG), None);
        assert_eq!(get(&claims, "b").0.leave(2, LONG), None);
        assert_eq!(get(&claims, "c").0.leave(3, LONG), Some(1));
        let (late, _) = get(&claims, "d");
        claims.close();
        assert_eq!(late.leave(4, LONG), Some(4));
        assert_eq!(claims.next_given_up(), Some(2));
        assert_eq!(claims.next_given_up(), Some(3));
        assert_eq!(claims.next_given_up(), None);
        get(&claims, "d");
    }
}
