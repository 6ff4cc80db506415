//! The client's side of the handshake: plain (RTMP 1.0, section 5.2), and with the digests that
//! Flash Player and ffmpeg send.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of C1, S1, C2 and S2.
pub const PART: usize = 1536;

/// What a client begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// A time of zero, four zero bytes, filler; C2 repeats S1.
    Simple,
    /// With a digest, found by the offset at byte 8 (schema 0) or 772 (schema 1).
    Digest(Schema),
}

/// Where the digest is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The digest block comes first: the offset is at byte 8.
    Zero,
    /// The key block comes first: the offset is at byte 772.
    One,
}

impl Handshake {
    /// C0 and C1.
    pub fn c0c1(&self) -> Vec<u8> {
        let mut c1 = filler(PART, 0x5eed);
        c1[..8].fill(0);
        if let Self::Digest(schema) = self {
            c1[4..8].copy_from_slice(&[9, 0, 124, 2]);
            let at = schema.digest_at(&c1);
            let digest = digest_without(PLAYER_KEY, &c1, at);
            c1[at..at + DIGEST].copy_from_slice(&digest);
        }
        [&[3], c1.as_slice()].concat()
    }

    /// C2 for these S0S1S2, after a look at whether they are right: S2 answers this C1.
    pub fn c2(&self, answer: &[u8]) -> Vec<u8> {
        assert_eq!(answer.len(), 1 + 2 * PART, "the length of S0S1S2");
        assert_eq!(answer[0], 3, "the version in S0");
        let (s1, s2) = answer[1..].split_at(PART);
        let c1 = &self.c0c1()[1..];
        let Self::Digest(schema) = self else {
            assert!(s2[8..] == c1[8..], "S2 repeats the random bytes of C1");
            return s1.to_vec();
        };
        let digest = |part: &[u8]| {
            let at = schema.digest_at(part);
            <[u8; DIGEST]>::try_from(&part[at..at + DIGEST]).expect("32 bytes")
        };
        let signed = digest_without(SERVER_KEY, s1, schema.digest_at(s1));
        assert_eq!(digest(s1), signed, "the digest of S1, at the place the schema of C1 says");
        assert_eq!(s2[SIGNATURE..], signature(SERVER_KEY, &digest(c1), s2), "S2's signature");
        let mut c2 = filler(PART, 0xc2);
        let signed = signature(PLAYER_KEY, &digest(s1), &c2);
        c2[SIGNATURE..].copy_from_slice(&signed);
        c2
    }

    /// C2 of a client that does not look at what the server says.
    pub fn c2_in_advance(&self) -> Vec<u8> {
        filler(PART, 0xc2)
    }
}

impl Schema {
    fn digest_at(self, part: &[u8]) -> usize {
        let block = match self {
            Self::Zero => 8,
            Self::One => 772,
        };
        let offset: usize = part[block..block + 4].iter().map(|byte| usize::from(*byte)).sum();
        block + 4 + offset % 728
    }
}

fn digest_without(key: &[u8], part: &[u8], at: usize) -> [u8; DIGEST] {
    hmac(key, &[&part[..at], &part[at + DIGEST..]])
}

fn signature(key: &[u8], digest: &[u8], part: &[u8]) -> [u8; DIGEST] {
    let key = [key, &TAIL].concat();
    hmac(&hmac(&key, &[digest]), &[&part[..SIGNATURE]])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length will do");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Bytes that are the same every time and do not repeat soon.
pub fn filler(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..len).map(next).collect()
}

const DIGEST: usize = 32;
const SIGNATURE: usize = PART - DIGEST;
const PLAYER_KEY: &[u8; 30] = b"Genuine Adobe Flash Player 001";
const SERVER_KEY: &[u8; 36] = b"Genuine Adobe Flash Media Server 001";
/// The same 32 bytes follow the text of both keys.
const TAIL: [u8; 32] = [
    0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57,
    0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae,
];
