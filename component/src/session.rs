//! The session resource: the core's session, and what it has not taken in yet.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::mem;

use sluicebox_core::{Config, Session, StreamId, flv};

use crate::bindings::exports::sluicebox::ingest::sessions::{
    CloseReason, Guest, GuestSession, Outcome, RejectReason, Settings, Tally,
};
use crate::convert;

pub(crate) struct Component;

impl Guest for Component {
    type Session = Shared;

    fn flv_header() -> Vec<u8> {
        flv::FILE_HEADER.to_vec()
    }
}

/// Resources are lent shared; one call at a time.
pub(crate) struct Shared(RefCell<State>);

struct State {
    session: Session,
    /// What came while a publish waits for its decision.
    kept: Vec<u8>,
}

impl State {
    /// Polls until the session wants more.
    fn poll(&mut self, mut input: &[u8]) -> Outcome {
        let mut outcome = Outcome { events: Vec::new(), failed: None };
        loop {
            match self.session.poll(&mut input) {
                Ok(Some(event)) => outcome.events.extend(convert::event(event)),
                Ok(None) => break,
                Err(error) => {
                    outcome.failed = Some(convert::failure(error));
                    break;
                }
            }
        }
        self.kept = input.to_vec();
        outcome
    }

    /// Polls with what was kept.
    fn go_on(&mut self) -> Outcome {
        let kept = mem::take(&mut self.kept);
        self.poll(&kept)
    }
}

impl GuestSession for Shared {
    fn new(wanted: Option<Settings>, seed: u64) -> Self {
        let config = wanted.as_ref().map_or_else(Config::default, convert::config);
        let session = Session::new(config, seed);
        Self(RefCell::new(State { session, kept: Vec::new() }))
    }

    fn feed(&self, bytes: Vec<u8>) -> Outcome {
        let state = &mut *self.0.borrow_mut();
        if state.kept.is_empty() {
            return state.poll(&bytes);
        }
        state.kept.extend_from_slice(&bytes);
        state.go_on()
    }

    fn accept(&self, stream: u32) -> Outcome {
        let state = &mut *self.0.borrow_mut();
        state.session.accept(StreamId(stream));
        state.go_on()
    }

    fn reject(&self, stream: u32, why: RejectReason) -> Outcome {
        let state = &mut *self.0.borrow_mut();
        state.session.reject(StreamId(stream), convert::reject(why));
        state.go_on()
    }

    fn reconnect(&self, url: Option<String>) -> Option<Outcome> {
        let state = &mut *self.0.borrow_mut();
        state.session.reconnect(url.as_deref().unwrap_or_default()).then(|| state.go_on())
    }

    fn idle(&self) -> Outcome {
        let state = &mut *self.0.borrow_mut();
        state.session.idle();
        let outcome = state.go_on();
        state.session.trim();
        outcome
    }

    fn close(&self, why: CloseReason) -> Outcome {
        let state = &mut *self.0.borrow_mut();
        state.session.close(convert::close(why));
        state.go_on()
    }

    fn received(&self) -> u64 {
        self.0.borrow().session.received()
    }

    fn stray(&self) -> Tally {
        convert::tally(self.0.borrow().session.stray())
    }
}
