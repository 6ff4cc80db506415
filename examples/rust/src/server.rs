//! What has nothing to do with WebAssembly: arguments, connections and files.

use std::collections::HashMap;
use std::fs::{File, create_dir_all};
use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;

use crate::bindings::exports::sluicebox::ingest::sessions::{Publish, Tags, Unpublish};

/// The first bytes of every recording: FLV, version 1, audio and video.
const HEADER: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";
/// Silence after which a session is told that it is idle.
const SILENCE: Duration = Duration::from_millis(400);

/// `COMPONENT FOLDER [PORT]`
pub(crate) struct Arguments {
    pub(crate) component: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Arguments {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut given = std::env::args().skip(1);
        Ok(Self {
            component: given.next().context("which component?")?.into(),
            folder: given.next().context("which folder?")?.into(),
            port: given.next().map_or(Ok(1935), |port| port.parse())?,
        })
    }
}

/// Listens, and calls `connection` with the socket and a recorder of each, in a thread of its own.
pub(crate) fn serve(
    arguments: &Arguments,
    connection: impl Fn(Socket, Recorder) -> anyhow::Result<()> + Clone + Send + 'static,
) -> anyhow::Result<()> {
    create_dir_all(&arguments.folder)?;
    let listener = TcpListener::bind(("127.0.0.1", arguments.port))?;
    println!("listening on {}", listener.local_addr()?.port());
    for socket in listener.incoming() {
        let (socket, connection) = (Socket::new(socket?)?, connection.clone());
        let recorder = Recorder::new(&arguments.folder);
        std::thread::spawn(move || {
            if let Err(error) = connection(socket, recorder) {
                eprintln!("connection failed: {error:#}");
            }
        });
    }
    Ok(())
}

/// What comes from a peer.
pub(crate) enum Input<'a> {
    Bytes(&'a [u8]),
    /// It has been silent for a while.
    Silence,
    /// It is gone. Nothing follows.
    End,
}

/// A connection.
pub(crate) struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    ended: bool,
}

impl Socket {
    fn new(stream: TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(SILENCE))?;
        Ok(Self { stream, buffer: vec![0; 64 << 10], ended: false })
    }

    pub(crate) fn read(&mut self) -> Option<Input<'_>> {
        if self.ended {
            return None;
        }
        Some(match self.stream.read(&mut self.buffer) {
            Ok(len @ 1..) => Input::Bytes(&self.buffer[..len]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Input::Silence
            }
            _ => {
                self.ended = true;
                Input::End
            }
        })
    }

    /// Writes to the peer. One that is gone loses nothing that it sent.
    pub(crate) fn write(&mut self, reply: &[u8]) {
        let _ = self.stream.write_all(reply);
    }
}

/// The recordings of one connection: a file for each stream.
pub(crate) struct Recorder {
    folder: PathBuf,
    live: HashMap<u32, File>,
}

impl Recorder {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), live: HashMap::new() }
    }

    /// Begins a recording. It is named after application and stream, as the peer sent them.
    pub(crate) fn begin(&mut self, publish: &Publish) -> Result<()> {
        let name = format!("{}-{}-{}.flv", safe(&publish.app), safe(&publish.name), now());
        let mut file = File::create_new(self.folder.join(name))?;
        file.write_all(HEADER)?;
        self.live.insert(publish.stream, file);
        Ok(())
    }

    /// Appends whole tags.
    pub(crate) fn append(&mut self, tags: &Tags) -> Result<()> {
        self.live.get_mut(&tags.stream).map_or(Ok(()), |file| file.write_all(&tags.bytes))
    }

    pub(crate) fn end(&mut self, end: &Unpublish) {
        self.live.remove(&end.stream);
        let (received, written) = (end.ledger.received.messages, end.ledger.written.messages);
        println!("{received} messages received, {written} written");
    }
}

/// Nanoseconds since 1970: a seed, and what tells recordings apart.
pub(crate) fn now() -> u64 {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    u64::try_from(now).unwrap_or_default()
}

/// What a peer says, as a part of a file name.
fn safe(text: &[u8]) -> String {
    let part = |byte: &u8| match *byte {
        plain if plain.is_ascii_alphanumeric() || matches!(plain, b'-' | b'_') => {
            char::from(plain).into()
        }
        other => format!("%{other:02X}"),
    };
    let mut name: String = text.iter().map(part).collect();
    name.truncate(99);
    name
}
