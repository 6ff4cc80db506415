//! `rml_rtmp`, the RTMP library that most Rust programs publish with.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult,
    PublishRequestType, StreamMetadata,
};
use rml_rtmp::time::RtmpTimestamp;
use sluicebox_tests::compatibility;
use sluicebox_tests::flv::{Tag, read};
use sluicebox_tests::media::{Encode, assert_plays, media_tags};
use sluicebox_tests::server::Server;

use crate::encodes::*;

/// The library on a socket: it has none of its own.
struct Client {
    socket: TcpStream,
    session: ClientSession,
}

impl Client {
    /// Connects and shakes hands.
    fn connect(server: &Server) -> Self {
        let mut socket = TcpStream::connect(server.addr).expect("the server accepts connections");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a read timeout");
        let mut handshake = Handshake::new(PeerType::Client);
        let hello = handshake.generate_outbound_p0_and_p1().expect("C0 and C1");
        socket.write_all(&hello).expect("the server reads");
        let rest = loop {
            let heard = hear(&mut socket);
            match handshake.process_bytes(&heard).expect("a handshake it likes") {
                HandshakeProcessResult::InProgress { response_bytes } => {
                    socket.write_all(&response_bytes).expect("the server reads");
                }
                HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                    socket.write_all(&response_bytes).expect("the server reads");
                    break remaining_bytes;
                }
            }
        };
        assert!(rest.is_empty(), "nothing is said before connect");
        let (session, first) = ClientSession::new(ClientSessionConfig::new()).expect("a session");
        let mut client = Self { socket, session };
        first.into_iter().for_each(|result| _ = client.take(result));
        client
    }

    /// Asks to publish `live/<name>`; the event that comes of it.
    fn publish(&mut self, name: &str) -> ClientSessionEvent {
        let connect = self.session.request_connection("live".to_owned()).expect("a connect");
        assert_eq!(self.ask(connect), ClientSessionEvent::ConnectionRequestAccepted);
        let publish = self.session.request_publishing(name.to_owned(), PublishRequestType::Live);
        self.ask(publish.expect("a publish"))
    }

    /// Sends a request; the first event that is an answer.
    fn ask(&mut self, request: ClientSessionResult) -> ClientSessionEvent {
        self.take(request);
        loop {
            let heard = hear(&mut self.socket);
            let results = self.session.handle_input(&heard).expect("answers that it can read");
            let events: Vec<_> =
                results.into_iter().filter_map(|result| self.take(result)).collect();
            let answers = |event: &ClientSessionEvent| {
                !matches!(event, ClientSessionEvent::UnhandleableAmf0Command { .. })
            };
            if let Some(event) = events.into_iter().find(answers) {
                return event;
            }
        }
    }

    /// Sends an audio or video tag.
    fn send(&mut self, tag: &Tag) {
        let (body, time) = (tag.body.clone().into(), RtmpTimestamp::new(tag.timestamp));
        let result = match tag.kind {
            8 => self.session.publish_audio_data(body, time, false),
            _ => self.session.publish_video_data(body, time, false),
        };
        self.take(result.expect("media can be sent"));
    }

    /// Sends what is to be sent, and gives back what is an event.
    fn take(&mut self, result: ClientSessionResult) -> Option<ClientSessionEvent> {
        match result {
            ClientSessionResult::OutboundResponse(packet) => {
                self.socket.write_all(&packet.bytes).expect("the server reads");
                None
            }
            ClientSessionResult::RaisedEvent(event) => Some(event),
            ClientSessionResult::UnhandleableMessageReceived(_) => None,
        }
    }

    /// Stops publishing, and hangs up.
    fn stop(mut self) {
        let results = self.session.stop_publishing().expect("a publish can be stopped");
        results.into_iter().for_each(|result| _ = self.take(result));
        self.socket.shutdown(Shutdown::Write).expect("the socket can be shut");
    }
}

fn hear(socket: &mut TcpStream) -> Vec<u8> {
    let mut buffer = vec![0; 64 << 10];
    let len = socket.read(&mut buffer).expect("the server answers in time");
    assert!(len > 0, "the server hung up");
    buffer.truncate(len);
    buffer
}

#[test]
fn every_tag_of_a_file() {
    let encode = Encode::new(H264_AAC);
    let server = Server::start(&["--raw"]);
    let mut client = Client::connect(&server);
    assert_eq!(client.publish("cam"), ClientSessionEvent::PublishRequestAccepted);
    let mut metadata = StreamMetadata::new();
    (metadata.video_width, metadata.encoder) = (Some(320), Some("rml_rtmp".to_owned()));
    let metadata = client.session.publish_metadata(&metadata).expect("metadata can be sent");
    client.take(metadata);
    media_tags(&encode.reference).iter().for_each(|tag| client.send(tag));
    client.stop();
    let recording = server.complete("cam");
    assert_plays(&recording);
    assert_eq!(media_tags(&recording), media_tags(&encode.reference));
    let script = &read(&recording)[0];
    assert!(script.kind == 18 && script.body.starts_with(b"\x02\0\x0aonMetaData"), "{script:?}");
    compatibility::recorded("rml_rtmp", &version(), "H.264 and AAC", &recording);
}

/// The version that this build has.
fn version() -> String {
    let mut lines = include_str!("../../Cargo.lock").lines();
    lines.find(|line| *line == "name = \"rml_rtmp\"").expect("it is among the dependencies");
    let version = lines.next().and_then(|line| line.split('"').nth(1));
    version.expect("a version behind the name").to_owned()
}

/// Timestamps that begin before the first extended one, and before 2^32: the library repeats the
/// extended field or not as it likes, and all have to arrive.
#[test]
fn timestamps_past_24_and_32_bits() {
    let server = Server::start(&[]);
    for start in [0x00ff_ffff - 1000, u32::MAX - 1000] {
        let stream = format!("from-{start}");
        let tag = |n: u32| Tag {
            kind: if n.is_multiple_of(2) { 9 } else { 8 },
            timestamp: start.wrapping_add(40 * n),
            body: vec![n.to_le_bytes()[0]; 9000],
        };
        let tags: Vec<Tag> = (0..60).map(tag).collect();
        let mut client = Client::connect(&server);
        assert_eq!(client.publish(&stream), ClientSessionEvent::PublishRequestAccepted);
        tags.iter().for_each(|tag| client.send(tag));
        client.stop();
        let recording = server.complete(&stream);
        assert_eq!(read(&recording), tags);
        let pushed = format!("timestamps from {start} on");
        compatibility::recorded("rml_rtmp", &version(), &pushed, &recording);
    }
}

#[test]
fn a_second_publisher_is_told() {
    let server = Server::start(&["--on-conflict", "reject"]);
    let mut first = Client::connect(&server);
    assert_eq!(first.publish("cam"), ClientSessionEvent::PublishRequestAccepted);
    let mut second = Client::connect(&server);
    let code = "NetStream.Publish.BadName".to_owned();
    assert_eq!(second.publish("cam"), ClientSessionEvent::UnhandleableOnStatusCode { code });
    first.send(&Tag { kind: 9, timestamp: 0, body: vec![0x17; 300] });
    first.stop();
    assert_eq!(read(&server.complete("cam")).len(), 1);
    compatibility::refused("rml_rtmp", &version(), "a name that is taken", "gives the code");
}
