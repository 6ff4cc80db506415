use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use sluicebox_tests::handshake::{Handshake, filler};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::reply::Reply;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;

/// What a connected peer may do, and what becomes of it and of others.
mod streams;

/// Far more than anything takes, so that a busy machine fails nothing.
const DEADLINE: Duration = Duration::from_secs(30);

fn connect(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).expect("the server accepts connections");
    socket.set_read_timeout(Some(DEADLINE)).expect("a read timeout");
    socket
}

/// Everything the server says until it ends the connection, one way or the other.
fn until_closed(mut socket: TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    if let Err(error) = socket.read_to_end(&mut heard) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it stays open: {error}");
    }
    heard
}

/// Whether the server shakes hands on this connection.
fn is_served(mut socket: &TcpStream) -> bool {
    // Fails when the server has closed already, as the read does.
    let _ = socket.write_all(&Handshake::Simple.c0c1());
    matches!(socket.read(&mut [0]), Ok(1))
}

/// Connects until the server has a place again.
fn wait_for_place(connect: impl Fn() -> TcpStream) {
    let start = Instant::now();
    while !is_served(&connect()) {
        assert!(start.elapsed() < DEADLINE, "no place came back");
        thread::sleep(Duration::from_millis(20));
    }
}

fn codes(replies: &[Reply]) -> Vec<String> {
    replies.iter().filter_map(Reply::code).collect()
}

#[test]
fn a_handshake_has_a_deadline_that_trickling_bytes_do_not_move() {
    let server = Server::start(&["--handshake-timeout", "1"]);
    let mut good = Steady::start(server.addr, "live", "good");
    let (silent, mut slow) = (connect(server.addr), connect(server.addr));
    let peers = [&silent, &slow].map(|socket| socket.local_addr().expect("an address"));
    let start = Instant::now();
    for byte in Handshake::Simple.c0c1() {
        if slow.write_all(&[byte]).is_err() {
            break;
        }
        assert!(start.elapsed() < DEADLINE, "the slow one is still heard");
        good.frame(1000);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(until_closed(silent), b"");
    for peer in peers {
        let line = server.wait_about("connection failed", peer);
        assert_eq!(line.text("error"), "handshake takes too long");
    }
    good.finish(&server);
}

#[test]
fn a_peer_that_never_publishes_is_closed_however_lively_it_is() {
    let server = Server::start(&["--publish-timeout", "1"]);
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    let addr = peer.addr();
    peer.send(|script| script.connect("live"));
    let start = Instant::now();
    while peer.try_send(|script| script.ping(1)) {
        assert!(start.elapsed() < DEADLINE, "it is still heard");
        thread::sleep(Duration::from_millis(50));
    }
    let line = server.wait_about("connection failed", addr);
    assert_eq!(line.text("error"), "nothing published for too long");
    let codes = codes(&peer.until_closed());
    assert!(codes.contains(&"NetConnection.Connect.IdleTimeOut".to_owned()), "{codes:?}");
}

#[test]
fn a_publisher_that_goes_idle_is_told_so_and_its_recording_is_whole() {
    let server = Server::start(&["--idle-timeout", "1"]);
    let mut idle = Steady::start(server.addr, "live", "idle");
    (0..20).for_each(|_| idle.frame(5000));
    idle.assert_complete(&server);
    assert_eq!(server.ended("idle").why, "nothing sent for too long");
    let codes = codes(&idle.peer.until_ended());
    let last = codes.last().map(String::as_str);
    assert_eq!(last, Some("NetConnection.Connect.IdleTimeOut"), "{codes:?}");
}

#[test]
fn a_publisher_that_only_pings_is_idle() {
    let server = Server::start(&["--idle-timeout", "1"]);
    let mut idle = Steady::start(server.addr, "live", "idle");
    idle.frame(5000);
    let start = Instant::now();
    while idle.peer.try_send(|script| script.ping(1)) {
        assert!(start.elapsed() < DEADLINE, "pings keep it alive");
        thread::sleep(Duration::from_millis(50));
    }
    idle.assert_complete(&server);
    assert_eq!(server.ended("idle").why, "nothing sent for too long");
}

#[test]
fn connections_are_limited_and_places_come_back() {
    let server = Server::start(&["--max-connections", "2"]);
    let (one, two) = (connect(server.addr), connect(server.addr));
    assert!(is_served(&one) && is_served(&two));
    assert!(!is_served(&connect(server.addr)), "a third connection");
    let why = server.wait("connections refused");
    assert!(why.text("why").contains("--max-connections"), "{why:?}");
    drop(one);
    wait_for_place(|| connect(server.addr));
}

/// A connection from another of this machine's addresses.
fn connect_from(ip: [u8; 4], addr: SocketAddr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let ip = IpAddr::from(Ipv4Addr::from(ip));
    bind(&fd, &SocketAddr::new(ip, 0)).expect("all of 127/8 is this machine's");
    connect(&fd, &addr).expect("the server accepts connections");
    let socket = TcpStream::from(fd);
    socket.set_read_timeout(Some(DEADLINE)).expect("a read timeout");
    socket
}

#[test]
fn connections_from_one_address_are_limited() {
    let server = Server::start(&["--max-per-address", "2"]);
    let from = |last| connect_from([127, 0, 0, last], server.addr);
    let (one, two) = (from(1), from(1));
    assert!(is_served(&one) && is_served(&two));
    assert!(!is_served(&from(1)), "a third connection");
    let why = server.wait("connections refused");
    assert!(why.text("why").contains("127.0.0.1 has too many connections"), "{why:?}");
    assert!(is_served(&from(2)), "somebody else pays for it");
    drop(two);
    wait_for_place(|| from(1));
}

#[test]
fn all_refusals_are_counted_in_the_log() {
    let mut server = Server::start(&["--max-connections", "1"]);
    let one = connect(server.addr);
    assert!(is_served(&one));
    for _ in 0..7 {
        assert!(!is_served(&connect(server.addr)), "a second connection");
    }
    let counted = |server: &Server| -> u64 {
        let lines = server.wait_for_lines("connections refused", 1);
        lines.iter().map(|line| line.number("count")).sum()
    };
    // The first at once, the others when they have been a burst: nobody else has to come.
    let start = Instant::now();
    while counted(&server) < 7 {
        assert!(start.elapsed() < DEADLINE, "refusals are not told");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(!is_served(&connect(server.addr)), "a second connection");
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit().code(), Some(0));
    assert_eq!(counted(&server), 8);
}

/// What scanners say first: never the version of RTMP.
fn scans() -> [Vec<u8>; 3] {
    let mut noise = filler(4000, 1);
    noise[0] = 0xff;
    [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".into(), b"\x16\x03\x01\x02\0\x01\0\x01\xfc".into(), noise]
}

#[test]
fn three_hundred_scanners_get_no_word_and_disturb_nobody() {
    let server = Server::start(&["--max-per-address", "1000"]);
    let mut good = Steady::start(server.addr, "live", "good");
    let mut scanners = Vec::new();
    for _ in 0..75 {
        for scan in scans() {
            let mut socket = connect(server.addr);
            // Fails when the first byte has closed the connection already.
            let _ = socket.write_all(&scan);
            scanners.push((socket, scan[0]));
        }
        drop(connect(server.addr));
        good.frame(2000);
    }
    good.recorded(&server);
    for (socket, first) in scanners {
        let peer = socket.local_addr().expect("an address");
        assert_eq!(until_closed(socket), b"", "a word to a scanner");
        let line = server.wait_about("connection failed", peer);
        let error = line.text("error");
        let named = error.contains(&format!("{first:#04x}")) || error.contains("TLS");
        assert!(named, "{line:?} does not say that {first:#04x} is not RTMP");
    }
    good.frame(2000);
    good.finish(&server);
}

#[test]
fn several_addresses_of_both_families() {
    let server = Server::start(&["--listen", "[::1]:0", "--listen", "127.0.0.2:0"]);
    let listening = server.wait_for_lines("listening", 3);
    for (line, stream) in listening.iter().zip(["a", "b", "c"]) {
        let addr: SocketAddr = line.text("addr").parse().expect("an address");
        let mut publisher = Steady::start(addr, "live", stream);
        publisher.frame(1000);
        publisher.finish(&server);
    }
    assert!(listening.iter().any(|line| line.text("addr").starts_with("[::1]:")));
}
