//! Instances made before there is a session for them.

use std::sync::atomic::{AtomicBool, Ordering};

use sluicebox_host::{Config, Sandbox, Settings};

use super::bystander::Bystander;

#[test]
fn a_prepared_instance_is_one_of_those_that_there_may_be() {
    let settings = Settings { sessions: 2, ..Settings::default() };
    let sandbox = Sandbox::new(&settings).expect("a sandbox");
    for round in 0..3 {
        // More than once makes no more than one.
        sandbox.prepare();
        sandbox.prepare();
        let open = || sandbox.open(&Config::default(), round);
        let sessions = [open().expect("the prepared one"), open().expect("another")];
        sandbox.prepare();
        assert!(open().is_err(), "a third session");
        drop(sessions);
    }
}

#[test]
fn a_session_in_a_prepared_instance_is_like_any_other() {
    let settings = Settings { sessions: 3, ..Settings::default() };
    let sandbox = Sandbox::new(&settings).expect("a sandbox");
    for prepares in [true, false, true] {
        if prepares {
            sandbox.prepare();
        }
        // It begins while another goes on, and takes the memory of one that has ended.
        let mut before = Bystander::open(&sandbox);
        before.goes_on();
        let mut after = Bystander::open(&sandbox);
        after.goes_on();
        before.finish();
        sandbox.prepare();
        after.finish();
    }
}

#[test]
fn whoever_prepares_takes_no_place_from_another() {
    let settings = Settings { sessions: 1, ..Settings::default() };
    let sandbox = Sandbox::new(&settings).expect("a sandbox");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                sandbox.prepare();
            }
        });
        let refused = (0..3000).find_map(|seed| sandbox.open(&Config::default(), seed).err());
        done.store(true, Ordering::Relaxed);
        assert!(refused.is_none(), "{refused:?}");
    });
}
