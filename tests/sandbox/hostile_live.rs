//! Hostile guests and hostile peers in a running server: each loses its own connection, and nobody
//! else notices.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sluicebox_host::{Sandbox, Settings};
use sluicebox_tests::handshake::{Handshake, filler};
use sluicebox_tests::media::Encode;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::tool::Running;
use sluicebox_tests::wire::{Message, Script};

use super::bystander::Bystander;
use super::door;
use super::drive::{accept, every_call, settings};
use super::guests::{Guest, MEMORY, Record, SPIN};
use super::host::{Host, real_guest};
use crate::encodes::H264_AAC;

/// Takes all the memory that it can have, writes to all of it, and gives up.
const GORGE: &str =
    "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (memory.fill (i32.const 0) (i32.const 1) (i32.shl (memory.size) (i32.const 16))) (unreachable)";

/// Far more than anything takes, so that a busy machine fails nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends this, and waits until the server ends the connection. Returns this end's address.
fn lose(addr: SocketAddr, bytes: &[u8]) -> SocketAddr {
    let mut socket = TcpStream::connect(addr).expect("the server accepts connections");
    socket.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    let own = socket.local_addr().expect("an address");
    // Fails when the server has ended it already, which the read tells.
    let _ = socket.write_all(bytes);
    if let Err(error) = socket.read_to_end(&mut Vec::new()) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it stays open: {error}");
    }
    own
}

#[test]
fn a_module_that_is_no_guest_is_named() {
    let version = Guest::with("version", "(i32.const 9)").module();
    let refused = [
        (version, "the guest speaks version 9, this host 2"),
        (Guest::good().without("trim").module(), "the module does not export `trim`"),
        (Guest::with("version", SPIN).module(), "the guest ran for too long"),
        (b"no module".to_vec(), "not WebAssembly in its binary format"),
    ];
    for (module, what) in refused {
        let said = Host::refusing(&module);
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn each_hostile_guest_costs_its_connection_only() {
    let guests = [
        ("loops", Guest::with("feed", SPIN), "sandbox: the guest ran for too long"),
        ("gorges", Guest::with("feed", GORGE), "the guest wanted more memory than it may have"),
        ("traps", Guest::with("poll", "(unreachable)"), "the guest trapped: "),
        ("fails to open", Guest::with("open", "(unreachable)"), "the guest trapped: "),
        ("lies", Guest::says_once(Record::reply(MEMORY, 9)), "9 bytes at 0x40000 are outside"),
        ("repeats itself", Guest::says(&[], &[Record::reply(0, 0)]), "gave more events than"),
        ("replies", Guest::says(&[], &[Record::reply(0, MEMORY)]), "gave more bytes than"),
    ];
    for (name, guest, fault) in guests {
        // Only who loops is to meet the deadline, however busy the machine is.
        let deadline = if name == "loops" { "20" } else { "2000" };
        let mut host = Host::with_guest(
            &guest.module(),
            &["--guest-memory", "16", "--guest-deadline", deadline, "--max-connections", "16"],
        );
        let (hello, idle) = (Handshake::Simple.c0c1(), host.held());
        let until = |count| {
            for _ in host.failures().len()..count {
                lose(host.addr, &hello);
            }
            // A line is written before its socket is closed.
            host.wait_until(name, || {
                let held = host.held();
                (host.failures().len() == count && held.files <= idle.files).then_some(held)
            })
        };
        let (before, after) = (until(20), until(120));
        // What two guests may have.
        after.assert_no_more_than(&before, 2 * (16 << 20));
        for error in host.failures() {
            assert!(error.contains(fault), "{name}: {error}");
        }
        host.assert_well();
    }
}

/// Good publishers and hostile guests in one process, under one engine: the real guest, with a door
/// that only hostile connections know.
#[test]
fn good_publishers_beside_hostile_guests() {
    let encode = Encode::new(H264_AAC);
    let module = door::open(&real_guest());
    let mut host = Host::with_guest(&module, &["--guest-memory", "32", "--guest-deadline", "50"]);
    let mut steady = Steady::start(host.addr, "live", "steady");
    let url = format!("rtmp://{}/live/ffmpeg", host.addr);
    let ffmpeg = Running::start(&mut encode.push_live(&url));
    let start = Instant::now();
    let mut peers = Vec::new();
    while start.elapsed() < Duration::from_secs(4) {
        for (deed, fault) in door::DEEDS {
            let addr = host.addr;
            let one = move || lose(addr, &door::knock(deed));
            peers.push((thread::spawn(one), fault));
            steady.frame(20_000);
        }
        while peers.iter().filter(|(peer, _)| !peer.is_finished()).count() > 20 {
            thread::sleep(Duration::from_millis(5));
        }
    }
    let count = peers.len();
    for (peer, fault) in peers {
        let peer = peer.join().expect("a hostile peer");
        host.failed(peer, fault);
    }
    assert_eq!(host.failures().len(), count, "connections that failed");
    assert!(count > 2 * door::DEEDS.len(), "only {count} hostile connections");
    steady.frame(20_000);
    steady.peer.send(|script| script.delete_stream(1.0));
    steady.assert_recorded(&host.complete("steady"));
    assert!(ffmpeg.output().status.success(), "ffmpeg has noticed");
    encode.assert_recorded(&host.complete("ffmpeg"));
    host.assert_well();
}

/// Peers that mean harm, and the guest that is built in.
#[test]
fn a_good_publisher_beside_hostile_peers() {
    let garbage = |seed| Script::hello().raw(&filler(5000, seed)).take();
    let connect = || Script::hello().connect("live");
    let huge = Message::video(0, &vec![1; 9 << 20]);
    let peers: Vec<(&str, Vec<u8>)> = vec![
        ("no RTMP", b"GET / HTTP/1.1\r\n\r\n".repeat(200)),
        ("garbage", garbage(1)),
        ("other garbage", garbage(77)),
        (
            "messages that never end",
            (3..20)
                .fold(connect().chunk_size(1 << 20), |s, at| s.begun(&huge.clone().on(at), 8))
                .take(),
        ),
        (
            "a command of a MiB",
            connect().chunk_size(1 << 24).message(&Message::new(20, &vec![2; 1 << 20])).take(),
        ),
        (
            "values in values",
            connect().message(&Message::new(20, &b"\x0a\0\0\0\x01".repeat(9000))).take(),
        ),
    ];
    let mut host = Host::start(&["--handshake-timeout", "2", "--publish-timeout", "2"]);
    let mut steady = Steady::start(host.addr, "live", "steady");
    let before = host.held();
    for (at, (name, bytes)) in (1..).zip([&peers; 5].into_iter().flatten()) {
        lose(host.addr, bytes);
        host.wait_until(name, || (host.failures().len() == at).then_some(()));
        steady.frame(20_000);
    }
    let faults = host.failures().into_iter().filter(|error| error.contains("sandbox"));
    assert_eq!(faults.count(), 0, "the guest is not to blame");
    steady.peer.send(|script| script.delete_stream(1.0));
    steady.assert_recorded(&host.complete("steady"));
    let after = host.held();
    assert!(after.memory < before.memory + (256 << 20), "{before:?}, {after:?}");
    host.assert_well();
}

/// The same without a server: on every core guests that spin, and one session that goes on.
#[test]
fn a_good_session_among_threads_that_spin() {
    let spinning = Sandbox::with_guest(
        &Guest::with("poll", SPIN).module(),
        &Settings { sessions: 32, ..settings() },
    );
    let (spinning, ended) = (spinning.expect("a guest"), AtomicUsize::new(0));
    let over = Instant::now() + Duration::from_secs(2);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while Instant::now() < over {
                    let mut session = spinning.open(&Default::default(), 1).expect("a place");
                    let error = every_call(&mut session, accept).expect_err("it spins");
                    assert!(error.to_string().contains("ran for too long"), "{error}");
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let settings = Settings { sessions: 1, ..Settings::default() };
        let sandbox = Sandbox::new(&settings).expect("a sandbox");
        let mut recorded = 0;
        while Instant::now() < over {
            Bystander::open(&sandbox).finish();
            recorded += 1;
        }
        assert!(recorded > 1, "{recorded} recordings");
    });
    assert!(ended.into_inner() >= 8);
}

/// A peer of the built-in guest that is alive when others have come and gone.
#[test]
fn a_refused_place_is_not_a_fault_of_others() {
    let mut host = Host::start(&["--max-connections", "2"]);
    let mut steady = Steady::start(host.addr, "live", "steady");
    let other = Peer::connect(host.addr, &Handshake::Simple);
    for _ in 0..10 {
        lose(host.addr, &Handshake::Simple.c0c1());
        steady.frame(1000);
    }
    drop(other);
    steady.peer.send(|script| script.delete_stream(1.0));
    steady.assert_recorded(&host.complete("steady"));
    host.assert_well();
}
