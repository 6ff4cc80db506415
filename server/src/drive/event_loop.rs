//! One loop: waits for sockets, and gives connections their turns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mio::Waker;

use super::front::Front;
use super::state::{LIVELY, SWEEP, Slot, State};
use crate::connection::{Connection, Turn};
use crate::ingest::Backend;
use crate::run::Shared;

/// One read takes at most this much: above, reads get slower, as they leave the cache.
const READ: usize = 64 << 10;

/// While more than this wait for a turn, nobody keeps room for more until its own comes.
const CROWD: usize = 16;

/// A loop, and what its driver and others share.
pub(super) struct EventLoop<B: Backend> {
    shared: Arc<Shared<B>>,
    /// Longest rest between rounds; zero: none.
    rest: Duration,
    /// Held by the driver but for the time of a turn.
    state: Mutex<State<B>>,
    /// Connections from elsewhere: new ones, and those that return from a blocked turn.
    inbox: Mutex<Vec<Arrival<B>>>,
    waker: Waker,
    /// Number of the driver in charge.
    driver: AtomicU64,
    /// The turn in progress, by number; 0: none.
    turn: AtomicU64,
    /// Turns so far.
    turns: AtomicU64,
    ended: AtomicBool,
    /// Where connections go that have stopped publishing. The front has none.
    home: OnceLock<std::sync::Weak<Self>>,
}

enum Arrival<B: Backend> {
    New(Box<Connection<B>>),
    Returned(usize, Box<Connection<B>>, Turn),
}

impl<B: Backend> EventLoop<B> {
    pub(super) fn new(shared: Arc<Shared<B>>, rest: Duration) -> Result<Arc<Self>> {
        let state = State::new().context("cannot wait for sockets")?;
        let waker = state.waker().context("cannot make a waker")?;
        Ok(Arc::new(Self {
            shared,
            rest,
            state: Mutex::new(state),
            inbox: Mutex::default(),
            waker,
            driver: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            home: OnceLock::new(),
        }))
    }

    /// Makes this loop the front.
    pub(super) fn set_front(&self, mut front: Front<B>) -> Result<()> {
        let mut state = self.lock();
        front.register(state.poll.registry()).context("cannot wait for connections")?;
        state.front = Some(front);
        Ok(())
    }

    /// Sets where connections go that have stopped publishing.
    pub(super) fn set_home(&self, front: &Arc<Self>) {
        let _ = self.home.set(Arc::downgrade(front));
    }

    pub(super) fn wake(&self) {
        // Fails only when the poll is gone, and with it everybody to wake.
        let _ = self.waker.wake();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// The number of the turn in progress, if one is.
    pub(super) fn turn_in_progress(&self) -> Option<u64> {
        Some(self.turn.load(Ordering::Relaxed)).filter(|turn| *turn != 0)
    }

    /// Whether the server has no connections.
    pub(super) fn is_idle(&self) -> bool {
        self.shared.access.connections() == 0
    }

    /// Puts a new driver in charge. The turn that the last one is in is its own affair from here on.
    pub(super) fn next_driver(&self) -> u64 {
        self.turn.store(0, Ordering::Relaxed);
        self.driver.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Takes over a connection from another loop.
    fn adopt(&self, arrival: Arrival<B>) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
        self.wake();
    }

    /// Gives turns until another driver is in charge, or the server has stopped.
    pub(super) fn drive(&self, driver: u64) {
        let mut scratch = vec![0; READ];
        while self.driver.load(Ordering::SeqCst) == driver {
            let Some((key, connection, crowded)) = self.next() else {
                self.ended.store(true, Ordering::SeqCst);
                return;
            };
            let turn = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
            self.turn.store(turn, Ordering::Relaxed);
            let (connection, next) = give_turn(connection, &mut scratch, crowded);
            // A stand-in may be at turns of its own by now: theirs is not to be ended.
            let _ = self.turn.compare_exchange(turn, 0, Ordering::Relaxed, Ordering::Relaxed);
            self.settle(key, connection, next);
        }
    }

    /// The next connection that is due, taken out of its slot, and whether many others wait for their
    /// turn. `None`: the server has stopped and nobody is left.
    fn next(&self) -> Option<(usize, Box<Connection<B>>, bool)> {
        let mut state = self.lock();
        loop {
            while state.round > 0 {
                state.round -= 1;
                let Some(key) = state.ready.pop_front() else { break };
                if let Some(connection) = state.take(key) {
                    return Some((key, connection, state.ready.len() > CROWD));
                }
            }
            if self.shared.stop.raised() && self.is_over(&state) {
                return None;
            }
            self.wait(&mut state);
            self.receive(&mut state);
            let begins = self.begins_to_drain(&mut state);
            state.sweep(begins || self.shared.stop.raised());
            if let Some(front) = &mut state.front {
                front.tell_refusals();
            }
            state.round = state.ready.len();
        }
    }

    /// Whether the server drains from now on: nobody new, and everybody here has something to hear.
    fn begins_to_drain(&self, state: &mut State<B>) -> bool {
        if state.drains || !self.shared.stop.draining() {
            return false;
        }
        state.drains = true;
        if let Some(front) = &mut state.front {
            front.close();
        }
        true
    }

    /// Whether the server has stopped and nobody is left, here or on the way here.
    fn is_over(&self, state: &State<B>) -> bool {
        let arrivals = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).len();
        state.slots.is_empty() && arrivals == 0 && self.shared.access.connections() == 0
    }

    /// Rests, and waits for sockets.
    fn wait(&self, state: &mut State<B>) {
        let rests = !self.rest.is_zero() && !self.shared.stop.raised();
        let mut most = None;
        if rests && state.ready.is_empty() && (state.took || state.rests()) {
            match state.quiet_until(self.rest) {
                Some(until) => {
                    std::thread::sleep(until.saturating_duration_since(Instant::now()));
                }
                None => most = Some(state.tick.saturating_duration_since(Instant::now())),
            }
        }
        let timeout = if !state.ready.is_empty() || (state.rests() && most.is_none()) {
            Some(Duration::ZERO)
        } else if self.shared.stop.raised() || state.knocks {
            Some(Duration::from_millis(20))
        } else if state.lively {
            Some(LIVELY)
        } else if state.slots.is_empty() {
            None
        } else {
            Some(SWEEP)
        };
        let timeout = match (timeout, most) {
            (Some(timeout), Some(most)) => Some(timeout.min(most)),
            (timeout, most) => timeout.or(most),
        };
        let State { poll, events, .. } = state;
        if let Err(error) = poll.poll(events, timeout) {
            if error.kind() != std::io::ErrorKind::Interrupted {
                tracing::error!(%error, "cannot wait for sockets");
                std::thread::sleep(SWEEP);
            }
            return;
        }
        let rest = if rests { self.rest } else { Duration::ZERO };
        state.begin_round(rest);
    }

    /// Takes in arrivals and new connections.
    fn receive(&self, state: &mut State<B>) {
        let arrivals = {
            let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *inbox)
        };
        for arrival in arrivals {
            match arrival {
                Arrival::New(connection) => state.insert(connection),
                Arrival::Returned(key, connection, next) => {
                    self.put_back(state, key, connection, next);
                }
            }
        }
        if std::mem::take(&mut state.knocks)
            && let Some(mut front) = state.front.take()
        {
            state.knocks = front.accept(&self.shared, |connection| state.insert(connection));
            state.front = Some(front);
        }
    }

    /// Ends a turn: puts the connection back, or hands it on.
    fn settle(&self, key: usize, connection: Option<Box<Connection<B>>>, next: Turn) {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A stand-in has the loop, and may be waiting with it: it is to be told.
            Err(TryLockError::WouldBlock) => match connection {
                Some(connection) => {
                    return self.adopt(Arrival::Returned(key, connection, next));
                }
                None => self.lock(),
            },
        };
        match connection {
            Some(connection) => self.put_back(&mut state, key, connection, next),
            None => drop(state.slots.try_remove(key)),
        }
    }

    fn put_back(
        &self,
        state: &mut State<B>,
        key: usize,
        mut connection: Box<Connection<B>>,
        next: Turn,
    ) {
        let Some(slot) = state.slots.get_mut(key) else { return };
        let Slot::Away { ready, ended } = *slot else { return };
        if ended {
            connection.peer_ended();
        }
        if next == Turn::Over {
            // Dropping the socket takes it out of the poll.
            drop(state.slots.remove(key));
            drop(connection);
            self.shared.backend.prepare();
            return;
        }
        if let Some(elsewhere) = self.elsewhere(state, &connection) {
            let _ = state.poll.registry().deregister(connection.socket());
            drop(state.slots.remove(key));
            return elsewhere.adopt(Arrival::New(connection));
        }
        if !self.rest.is_zero() {
            state.note_read(key, &mut connection, self.rest);
        }
        state.lively |= connection.will_pause();
        connection.pace.waits = ready || next == Turn::More;
        if connection.pace.waits {
            state.ready.push_back(key);
        }
        state.slots[key] = Slot::Here(connection);
    }

    /// The loop that a connection belongs to, if it is not this one.
    fn elsewhere(&self, state: &State<B>, connection: &Connection<B>) -> Option<Arc<Self>> {
        match &state.front {
            Some(front) if connection.publishes() => Some(front.media().clone()),
            None if !connection.publishes() => self.home.get()?.upgrade(),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<B>> {
        // Turns, where a bug could panic, are outside the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a connection its turn. A panic is a bug of ours, and ends this connection only.
fn give_turn<B: Backend>(
    mut connection: Box<Connection<B>>,
    scratch: &mut [u8],
    crowded: bool,
) -> (Option<Box<Connection<B>>>, Turn) {
    let peer = connection.peer();
    let turn = catch_unwind(AssertUnwindSafe(|| {
        let next = connection.turn(scratch, crowded);
        (connection, next)
    }));
    match turn {
        Ok((connection, next)) => (Some(connection), next),
        Err(_) => {
            tracing::error!(%peer, "a bug in this server ended a connection");
            (None, Turn::Over)
        }
    }
}
