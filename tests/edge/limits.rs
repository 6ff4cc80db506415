use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::media::Encode;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::tool::{Running, run};
use sluicebox_tests::wire::Message;
use tempfile::TempDir;

use super::{made, wrapped};
use crate::encodes::*;

/// A test of the stand-alone server with the sockets of WASI 0.2, and with those of 0.3.
fn each(test: impl Fn(&dyn Fn(&[&str]) -> Server)) {
    for runtime in ["newest", "p3"] {
        let program = made(&format!("edge-tools/bin/serve-{runtime}"));
        test(&|arguments| Server::of(&program, arguments));
    }
}

/// Whether the server shakes hands on a new connection.
fn is_served(server: &Server) -> bool {
    let mut socket = TcpStream::connect(server.addr).expect("the server accepts connections");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a read timeout");
    // Fails when the server has closed already, as the read does.
    let _ = socket.write_all(&Handshake::Simple.c0c1());
    matches!(socket.read(&mut [0]), Ok(1))
}

#[test]
fn four_publishers_at_once() {
    each(|server| {
        let encode = Encode::new(H264_AAC);
        let server = server(&[]);
        let streams = ["a", "b", "c", "d"];
        let publishers =
            streams.map(|stream| Running::start(&mut encode.push_live(&server.url(stream))));
        for (stream, publisher) in streams.into_iter().zip(publishers) {
            assert!(publisher.output().status.success());
            encode.assert_recorded(&server.complete(stream));
        }
    });
}

#[test]
fn flat_out_with_keyframes_over_a_mebibyte() {
    each(|server| {
        let encode = Encode::new(HUGE);
        let server = server(&[]);
        run(&mut encode.push(&server.url("cam")));
        encode.assert_recorded(&server.complete("cam"));
    });
}

#[test]
fn a_place_is_refused_and_comes_back() {
    each(|server| {
        let server = server(&["--max-connections", "1"]);
        let peer = Peer::publishing(server.addr, "live", "cam");
        assert!(!is_served(&server));
        assert!(server.wait("connections refused").text("why").contains("--max-connections"));
        drop(peer);
        server.ended("cam");
        while !is_served(&server) {}
    });
}

#[test]
fn peers_that_reset_before_they_are_accepted_end_nobody_else() {
    each(|server| {
        let server = server(&[]);
        let mut good = Steady::start(server.addr, "live", "good");
        for _ in 0..20 {
            for _ in 0..5 {
                let socket =
                    TcpStream::connect(server.addr).expect("the server accepts connections");
                rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO))
                    .expect("linger");
            }
            good.frames(1, 2000);
        }
        good.finish(&server);
    });
}

#[test]
fn a_runtime_that_is_out_of_descriptors_says_so_and_goes_on() {
    let folder = TempDir::new().expect("a folder");
    for runtime in ["oldest", "newest", "p3"] {
        let server = Server::of(&wrapped(&folder, runtime, "ulimit -n 48\nexec"), &[]);
        let good = Steady::start(server.addr, "live", "good");
        let connect = |_| TcpStream::connect(server.addr).expect("the system accepts connections");
        let many: Vec<_> = (0..64).map(connect).collect();
        let line = server.wait("connections wait");
        assert!(line.text("why").contains("cannot accept: "), "{line:?}");
        assert!(line.text("why").contains("out of file descriptors"), "{line:?}");
        drop(many);
        good.finish(&server);
        while !is_served(&server) {}
        // They waited, and were not refused.
        assert!(!server.log().contains("connections refused"));
    }
}

#[test]
fn a_silent_peer_is_ended_and_a_live_one_is_not() {
    each(|server| {
        let server = server(&["--handshake-timeout", "1"]);
        let good = Steady::start(server.addr, "live", "good");
        let mut silent = TcpStream::connect(server.addr).expect("the server accepts connections");
        let peer = silent.local_addr().expect("an address");
        assert_eq!(silent.read(&mut [0]).expect("the end"), 0);
        let line = server.wait_about("connection failed", peer);
        assert_eq!(line.text("error"), "handshake takes too long");
        good.finish(&server);
    });
}

#[test]
fn who_holds_most_is_ended_when_memory_is_used_up() {
    each(|server| {
        let server = server(&["--max-memory", "8"]);
        let good = Steady::start(server.addr, "live", "good");
        let mut greedy = Peer::publishing(server.addr, "live", "greedy");
        // A message of 12 MiB, of which all but the last bytes come.
        let message = Message::video(0, &vec![0; 12 << 20]);
        let _ = greedy.try_send(|script| script.chunk_size(65_536).begun(&message, 180));
        let line = server.wait("connection failed");
        assert!(line.text("error").contains("--max-memory"), "{line:?}");
        assert!(!server.ended("greedy").complete);
        good.finish(&server);
    });
}

#[test]
fn a_name_has_one_publisher_and_cannot_leave_the_folder() {
    each(|server| {
        let server = server(&[]);
        let first = Peer::publishing(server.addr, "live", "../../../etc/passwd");
        let path = server.publishing("passwd");
        assert!(path.starts_with(server.folder.path()), "{path:?}");
        assert!(path.to_str().is_some_and(|path| path.contains("live/%2E%2E/%2E%2E/")), "{path:?}");
        let mut second = Peer::connect(server.addr, &Handshake::Simple);
        second.send(|script| script.to_publish("live", "../../../etc/passwd"));
        let line = server.wait("publish refused");
        assert_eq!(line.text("reason"), "name has a publisher");
        drop((first, second));
    });
}
