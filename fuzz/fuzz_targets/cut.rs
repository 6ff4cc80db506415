//! The same output for any cut of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sluicebox_tests::fuzz::cuts(data));
