//! A message of ours, cut into chunks.

use alloc::vec::Vec;

/// Appends one message to `out`: a type 0 header, then type 3 chunks.
///
/// `csid` is 2…63; the timestamp is 0, as nothing of ours has a time.
pub(crate) fn write(
    out: &mut Vec<u8>,
    chunk_size: usize,
    csid: u8,
    kind: u8,
    stream: u32,
    body: &[u8],
) {
    // Bodies are replies of ours: far below the 24 bits that a length has.
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&[csid, 0, 0, 0, len[1], len[2], len[3], kind]);
    out.extend_from_slice(&stream.to_le_bytes());
    for (n, chunk) in body.chunks(chunk_size).enumerate() {
        if n > 0 {
            out.push(0xc0 | csid);
        }
        out.extend_from_slice(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_are_cut() {
        let mut out = Vec::new();
        write(&mut out, 4, 3, 20, 1, b"123456789");
        assert_eq!(out, b"\x03\0\0\0\0\0\x09\x14\x01\0\0\x001234\xc35678\xc39");
    }
}
