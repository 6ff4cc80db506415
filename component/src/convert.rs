//! The core's types as those of the interface.

use alloc::string::ToString as _;

use sluicebox_core as core;

use crate::bindings::exports::sluicebox::ingest::sessions as wit;

pub(crate) fn event(event: core::Event<'_>) -> Option<wit::Event> {
    Some(match event {
        core::Event::Reply(bytes) => wit::Event::Reply(bytes.to_vec()),
        core::Event::Connect(connect) => wit::Event::Connect(wit::Connect {
            app: connect.app.as_bytes().to_vec(),
            tc_url: connect.tc_url.as_bytes().to_vec(),
            flash_ver: connect.flash_ver.as_bytes().to_vec(),
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
    wit::Failure { fault, text: error.to_string() }
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
