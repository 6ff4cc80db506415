//! The settings of a session, as a host writes them before `open`.

use sluicebox_core::{Config, Type3};

/// Length of the settings of this version, in bytes: fourteen words of four bytes.
pub const LEN: usize = 56;

const DETECT: u32 = 0;
const DELTA: u32 = 1;
const SAME: u32 = 2;

/// The settings as a host hands them over. Numbers over 2^32 - 1 become that.
pub fn write(config: &Config) -> [u8; LEN] {
    let limits = &config.limits;
    let size = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let words = [
        limits.message,
        limits.command,
        size(limits.buffered),
        size(limits.chunk_streams),
        limits.chunk_size,
        limits.smallest_chunk,
        size(limits.streams),
        size(limits.early),
        limits.amf_depth.into(),
        limits.amf_values,
        limits.aggregate,
        config.chunk_size,
        config.window,
        match config.type3 {
            Type3::Detect => DETECT,
            Type3::Delta => DELTA,
            Type3::Same => SAME,
        },
    ];
    let mut bytes = [0; LEN];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The settings as a guest reads them. What is missing at the end has its default, and what is
/// more than this version knows is passed over: either side may be the newer one.
pub fn read(bytes: &[u8]) -> Config {
    let mut config = Config::default();
    let limits = &mut config.limits;
    let size = |word: u32| word as usize;
    for (at, word) in bytes.chunks_exact(4).enumerate() {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        match at {
            0 => limits.message = word,
            1 => limits.command = word,
            2 => limits.buffered = size(word),
            3 => limits.chunk_streams = size(word),
            4 => limits.chunk_size = word,
            5 => limits.smallest_chunk = word,
            6 => limits.streams = size(word),
            7 => limits.early = size(word),
            8 => limits.amf_depth = u8::try_from(word).unwrap_or(u8::MAX),
            9 => limits.amf_values = word,
            10 => limits.aggregate = word,
            11 => config.chunk_size = word,
            12 => config.window = word,
            13 => {
                config.type3 = match word {
                    DELTA => Type3::Delta,
                    SAME => Type3::Same,
                    _ => Type3::Detect,
                }
            }
            _ => break,
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use sluicebox_core::Limits;

    use super::*;

    #[test]
    fn settings_arrive_as_they_were_written() {
        let config = Config {
            limits: Limits {
                message: 1,
                command: 2,
                buffered: 3,
                chunk_streams: 4,
                chunk_size: 5,
                smallest_chunk: 6,
                streams: 7,
                early: 8,
                amf_depth: 9,
                amf_values: 10,
                aggregate: 11,
            },
            chunk_size: 12,
            window: 13,
            type3: Type3::Same,
        };
        assert_eq!(read(&write(&config)), config);
        assert_eq!(read(&write(&Config::default())), Config::default());
    }

    #[test]
    fn missing_settings_have_their_defaults_and_unknown_ones_are_passed_over() {
        assert_eq!(read(&[]), Config::default());
        let short = read(&[7, 0, 0, 0, 1]);
        assert_eq!(short.limits.message, 7);
        assert_eq!(short.limits.command, Limits::default().command);
        let mut long = [0xff; LEN + 4];
        long[..LEN].copy_from_slice(&write(&Config::default()));
        assert_eq!(read(&long), Config::default());
    }
}
