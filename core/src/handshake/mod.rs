//! C0 C1 C2 in, S0 S1 S2 out (RTMP 1.0, section 5.2).
//!
//! ```text
//!  C0: version      C1: time, zero or version, random      C2: echo of S1
//!  S0: version      S1: the same, ours                     S2: echo of C1
//! ```
//!
//! The answer is one reply as soon as C1 is whole: some clients look at the size of what is there,
//! and nothing else may come before their `connect`. C2 is not checked: encoders send anything.
//! A C1 that carries a digest gets one back ([`digest`]); any other gets its exact echo, which OBS
//! compares.

mod digest;

use alloc::vec::Vec;

use crate::error::{Error, Malformed, Unsupported};

/// Length of C1, C2, S1 and S2, in bytes.
const PART: usize = 1536;

/// Progress through the handshake of one connection.
///
/// ```text
///  Version ──C0──▶ First ──C1──▶ Second ──C2──▶ done
///                          └─▶ S0 S1 S2
/// ```
enum State {
    Version,
    /// C1 as far as it came.
    First(Vec<u8>),
    /// Bytes of C2 still to come.
    Second(usize),
}

/// The server's side of the handshake.
pub(crate) struct Handshake {
    state: State,
    random: Random,
}

impl Handshake {
    /// A handshake of which nothing has come yet. `seed` varies S1.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: State::Version, random: Random(seed) }
    }

    /// Takes in what belongs to the handshake and appends the answer to `reply`. True: it is done.
    pub(crate) fn take(&mut self, input: &mut &[u8], reply: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            match &mut self.state {
                State::Version => {
                    let Some(version) = input.split_off_first() else { return Ok(false) };
                    check_version(*version)?;
                    self.state = State::First(Vec::with_capacity(PART));
                }
                State::First(c1) => {
                    let len = input.len().min(PART - c1.len());
                    c1.extend_from_slice(take(input, len));
                    let Ok(c1) = <&[u8; PART]>::try_from(c1.as_slice()) else { return Ok(false) };
                    answer(c1, &mut self.random, reply);
                    self.state = State::Second(PART);
                }
                State::Second(left) => {
                    let len = input.len().min(*left);
                    take(input, len);
                    *left -= len;
                    return Ok(*left == 0);
                }
            }
        }
    }

    /// Bytes held.
    pub(crate) fn buffered(&self) -> usize {
        match &self.state {
            State::First(c1) => c1.capacity(),
            _ => 0,
        }
    }
}

/// Versions below 32 are answered with 3 (section 5.2.2); from there on it is text, not RTMP. Among
/// them are the record types of TLS, which nobody uses as versions.
fn check_version(version: u8) -> Result<(), Error> {
    match version {
        6 | 8 | 9 => Err(Unsupported::Encryption(version).into()),
        20..=23 => Err(Unsupported::Tls.into()),
        0..32 => Ok(()),
        _ => Err(Malformed::Version(version).into()),
    }
}

/// Appends S0 S1 S2 in one piece.
fn answer(c1: &[u8; PART], random: &mut Random, reply: &mut Vec<u8>) {
    reply.push(3);
    // Bytes 4–7 are zero in the specification's handshake and a version in Adobe's later one.
    // A version alone promises no digest: ffmpeg sends both, some send only the version.
    let digest = if c1[4..8] == [0; 4] { None } else { digest::find(c1) };
    let mut s1 = [0; PART];
    random.fill(&mut s1[8..]);
    match digest {
        Some(found) => {
            digest::sign_first(&mut s1, found.schema);
            let mut s2 = [0; PART];
            random.fill(&mut s2);
            digest::sign_second(&mut s2, &found.digest);
            reply.extend_from_slice(&s1);
            reply.extend_from_slice(&s2);
        }
        None => {
            reply.extend_from_slice(&s1);
            reply.extend_from_slice(c1);
        }
    }
}

/// Splits the first `len` bytes off `input`, or all when there are fewer.
fn take<'a>(input: &mut &'a [u8], len: usize) -> &'a [u8] {
    input.split_off(..len).unwrap_or_default()
}

/// SplitMix64: bytes that differ between connections. Nothing secret depends on them.
struct Random(u64);

impl Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn client(version: [u8; 4]) -> Vec<u8> {
        let mut bytes = vec![3];
        let mut random = Random(1);
        bytes.resize(1 + 2 * PART, 0);
        random.fill(&mut bytes[1..]);
        bytes[5..9].copy_from_slice(&version);
        bytes
    }

    #[test]
    fn simple_handshake_echoes_at_any_cut() {
        let bytes = client([0; 4]);
        for cut in [1, 2, 700, 1536, 1537, 1538, 3072] {
            let (mut handshake, mut reply) = (Handshake::new(7), Vec::new());
            let (mut first, mut second) = bytes.split_at(cut);
            assert!(!handshake.take(&mut first, &mut reply).unwrap());
            assert_eq!(reply.is_empty(), cut < 1 + PART);
            assert!(handshake.take(&mut second, &mut reply).unwrap());
            assert_eq!(reply.len(), 1 + 2 * PART);
            assert_eq!(reply[0], 3);
            assert_eq!(reply[1 + PART..], bytes[1..1 + PART]);
        }
    }

    #[test]
    fn version_without_digest_falls_back_to_the_exact_echo() {
        let bytes = client([9, 0, 124, 2]);
        let (mut handshake, mut reply) = (Handshake::new(7), Vec::new());
        assert!(handshake.take(&mut &bytes[..], &mut reply).unwrap());
        assert_eq!(reply[1 + PART..], bytes[1..1 + PART]);
    }

    #[test]
    fn what_follows_c2_is_left_alone() {
        let mut bytes = client([0; 4]);
        bytes.extend_from_slice(b"connect");
        let mut input = &bytes[..];
        assert!(Handshake::new(7).take(&mut input, &mut Vec::new()).unwrap());
        assert_eq!(input, b"connect");
    }

    #[test]
    fn other_protocols_and_encryption_are_named() {
        let first = |byte: u8| Handshake::new(0).take(&mut &[byte][..], &mut Vec::new());
        assert_eq!(first(b'G'), Err(Malformed::Version(b'G').into()));
        assert_eq!(first(6), Err(Unsupported::Encryption(6).into()));
        assert_eq!(first(0x16), Err(Unsupported::Tls.into()));
        assert_eq!(first(0), Ok(false));
    }
}
