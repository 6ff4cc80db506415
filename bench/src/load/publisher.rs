//! One publisher: what it waits for, and what it has yet to send.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use mio::net::TcpStream;

use super::media::{Amount, Media};
use super::replies::{Replies, Reply};
use super::{Pace, Plan, Published};
use crate::wire::{self, COMMAND, CONTROL, Command, HANDSHAKE, Lane};

/// Most media written to one socket before the others have their turn, in bytes.
const TURN: usize = 256 << 10;

/// Transactions of `connect` and `createStream`.
const CONNECT: u32 = 1;
const CREATE: u32 = 4;
const USER_CONTROL: Lane = Lane { kind: 4, ..CONTROL };

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
    replies: Replies,
    head: Amount,
    /// The message of the lap that this publisher begins with.
    begin: u64,
    /// Messages sent or due, counted from `begin`.
    released: u64,
    /// Media sent, counted in wire bytes from the start of the lap `begin` is in.
    at: u64,
    /// When each message's last byte was written, of a publisher that is watched.
    finished: Option<Vec<Instant>>,
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
            replies: Replies::new(),
            head: Amount::default(),
            begin,
            released: 0,
            at: 0,
            finished: None,
        }
    }

    /// Notes when each message has left.
    pub(crate) fn watch(&mut self) {
        self.finished = Some(Vec::new());
    }

    /// What it has sent, once it has ended.
    pub(crate) fn published(self) -> Published {
        let Self { name, begin, released, finished, head, .. } = self;
        Published {
            name,
            begin,
            messages: released,
            head: head.wire,
            finished: finished.unwrap_or_default(),
        }
    }

    /// A publisher that speaks no protocol: media at once, to a server that takes any bytes.
    pub(crate) fn raw(
        socket: TcpStream,
        plan: &Plan,
        name: String,
        media: &Media,
        begin: u64,
    ) -> Self {
        let mut publisher = Self::new(socket, plan, name, begin);
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

    /// Takes in what the server said, checks it, and answers.
    pub(crate) fn read(&mut self, media: &Media) -> Result<()> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) if matches!(self.state, State::Ending | State::Ended) => {
                    self.state = State::Ended;
                }
                Ok(0) => bail!("the server closed in state {:?}", self.state),
                Ok(len) => {
                    self.replies.push(&buffer[..len])?;
                    let state = self.state;
                    let heard = self.hear(media);
                    heard.with_context(|| format!("{}, in state {state:?}", self.name))?;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context(format!("in state {:?}", self.state)),
            }
            return Ok(());
        }
    }

    fn hear(&mut self, media: &Media) -> Result<()> {
        if self.state == State::Handshake {
            let Some(answer) = self.replies.take(1 + 2 * HANDSHAKE) else { return Ok(()) };
            ensure!(answer[0] == 3, "RTMP version {}", answer[0]);
            // What S2 holds is no concern of encoders: servers put all kinds of things into it.
            self.out.extend(&answer[1..=HANDSHAKE]);
            self.connect(media.chunk_size())?;
            self.state = State::Connecting;
        }
        while let Some(reply) = self.replies.next()? {
            self.advance(&reply, media)?;
        }
        Ok(())
    }

    /// Goes one state on when its answer is there.
    fn advance(&mut self, reply: &Reply, media: &Media) -> Result<()> {
        match (reply, self.state) {
            (Reply::Ping(number), _) => {
                let pong = [&[0, 7][..], &number.to_be_bytes()].concat();
                wire::first(&mut self.out, USER_CONTROL, 0, &pong, self.chunk_size);
            }
            (Reply::Result(CONNECT, _), State::Connecting) if !self.publishes => {
                self.state = State::Connected;
            }
            (Reply::Result(CONNECT, _), State::Connecting) => {
                self.create();
                self.state = State::Creating;
            }
            (Reply::Result(CREATE, number), State::Creating) => {
                let number = number.context("createStream gave no number")?;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a message stream fits"
                )]
                let stream = number as u32;
                self.stream = stream;
                let publish = Command::new("publish", 5).null().string(&self.name).string("live");
                publish.write(&mut self.out, COMMAND, stream, self.chunk_size);
                self.state = State::Publishing;
            }
            (Reply::Status(code), State::Publishing) if code == "NetStream.Publish.Start" => {
                self.go_live(media);
            }
            // Of publish and of the commands that a server need not know.
            (Reply::Result(2 | 3 | 5 | 6 | 7, _) | Reply::Status(_), _) => {}
            (Reply::Result(transaction, _), _) => {
                bail!("an answer to {transaction}, which nobody waits for")
            }
        }
        Ok(())
    }

    fn connect(&mut self, chunk_size: usize) -> Result<()> {
        if chunk_size != 128 {
            let size = u32::try_from(chunk_size).context("chunk size")?.to_be_bytes();
            wire::first(&mut self.out, CONTROL, 0, &size, 128);
            self.chunk_size = chunk_size;
        }
        let url = format!("rtmp://{}/{}", self.socket.peer_addr()?, self.app);
        Command::new("connect", CONNECT)
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
        let command = Command::new("createStream", CREATE).null();
        command.write(&mut self.out, COMMAND, 0, self.chunk_size);
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
            self.note(media);
        }
        Ok(Turn::Idle)
    }

    /// Notes the messages that have left, if anybody wants to know.
    fn note(&mut self, media: &Media) {
        let Some(finished) = &mut self.finished else { return };
        while media.sum(self.begin + finished.len() as u64 + 1).wire <= self.at {
            finished.push(Instant::now());
        }
    }

    /// Writes once: `media`, or else what lies in `out`. `None` when the socket is full.
    fn send(&mut self, media: Option<&[u8]>) -> Result<Option<usize>> {
        match self.socket.write(media.unwrap_or(&self.out)) {
            Ok(len) => {
                self.replies.sent += len as u64;
                Ok(Some(len))
            }
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
