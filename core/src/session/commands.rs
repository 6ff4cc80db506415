//! Acting on commands.

use alloc::vec::Vec;

use super::{Pending, Session};
use crate::amf0::Object;
use crate::capabilities::Said;
use crate::command::{Command, Request, Which};
use crate::error::{Error, Limit};
use crate::event::End;
use crate::reply::Status;
use crate::stream::{State, Stream};

impl Session {
    /// Acts on a command that came on message stream `on`.
    pub(super) fn command(&mut self, kind: u8, on: u32, body: &[u8]) -> Result<(), Error> {
        let Command { request, transaction } = Command::read(kind, body, &self.config.limits)?;
        match request {
            Request::Connect(object) => self.connect(transaction, object),
            Request::CreateStream => match self.create(None) {
                Ok(slot) => {
                    let id = f64::from(self.streams[slot].id);
                    self.replies.result(transaction, Some(id));
                }
                Err(_) => self.call_failed(transaction, "Too many streams."),
            },
            Request::Acknowledge => self.answer(transaction, None),
            Request::StreamLength => self.answer(transaction, Some(0.0)),
            Request::AnnouncePublish => {
                self.connection.announced = true;
                self.answer(transaction, None);
            }
            Request::AnnounceUnpublish(name) => {
                self.answer(transaction, None);
                if let Some(slot) = self.named(name) {
                    self.unpublish(slot, false);
                }
            }
            Request::Publish { name, kind } => self.publish(on, name, kind)?,
            Request::CloseStream => {
                if let Some(slot) = self.live(on) {
                    self.unpublish(slot, false);
                }
            }
            Request::DeleteStream(which) => self.delete(which),
            Request::Play => {
                let status = Status::error("NetStream.Play.Failed", "This server only records.");
                self.replies.status("onStatus", on, &status);
            }
            Request::Ignored => {}
            Request::Unknown => self.call_failed(transaction, "No such command here."),
        }
        Ok(())
    }

    fn connect(&mut self, transaction: f64, object: Option<Object<'_>>) {
        let text = |key| object.and_then(|object| object.string(key)).map(Vec::from);
        let connection = &mut self.connection;
        connection.connected = true;
        connection.app = text("app").unwrap_or_default();
        // Some spell it otherwise; it is a hint and nothing depends on it.
        connection.tc_url = text("tcUrl").or_else(|| text("tcurl")).unwrap_or_default();
        connection.flash_ver = text("flashVer").unwrap_or_default();
        connection.swf_url = text("swfUrl").unwrap_or_default();
        connection.page_url = text("pageUrl").unwrap_or_default();
        connection.said = object.map(Said::read).unwrap_or_default();
        let enhanced = connection.said.enhanced;
        let encoding = object.and_then(|object| object.number("objectEncoding")).unwrap_or(0.0);
        let replies = &mut self.replies;
        replies.window_size(self.config.window);
        replies.peer_bandwidth(self.config.window);
        // Before the answer, which would not fit into one chunk otherwise.
        replies.set_chunk_size(self.config.chunk_size);
        replies.connected(transaction, encoding, enhanced);
        self.pending.push_back(Pending::Connect);
    }

    /// A slot for a new message stream, with this identifier or the lowest that is free.
    fn create(&mut self, id: Option<u32>) -> Result<usize, Limit> {
        let used = |id: u32| self.streams.iter().any(|s| s.id == id && s.state != State::Free);
        let id = id.unwrap_or_else(|| (1..).find(|id| !used(*id)).unwrap_or(u32::MAX));
        let new = Stream::new(id);
        if let Some(slot) = self.streams.iter().position(|s| s.state == State::Free) {
            self.streams[slot] = new;
            return Ok(slot);
        }
        if self.streams.len() >= self.config.limits.streams {
            return Err(Limit::Streams);
        }
        // Nearly always there is one.
        self.streams.reserve_exact(1);
        self.streams.push(new);
        Ok(self.streams.len() - 1)
    }

    /// Asks for a publish on the stream that was named, made on demand: some do not wait for the
    /// answer to `createStream`.
    fn publish(&mut self, on: u32, name: Option<&[u8]>, kind: &[u8]) -> Result<(), Error> {
        let known = self.streams.iter().position(|s| s.id == on && s.state != State::Free);
        let Some(name) = name else {
            // publish(false) is how Flash stops.
            if let Some(slot) = self.live(on) {
                self.unpublish(slot, false);
            }
            return Ok(());
        };
        let slot = match known {
            Some(slot) => slot,
            None => self.create(Some(on))?,
        };
        let stream = &mut self.streams[slot];
        if stream.state == State::Live {
            let text = "This stream publishes already.";
            let status = Status::error("NetStream.Publish.BadName", text);
            self.replies.status("onStatus", on, &status);
            return Ok(());
        }
        stream.state = State::Asked;
        stream.name = name.to_vec();
        stream.kind = kind.to_vec();
        self.pending.push_back(Pending::Publish { slot });
        Ok(())
    }

    /// The live stream that a message on this message stream means.
    fn live(&self, id: u32) -> Option<usize> {
        let exact = |s: &Stream| s.id == id && s.state == State::Live;
        self.streams.iter().position(exact).or_else(|| match id {
            0 => self.only(|state| state == State::Live),
            _ => None,
        })
    }

    /// The live stream of that name, or the only one: names differ between commands.
    fn named(&self, name: &[u8]) -> Option<usize> {
        let exact = |s: &Stream| s.name == name && s.state == State::Live;
        let exact = self.streams.iter().position(exact);
        exact.or_else(|| self.only(|state| state == State::Live))
    }

    fn delete(&mut self, which: Which<'_>) {
        let slot = match which {
            Which::Id(id) => {
                let known = |s: &Stream| s.id == id && s.state != State::Free;
                self.streams.iter().position(known)
            }
            Which::Name(name) => self.named(name),
            Which::Unsaid => self.only(|state| state == State::Live),
        };
        let Some(slot) = slot else { return };
        match self.streams[slot].state {
            State::Live => self.unpublish(slot, true),
            State::Ending(_) => self.streams[slot].state = State::Ending(true),
            _ => {
                self.forget(slot);
                self.streams[slot].state = State::Free;
            }
        }
    }

    /// Ends a stream as the peer wishes, and says so.
    fn unpublish(&mut self, slot: usize, free: bool) {
        let id = self.streams[slot].id;
        let status = Status::ok("NetStream.Unpublish.Success", "Stopped publishing.");
        self.replies.status("onStatus", id, &status);
        self.end(slot, End::Peer, free);
    }

    /// Answers a command, if an answer is waited for.
    fn answer(&mut self, transaction: f64, value: Option<f64>) {
        if transaction != 0.0 {
            self.replies.result(transaction, value);
        }
    }

    fn call_failed(&mut self, transaction: f64, text: &str) {
        if transaction != 0.0 {
            self.replies.error(transaction, &Status::error("NetConnection.Call.Failed", text));
        }
    }
}
