//! The tasks: one for each listener, one for each connection, and one that looks at the clock.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use sluicebox_edge::{Asked, Connection, Edge, Form, Settings, System as _, parse};
use wasi::cli::environment::{get_arguments, get_environment};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::sockets::types::ErrorCode;

use crate::addresses::from_wasi;
use crate::listen::{Listener, cannot_accept, listen};
use crate::peer::Peer;
use crate::system::{Preview2, say};

/// Longest time between two looks at the clock: what is due is not late by more.
const LOOK: Duration = Duration::from_millis(50);

/// Rest after a connection could not be accepted: out of descriptors, usually.
const RECOVER: Duration = Duration::from_millis(100);

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Runs the program, until it is ended or its one publish is over.
pub(crate) async fn run() -> Result<(), ()> {
    let arguments = get_arguments();
    let asked = parse(Form::Server, arguments.get(1..).unwrap_or_default(), &get_environment());
    let started = asked.and_then(|asked| match asked {
        Asked::Run(settings) => Server::start(*settings).map(Some),
        Asked::Say(text) => {
            say(&text);
            Ok(None)
        }
    });
    match started {
        Ok(Some(server)) => server.serve().await.then_some(()).ok_or(()),
        Ok(None) => Ok(()),
        Err(why) => {
            say(&format!("error: {why}\n"));
            Err(())
        }
    }
}

/// What all tasks share.
pub(crate) struct Server {
    pub(crate) edge: RefCell<Edge<Preview2>>,
    peers: RefCell<Vec<Rc<Peer>>>,
    /// Those that have not been begun yet.
    tasks: RefCell<Vec<Task>>,
}

impl Server {
    fn start(settings: Settings) -> Result<Rc<Self>, String> {
        let system = Preview2::new(settings.record_dir.as_deref())?;
        let addresses = settings.listen.clone();
        let folder = system.name.clone();
        let edge = RefCell::new(Edge::new(settings, system)?);
        let server = Rc::new(Self { edge, peers: RefCell::default(), tasks: RefCell::default() });
        for address in addresses {
            let listener = listen(address)?;
            server.edge.borrow_mut().listening(listener.address, &folder);
            server.begin(Self::accept(server.clone(), listener));
        }
        server.begin(Self::look(server.clone()));
        Ok(server)
    }

    /// Serves until the one publish that was wanted is over. Whether all of it was written.
    async fn serve(self: Rc<Self>) -> bool {
        let mut tasks = FuturesUnordered::new();
        poll_fn(|context| self.poll(&mut tasks, context)).await;
        self.edge.borrow().complete()
    }

    fn poll(&self, tasks: &mut FuturesUnordered<Task>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            tasks.extend(self.tasks.take());
            let ended = tasks.poll_next_unpin(context).is_ready();
            if self.edge.borrow().stops() && self.peers.borrow().is_empty() {
                return Poll::Ready(());
            }
            if !ended && self.tasks.borrow().is_empty() {
                return Poll::Pending;
            }
        }
    }

    fn begin(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.borrow_mut().push(Box::pin(task));
    }

    async fn accept(self: Rc<Self>, mut listener: Listener) {
        while let Some(socket) = listener.come.next().await {
            if self.edge.borrow().stops() {
                return;
            }
            let address = match socket.get_remote_address() {
                Ok(address) => from_wasi(address),
                // Gone already.
                Err(
                    ErrorCode::ConnectionAborted
                    | ErrorCode::ConnectionReset
                    | ErrorCode::InvalidState,
                ) => continue,
                Err(code) => {
                    self.edge.borrow_mut().cannot_accept(cannot_accept(&code));
                    sleep(RECOVER).await;
                    continue;
                }
            };
            if self.edge.borrow_mut().enter(address.ip()) {
                let peer = Rc::new(Peer::new(address, &self));
                self.peers.borrow_mut().push(peer.clone());
                self.begin(peer.serve(socket, self.clone()));
            }
        }
    }

    /// Looks at the clock again and again: begins rounds of reads, and does what is due.
    async fn look(self: Rc<Self>) {
        let interval = self.edge.borrow().settings.read_interval;
        let mut round = Duration::ZERO;
        loop {
            let time = if interval.is_zero() { LOOK } else { LOOK.min(interval) };
            sleep(time).await;
            let edge = &mut *self.edge.borrow_mut();
            let now = edge.system.now();
            let begins = now >= round;
            if begins {
                round = now + interval;
            }
            for peer in self.peers.borrow().iter() {
                let mut connection = peer.connection.borrow_mut();
                if connection.due(edge) <= now {
                    connection.tick(edge);
                    peer.sends.give();
                }
                if begins && peer.rests.get() {
                    peer.round.give();
                }
                if connection.is_over(edge) {
                    peer.over.give();
                }
            }
            self.after(edge);
        }
    }

    /// Lets a connection do something, and then whatever follows from that.
    pub(crate) fn turn(
        &self,
        peer: &Peer,
        act: impl FnOnce(&mut Connection<Preview2>, &mut Edge<Preview2>),
    ) {
        let edge = &mut *self.edge.borrow_mut();
        act(&mut peer.connection.borrow_mut(), edge);
        peer.sends.give();
        self.after(edge);
    }

    /// What follows: memory has its bound, and the one publish its end.
    fn after(&self, edge: &mut Edge<Preview2>) {
        let peers = self.peers.borrow();
        while edge.is_over_memory() {
            let live = peers.iter().filter(|peer| !peer.connection.borrow().lingers());
            let Some(most) = live.max_by_key(|peer| peer.connection.borrow().held()) else { break };
            most.connection.borrow_mut().end_for_memory(edge);
            most.sends.give();
        }
        if edge.stops() {
            for peer in peers.iter() {
                peer.connection.borrow_mut().stop(edge);
                peer.sends.give();
            }
        }
    }

    /// A connection is over.
    pub(crate) fn leave(&self, gone: &Rc<Peer>) {
        let edge = &mut *self.edge.borrow_mut();
        gone.connection.borrow_mut().release(edge);
        edge.leave(gone.address.ip());
        self.peers.borrow_mut().retain(|peer| !Rc::ptr_eq(peer, gone));
    }
}

async fn sleep(time: Duration) {
    wait_for(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).await;
}
