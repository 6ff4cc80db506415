//! How long a publisher waits from connect to `NetStream.Publish.Start`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::load::{self, Mix, Plan};

/// Publishes so many `times`, one after the other, to streams of this `name` and a number; tells how
/// long each waited for its start, shortest first. Ends earlier when it has taken `time`.
///
/// # Errors
///
/// When a publish fails.
pub fn waits(
    addr: SocketAddr,
    times: u32,
    time: Option<Duration>,
    app: &str,
    name: &str,
) -> Result<Vec<Duration>> {
    let start = Instant::now();
    let mut waits = Vec::new();
    for number in 0..times {
        // Other names each time, as some servers are slow to let go of one.
        let name = if times == 1 { name.to_owned() } else { format!("{name}{number}x") };
        waits.push(wait(addr, app, name)?);
        if time.is_some_and(|time| start.elapsed() > time) {
            break;
        }
    }
    waits.sort_unstable();
    Ok(waits)
}

/// What goes back and forth until a stream is published, in bytes: of the peer, of the server.
const EXCHANGES: [(usize, usize); 4] = [(1537, 3073), (1706, 267), (143, 107), (56, 245)];

/// The floor of [`waits`]: how long as many bytes take that mean nothing, shortest first.
///
/// # Errors
///
/// When a connection fails.
pub fn bare(times: u32) -> Result<Vec<Duration>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let server = thread::spawn(move || {
        for _ in 0..times {
            let (mut peer, _) = listener.accept()?;
            peer.set_nodelay(true)?;
            for (asked, answered) in EXCHANGES {
                peer.read_exact(&mut vec![0; asked])?;
                peer.write_all(&vec![0; answered])?;
            }
        }
        std::io::Result::Ok(())
    });
    let wait = || {
        let start = Instant::now();
        let mut server = TcpStream::connect(addr)?;
        server.set_nodelay(true)?;
        for (asked, answered) in EXCHANGES {
            server.write_all(&vec![0; asked])?;
            server.read_exact(&mut vec![0; answered])?;
        }
        Ok(start.elapsed())
    };
    let waits: Result<Vec<_>> = (0..times).map(|_| wait()).collect();
    let mut waits = waits?;
    server.join().map_err(|_| anyhow!("the server panicked"))??;
    waits.sort_unstable();
    Ok(waits)
}

/// The wait that so many per cent of `sorted`, which is not empty, do not exceed.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn wait(addr: SocketAddr, app: &str, name: String) -> Result<Duration> {
    let plan = Plan { app: app.to_owned(), name, ..Plan::new(addr) };
    Ok(load::run(&plan, &Mix::Audio.media(4096)?, |_| {})?.started)
}
