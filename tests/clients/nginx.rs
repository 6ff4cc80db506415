//! nginx with its RTMP module, which takes publishes and publishes them on.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use sluicebox_tests::compatibility;
use sluicebox_tests::flv::{Tag, read};
use sluicebox_tests::media::{Encode, assert_plays, media_tags, push_from_pipe};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::proxy::Proxy;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, tool};
use sluicebox_tests::vector::{expected_tags, keep};
use tempfile::TempDir;

use crate::encodes::*;

/// A relay. Dropping it ends it.
struct Relay {
    addr: SocketAddr,
    _nginx: Running,
    _folder: TempDir,
}

impl Relay {
    /// Starts nginx: whatever is published to it is published on to `to`.
    fn to(to: SocketAddr) -> Self {
        let folder = TempDir::with_prefix("nginx-").expect("a folder for nginx");
        let addr = free_port();
        let file = folder.path().join("nginx.conf");
        let configuration = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
             daemon off;
             master_process off;
             error_log stderr;
             pid {folder}/pid;
             events {{}}
             rtmp {{ server {{
                 listen {addr};
                 application live {{ live on; push rtmp://{to}/live; }}
             }} }}",
            folder = folder.path().display(),
        );
        fs::write(&file, configuration).expect("a configuration can be written");
        let mut command = tool("/usr/sbin/nginx");
        let nginx = Running::start(command.arg("-p").arg(folder.path()).arg("-c").arg(&file));
        let start = Instant::now();
        while TcpStream::connect(addr).is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "nginx does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        Self { addr, _nginx: nginx, _folder: folder }
    }
}

/// A port that nobody listens on: nginx does not tell which one it took.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

/// nginx connects when somebody publishes to it, and drops what comes until then, and video up to the
/// next keyframe. Everything that it relays must be recorded, and the second half of the encode is
/// surely relayed.
#[test]
fn what_ffmpeg_publishes() {
    let encode = Encode::new(H264_AAC);
    let server = Server::start(&["--raw"]);
    let proxy = Proxy::to(server.addr);
    let relay = Relay::to(proxy.addr);
    let bytes = fs::read(&encode.file).expect("an encode can be read");
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    let (ffmpeg, mut feed) =
        Running::fed(&mut push_from_pipe(&format!("rtmp://{}/live/cam", relay.addr)));
    feed.write_all(half).expect("ffmpeg reads");
    server.publishing("cam");
    feed.write_all(rest).expect("ffmpeg reads");
    drop(feed);
    assert!(ffmpeg.output().status.success());
    let recording = server.complete("cam");
    let sent = proxy.sent().expect("nginx closes in order");
    keep("nginx-relay", &sent);
    assert_eq!(read(&recording), expected_tags(&sent), "what nginx has sent");
    assert_relayed(&media_tags(&recording), &media_tags(&encode.reference));
    assert_plays(&recording);
    let pushed = "H.264 and AAC from ffmpeg, from where nginx begins to relay";
    compatibility::recorded_while_it_ran("nginx, relaying", &version(), pushed);
}

fn version() -> String {
    let (nginx, module) = ("nginx", "libnginx-mod-rtmp");
    format!("{}, module {}", compatibility::debian(nginx), compatibility::debian(module))
}

/// Asserts that of each kind the end of the encode was relayed, the last third at least (which begins
/// with a keyframe): behind the sequence header, which nginx repeats.
fn assert_relayed(relayed: &[Tag], encode: &[Tag]) {
    for kind in [8, 9] {
        let (relayed, encode) = (of_kind(relayed, kind), of_kind(encode, kind));
        assert_eq!(relayed[0].body, encode[0].body, "the sequence header");
        assert!(3 * relayed.len() >= encode.len(), "{} of {}", relayed.len(), encode.len());
        assert!(encode.ends_with(&relayed[1..]), "kind {kind}: the end of the encode");
    }
}

fn of_kind(tags: &[Tag], kind: u8) -> Vec<Tag> {
    tags.iter().filter(|tag| tag.kind == kind).cloned().collect()
}

/// A publisher that waits until the relay is there: all of it is relayed.
#[test]
fn every_tag_of_a_publisher_that_waits() {
    let encode = Encode::new(H264_AAC);
    let server = Server::start(&[]);
    let relay = Relay::to(server.addr);
    let mut peer = Peer::publishing(relay.addr, "live", "cam");
    server.publishing("cam");
    let tags = media_tags(&encode.reference);
    peer.send(|script| {
        tags.iter().fold(script, |script, tag| match tag.kind {
            8 => script.audio(tag.timestamp, &tag.body),
            _ => script.video(tag.timestamp, &tag.body),
        })
    });
    peer.send(|script| script.delete_stream(1.0));
    let recording = server.complete("cam");
    // nginx sends the sequence headers when it comes to a frame: sound may overtake pictures there.
    for kind in [8, 9] {
        assert_eq!(of_kind(&media_tags(&recording), kind), of_kind(&tags, kind));
    }
    let pushed = "H.264 and AAC from a publisher that waits for the relay";
    compatibility::recorded("nginx, relaying", &version(), pushed, &recording);
}
