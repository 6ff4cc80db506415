//! What a loop's driver works on: the connections, and which of them are due.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use super::front::Front;
use super::pace::Pace;
use crate::connection::Connection;
use crate::ingest::Backend;

/// Time between two looks at every connection's deadline.
pub(super) const SWEEP: Duration = Duration::from_millis(500);
/// The same while some are to be told that they have gone quiet, or ask for something again.
pub(super) const LIVELY: Duration = Duration::from_millis(100);
/// Sockets that one wait reports.
const EVENTS: usize = 1024;

const WAKER: usize = usize::MAX;
/// Tokens of the front's listeners begin here; tokens below are connections.
pub(super) const FIRST_LISTENER: usize = usize::MAX / 2;

/// The connections of a loop, and which of them are due.
pub(super) struct State<B: Backend> {
    pub(super) poll: Poll,
    pub(super) events: Events,
    pub(super) slots: Slab<Slot<B>>,
    /// Connections to be given a turn in this round and the next.
    pub(super) ready: VecDeque<usize>,
    /// Turns left in this round.
    pub(super) round: usize,
    /// When this round began, and whether anything was read in it.
    pub(super) began: Instant,
    pub(super) took: bool,
    /// Publishers that have something to read, and rest.
    resting: Vec<usize>,
    /// When they are read.
    pub(super) tick: Instant,
    /// Publishers that cannot rest so long.
    fast: Vec<usize>,
    pub(super) swept: Instant,
    /// Some connection has not gone quiet yet.
    pub(super) lively: bool,
    pub(super) front: Option<Front<B>>,
    /// Connections wait to be accepted.
    pub(super) knocks: bool,
    /// The server drains, and the connections here have been told to look.
    pub(super) drains: bool,
}

/// The place of a connection in a loop.
pub(super) enum Slot<B: Backend> {
    Here(Box<Connection<B>>),
    /// In its turn. Events that came meanwhile: the socket has something, the peer has ended.
    Away {
        ready: bool,
        ended: bool,
    },
}

impl<B: Backend> State<B> {
    pub(super) fn new() -> io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            slots: Slab::new(),
            ready: VecDeque::new(),
            round: 0,
            began: now,
            took: false,
            resting: Vec::new(),
            tick: now,
            fast: Vec::new(),
            swept: now,
            lively: false,
            front: None,
            knocks: false,
            drains: false,
        })
    }

    /// What ends a wait from outside.
    pub(super) fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), Token(WAKER))
    }

    /// Takes a connection out for its turn, if it is there.
    pub(super) fn take(&mut self, key: usize) -> Option<Box<Connection<B>>> {
        let slot = self.slots.get_mut(key)?;
        match std::mem::replace(slot, Slot::Away { ready: false, ended: false }) {
            Slot::Here(mut connection) => {
                connection.pace.waits = false;
                Some(connection)
            }
            Slot::Away { ended, .. } => {
                *slot = Slot::Away { ready: true, ended };
                None
            }
        }
    }

    pub(super) fn insert(&mut self, mut connection: Box<Connection<B>>) {
        connection.pace = Pace::new(Instant::now());
        let entry = self.slots.vacant_entry();
        let token = Token(entry.key());
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(connection.socket(), token, interest) {
            tracing::error!(peer = %connection.peer(), %error, "cannot wait for a socket");
            return;
        }
        // Its bytes may have come before it was registered.
        connection.pace.waits = true;
        self.ready.push_back(entry.key());
        entry.insert(Slot::Here(connection));
    }

    /// Begins a round: gives a turn to connections whose sockets have something, now or when their
    /// rest is over.
    pub(super) fn begin_round(&mut self, rest: Duration) {
        (self.began, self.took) = (Instant::now(), false);
        let now = self.began;
        let ticks = rest.is_zero() || now >= self.tick;
        if ticks {
            self.ready.extend(self.resting.drain(..));
        } else if !self.fast.is_empty() {
            let slots = &self.slots;
            let due = |key: &usize| match slots.get(*key) {
                Some(Slot::Here(connection)) => connection.pace.due().is_some_and(|due| due <= now),
                Some(Slot::Away { .. }) | None => true,
            };
            self.ready.extend(self.resting.extract_if(.., |key| due(key)));
        }
        self.note_events(ticks);
        if ticks {
            self.tick = now + rest;
        }
    }

    /// Notes which connections the sockets that were waited for belong to.
    fn note_events(&mut self, ticks: bool) {
        for event in &self.events {
            let key = event.token().0;
            if key == WAKER {
                continue;
            }
            if key >= FIRST_LISTENER {
                self.knocks = true;
                continue;
            }
            let ended = event.is_read_closed() || event.is_error();
            match self.slots.get_mut(key) {
                Some(Slot::Here(connection)) => {
                    if ended {
                        connection.peer_ended();
                    }
                    if std::mem::replace(&mut connection.pace.waits, true) {
                        continue;
                    }
                    let due = || connection.pace.due().is_some_and(|due| due <= self.began);
                    let at_once = ticks || !connection.publishes() || due();
                    if at_once { self.ready.push_back(key) } else { self.resting.push(key) }
                }
                Some(Slot::Away { ready, ended: seen }) => (*ready, *seen) = (true, *seen || ended),
                None => {}
            }
        }
    }

    /// Takes note of what a connection read in its turn.
    pub(super) fn note_read(&mut self, key: usize, connection: &mut Connection<B>, rest: Duration) {
        let taken = connection.taken();
        self.took |= taken > 0;
        connection.pace.read(taken, self.began, rest);
        if connection.pace.due().is_some() && !connection.pace.listed {
            connection.pace.listed = true;
            self.fast.push(key);
        }
    }

    /// Until when nothing is to be read. `None`: somebody who sends fast is waited for.
    pub(super) fn quiet_until(&mut self, rest: Duration) -> Option<Instant> {
        let (now, slots) = (Instant::now(), &mut self.slots);
        let (mut until, mut waited_for) = (self.tick, false);
        self.fast.retain(|key| {
            let Some(Slot::Here(connection)) = slots.get_mut(*key) else { return false };
            connection.pace.forget(now, rest);
            let due = connection.pace.due();
            connection.pace.listed = due.is_some();
            waited_for |= due.is_some_and(|due| due <= now);
            until = due.map_or(until, |due| until.min(due));
            due.is_some()
        });
        (!waited_for).then_some(until)
    }

    /// Whether anybody has something to read, and rests.
    pub(super) fn rests(&self) -> bool {
        !self.resting.is_empty()
    }

    /// Looks at every connection now and then: those that have gone quiet, and those whose time is
    /// up, get a turn.
    pub(super) fn sweep(&mut self, at_once: bool) {
        let now = Instant::now();
        let period = if self.lively { LIVELY } else { SWEEP };
        if now.saturating_duration_since(self.swept) < period && !at_once {
            return;
        }
        (self.swept, self.lively) = (now, false);
        for (key, slot) in &mut self.slots {
            let Slot::Here(connection) = slot else { continue };
            if connection.is_due(now) && !std::mem::replace(&mut connection.pace.waits, true) {
                self.ready.push_back(key);
            }
            self.lively |= connection.will_pause();
        }
    }
}
