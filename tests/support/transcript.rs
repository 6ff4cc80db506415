//! What came out of a session, in lines that people read and tests compare.

use sha2::{Digest as _, Sha256};
use sluicebox_core::{Config, Reject, Tally, Type3};

use crate::flv::{self, Tag, hex};
use crate::fuzz::{Outcome, Policy, Told, run};
use crate::handshake::PART;
use crate::reply::{Reply, parse_replies};

/// Lines about tags of one stream before the rest is told by a digest.
const TAGS: usize = 40;

/// Runs a client's bytes, which are accepted, rejected, and read as both camps of type 3 chunks
/// would; what comes out, line by line.
pub fn transcript(client: &[u8]) -> String {
    let accepted = run(Config::default(), Policy::Accept, [client]);
    let mut lines = vec![format!("input: {} bytes, SHA-256 {}", client.len(), digest(client))];
    hands(client, &accepted.replies, &mut lines);
    lines.extend(
        parse_replies(&accepted.replies).iter().map(|reply| format!("said: {}", said(reply))),
    );
    lines.extend(accepted.told.iter().map(told));
    for (stream, bytes) in &accepted.tags {
        tags(*stream, bytes, &mut lines);
    }
    if accepted.stray != Tally::default() {
        lines.push(format!("belongs to no stream: {}", count(accepted.stray)));
    }
    lines.extend(
        accepted.error.map(|error| format!("error: {error}, at byte {}", accepted.received)),
    );
    for (type3, name) in [(Type3::Delta, "delta"), (Type3::Same, "same")] {
        let other = run(Config { type3, ..Config::default() }, Policy::Accept, [client]);
        if other.tags != accepted.tags {
            lines.push(format!("with type 3 as {name}: {}", times(&other)));
        }
    }
    let rejected = run(Config::default(), Policy::Reject(Reject::Busy), [client]);
    let codes: Vec<String> =
        parse_replies(&rejected.replies).iter().filter_map(Reply::code).collect();
    lines.push(format!("if rejected: {}", codes.join(", ")));
    assert!(rejected.tags.is_empty(), "tags of what was rejected");
    lines.join("\n") + "\n"
}

/// How the server's part of the handshake looks.
fn hands(client: &[u8], replies: &[u8], lines: &mut Vec<String>) {
    let Some(answer) = replies.get(..1 + 2 * PART) else {
        lines.push(format!("no handshake: {} bytes were said", replies.len()));
        return;
    };
    let s2 = if answer[1 + PART..] == client[1..=PART] { "C1" } else { "not C1" };
    lines.push(format!("handshake: SHA-256 {}, S2 is {s2}", digest(answer)));
}

fn said(reply: &Reply) -> String {
    let message = &reply.0;
    let Some(command) = reply.command() else {
        let kinds =
            ["", "chunk size", "abort", "acknowledgement", "user control", "window", "bandwidth"];
        let kind = kinds.get(usize::from(message.kind)).unwrap_or(&"message");
        return format!("{kind} {}", hex(&message.body));
    };
    let (name, transaction) = (command.name, command.transaction);
    let code = reply.code().unwrap_or_default();
    format!("{name} {transaction} on {} {code}", message.stream).trim_end().to_owned()
}

fn told(told: &Told) -> String {
    let text = |bytes: &[u8]| format!("{:?}", String::from_utf8_lossy(bytes));
    match told {
        Told::Connect([app, tc_url, flash_ver, ..], can) => {
            let ([codecs, video, audio], numbers) = can;
            let can = [codecs, video, audio].map(|list| text(list)).join(" ");
            let labels = [app, tc_url, flash_ver].map(|label| text(label)).join(" ");
            format!("connect: {labels}; can {can} {numbers:?}")
        }
        Told::Publish(stream, [app, name, kind]) => {
            format!("publish on {stream}: {} {} {}", text(app), text(name), text(kind))
        }
        Told::Unpublish(stream, why, ledger) => {
            let (received, written) = (count(ledger.received), count(ledger.written));
            let refused = count(ledger.refused.total());
            let unwrapped = ledger.unwrapped;
            format!(
                "end of {stream}: {why:?}, received {received}, written {written}, \
                 unwrapped {unwrapped}, refused {refused}"
            )
        }
    }
}

fn count(tally: Tally) -> String {
    format!("{} ({} bytes)", tally.messages, tally.bytes)
}

fn tags(stream: u32, bytes: &[u8], lines: &mut Vec<String>) {
    let tags = flv::parse_tags(bytes).expect("whole tags");
    lines.extend(tags.iter().take(TAGS).map(|tag| format!("tag of {stream}: {}", tag.line())));
    if tags.len() > TAGS {
        lines.push(format!("{} tags of {stream}, SHA-256 {}", tags.len(), digest(bytes)));
    }
}

fn times(outcome: &Outcome) -> String {
    let tags = outcome.tags.values().flat_map(|bytes| flv::parse_tags(bytes).expect("whole tags"));
    let times: Vec<String> = tags.map(|Tag { timestamp, .. }| timestamp.to_string()).collect();
    times.join(" ")
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..8])
}
