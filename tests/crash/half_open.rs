//! Publishers whose network goes away without a word: connections that are open on one side only.

use std::thread;
use std::time::Duration;

use sluicebox_tests::media::{Encode, assert_plays};
use sluicebox_tests::network::Link;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, wait_for_len};

use crate::encodes::*;

/// Half a minute after the last byte, says the documentation: 15 seconds, and three questions 5 seconds apart.
const FOUND: Duration = Duration::from_secs(30);

#[test]
fn a_publisher_whose_cable_is_cut_is_found_by_keep_alive() {
    let Some(link) = Link::new() else { return };
    let encode = Encode::new(LONG);
    // What would end it otherwise is far away.
    let listen = format!("{}:0", link.addr);
    let server = Server::start(&["--listen", &listen, "--idle-timeout", "1000"]);
    let lines = server.wait_for_lines("listening", 2);
    let addrs = lines.iter().map(|line| line.text("addr"));
    let mut addrs = addrs.filter(|addr| addr.starts_with(&link.addr.to_string()));
    let url = format!("rtmp://{}/live/cam", addrs.next().expect("it listens there"));
    let publisher = Running::start(&mut link.there(&encode.push_live(&url)));
    let path = server.publishing("cam");
    wait_for_len(&path, 100_000);
    link.cut();
    thread::sleep(FOUND - Duration::from_secs(8));
    // Waits for half a minute more, which no busy machine needs.
    let ended = server.ended("cam");
    assert_eq!((ended.path, ended.why.as_str()), (path.clone(), "connection ended"));
    encode.assert_beginning(&path);
    assert_plays(&path);
    drop(publisher);
}
