//! A session, the bytes it has not taken in yet, and the record of its last event.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "exported on wasm only"))]

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use sluicebox_abi::{Outcome, RECORD_LEN, encode_part, settings, stamp};
use sluicebox_core::{Close, Config, Reject, Session, StreamId, Text};

/// What one instance holds. Before [`open`](Self::open) there is room for the settings only.
pub(crate) struct Guest {
    session: Option<Session>,
    input: Vec<u8>,
    /// How much of `input` the session has taken in.
    taken: usize,
    /// The last words of a session that failed.
    error: String,
    record: [u8; RECORD_LEN],
}

impl Guest {
    pub(crate) const fn new() -> Self {
        Self {
            session: None,
            input: Vec::new(),
            taken: 0,
            error: String::new(),
            record: [0; RECORD_LEN],
        }
    }

    /// Room for `len` bytes behind what has not been taken in yet.
    pub(crate) fn space(&mut self, len: usize) -> *mut u8 {
        if self.taken == self.input.len() {
            self.input.clear();
            self.taken = 0;
        }
        self.input.reserve_exact(len);
        self.input.spare_capacity_mut().as_mut_ptr().cast()
    }

    /// Counts `len` bytes of that room as input.
    ///
    /// # Safety
    ///
    /// They have been written.
    pub(crate) unsafe fn feed(&mut self, len: usize) {
        let filled = self.input.len() + len;
        assert!(filled <= self.input.capacity(), "fed more than there is room for");
        // SAFETY: inside the capacity, and written, as the caller promises.
        unsafe { self.input.set_len(filled) };
    }

    /// Begins the session, with the settings that lie in the input.
    pub(crate) fn open(&mut self, seed: u64) {
        assert!(self.session.is_none(), "opened twice");
        let config: Config = settings::read(&self.input);
        self.input.clear();
        self.session = Some(Session::new(config, seed));
    }

    /// The record of the next event. `address` tells where a slice lies.
    pub(crate) fn poll(&mut self, address: impl Fn(&[u8]) -> u32) -> &[u8; RECORD_LEN] {
        let session = self.session.as_mut().expect("not open");
        let mut input = &self.input[self.taken..];
        let outcome = match session.poll(&mut input) {
            Ok(None) => Outcome::Nothing,
            Ok(Some(event)) => Outcome::Event(event),
            Err(error) => {
                self.error = error.to_string();
                Outcome::Failed { error: Some(error), text: Text(self.error.as_bytes()) }
            }
        };
        self.taken = self.input.len() - input.len();
        self.record = outcome.encode(address);
        stamp(&mut self.record, session.received(), session.stray());
        &self.record
    }

    /// The record of what has come of a message that is being gathered, if that is `least` bytes or more.
    pub(crate) fn part(
        &mut self,
        least: usize,
        address: impl Fn(&[u8]) -> u32,
    ) -> Option<&[u8; RECORD_LEN]> {
        let session = self.session.as_mut().expect("not open");
        self.record = encode_part(&session.part(least)?, address);
        Some(&self.record)
    }

    pub(crate) fn accept(&mut self, stream: StreamId) {
        self.session().accept(stream);
    }

    pub(crate) fn reject(&mut self, stream: StreamId, why: Reject) {
        self.session().reject(stream, why);
    }

    /// Asks the peer to connect anew, to the address that the first `len` bytes of the room are.
    ///
    /// # Safety
    ///
    /// They have been written.
    pub(crate) unsafe fn reconnect(&mut self, len: usize) -> bool {
        let start = self.input.len();
        // SAFETY: as the caller promises.
        unsafe { self.feed(len) };
        // It is no input of the session's.
        let url = self.input.split_off(start);
        self.session().reconnect(core::str::from_utf8(&url).expect("no text"))
    }

    pub(crate) fn idle(&mut self) {
        self.session().idle();
    }

    pub(crate) fn close(&mut self, why: Close) {
        self.session().close(why);
    }

    pub(crate) fn trim(&mut self) {
        self.session().trim();
        if self.taken == self.input.len() {
            (self.input, self.taken) = (Vec::new(), 0);
        }
    }

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("not open")
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_abi::Record;

    use super::*;

    fn feed(guest: &mut Guest, bytes: &[u8]) {
        let space = guest.space(bytes.len());
        // SAFETY: `space` is room for that many bytes, and they are written before they count.
        unsafe {
            space.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            guest.feed(bytes.len());
        }
    }

    /// The kind of the next event, and the bytes taken in by then.
    fn poll(guest: &mut Guest) -> (u8, u64) {
        let record = guest.poll(|_| 0);
        let state = Record::decode(&[&record[..], &[0; 8192]].concat(), 0).map(|r| r.received);
        (record[0], state.expect("a record"))
    }

    #[test]
    fn a_handshake_is_answered_however_the_settings_came() {
        for settings in [&[][..], &settings::write(&Config::default())] {
            let mut guest = Guest::new();
            feed(&mut guest, settings);
            guest.open(1);
            feed(&mut guest, &[3; 1000]);
            assert_eq!(poll(&mut guest), (0, 1000));
            feed(&mut guest, &[0; 537]);
            assert_eq!(poll(&mut guest), (1, 1537));
            assert_eq!(poll(&mut guest), (0, 1537));
        }
    }

    #[test]
    fn what_was_fed_and_not_taken_in_stays() {
        let mut guest = Guest::new();
        guest.open(1);
        for byte in [3, 4, 5] {
            feed(&mut guest, &[byte]);
        }
        assert_eq!(guest.input, [3, 4, 5]);
        assert_eq!(poll(&mut guest), (0, 3));
        let _room = guest.space(1);
        assert_eq!((guest.input.len(), guest.taken), (0, 0));
    }

    #[test]
    #[should_panic(expected = "not open")]
    fn nothing_goes_before_open() {
        Guest::new().trim();
    }

    #[test]
    #[should_panic(expected = "more than there is room for")]
    fn no_more_counts_than_there_is_room_for() {
        let mut guest = Guest::new();
        let _room = guest.space(8);
        // SAFETY: refused before it could matter.
        unsafe { guest.feed(1 << 20) };
    }
}
