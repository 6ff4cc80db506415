//! Any bytes through a session.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sluicebox_tests::fuzz::session(data));
