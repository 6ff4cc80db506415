//! The digest ("complex") handshake: C1 and S1 carry an HMAC-SHA256 of themselves.
//!
//! The specification does not know it; Flash Media Encoder, ffmpeg and librtmp do. The digest lies
//! at an offset computed from four bytes of the part, in one of two schemas:
//!
//! ```text
//!  schema 0   time 4 │ version 4 │ offset 4 │ … digest 32 … (728 bytes) │ key block 764
//!  schema 1   time 4 │ version 4 │ key block 764 │ offset 4 │ … digest 32 … (728 bytes)
//! ```

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::PART;

/// Length of a digest, in bytes.
const DIGEST: usize = 32;
/// What the client signs with: the readable part of Adobe's player key.
const PLAYER_KEY: &[u8] = b"Genuine Adobe Flash Player 001";
/// The readable part of Adobe's server key: what S1 is signed with.
const SERVER_KEY: &[u8] = b"Genuine Adobe Flash Media Server 001";
/// The rest of Adobe's server key: with it, what S2 is signed with.
const SERVER_KEY_TAIL: [u8; 32] = [
    0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57,
    0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae,
];
/// A version of Flash Media Server that signs: clients look for one that is not zero.
const SERVER_VERSION: [u8; 4] = [4, 5, 0, 1];

/// Where the digest lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// Offset in bytes 8–11.
    Zero,
    /// Offset in bytes 772–775.
    One,
}

impl Schema {
    /// Position of the digest in `part`.
    fn position(self, part: &[u8; PART]) -> usize {
        let base = match self {
            Self::Zero => 8,
            Self::One => 772,
        };
        let sum: usize = part[base..base + 4].iter().map(|byte| usize::from(*byte)).sum();
        base + 4 + sum % 728
    }
}

/// The digest of a C1, and where it was.
pub(super) struct Found {
    pub(super) schema: Schema,
    pub(super) digest: [u8; DIGEST],
}

/// Looks for a valid digest in C1, in both schemas.
pub(super) fn find(c1: &[u8; PART]) -> Option<Found> {
    [Schema::One, Schema::Zero].into_iter().find_map(|schema| {
        let position = schema.position(c1);
        let digest = digest_around(PLAYER_KEY, c1, position);
        (c1[position..position + DIGEST] == digest).then_some(Found { schema, digest })
    })
}

/// Makes a random S1 a signed one.
pub(super) fn sign_first(s1: &mut [u8; PART], schema: Schema) {
    s1[4..8].copy_from_slice(&SERVER_VERSION);
    let position = schema.position(s1);
    let digest = digest_around(SERVER_KEY, s1, position);
    s1[position..position + DIGEST].copy_from_slice(&digest);
}

/// Makes a random S2 the answer to a C1 with this digest: signed in its last 32 bytes.
pub(super) fn sign_second(s2: &mut [u8; PART], digest: &[u8; DIGEST]) {
    let mut key = [0; 68];
    key[..36].copy_from_slice(SERVER_KEY);
    key[36..].copy_from_slice(&SERVER_KEY_TAIL);
    let key = hmac(&key, &[digest]);
    let (random, signature) = s2.split_at_mut(PART - DIGEST);
    signature.copy_from_slice(&hmac(&key, &[random]));
}

/// The digest of `part` without the 32 bytes at `position`.
fn digest_around(key: &[u8], part: &[u8; PART], position: usize) -> [u8; DIGEST] {
    hmac(key, &[&part[..position], &part[position + DIGEST..]])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST] {
    // HMAC takes keys of any length: the error cannot happen.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::{Handshake, Random};
    use super::*;

    fn signed(schema: Schema) -> [u8; PART] {
        let mut c1 = [0; PART];
        Random(3).fill(&mut c1);
        c1[4..8].copy_from_slice(&[9, 0, 124, 2]);
        let position = schema.position(&c1);
        let digest = digest_around(PLAYER_KEY, &c1, position);
        c1[position..position + DIGEST].copy_from_slice(&digest);
        c1
    }

    #[test]
    fn both_schemas_are_found_and_answered_in_kind() {
        for schema in [Schema::Zero, Schema::One] {
            let c1 = signed(schema);
            let mut reply = Vec::new();
            let mut handshake = Handshake::new(9);
            handshake.take(&mut &[&[3], &c1[..]].concat()[..], &mut reply).unwrap();
            let s1: &[u8; PART] = reply[1..=PART].try_into().unwrap();
            let position = schema.position(s1);
            assert_eq!(s1[position..position + DIGEST], digest_around(SERVER_KEY, s1, position));

            let found = find(&c1).unwrap();
            assert_eq!(found.schema, schema);
            let s2 = &reply[1 + PART..];
            let key = [SERVER_KEY, &SERVER_KEY_TAIL].concat();
            let key = hmac(&key, &[&found.digest]);
            assert_eq!(s2[PART - DIGEST..], hmac(&key, &[&s2[..PART - DIGEST]]));
        }
    }

    #[test]
    fn a_damaged_digest_is_none() {
        let mut c1 = signed(Schema::One);
        c1[PART - 1] ^= 1;
        assert!(find(&c1).is_none());
    }
}
