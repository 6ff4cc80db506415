//! The core's types as those of the interface.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use sluicebox_core as core;

use crate::bindings::exports::sluicebox::ingest::sessions as wit;

/// What the host set, over the defaults.
pub(crate) fn config(wanted: &wit::Settings) -> core::Config {
    let mut config = core::Config::default();
    let limits = &mut config.limits;
    let size = |bytes: u32| bytes as usize;
    set(&mut limits.message, wanted.message);
    set(&mut limits.command, wanted.command);
    set(&mut limits.buffered, wanted.buffered.map(size));
    set(&mut limits.chunk_streams, wanted.chunk_streams.map(size));
    set(&mut limits.chunk_size, wanted.largest_chunk);
    set(&mut limits.smallest_chunk, wanted.smallest_chunk);
    set(&mut limits.streams, wanted.streams.map(size));
    set(&mut limits.early, wanted.early.map(size));
    set(&mut limits.amf_depth, wanted.nesting);
    set(&mut limits.amf_values, wanted.values);
    set(&mut limits.aggregate, wanted.aggregate);
    set(&mut config.chunk_size, wanted.chunk_size);
    set(&mut config.window, wanted.window);
    let type3 = wanted.type3.map(|type3| match type3 {
        wit::Type3::Detect => core::Type3::Detect,
        wit::Type3::Delta => core::Type3::Delta,
        wit::Type3::Same => core::Type3::Same,
    });
    set(&mut config.type3, type3);
    config
}

fn set<T>(place: &mut T, wanted: Option<T>) {
    if let Some(value) = wanted {
        *place = value;
    }
}

pub(crate) fn event(event: core::Event<'_>) -> Option<wit::Event> {
    Some(match event {
        core::Event::Reply(bytes) => wit::Event::Reply(bytes.to_vec()),
        core::Event::Connect(connect) => wit::Event::Connect(wit::Connect {
            app: connect.app.as_bytes().to_vec(),
            tc_url: connect.tc_url.as_bytes().to_vec(),
            flash_ver: connect.flash_ver.as_bytes().to_vec(),
            swf_url: connect.swf_url.as_bytes().to_vec(),
            page_url: connect.page_url.as_bytes().to_vec(),
            capabilities: capabilities(&connect.capabilities),
        }),
        core::Event::Publish(publish) => wit::Event::Publish(wit::Publish {
            stream: publish.stream.0,
            app: publish.app.as_bytes().to_vec(),
            tc_url: publish.tc_url.as_bytes().to_vec(),
            name: publish.name.as_bytes().to_vec(),
            kind: publish.kind.as_bytes().to_vec(),
        }),
        core::Event::Tags(tags) => wit::Event::Tags(wit::Tags {
            stream: tags.stream.0,
            bytes: tags.bytes.to_vec(),
            count: tags.count,
            refused: tags.refused,
        }),
        core::Event::Unpublish(end) => wit::Event::Unpublish(wit::Unpublish {
            stream: end.stream.0,
            by: match end.why {
                core::End::Peer => wit::Ender::Peer,
                core::End::Rejected(_) => wit::Ender::Rejected,
                core::End::Failed => wit::Ender::Failed,
                _ => wit::Ender::Closed,
            },
            ledger: ledger(&end.ledger),
        }),
        // There is none that the interface has not.
        _ => return None,
    })
}

fn capabilities(said: &core::Capabilities<'_>) -> wit::Capabilities {
    // Flags have a byte each, and take the bits that they know.
    let low = |bits: u32| bits.to_le_bytes()[0];
    wit::Capabilities {
        codecs: codecs(said.list),
        video: codecs(said.video),
        audio: codecs(said.audio),
        caps_ex: wit::CapsEx::from_bits_truncate(low(said.caps_ex.0)),
        video_function: wit::VideoFunction::from_bits_truncate(low(said.video_function)),
        object_encoding: said.object_encoding,
    }
}

fn codecs(said: core::FourCcs<'_>) -> Vec<wit::Codec> {
    let codec = |(fourcc, can): (core::flv::FourCc, u8)| {
        let end = if fourcc.0 == *b"*\0\0\0" { 1 } else { 4 };
        wit::Codec { fourcc: fourcc.0[..end].to_vec(), can: wit::CodecUse::from_bits_truncate(can) }
    };
    said.iter().map(codec).collect()
}

pub(crate) fn tally(tally: core::Tally) -> wit::Tally {
    wit::Tally { messages: tally.messages, bytes: tally.bytes }
}

fn ledger(ledger: &core::Ledger) -> wit::Ledger {
    wit::Ledger {
        received: tally(ledger.received),
        written: tally(ledger.written),
        unwrapped: ledger.unwrapped,
        aborted: tally(ledger.refused.aborted),
        torn: tally(ledger.refused.torn),
        early: tally(ledger.refused.early),
        foreign: tally(ledger.refused.foreign),
    }
}

pub(crate) fn failure(error: core::Error) -> wit::Failure {
    let fault = match error {
        core::Error::OverLimit(_) => wit::Fault::OverLimit,
        core::Error::Unsupported(_) => wit::Fault::Unsupported,
        _ => wit::Fault::Malformed,
    };
    let [number, ..] = sluicebox_abi::of_error(error);
    wit::Failure { fault, number, text: error.to_string() }
}

pub(crate) fn reject(why: wit::RejectReason) -> core::Reject {
    match why {
        wit::RejectReason::Busy => core::Reject::Busy,
        wit::RejectReason::Denied => core::Reject::Denied,
        wit::RejectReason::Refused => core::Reject::Refused,
        wit::RejectReason::Storage => core::Reject::Storage,
    }
}

pub(crate) fn close(why: wit::CloseReason) -> core::Close {
    match why {
        wit::CloseReason::Gone => core::Close::Gone,
        wit::CloseReason::Shutdown => core::Close::Shutdown,
        wit::CloseReason::Idle => core::Close::Idle,
    }
}
