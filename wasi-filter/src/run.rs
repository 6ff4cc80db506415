//! The program: read, feed, answer, until the connection is over.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::time::Duration;

use sluicebox_edge::{Asked, Connection, Edge, Form, System as _, parse};

use crate::system::Preview1;
use crate::wasi;

/// Longest read, in bytes. Beyond it the cache decides, not the number of calls.
const READ: usize = 64 << 10;
/// Rest before something that was not ready is tried again.
const AGAIN: Duration = Duration::from_millis(5);

/// Runs the program. The exit code.
pub(crate) fn run() -> u32 {
    match start() {
        Ok(code) => code,
        Err(why) => {
            wasi::say(&format!("error: {why}\n"));
            2
        }
    }
}

fn start() -> Result<u32, String> {
    let arguments = wasi::arguments().unwrap_or_default();
    let environment = wasi::environment().unwrap_or_default();
    let settings = match parse(Form::Filter, arguments.get(1..).unwrap_or_default(), &environment)?
    {
        Asked::Run(settings) => *settings,
        Asked::Say(text) => {
            // Standard output is the peer's.
            wasi::say(&text);
            return Ok(0);
        }
    };
    let system = Preview1::new(settings.record_dir.as_deref())?;
    let peer = settings.peer.clone();
    let mut edge = Edge::new(settings, system)?;
    let mut connection = Connection::new(peer, &mut edge);
    record(&mut connection, &mut edge);
    Ok(u32::from(!edge.complete()))
}

fn record(connection: &mut Connection<Preview1>, edge: &mut Edge<Preview1>) {
    let mut buffer = vec![0; READ];
    // Until waiting turns out to be beyond the runtime: then reads wait, and nothing is ever overdue.
    let mut waits = true;
    loop {
        send(connection);
        if connection.is_over(edge) {
            return;
        }
        if waits {
            let time = connection.due(edge).saturating_sub(edge.system.now());
            let ready = wasi::wait(time).unwrap_or_else(|errno| {
                waits = false;
                edge.warn("no timeouts: the runtime cannot wait for input", errno.message());
                true
            });
            if !ready {
                connection.tick(edge);
                continue;
            }
        }
        match wasi::read(wasip1::FD_STDIN, &mut buffer) {
            Ok(0) => connection.peer_ended(edge),
            Ok(len) => connection.feed(&buffer[..len], edge),
            Err(wasip1::ERRNO_AGAIN | wasip1::ERRNO_INTR) => drop(wasi::sleep(AGAIN)),
            // Broken off: what came until then is all there is.
            Err(_) => connection.peer_ended(edge),
        }
        if edge.is_over_memory() {
            connection.end_for_memory(edge);
        }
        if edge.stops() {
            connection.stop(edge);
        }
    }
}

/// Sends what there is to send. That the peer is gone is told by reading, after what it had sent.
fn send(connection: &mut Connection<Preview1>) {
    let outbox = connection.outbox();
    while !outbox.is_empty() {
        match wasi::write(wasip1::FD_STDOUT, outbox) {
            Ok(len @ 1..) => drop(outbox.drain(..len)),
            Err(wasip1::ERRNO_AGAIN | wasip1::ERRNO_INTR) => break,
            _ => outbox.clear(),
        }
    }
}
