//! Connections opened and dropped, again and again: nothing of them stays.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sluicebox_host::{Config, Sandbox, Settings};
use sluicebox_tests::tool::run;
use sluicebox_tests::wire::Script;

use super::host::{Held, Host};

/// Connections at a time.
const CONNECTIONS: usize = 1000;
/// Times that all of them are opened and dropped.
const ROUNDS: usize = 20;
/// The round after which everything has been used once.
const WARM: usize = 2;
/// Memory that may come and go: of places that wait to be given back, of the allocator. In bytes.
const MARGIN: u64 = 8 << 20;

#[test]
fn connections_leave_nothing() {
    raise_file_limit();
    // A few more: a place is free a moment after its socket is. Each has mappings, used or not.
    let most = (CONNECTIONS + 4).to_string();
    // Nor does a recording wait for its publisher: what waits is bounded, and holds memory.
    let caps = ["--max-connections", &most, "--max-per-address", &most, "--grace", "0"];
    let mut host = Host::start(&caps);
    let idle = host.held();
    let mut warm = idle;
    for round in 1..=ROUNDS {
        let sockets: Vec<_> = (0..CONNECTIONS).map(|at| open(host.addr, round, at)).collect();
        for mut socket in &sockets {
            socket.read_exact(&mut [0; 1537]).expect("the server shakes hands");
        }
        for (at, socket) in sockets.into_iter().enumerate() {
            if at % 2 == 0 {
                set_socket_linger(&socket, Some(Duration::ZERO)).expect("SO_LINGER can be set");
            }
            drop(socket);
        }
        // What a server has open that has just started may be more.
        let files = idle.files.min(warm.files);
        host.wait_until("end of all connections", || (host.held().files <= files).then_some(()));
        if round == WARM {
            warm = host.held();
        }
    }
    // One look, not two: what is being finished opens files of its own, after its connection is gone.
    let at_rest = host.wait_until("end of all recordings", || {
        let held = host.held();
        (held.files <= warm.files).then_some(held)
    });
    at_rest.assert_no_more_than(&warm, MARGIN);
    host.assert_well();
}

/// Connects, and gets as far as `at` says: into the handshake, to `connect`, or to a publish.
fn open(addr: SocketAddr, round: usize, at: usize) -> TcpStream {
    let mut socket = TcpStream::connect(addr).expect("the server accepts connections");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a read timeout");
    let script = match at % 100 {
        0 => Script::hello().to_publish("live", &format!("{round}-{at}")).video(0, &[1; 5000]),
        1..50 => Script::hello().connect("live"),
        _ => Script::hello(),
    };
    socket.write_all(script.bytes()).expect("the server reads");
    socket
}

/// More files than usual: one for each connection.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, raised).expect("the limit can be raised to the hard one");
}

#[test]
fn sessions_leave_nothing() {
    // In a process of its own, where no other test is counted.
    let test = std::env::current_exe().expect("the path of this program");
    let name = "sandbox::churn::sessions_in_a_process_of_their_own";
    let output = run(Command::new(test).args(["--exact", name, "--ignored", "--test-threads=1"]));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run by the test above"]
fn sessions_in_a_process_of_their_own() {
    let settings = Settings { sessions: 1000, ..Settings::default() };
    let sandbox = Sandbox::new(&settings).expect("a sandbox");
    let mut warm = Held::by("/proc/self");
    for round in 1..=ROUNDS {
        let mut sessions: Vec<_> =
            (0..CONNECTIONS).map(|at| sandbox.open(&Config::default(), at as u64)).collect();
        for session in &mut sessions {
            let session = session.as_mut().expect("a session");
            let script = Script::hello().connect("live");
            let len = script.bytes().len();
            session.space(len).expect("room").copy_from_slice(script.bytes());
            session.feed(len).expect("it takes what it asked for");
            while session.poll().expect("a good session").is_some() {}
        }
        drop(sessions);
        if round == WARM {
            warm = Held::by("/proc/self");
        }
    }
    Held::by("/proc/self").assert_no_more_than(&warm, MARGIN);
}
