//! How long a guest may run.
//!
//! wasmtime counts *epochs*; a thread adds one every 10 ms. Code that is running when one ends asks
//! [`Allowance`] whether it may go on. So a process that was suspended, or a thread that did not
//! get a processor, costs a guest one epoch at most, however long it took: no good connection ends
//! because the machine was busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// Length of an epoch.
pub(crate) const EPOCH: Duration = Duration::from_micros(COST);

/// Epochs that the clock goes on for after the last session: its thread, once woken, takes a processor from
/// the next session, or from that one's peer.
const LINGER: u32 = 100;

/// Microseconds that an epoch costs a guest that was running when it ended.
const COST: u64 = 10_000;
/// Bytes fed that earn a guest one epoch: hundreds of times what they usually take, and several
/// times what the smallest chunks and the most chunk streams take.
const BYTES: u64 = 8 << 10;
/// Microseconds that a feed earns besides, for peers that send byte by byte.
const FEED: u64 = 20;
/// Part of the time that a guest may run whatever it is fed: one in so many.
const SHARE: u64 = 100;

/// The epochs of one engine. The thread that counts them rests while there are no sessions, and were none
/// lately.
#[derive(Debug)]
pub(crate) struct Clock {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    epochs: AtomicU64,
    /// Sessions that are open: they may outlive the clock.
    open: AtomicUsize,
    /// No more sessions will be opened.
    over: AtomicBool,
}

impl Clock {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (engine, counted) = (engine.weak(), shared.clone());
        let run = move || {
            let mut unused = 0;
            loop {
                if counted.open.load(Ordering::SeqCst) > 0 {
                    unused = 0;
                } else if counted.over.load(Ordering::SeqCst) {
                    return;
                } else if unused < LINGER {
                    unused += 1;
                } else {
                    thread::park();
                    unused = 0;
                }
                thread::sleep(EPOCH);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
                counted.epochs.fetch_add(1, Ordering::Relaxed);
            }
        };
        let thread: JoinHandle<()> = thread::Builder::new().name("epochs".into()).spawn(run)?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// Keeps the clock going until the ticket is dropped.
    pub(crate) fn ticket(&self) -> Ticket {
        if self.shared.open.fetch_add(1, Ordering::SeqCst) == 0 {
            self.thread.unpark();
        }
        Ticket(self.shared.clone())
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// An open session.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Shared>);

impl Ticket {
    fn epochs(&self) -> u64 {
        self.0.epochs.load(Ordering::Relaxed)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The time that a guest has left, in microseconds.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: u64,
    most: u64,
    /// When the time that passed was last counted.
    counted: u64,
    ticket: Ticket,
}

impl Allowance {
    /// `deadline`: how long a guest may run at a stretch.
    pub(crate) fn new(deadline: Duration, ticket: Ticket) -> Self {
        let most = u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX).max(COST);
        Self { left: most, most, counted: ticket.epochs(), ticket }
    }

    /// Adds what `len` bytes of input earn, and what has come with time.
    pub(crate) fn fed(&mut self, len: usize) {
        let now = self.ticket.epochs();
        let passed = now - self.counted;
        self.counted = now;
        let earned = FEED + len as u64 * COST / BYTES + passed * COST / SHARE;
        // Much input at once earns more than the deadline.
        self.left = self.most.max(earned).min(self.left.saturating_add(earned));
    }

    /// Takes an epoch off; `false`: there was none left.
    pub(crate) fn spend(&mut self) -> bool {
        let enough = self.left >= COST;
        self.left = self.left.saturating_sub(COST);
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn allowance(epochs: u64) -> Allowance {
        let deadline = EPOCH * u32::try_from(epochs).expect("small");
        Allowance::new(deadline, Ticket(Arc::new(Shared { open: 1.into(), ..Shared::default() })))
    }

    fn spent(allowance: &mut Allowance) -> u64 {
        (0..).take_while(|_| allowance.spend()).count() as u64
    }

    #[test]
    fn a_guest_has_its_deadline_and_then_what_it_earns() {
        let mut allowance = allowance(20);
        assert_eq!(spent(&mut allowance), 20);
        allowance.fed(8 << 10);
        assert_eq!(spent(&mut allowance), 1);
        for _ in 0..480 {
            allowance.fed(1);
        }
        assert_eq!(spent(&mut allowance), 1);
        for _ in 0..100 {
            allowance.fed(8 << 10);
        }
        assert_eq!(spent(&mut allowance), 20);
        allowance.fed(1 << 20);
        assert_eq!(spent(&mut allowance), 128);
    }

    #[test]
    fn the_clock_goes_on_for_sessions_that_outlive_it() {
        let engine = Engine::default();
        let clock = Clock::start(&engine).expect("a thread");
        let ticket = clock.ticket();
        drop(clock);
        let now = ticket.epochs();
        while ticket.epochs() < now + 3 {
            thread::yield_now();
        }
    }

    #[test]
    fn the_clock_rests_some_time_after_the_last_session() {
        let engine = Engine::default();
        let clock = Clock::start(&engine).expect("a thread");
        let epochs = || clock.shared.epochs.load(Ordering::Relaxed);
        drop(clock.ticket());
        let (start, mut last) = (Instant::now(), 0);
        while epochs() != last || last < u64::from(LINGER) {
            assert!(start.elapsed() < Duration::from_secs(60), "stopped at once, or never: {last}");
            last = epochs();
            thread::sleep(20 * EPOCH);
        }
        let ticket = clock.ticket();
        while ticket.epochs() < last + 3 {
            thread::yield_now();
        }
    }

    #[test]
    fn time_earns_a_hundredth_of_itself() {
        let mut allowance = allowance(20);
        spent(&mut allowance);
        allowance.ticket.0.epochs.fetch_add(300, Ordering::Relaxed);
        allowance.fed(0);
        assert_eq!(spent(&mut allowance), 3);
    }
}
