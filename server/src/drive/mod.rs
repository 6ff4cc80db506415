//! How connections are driven.
//!
//! One loop, the front, accepts and takes connections through handshake and commands, at once. A
//! connection that publishes moves to a media loop, of which there is one a core. There it is read
//! at the loop's ticks, a little apart: many small reads become one, and every socket's wake-up,
//! read and write are paid once (paced streams are bound by wake-ups, not by bytes). One that sends
//! too fast for that is read in between, and takes no other's rest away.
//!
//! A turn of a connection may block: a write to a disk that hangs, a pipe that nobody reads. The
//! thread that is in such a turn loses its loop to a stand-in, and goes home when the turn ends.
//! So a hung recording costs one thread, delays others only until the stand-in comes, and holds
//! back its own publisher by not reading from it.

mod event_loop;
mod front;
mod pace;
mod state;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mio::net::TcpListener;

use crate::ingest::Backend;
use crate::run::Shared;
use event_loop::EventLoop;
use front::Front;
pub(crate) use pace::Pace;

/// A turn that takes this long blocks: others on its loop wait up to twice that for a stand-in.
const BLOCKED: Duration = Duration::from_millis(20);
/// The same while stand-ins are being sent: where one turn blocks, as on a disk that hangs, more
/// will.
const BLOCKED_TOO: Duration = Duration::from_millis(2);

/// All loops.
pub(crate) struct Drive<B: Backend> {
    loops: Vec<Arc<EventLoop<B>>>,
}

impl<B: Backend> Drive<B> {
    /// Starts the front with `listeners`, and a media loop for each core.
    pub(crate) fn start(shared: &Arc<Shared<B>>, listeners: Vec<TcpListener>) -> Result<Arc<Self>> {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let media = (0..cores)
            .map(|_| EventLoop::new(shared.clone(), shared.read_interval))
            .collect::<Result<Vec<_>>>()?;
        let front = EventLoop::new(shared.clone(), Duration::ZERO)?;
        front.set_front(Front::new(listeners, media.clone()))?;
        media.iter().for_each(|media| media.set_home(&front));
        let loops = std::iter::once(front).chain(media).collect();
        let drive = Arc::new(Self { loops });
        for one in &drive.loops {
            start_driver(one)?;
        }
        let watch = drive.clone();
        thread::Builder::new()
            .name("watch".into())
            .spawn(move || watch.watch())
            .context("cannot start a thread")?;
        Ok(drive)
    }

    /// Wakes every loop, to see that the server stops.
    pub(crate) fn wake(&self) {
        self.loops.iter().for_each(|one| one.wake());
    }

    /// Waits until every loop has ended, up to `deadline`; says whether they have.
    pub(crate) fn ended(&self, deadline: Instant) -> bool {
        loop {
            if self.loops.iter().all(|one| one.has_ended()) {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Gives a loop whose driver is blocked to a stand-in.
    fn watch(&self) {
        let mut seen: Vec<Option<u64>> = vec![None; self.loops.len()];
        while !self.loops.iter().all(|one| one.has_ended()) {
            let mut sent = false;
            for (one, seen) in self.loops.iter().zip(&mut seen) {
                let turn = one.turn_in_progress();
                if turn.is_some() && turn == *seen {
                    if let Err(error) = start_driver(one) {
                        tracing::error!(error = format!("{error:#}"), "no stand-in");
                    }
                    *seen = None;
                    sent = true;
                } else {
                    *seen = turn;
                }
            }
            thread::sleep(match sent {
                true => BLOCKED_TOO,
                false if self.loops[0].is_idle() => BLOCKED * 10,
                false => BLOCKED,
            });
        }
    }
}

/// Puts a new thread in charge of a loop.
fn start_driver<B: Backend>(one: &Arc<EventLoop<B>>) -> Result<()> {
    let (one, driver) = (one.clone(), one.next_driver());
    let run = move || one.drive(driver);
    thread::Builder::new().name("loop".into()).spawn(run).context("cannot start a thread")?;
    Ok(())
}
