//! Any bytes as AMF0.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sluicebox_tests::fuzz::amf0(data));
