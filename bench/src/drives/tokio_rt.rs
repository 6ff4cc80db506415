//! A task for each connection on a multi-threaded async runtime.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, ErrorKind, Write};

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::block_in_place;

use super::recorder::{self, Recorder};
use super::{Options, READ};

thread_local! {
    /// The read buffer of a worker. A task only uses it between two waits.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

pub(super) fn run(listener: std::net::TcpListener, options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (socket, peer) = listener.accept().await?;
            let options = options.clone();
            tokio::spawn(async move {
                if let Err(error) = serve(&socket, &options).await {
                    eprintln!("{peer}: {error:#}");
                }
            });
        }
    })
}

async fn serve(socket: &TcpStream, options: &Options) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut recorder = Recorder::new(options.dir.clone());
    let sink: fn(&mut File, &[u8]) -> io::Result<()> =
        if options.block_in_place { write_aside } else { recorder::write };
    loop {
        socket.readable().await?;
        let Some(len) = take(socket, &mut recorder, sink)? else { continue };
        if len == 0 {
            return recorder.finish(&mut { sink });
        }
        if recorder.is_live() && len < READ && !options.tick.is_zero() {
            tokio::time::sleep(options.tick).await;
        }
    }
}

/// Reads once. `None` when there was nothing to read after all.
fn take(
    socket: &TcpStream,
    recorder: &mut Recorder,
    mut sink: fn(&mut File, &[u8]) -> io::Result<()>,
) -> Result<Option<usize>> {
    // Out of its cell while in use: after `block_in_place` another task may run on this thread.
    let mut buffer = BUFFER.take();
    buffer.resize(READ, 0);
    let len = match socket.try_read(&mut buffer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        other => Some(other?),
    };
    if let Some(len) = len {
        recorder.take(&buffer[..len], Peer(socket), &mut sink)?;
    }
    BUFFER.set(buffer);
    Ok(len)
}

fn write_aside(file: &mut File, tags: &[u8]) -> io::Result<()> {
    block_in_place(|| recorder::write(file, tags))
}

/// Replies are short and rare: one that does not fit ends the connection.
struct Peer<'a>(&'a TcpStream);

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
