//! From bytes to whole messages: handshake, chunks, and where bodies are gathered.

use super::{REPLIES, Session};
use crate::chunk::{Message, Piece, Place, Source, Step};
use crate::error::{Error, Limit};
use crate::ledger::Ledger;
use crate::message::Class;
use crate::stream::State;

/// Whether the input is used up, and the stash too as far as it goes.
type Dry = bool;

impl Session {
    /// Takes in input until something is to come out, or it is used up: which, is told.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Result<Dry, Error> {
        if let Some(handshake) = &mut self.handshake {
            let before = input.len();
            let done = handshake.take(input, &mut self.replies.out);
            self.received += (before - input.len()) as u64;
            if !done? {
                return Ok(true);
            }
            self.handshake = None;
        }
        // Nothing is ready when this is called, so that the first look is saved.
        let mut looks = false;
        while !input.is_empty() || self.chunks.holds() {
            if looks && self.full() {
                return Ok(false);
            }
            looks = true;
            if self.gather(input) {
                continue;
            }
            let before = input.len();
            let step = self.chunks.next(input);
            self.received += (before - input.len()) as u64;
            match step? {
                None => return Ok(true),
                Some(Step::Superseded { index, had }) => self.drop_message(index, had),
                Some(Step::Piece(piece)) => self.piece(piece, input)?,
            }
        }
        Ok(true)
    }

    /// What was held back at the end of the input is payload after all, if that makes it whole.
    pub(super) fn finish_input(&mut self) {
        if let Some(piece) = self.chunks.finish()
            && let Err(error) = self.piece(piece, &mut &[][..])
        {
            self.fail(error);
        }
    }

    /// Drops what is being gathered for a stream, wherever it is, and counts it.
    pub(super) fn tear(&mut self, slot: usize) {
        let stream = &mut self.streams[slot];
        for chunks in self.chunks.streams_mut().filter(|chunks| chunks.slot == Some(slot)) {
            match chunks.place {
                _ if !chunks.busy => {}
                Place::Own | Place::Rest(_) | Place::Tags(_) => stream.tear(chunks.filled),
                Place::Skip => stream.refuse_early(chunks.filled),
                Place::Gone => {}
            }
            chunks.clear();
            (chunks.place, chunks.slot) = (Place::Gone, None);
        }
        stream.tags.cut();
    }

    /// Lets go of what was held for a publish that does not come.
    pub(super) fn forget(&mut self, slot: usize) {
        self.tear(slot);
        let stream = &mut self.streams[slot];
        self.stray = self.stray.plus(stream.ledger.received);
        stream.tags.clear();
        stream.ledger = Ledger::default();
    }

    /// Whether enough is ready to come out.
    fn full(&self) -> bool {
        !self.pending.is_empty()
            || self.replies.out.len() >= REPLIES
            || self.streams.iter().any(|stream| stream.flows() && stream.tags.is_full())
    }

    /// Puts a piece of a message where it belongs; with the last one, acts on the message.
    fn piece(&mut self, piece: Piece, input: &mut &[u8]) -> Result<(), Error> {
        if piece.first {
            self.open(piece.index)?;
        }
        let stash;
        let bytes = match piece.source {
            Source::Input => {
                self.received += piece.len as u64;
                input.split_off(..piece.len).unwrap_or_default()
            }
            Source::Stash => {
                let (held, len) = self.chunks.take_stash(piece.len);
                stash = held;
                &stash[..len]
            }
        };
        self.acknowledge();
        let chunks = self.chunks.stream(piece.index);
        match chunks.place {
            Place::Tags(slot) => self.streams[slot].tags.push(bytes),
            Place::Own | Place::Rest(_) => chunks.buf.extend_from_slice(bytes),
            Place::Skip | Place::Gone => {}
        }
        if piece.last { self.whole(piece.index) } else { Ok(()) }
    }

    /// Takes in media of the live stream that had some last, message by message, as long as nothing
    /// stands against it: nearly all of the input is that. Whether there was any, is told.
    fn gather(&mut self, input: &mut &[u8]) -> bool {
        let stream = self.streams.get_mut(self.media).filter(|s| s.state == State::Live);
        let Some(stream) = stream else { return false };
        let before = input.len();
        stream.tags.expect(before);
        let gathered = stream.tags.gathers();
        let mut whole = |index| self.chunks.run(index, input, &mut stream.tags);
        if gathered.is_none_or(&mut whole) {
            if let Some(index) = gathered {
                let Message { kind, timestamp, .. } = self.chunks.stream(index).message;
                stream.finish(kind, timestamp);
            }
            self.chunks.messages(input, stream, self.media);
        }
        let taken = before - input.len();
        self.received += taken as u64;
        self.acknowledge();
        taken > 0
    }

    /// Decides where the message that begins on a chunk stream is gathered.
    fn open(&mut self, index: usize) -> Result<(), Error> {
        let chunks = self.chunks.stream(index);
        let message = chunks.message;
        // Nothing of the message before it counts any more, whatever comes of this one.
        (chunks.place, chunks.slot) = (Place::Gone, None);
        let (place, slot) = match Class::of(message.kind)? {
            Class::Control | Class::Command => {
                if message.len > self.config.limits.command {
                    return Err(Limit::Command { len: message.len }.into());
                }
                (Place::Own, None)
            }
            Class::Aggregate => (Place::Own, self.route(message.stream)),
            Class::Ignored => (Place::Skip, None),
            Class::Media => match self.route(message.stream) {
                Some(slot)
                    if self.is_live(slot) || self.may_hold(slot, self.awaited(index, slot)) =>
                {
                    self.make_room(slot);
                    self.media = slot;
                    self.streams[slot].tags.begin(index, message.len as usize);
                    (Place::Tags(slot), Some(slot))
                }
                slot => (Place::Skip, slot),
            },
        };
        let chunks = self.chunks.stream(index);
        (chunks.place, chunks.slot) = (place, slot);
        Ok(())
    }

    /// The slot that media on this message stream belongs to.
    ///
    /// Relays send it on message stream 0, and encoders that do not wait for the answer to
    /// `createStream` publish on 0 and send on 1: while exactly one stream is live, it can only
    /// mean that one. Before any publish, the same holds for the only one created.
    pub(super) fn route(&self, id: u32) -> Option<usize> {
        let at = |state| self.streams.iter().position(|s| s.id == id && s.state == state);
        let only_live = || {
            let slot = self.only(|state| state == State::Live)?;
            (id == 0 || self.streams[slot].id == 0).then_some(slot)
        };
        let only_created = || match id {
            0 => self.only(|state| state == State::Created),
            _ => None,
        };
        at(State::Live).or_else(only_live).or_else(|| at(State::Created)).or_else(only_created)
    }

    /// The only slot in such a state, if there is exactly one.
    pub(super) fn only(&self, is: impl Fn(State) -> bool) -> Option<usize> {
        let mut slots = (0..self.streams.len()).filter(|slot| is(self.streams[*slot].state));
        slots.next().filter(|_| slots.next().is_none())
    }

    pub(super) fn is_live(&self, slot: usize) -> bool {
        self.streams[slot].state == State::Live
    }

    /// Whether so much more media may be held for a publish to come.
    pub(super) fn may_hold(&self, slot: usize, len: usize) -> bool {
        self.streams[slot].tags.ready() + len <= self.config.limits.early
    }

    /// Length of the message that begins at `index` and of all others under way for its slot.
    fn awaited(&self, index: usize, slot: usize) -> usize {
        let others =
            self.chunks.streams().enumerate().filter(|(other, chunks)| {
                *other != index && chunks.busy && chunks.slot == Some(slot)
            });
        let others: usize = others.map(|(_, chunks)| chunks.message.len as usize).sum();
        others + self.chunks.streams().nth(index).map_or(0, |chunks| chunks.message.len as usize)
    }

    /// Makes the end of the slot's tag buffer free: a message that is being gathered there goes on
    /// in its chunk stream's own buffer. That happens once to a message, when another interleaves.
    pub(super) fn make_room(&mut self, slot: usize) {
        let tags = &mut self.streams[slot].tags;
        if let Some(index) = tags.gathers() {
            let chunks = self.chunks.stream(index);
            chunks.buf.clear();
            chunks.place = match tags.evict(&mut chunks.buf) {
                0 => Place::Own,
                ahead => Place::Rest(ahead),
            };
        }
    }

    /// Drops an unfinished message that the peer took back, of which `had` bytes came.
    pub(super) fn drop_message(&mut self, index: usize, had: usize) {
        let chunks = self.chunks.stream(index);
        chunks.clear();
        if let Some(slot) = chunks.slot.take() {
            let stream = &mut self.streams[slot];
            stream.abort(had);
            if chunks.place == Place::Tags(slot) {
                stream.tags.cut();
            }
        }
        chunks.place = Place::Gone;
    }

    /// Acknowledges what came without a pause, in steps of half the window that was announced: a
    /// peer that keeps to it never has to stop. Steps lie at fixed places in the input, whatever the
    /// reads.
    fn acknowledge(&mut self) {
        let step = u64::from(self.config.window / 2);
        while self.position().saturating_sub(self.acknowledged) >= step {
            self.acknowledged += step;
            self.replies.acknowledge(self.acknowledged);
        }
    }

    /// Bytes taken in up to the end of the piece at hand. What was looked at beyond it does not
    /// count: that depends on the reads.
    pub(super) fn position(&self) -> u64 {
        self.received - self.chunks.stashed() as u64
    }
}
