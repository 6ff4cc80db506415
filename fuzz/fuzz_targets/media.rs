//! Any bytes as what an encoder says of its codec, and as a file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sluicebox_tests::fuzz_media::media(data));
