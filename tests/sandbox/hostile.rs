//! What hostile guests do: each ends its own session, or is not taken, with the fault named, in
//! time, while another session in the same process goes on.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sluicebox_host::{Config, Error, Event, Fault, Sandbox, Settings};

use super::bystander::Bystander;
use super::drive::{PATIENCE, accept, modules_are_refused, reject, sessions_end, settings};
use super::guests::{Guest, MEMORY, Record, SPIN, data};

const TIME: &str = "Guest(Time)";
const TOO_LONG: &str = "sandbox: the guest ran for too long";

#[test]
fn endless_loops() {
    let spin = |name| (name, Guest::with(name, SPIN), TIME, TOO_LONG);
    let calls = ["open", "space", "feed", "poll", "part", "trim", "idle", "close"];
    sessions_end(accept, calls.map(spin).into());
    let asking =
        |name| (name, Guest::says_once(Record::publish(1)).and(name, SPIN), TIME, TOO_LONG);
    sessions_end(accept, vec![asking("accept")]);
    sessions_end(reject, vec![asking("reject")]);
    let bodies = [
        ("calls itself at its end, for ever", "(return_call $poll)"),
        (
            "grows for ever, refused or not",
            "(loop $again (drop (memory.grow (i32.const 1))) (br $again)) (unreachable)",
        ),
        (
            "fills all the memory it can have, for ever",
            "(drop (memory.grow (i32.const 252)))
            (loop $again
                (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000)) (br $again))
            (unreachable)",
        ),
        (
            "moves all the memory it can have, for ever",
            "(drop (memory.grow (i32.const 252)))
            (loop $again
                (memory.copy (i32.const 1) (i32.const 0) (i32.const 0xffffff)) (br $again))
            (unreachable)",
        ),
    ];
    let poll = |(name, body)| (name, Guest::with("poll", body), TIME, TOO_LONG);
    sessions_end(accept, bodies.map(poll).into());
}

#[test]
fn memory_and_stack() {
    let table = "(table $t 1 funcref)";
    sessions_end(
        accept,
        vec![
            (
                "cannot do with the memory it may have",
                Guest::with(
                    "feed",
                    "(loop $again
                        (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                    (unreachable)",
                ),
                "Guest(Memory)",
                "wanted more memory than it may have",
            ),
            (
                "wants 4 GiB at once",
                Guest::with(
                    "feed",
                    "(if (i32.eq (memory.grow (i32.const 65532)) (i32.const -1))
                        (then (unreachable)))",
                ),
                "Guest(Memory)",
                "wanted more memory than it may have",
            ),
            (
                "cannot do with the table it may have",
                Guest::with(
                    "feed",
                    "(br_if 0 (i32.ne (i32.const -1)
                        (table.grow $t (ref.null func) (i32.const 1024)))) (unreachable)",
                )
                .more(table),
                "Guest(Trap(UnreachableCodeReached))",
                "trapped: ",
            ),
            (
                "calls itself for ever",
                Guest::with("poll", "(i32.add (call $poll) (i32.const 1))"),
                "Guest(Trap(StackOverflow))",
                "call stack exhausted",
            ),
        ],
    );
}

#[test]
fn traps() {
    let case = |name, body, trap| (name, Guest::with("feed", body), trap, "the guest trapped: ");
    let outside = "Guest(Trap(MemoryOutOfBounds))";
    sessions_end(
        accept,
        vec![
            case("gives up", "(unreachable)", "Guest(Trap(UnreachableCodeReached))"),
            case("reads behind its memory", "(drop (i32.load (i32.const 0x40000)))", outside),
            case(
                "reads as far away as can be said",
                "(drop (i64.load offset=0xffffffff (i32.const -1)))",
                outside,
            ),
            case("writes behind its memory", "(i32.store (i32.const -1) (i32.const 1))", outside),
            case(
                "fills behind its memory",
                "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))",
                outside,
            ),
            case(
                "divides by nothing",
                "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
                "Guest(Trap(IntegerDivisionByZero))",
            ),
            (
                "calls what is no function",
                Guest::with("feed", "(call_indirect (i32.const 0))").more("(table 1 funcref)"),
                "Guest(Trap(IndirectCallToNull))",
                "the guest trapped: ",
            ),
        ],
    );
}

#[test]
fn modules_without_an_export() {
    let good = Guest::good;
    let missing = |name| (name, good().without(name), "Export(\"", name);
    let names = [
        "version",
        "open",
        "space",
        "feed",
        "poll",
        "accept",
        "reject",
        "reconnect",
        "idle",
        "close",
        "trim",
    ];
    modules_are_refused(names.map(missing).into());
    let typed = |name| (name, good().typed(name, "(param f64)", ""), "Start(Export(\"", name);
    modules_are_refused(names.map(typed).into());
}

#[test]
fn modules_that_do_not_start() {
    let start = |body| Guest::good().more(&format!("(func $start {body}) (start $start)"));
    modules_are_refused(vec![
        (
            "speaks the next version",
            Guest::with("version", "(i32.const 3)"),
            "Version { guest: 3 }",
            "the guest speaks version 3, this host 2",
        ),
        ("has no version", Guest::with("version", "(unreachable)"), "Start(Trap(", "trapped"),
        ("counts versions for ever", Guest::with("version", SPIN), "Start(Time)", "too long"),
        ("starts for ever", start(SPIN), "Start(Time)", "the guest ran for too long"),
        ("fails to start", start("(unreachable)"), "Start(Trap(Unreachable", "the guest trapped"),
        (
            "grows when it starts",
            start("(br_if 0 (i32.ne (memory.grow (i32.const 9999)) (i32.const -1))) (unreachable)"),
            "Start(Memory)",
            "the guest wanted more memory",
        ),
        (
            "has data outside its memory",
            Guest::good().more(&data(MEMORY - 1, b"ab")),
            "Start(Trap(MemoryOutOfBounds))",
            "the guest trapped",
        ),
    ]);
}

#[test]
fn modules_with_other_imports_and_exports() {
    let good = Guest::good;
    modules_are_refused(vec![
        (
            "imports",
            good().memory("(import \"env\" \"f\" (func)) (memory (export \"memory\") 4)"),
            "Import(\"`f` from `env`\")",
            "the module imports `f` from `env`",
        ),
        (
            "keeps its memory",
            good().memory("(memory 4)"),
            "Export(\"memory\")",
            "does not export `memory`",
        ),
        (
            "calls a function its memory",
            good().memory("(memory 4)").more("(func (export \"memory\"))"),
            "Start(Export(\"memory\"))",
            "does not export `memory` as it has to",
        ),
        (
            "calls a global its function",
            good().without("poll").more("(global (export \"poll\") i32 (i32.const 0))"),
            "Start(Export(\"poll\"))",
            "does not export `poll` as it has to",
        ),
    ]);
}

#[test]
fn modules_with_other_memories_and_tables() {
    let good = Guest::good;
    let globals = "(global (mut i64) (i64.const 0))".repeat(100_000);
    modules_are_refused(vec![
        ("has no memory", good().memory(""), "Module(", "not a module that can be run"),
        (
            "has a memory of 64 bits",
            good().memory("(memory (export \"memory\") i64 4)"),
            "Module(",
            "not a module that can be run",
        ),
        (
            "shares its memory",
            good().memory("(memory (export \"memory\") 4 4 shared)"),
            "Module(",
            "not a module that can be run",
        ),
        ("has two memories", good().more("(memory 1)"), "Module(", "not a module that can be run"),
        (
            "has more memory than it may have",
            good().memory("(memory (export \"memory\") 257)"),
            "Module(",
            "not a module that can be run",
        ),
        ("has a large table", good().more("(table 1025 funcref)"), "Module(", "not a module"),
        (
            "has two tables",
            good().more("(table 1 funcref) (table 1 funcref)"),
            "Module(",
            "not a module",
        ),
        ("has many globals", good().more(&globals), "Module(", "not a module"),
    ]);
}

/// Runs for some milliseconds each time, and never for a whole deadline.
#[test]
fn a_guest_that_is_slow_each_time_ends_too() {
    let body = "(local $left i32) (local.set $left (i32.const 10000000))
        (loop $again
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (i32.const 0x1000)";
    let sandbox = Sandbox::with_guest(&Guest::with("poll", body).module(), &settings());
    let sandbox = sandbox.expect("a guest");
    let mut session = sandbox.open(&Config::default(), 1).expect("a session");
    let mut ran = Duration::ZERO;
    let mut bystander = Bystander::start();
    let error = loop {
        let start = Instant::now();
        if let Err(error) = session.poll() {
            break error;
        }
        ran += start.elapsed();
        assert!(ran < Duration::from_secs(5), "it goes on for ever");
        bystander.goes_on();
    };
    assert_eq!(error, Error::Guest(Fault::Time));
    bystander.finish();
}

/// What bounds its time belongs to the session.
#[test]
fn a_session_that_outlives_its_sandbox_ends_in_time() {
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        let sandbox = Sandbox::with_guest(&Guest::with("poll", SPIN).module(), &settings());
        let sandbox = sandbox.expect("a guest");
        let mut session = sandbox.open(&Config::default(), 1).expect("a session");
        drop(sandbox);
        sender.send(session.poll().err())
    });
    let error = ended.recv_timeout(PATIENCE).expect("an end");
    assert_eq!(error, Some(Error::Guest(Fault::Time)));
}

/// One sandbox, one place: who is there is not hurt by who is not let in, and leaves a clean place.
#[test]
fn no_more_sessions_than_there_are_places() {
    let settings = Settings { sessions: 2, ..settings() };
    let guest = Guest::says_once(Record::reply(0x20000 + 100, 8)).module();
    let sandbox = Sandbox::with_guest(&guest, &settings).expect("a guest");
    let config = Config::default();
    let mut sessions = [0, 1].map(|_| sandbox.open(&config, 1).expect("a place"));
    let error = sandbox.open(&config, 1).expect_err("no third place");
    assert!(matches!(error, Error::Guest(Fault::Instance(_))), "{error:?}");
    for session in &mut sessions {
        session.space(108).expect("room")[100..].copy_from_slice(b"a secret");
        assert!(matches!(session.poll(), Ok(Some(Event::Reply(b"a secret")))));
    }
    drop(sessions);
    for _ in 0..4 {
        let mut session = sandbox.open(&config, 1).expect("a place again");
        let reply = session.poll().expect("an event");
        assert!(matches!(reply, Some(Event::Reply(&[0, 0, 0, 0, 0, 0, 0, 0]))), "{reply:?}");
    }
}
