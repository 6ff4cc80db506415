//! Guests through the library, each driven as the server would, with a good session beside it.

use std::fmt::{Debug, Display};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sluicebox_host::{Close, Config, Error, Event, Reject, Sandbox, Session, Settings, StreamId};

use super::bystander::Bystander;
use super::guests::{Guest, Record};

/// Far more than a deadline of 50 ms, so that a busy machine fails nothing.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of each read.
pub(super) const READ: usize = 4096;

/// What a guest does, the guest, and its end: the error as `Debug` begins, a part of its message.
pub(super) type Case<'a> = (&'a str, Guest, &'a str, &'a str);

/// The case of a guest that gives these records, and then nothing more.
pub(super) fn says<'a>(
    name: &'a str,
    once: &[Record],
    debug: &'a str,
    message: &'a str,
) -> Case<'a> {
    (name, Guest::says(once, &[]), debug, message)
}

/// What becomes of a publish.
pub(super) type Decide = fn(&mut Session, StreamId) -> Result<(), Error>;

pub(super) fn settings() -> Settings {
    Settings { sessions: 2, memory: 16 << 20, deadline: Duration::from_millis(50) }
}

pub(super) fn accept(session: &mut Session, stream: StreamId) -> Result<(), Error> {
    session.accept(stream)
}

pub(super) fn reject(session: &mut Session, stream: StreamId) -> Result<(), Error> {
    session.reject(stream, Reject::Denied)
}

pub(super) fn ignore(_: &mut Session, _: StreamId) -> Result<(), Error> {
    Ok(())
}

/// Polls until there is nothing more.
pub(super) fn poll(session: &mut Session, decide: Decide) -> Result<(), Error> {
    while let Some(event) = session.poll()? {
        if let Event::Publish(publish) = event {
            let stream = publish.stream;
            decide(session, stream)?;
        }
    }
    Ok(())
}

/// Every call that a server makes.
pub(super) fn every_call(session: &mut Session, decide: Decide) -> Result<(), Error> {
    for _ in 0..20 {
        session.space(READ)?.fill(0);
        session.feed(READ)?;
        poll(session, decide)?;
        session.part(1)?;
        session.trim()?;
    }
    session.release(0)?;
    session.idle()?;
    poll(session, decide)?;
    session.close(Close::Gone)?;
    poll(session, decide)
}

/// Drives a guest from beginning to end.
pub(super) fn drive(guest: &Guest, decide: Decide) -> Result<(), Error> {
    let sandbox = Sandbox::with_guest(&guest.module(), &settings()).expect("a guest");
    let mut session = sandbox.open(&Config::default(), 1)?;
    let end = every_call(&mut session, decide);
    if let Err(error) = &end {
        assert_eq!(session.poll().err().as_ref(), Some(error), "errors stick");
        assert_eq!(session.close(Close::Gone).as_ref(), Err(error), "errors stick");
    }
    end
}

/// Asserts the end of each guest, with a good session beside it.
fn all_end<E>(cases: Vec<Case<'_>>, run: impl Fn(Guest) -> Result<(), E> + Copy + Send + 'static)
where
    E: Debug + Display + Send + 'static,
{
    let mut bystander = Bystander::start();
    for (name, guest, debug, message) in cases {
        let (sender, ended) = mpsc::channel();
        // On a thread that can be left behind: a guest that nothing ends fails the test.
        thread::spawn(move || sender.send(run(guest)));
        let end = ended.recv_timeout(PATIENCE);
        let end = end.unwrap_or_else(|error| panic!("{name}: no end: {error}"));
        let error = end.expect_err(name);
        let text = format!("{error:?}");
        assert!(text.starts_with(debug), "{name}: {text}, not {debug}");
        assert!(error.to_string().contains(message), "{name}: {error}");
        bystander.goes_on();
    }
    bystander.finish();
}

/// Sessions that the server's every call is made on, and that end with an error.
pub(super) fn sessions_end(decide: Decide, cases: Vec<Case<'_>>) {
    all_end(cases, move |guest| drive(&guest, decide));
}

/// Modules that are not taken.
pub(super) fn modules_are_refused(cases: Vec<Case<'_>>) {
    all_end(cases, |guest| Sandbox::with_guest(&guest.module(), &settings()).map(|_| ()));
}
