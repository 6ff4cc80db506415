//! Any bytes as a run of tags.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sluicebox_tests::fuzz::tags(data));
