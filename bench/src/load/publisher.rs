//! One publisher: what it waits for, and what it has yet to send.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;

use anyhow::{Context as _, Result, bail, ensure};
use mio::net::TcpStream;

use super::media::{Amount, Media};
use super::{Pace, Plan};
use crate::wire::{self, COMMAND, CONTROL, Command, HANDSHAKE};

/// Most media written to one socket before the others have their turn, in bytes.
const TURN: usize = 256 << 10;

/// Where a publisher stands. Each state waits for the server, but for `Live` and `Connected`.
///
/// ```text
/// Handshake ─▶ Connecting ─┬▶ Creating ─▶ Publishing ─▶ Live ─┬▶ Ending ─▶ Ended
///                          └▶ Connected ──────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Handshake,
    Connecting,
    Connected,
    Creating,
    Publishing,
    Live,
    Ending,
    Ended,
}

/// What a turn at writing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// All that was due is sent.
    Idle,
    /// The socket takes no more for now.
    Blocked,
    /// There is more, and the socket may take it.
    More,
}

pub(crate) struct Publisher {
    pub(crate) socket: TcpStream,
    pub(crate) state: State,
    /// Whether it waits in line for its next turn.
    pub(crate) queued: bool,
    app: String,
    name: String,
    /// Or stops when it is connected.
    publishes: bool,
    stream: u32,
    chunk_size: usize,
    /// Commands, and the head of the media; sent before media.
    out: Vec<u8>,
    replies: Vec<u8>,
    head: Amount,
    /// The message of the lap that this publisher begins with.
    begin: u64,
    /// Messages sent or due, counted from `begin`.
    released: u64,
    /// Media sent, counted in wire bytes from the start of the lap `begin` is in.
    at: u64,
}

impl Publisher {
    pub(crate) fn new(socket: TcpStream, plan: &Plan, name: String, begin: u64) -> Self {
        let mut out = vec![3];
        out.resize(1 + HANDSHAKE, 0);
        Self {
            socket,
            state: State::Handshake,
            queued: false,
            app: plan.app.clone(),
            name,
            publishes: !matches!(plan.pace, Pace::Connected(_)),
            stream: 1,
            chunk_size: 128,
            out,
            replies: Vec::new(),
            head: Amount::default(),
            begin,
            released: 0,
            at: 0,
        }
    }

    /// A publisher that speaks no protocol: media at once, to a server that takes any bytes.
    pub(crate) fn raw(socket: TcpStream, plan: &Plan, media: &Media, begin: u64) -> Self {
        let mut publisher = Self::new(socket, plan, String::new(), begin);
        publisher.out.clear();
        publisher.go_live(media);
        publisher
    }

    fn go_live(&mut self, media: &Media) {
        let (head, amount) = media.head(self.stream);
        self.out.extend(head);
        self.head = amount;
        self.at = media.sum(self.begin).wire;
        self.state = State::Live;
    }

    /// Takes in what the server said, and answers.
    pub(crate) fn read(&mut self, media: &Media, chunk_size: usize) -> Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) if matches!(self.state, State::Ending | State::Ended) => {
                    self.state = State::Ended;
                }
                Ok(0) => bail!("the server closed in state {:?}", self.state),
                // Acknowledgements and the like: nothing to wait for in them.
                Ok(_) if matches!(self.state, State::Connected | State::Live | State::Ending) => {
                    continue;
                }
                Ok(len) => {
                    self.replies.extend(&buffer[..len]);
                    while self.advance(media, chunk_size)? {}
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context(format!("in state {:?}", self.state)),
            }
            return Ok(());
        }
    }

    /// Goes one state on when its answer is there.
    fn advance(&mut self, media: &Media, chunk_size: usize) -> Result<bool> {
        match self.state {
            State::Handshake if self.replies.len() > 2 * HANDSHAKE => {
                let reply: Vec<u8> = self.replies.drain(..=2 * HANDSHAKE).collect();
                self.out.extend(&reply[1..=HANDSHAKE]);
                self.connect(chunk_size)?;
                self.state = State::Connecting;
            }
            State::Connecting if self.result().is_some() => {
                self.replies.clear();
                if !self.publishes {
                    self.state = State::Connected;
                    return Ok(false);
                }
                self.create();
                self.state = State::Creating;
            }
            State::Creating => {
                let Some(stream) = self.result() else { return Ok(false) };
                self.stream = stream;
                self.replies.clear();
                let publish = Command::new("publish", 5).null().string(&self.name).string("live");
                publish.write(&mut self.out, COMMAND, stream, self.chunk_size);
                self.state = State::Publishing;
            }
            State::Publishing if find(&self.replies, b"NetStream.Publish.Start").is_some() => {
                self.replies = Vec::new();
                self.go_live(media);
            }
            State::Publishing => ensure!(
                find(&self.replies, b"error").is_none(),
                "publish of {} was refused",
                self.name
            ),
            _ => return Ok(false),
        }
        Ok(self.state != State::Publishing)
    }

    fn connect(&mut self, chunk_size: usize) -> Result<()> {
        if chunk_size != 128 {
            let size = u32::try_from(chunk_size).context("chunk size")?.to_be_bytes();
            wire::first(&mut self.out, CONTROL, 0, &size, 128);
            self.chunk_size = chunk_size;
        }
        let url = format!("rtmp://{}/{}", self.socket.peer_addr()?, self.app);
        Command::new("connect", 1)
            .object()
            .key("app")
            .string(&self.app)
            .key("type")
            .string("nonprivate")
            .key("flashVer")
            .string("FMLE/3.0 (compatible; sluicebox-bench)")
            .key("tcUrl")
            .string(&url)
            .end()
            .write(&mut self.out, COMMAND, 0, self.chunk_size);
        Ok(())
    }

    fn create(&mut self) {
        for (name, transaction) in [("releaseStream", 2), ("FCPublish", 3)] {
            let command = Command::new(name, transaction).null().string(&self.name);
            command.write(&mut self.out, COMMAND, 0, self.chunk_size);
        }
        let command = Command::new("createStream", 4).null();
        command.write(&mut self.out, COMMAND, 0, self.chunk_size);
    }

    /// The number at the end of a `_result`: of `createStream`'s, the message stream.
    fn result(&self) -> Option<u32> {
        let wanted: &[u8] =
            if self.state == State::Creating { b"_result\0\x40\x10" } else { b"_result" };
        let at = find(&self.replies, wanted)? + b"_result".len();
        // Behind the name: a number, a null, and the marker of the number looked for.
        let number = self.replies.get(at + 11..at + 19)?.try_into().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a message stream fits; of connect's result only the presence matters"
        )]
        Some(f64::from_be_bytes(number) as u32)
    }

    /// Makes `messages` in all due, counted from the first.
    pub(crate) fn release(&mut self, messages: u64) {
        self.released = self.released.max(messages);
    }

    /// When message `index`, counted from the first, is due after the first, in milliseconds.
    pub(crate) fn due(&self, media: &Media, index: u64) -> u64 {
        media.due(self.begin + index) - media.due(self.begin)
    }

    /// What this publisher has sent once all that is due is sent.
    pub(crate) fn amount(&self, media: &Media) -> Amount {
        let (before, after) = (media.sum(self.begin), media.sum(self.begin + self.released));
        let mut amount = self.head;
        amount.messages += after.messages - before.messages;
        amount.bodies += after.bodies - before.bodies;
        amount.wire += after.wire - before.wire;
        amount
    }

    /// Writes what is due, for one turn.
    pub(crate) fn write(&mut self, media: &Media) -> Result<Turn> {
        while !self.out.is_empty() {
            let Some(len) = self.send(None)? else { return Ok(Turn::Blocked) };
            self.out.drain(..len);
        }
        if self.state != State::Live {
            return Ok(Turn::Idle);
        }
        let end = media.sum(self.begin + self.released).wire;
        let mut turn = 0;
        while self.at < end {
            if turn >= TURN {
                return Ok(Turn::More);
            }
            let piece = media.wire(self.at);
            let due = usize::try_from(end - self.at).unwrap_or(usize::MAX);
            let piece = &piece[..piece.len().min(due).min(TURN)];
            let Some(len) = self.send(Some(piece))? else { return Ok(Turn::Blocked) };
            self.at += len as u64;
            turn += len;
        }
        Ok(Turn::Idle)
    }

    /// Writes once: `media`, or else what lies in `out`. `None` when the socket is full.
    fn send(&mut self, media: Option<&[u8]>) -> Result<Option<usize>> {
        match self.socket.write(media.unwrap_or(&self.out)) {
            Ok(len) => Ok(Some(len)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Some(0)),
            Err(error) => Err(error).context(format!("in state {:?}", self.state)),
        }
    }

    /// Whether everything that is due is sent.
    pub(crate) fn is_drained(&self, media: &Media) -> bool {
        let end = || media.sum(self.begin + self.released).wire;
        self.out.is_empty() && (self.state == State::Connected || self.at == end())
    }

    /// Ends the stream as encoders do, then waits for the server to close.
    pub(crate) fn end(&mut self, media: &Media, raw: bool) -> Result<()> {
        if self.state == State::Live && !raw {
            Command::new("FCUnpublish", 6).null().string(&self.name).write(
                &mut self.out,
                COMMAND,
                0,
                self.chunk_size,
            );
            let delete = Command::new("deleteStream", 7).null().number(f64::from(self.stream));
            delete.write(&mut self.out, COMMAND, 0, self.chunk_size);
        }
        self.state = State::Ending;
        ensure!(self.write(media)? == Turn::Idle, "no room for the last commands");
        self.socket.shutdown(Shutdown::Write).context("closing")
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
