//! A blocking thread for each connection.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

use super::recorder::{self, Recorder};
use super::{Options, READ};

/// Stack of a connection's thread, in bytes.
const STACK: usize = 128 << 10;

pub(super) fn run(listener: &TcpListener, options: &Options) -> Result<()> {
    loop {
        let (socket, peer) = listener.accept()?;
        let options = options.clone();
        thread::Builder::new().stack_size(STACK).spawn(move || {
            if let Err(error) = serve(&socket, &options) {
                eprintln!("{peer}: {error:#}");
            }
        })?;
    }
}

fn serve(mut socket: &TcpStream, options: &Options) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut recorder = Recorder::new(options.dir.clone());
    let mut buffer = vec![0; READ];
    loop {
        let len = socket.read(&mut buffer)?;
        if len == 0 {
            return recorder.finish(&mut recorder::write);
        }
        recorder.take(&buffer[..len], socket, &mut recorder::write)?;
        if recorder.is_live() && len < buffer.len() && !options.tick.is_zero() {
            thread::sleep(options.tick);
        }
    }
}
