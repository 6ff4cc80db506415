//! A session in the sandbox.

use std::fmt;
use std::ops::Range;

use sluicebox_abi::{self as abi, Outcome, Record, settings};
use sluicebox_core::{Close, Config, Event, Part, Reject, StreamId, Tally, Text};

use crate::check::Account;
use crate::discard::discard;
use crate::error::{Error, Fault};
use crate::instance::Instance;

/// One RTMP connection, from its first byte, in a guest of its own.
///
/// The contract is that of [`sluicebox_core::Session`], with one difference: input is read into the
/// guest's own memory. Ask for [`space`](Self::space), read into it, [`feed`](Self::feed) what was
/// read, and [`poll`](Self::poll) until `None`.
///
/// Every call that fails, fails for good.
pub struct Session {
    guest: Instance,
    account: Account,
    /// The room that was given last, in the guest's memory.
    space: Range<usize>,
    /// Where the last record is, until the guest runs again.
    record: Option<u32>,
    failed: Option<Error>,
}

impl Session {
    pub(crate) fn open(guest: Instance, config: &Config, seed: u64) -> Result<Self, Error> {
        let mut session =
            Self { guest, account: Account::new(config), space: 0..0, record: None, failed: None };
        let settings = settings::write(config);
        session.space(settings.len())?[..settings.len()].copy_from_slice(&settings);
        session.space = 0..0;
        let len = u32::try_from(settings.len()).unwrap_or(u32::MAX);
        session.guest.call(|calls| &calls.open, (len, seed))?;
        Ok(session)
    }

    /// Room for `len` bytes of input, in the guest's memory: more than 64 KiB at a time only costs
    /// cache. What is in it before it is written means nothing.
    pub fn space(&mut self, len: usize) -> Result<&mut [u8], Error> {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let at = self.call(|guest| guest.call(|calls| &calls.space, len))?;
        let (start, end) = (at as usize, at as usize + len as usize);
        if end > self.guest.memory().len() {
            return Err(self.fail(Fault::Space { at, len }));
        }
        self.space = start..end;
        Ok(&mut self.guest.memory_mut()[start..end])
    }

    /// Hands over the first `len` bytes of that room.
    ///
    /// # Panics
    ///
    /// When there was not so much room.
    pub fn feed(&mut self, len: usize) -> Result<(), Error> {
        assert!(len <= self.space.len(), "fed more than there is room for");
        self.space = 0..0;
        self.account.fed(len);
        self.guest.fed(len);
        // Not more than `space` was asked for.
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.call(|guest| guest.call(|calls| &calls.feed, len))
    }

    /// The next event. `None`: everything that was fed is in; or a decision is due; or the session
    /// is closed and everything has come out.
    #[must_use = "an event that is not acted on is lost"]
    pub fn poll(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.advance()?;
        Ok(self.event())
    }

    /// Goes on to the next event, for [`event`](Self::event) to look at: [`poll`](Self::poll) in two
    /// steps, for who has to see an event before deciding who gets it. `false`: there is none.
    #[must_use = "an event that is not acted on is lost"]
    pub fn advance(&mut self) -> Result<bool, Error> {
        self.record = None;
        let at = self.call(|guest| guest.call(|calls| &calls.poll, ()))?;
        match self.examine(at) {
            Ok(None) => {}
            Ok(Some(error)) => {
                self.failed = Some(error.clone());
                return Err(error);
            }
            Err(fault) => return Err(self.fail(fault)),
        }
        self.record = Some(at);
        Ok(self.event().is_some())
    }

    /// The event that [`advance`](Self::advance) went on to. It is gone with the next call of
    /// anything that may change the session.
    pub fn event(&self) -> Option<Event<'_>> {
        // Read once more, so that nothing was borrowed while it was judged.
        match Record::decode(self.guest.memory(), self.record?).ok()?.outcome {
            Outcome::Event(event) => Some(event),
            Outcome::Nothing | Outcome::Failed { .. } => None,
        }
    }

    /// What has come of the message that is being gathered, if it is `least` bytes or more: see
    /// [`Session::part`](sluicebox_core::Session::part). `None` too when the guest knows no parts.
    pub fn part(&mut self, least: usize) -> Result<Option<Part<'_>>, Error> {
        let least = u32::try_from(least).unwrap_or(u32::MAX);
        let at = self.call(|guest| guest.part(least))?;
        if at == 0 {
            return Ok(None);
        }
        let judged = abi::part(self.guest.memory(), at).map_err(Fault::from);
        if let Err(fault) = judged.and_then(|part| self.account.part(&part)) {
            return Err(self.fail(fault));
        }
        // Read once more, so that nothing was borrowed while it was judged.
        Ok(abi::part(self.guest.memory(), at).ok())
    }

    /// Judges the record at `at` and keeps account of it; the error that it tells, if it does.
    fn examine(&mut self, at: u32) -> Result<Option<Error>, Fault> {
        let record = Record::decode(self.guest.memory(), at)?;
        self.account.check(&record)?;
        Ok(match record.outcome {
            Outcome::Failed { error: Some(error), .. } => Some(Error::Session(error)),
            Outcome::Failed { error: None, text } => {
                let text = words(text.as_bytes());
                Some(Error::Guest(Fault::Other(text)))
            }
            Outcome::Nothing | Outcome::Event(_) => None,
        })
    }

    /// Lets the publish that [`Event::Publish`] asked for begin.
    pub fn accept(&mut self, stream: StreamId) -> Result<(), Error> {
        self.account.accepted(stream);
        self.call(|guest| guest.call(|calls| &calls.accept, stream.0))
    }

    /// Refuses the publish that [`Event::Publish`] asked for, or ends a live one.
    pub fn reject(&mut self, stream: StreamId, why: Reject) -> Result<(), Error> {
        self.account.rejected(stream);
        let why = abi::of_reject(why);
        self.call(|guest| guest.call(|calls| &calls.reject, (stream.0, why)))
    }

    /// Asks a peer that can to connect anew, to `url`, or to the address it came to; poll after it.
    /// False: it has not said that it can.
    pub fn reconnect(&mut self, url: &str) -> Result<bool, Error> {
        self.space(url.len())?[..url.len()].copy_from_slice(url.as_bytes());
        self.space = 0..0;
        self.account.reconnecting(url);
        let len = u32::try_from(url.len()).unwrap_or(u32::MAX);
        let told = self.call(|guest| guest.call(|calls| &calls.reconnect, len))?;
        Ok(told != 0)
    }

    /// The peer has gone quiet: poll for an acknowledgement.
    pub fn idle(&mut self) -> Result<(), Error> {
        self.call(|guest| guest.call(|calls| &calls.idle, ()))
    }

    /// Ends the session from this side; poll until `None` for what is left.
    pub fn close(&mut self, why: Close) -> Result<(), Error> {
        self.account.closed();
        let why = abi::of_close(why);
        self.call(|guest| guest.call(|calls| &calls.close, why))
    }

    /// Has the guest give back buffers that it does not use, to itself.
    pub fn trim(&mut self) -> Result<(), Error> {
        self.free().map(|_| ())
    }

    /// Does the same, and gives the memory behind them back to the system, but for the first `keep`
    /// bytes: what comes next takes it again, page by page. So all of it for a connection that has gone
    /// quiet, and what a usual message needs is kept for one that has not.
    pub fn release(&mut self, mut keep: usize) -> Result<(), Error> {
        let list = self.free()?;
        for index in 0.. {
            match abi::unused(self.guest.memory(), list, index) {
                Ok(Some(mut range)) => {
                    let kept = keep.min(range.len());
                    (range.start, keep) = (range.start + kept, keep - kept);
                    discard(self.guest.memory_mut(), range);
                }
                Ok(None) => break,
                Err(fault) => return Err(self.fail(fault.into())),
            }
        }
        Ok(())
    }

    /// The address of the list of free memory.
    fn free(&mut self) -> Result<u32, Error> {
        self.space = 0..0;
        self.call(|guest| guest.call(|calls| &calls.trim, ()))
    }

    /// Bytes taken in so far, as the guest tells it: not more than were fed.
    pub fn received(&self) -> u64 {
        self.account.received()
    }

    /// Media that belongs to no stream, as the guest tells it.
    pub fn stray(&self) -> Tally {
        self.account.stray()
    }

    /// Bytes of memory that the guest has; what it never touched is not resident.
    pub fn memory(&self) -> usize {
        self.guest.memory().len()
    }

    fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Instance) -> Result<R, Fault>,
    ) -> Result<R, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.record = None;
        call(&mut self.guest).map_err(|fault| self.fail(fault))
    }

    fn fail(&mut self, fault: Fault) -> Error {
        let error = Error::Guest(fault);
        self.failed = Some(error.clone());
        error
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Session");
        debug.field("received", &self.received()).field("failed", &self.failed);
        debug.finish_non_exhaustive()
    }
}

/// Words of a guest, made safe for a log line.
fn words(bytes: &[u8]) -> String {
    const MOST: usize = 200;
    Text(&bytes[..bytes.len().min(MOST)]).to_string()
}
