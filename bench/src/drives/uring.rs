//! One ring for each core: sockets are read and files written some at a time, a call for each such
//! batch instead of two for each publisher.
//!
//! Without a rest it would spin, as it asks every socket: then it rests for [`SHORTEST`].
#![expect(clippy::cast_possible_truncation, reason = "lengths of buffers, indices in a batch")]

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use io_uring::{IoUring, opcode, squeue::Entry, types::Fd};

use super::door::{Connection, Door, report};
use super::{Options, READ};

/// Sockets that are read with one call.
const BATCH: usize = 32;
const SHORTEST: Duration = Duration::from_millis(1);
/// Flag of a read that does not wait.
const MSG_DONTWAIT: i32 = 0x40;
/// Writes where the last one ended.
const AT_END: u64 = u64::MAX;

pub(super) fn run(listener: &std::net::TcpListener, options: &Options) -> Result<()> {
    let mut workers = Vec::new();
    for _ in 0..options.workers {
        let ring = IoUring::new(2 * BATCH as u32).context("no io_uring here")?;
        let (sender, receiver) = mpsc::channel();
        let rest = options.tick.max(SHORTEST);
        thread::spawn(move || Worker::new(ring, receiver, rest).run());
        workers.push(sender);
    }
    let mut turn = 0..;
    Door::new(listener, options)?.run(|connection| {
        let next = turn.next().unwrap_or_default() % workers.len();
        workers[next].send(connection).ok().context("a worker is gone")
    })
}

struct Worker {
    ring: IoUring,
    incoming: Receiver<Connection>,
    rest: Duration,
    publishers: Vec<Publisher>,
    /// What a batch reads, and what of it is to be written.
    reads: Vec<Vec<u8>>,
    writes: Vec<Vec<u8>>,
}

struct Publisher {
    connection: Connection,
    /// The file being written, held open until its last write is done.
    file: Option<File>,
    over: bool,
}

impl Worker {
    fn new(ring: IoUring, incoming: Receiver<Connection>, rest: Duration) -> Self {
        let (publishers, writes) = (Vec::new(), vec![Vec::new(); BATCH]);
        Self { ring, incoming, rest, publishers, reads: vec![vec![0; READ]; BATCH], writes }
    }

    fn run(mut self) {
        let new = |connection| Publisher { connection, file: None, over: false };
        loop {
            if self.publishers.is_empty() {
                let Ok(connection) = self.incoming.recv() else { return };
                self.publishers.push(new(connection));
            }
            self.publishers.extend(self.incoming.try_iter().map(new));
            let round = Instant::now();
            let mut full = false;
            for start in (0..self.publishers.len()).step_by(BATCH) {
                match self.turn(start) {
                    Ok(any) => full |= any,
                    // The kernel may still use the buffers: nothing is freed before the end.
                    Err(error) => {
                        report(Err(error));
                        std::process::exit(1);
                    }
                }
            }
            self.publishers.retain(|publisher| !publisher.over);
            if !full {
                thread::sleep(self.rest.saturating_sub(round.elapsed()));
            }
        }
    }

    /// Reads from a batch of publishers and writes what they sent. Whether a read was full, is told.
    fn turn(&mut self, start: usize) -> Result<bool> {
        let end = self.publishers.len().min(start + BATCH);
        let batch = &mut self.publishers[start..end];
        let recv = |(publisher, buffer): (&Publisher, &mut Vec<u8>)| {
            let fd = Fd(publisher.connection.socket.as_raw_fd());
            opcode::Recv::new(fd, buffer.as_mut_ptr(), READ as u32).flags(MSG_DONTWAIT).build()
        };
        let entries = batch.iter().zip(&mut self.reads).map(recv);
        let lens = submit(&mut self.ring, entries).context("reading")?;
        let each = batch.iter_mut().zip(&self.reads).zip(&mut self.writes);
        for (((publisher, buffer), out), len) in each.zip(&lens) {
            publisher.take(buffer, *len, out);
        }
        let written = self.writes.iter().zip(batch.iter()).filter(|(out, _)| !out.is_empty());
        let write = |(out, publisher): (&Vec<u8>, &Publisher)| {
            let fd = Fd(publisher.file.as_ref().map_or(-1, |file| file.as_raw_fd()));
            opcode::Write::new(fd, out.as_ptr(), out.len() as u32).offset(AT_END).build()
        };
        let lens_written = submit(&mut self.ring, written.map(write)).context("writing")?;
        let outs = self.writes.iter_mut().zip(batch).filter(|(out, _)| !out.is_empty());
        for ((out, publisher), len) in outs.zip(lens_written) {
            report(publisher.written(out, len).context("recording"));
            out.clear();
        }
        Ok(lens.iter().any(|len| usize::try_from(*len) == Ok(READ)))
    }
}

impl Publisher {
    /// Takes in what a read came to; what is to be written is added to `out`.
    fn take(&mut self, buffer: &[u8], len: i32, out: &mut Vec<u8>) {
        let file = &mut self.file;
        let mut sink = |to: &mut File, tags: &[u8]| -> io::Result<()> {
            if file.is_none() {
                *file = Some(to.try_clone()?);
            }
            out.extend_from_slice(tags);
            Ok(())
        };
        let Connection { socket, recorder } = &mut self.connection;
        let taken = match usize::try_from(len) {
            Ok(0) => {
                self.over = true;
                recorder.finish(&mut sink)
            }
            Ok(len) => recorder.take(&buffer[..len], &*socket, &mut sink),
            Err(_) => match io::Error::from_raw_os_error(-len) {
                error if error.kind() == ErrorKind::WouldBlock => Ok(()),
                error => Err(error.into()),
            },
        };
        self.over |= taken.is_err();
        report(taken);
        recorder.trim();
    }

    /// Does what a write of `out` left to do.
    fn written(&self, out: &[u8], len: i32) -> io::Result<()> {
        let Ok(len) = usize::try_from(len) else { return Err(io::Error::from_raw_os_error(-len)) };
        self.file.as_ref().map_or(Ok(()), |mut file| file.write_all(&out[len..]))
    }
}

/// Does all of that, and waits for it. Gives what each came to, in order.
fn submit(ring: &mut IoUring, entries: impl Iterator<Item = Entry>) -> io::Result<Vec<i32>> {
    let mut count = 0;
    for (index, entry) in entries.enumerate() {
        let entry = entry.user_data(index as u64);
        // SAFETY: buffers and files stay as they are until every entry is done, which is waited for
        // below.
        #[expect(unsafe_code, reason = "the ring has no safe form")]
        unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
        count += 1;
    }
    let mut results = vec![0; count];
    let mut done = 0;
    while done < count {
        ring.submit_and_wait(count - done)?;
        for entry in ring.completion() {
            results[entry.user_data() as usize] = entry.result();
            done += 1;
        }
    }
    Ok(results)
}
