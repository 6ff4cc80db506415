//! One direction of a TCP connection, put together again.

use std::collections::BTreeMap;

/// Bytes that may wait for what is missing before them.
const WAITING: usize = 64 << 20;

/// The bytes of one direction, in order, however their segments were captured.
#[derive(Debug)]
pub(super) struct Assembly {
    /// The sequence number of the next byte.
    next: u32,
    /// Bytes handed on so far.
    passed: u64,
    /// Segments that are ahead, by the place of their first byte; the longest for each place.
    ahead: BTreeMap<u64, Vec<u8>>,
    waiting: usize,
}

impl Assembly {
    /// The byte with this sequence number comes first.
    pub(super) fn new(next: u32) -> Self {
        Self { next, passed: 0, ahead: BTreeMap::new(), waiting: 0 }
    }

    /// Whether a segment with this sequence number begins with the next byte.
    pub(super) fn is_next(&self, sequence: u32) -> bool {
        sequence == self.next
    }

    /// Takes a segment, and hands on whatever is in order now. What was sent again is not handed on
    /// again.
    pub(super) fn take<E>(
        &mut self,
        sequence: u32,
        data: &[u8],
        mut pass: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // Sequence numbers wrap; what is more than 2 GiB away was before.
        let distance = i64::from(sequence.wrapping_sub(self.next).cast_signed());
        let place = self.passed.saturating_add_signed(distance);
        if distance > 0 {
            // Behind what is missing, an acknowledgement alone is no sign that anything is.
            if !data.is_empty() {
                self.keep(place, data);
            }
            return Ok(());
        }
        let again = usize::try_from(-distance).unwrap_or(usize::MAX);
        self.pass(data.get(again..).unwrap_or_default(), &mut pass)?;
        while let Some(entry) = self.ahead.first_entry()
            && *entry.key() <= self.passed
        {
            let (place, data) = entry.remove_entry();
            self.waiting -= data.len();
            let again = usize::try_from(self.passed - place).unwrap_or(usize::MAX);
            self.pass(data.get(again..).unwrap_or_default(), &mut pass)?;
        }
        Ok(())
    }

    /// Whether more waits than may: what is missing will not come.
    pub(super) fn is_hopeless(&self) -> bool {
        self.waiting > WAITING
    }

    /// What is missing: the place of its first byte, and its length. None: nothing waits.
    pub(super) fn hole(&self) -> Option<(u64, u64)> {
        self.ahead.keys().next().map(|place| (self.passed, place - self.passed))
    }

    fn keep(&mut self, place: u64, data: &[u8]) {
        let kept = self.ahead.entry(place).or_default();
        if kept.len() < data.len() {
            self.waiting += data.len() - kept.len();
            *kept = data.to_vec();
        }
    }

    fn pass<E>(
        &mut self,
        data: &[u8],
        pass: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.passed += data.len() as u64;
        let [.., b3, b2, b1, b0] = (data.len() as u64).to_be_bytes();
        self.next = self.next.wrapping_add(u32::from_be_bytes([b3, b2, b1, b0]));
        if data.is_empty() { Ok(()) } else { pass(data) }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// What comes out of segments.
    fn assemble(start: u32, segments: &[(u32, &str)]) -> (String, Option<(u64, u64)>) {
        let mut assembly = Assembly::new(start);
        let mut out = String::new();
        for (offset, data) in segments {
            let Ok(()) = assembly.take(start.wrapping_add(*offset), data.as_bytes(), |bytes| {
                out.push_str(std::str::from_utf8(bytes).unwrap());
                Ok::<_, Infallible>(())
            });
        }
        (out, assembly.hole())
    }

    #[test]
    fn an_empty_segment_leaves_no_hole() {
        // The acknowledgement behind a FIN that was not captured.
        assert_eq!(assemble(5, &[(0, "ab"), (3, "")]), ("ab".into(), None));
    }

    #[test]
    fn any_order_gives_the_same() {
        for start in [0, 1000, u32::MAX - 3] {
            let whole = ("abcdefghi".to_owned(), None);
            assert_eq!(assemble(start, &[(0, "abc"), (3, "def"), (6, "ghi")]), whole);
            assert_eq!(assemble(start, &[(6, "ghi"), (3, "def"), (0, "abc")]), whole);
            // Sent again, in other pieces; the last byte as a keep-alive.
            let again =
                [(0, "abc"), (0, "abcde"), (7, "hi"), (4, "e"), (4, "efgh"), (8, "i"), (0, "abc")];
            assert_eq!(assemble(start, &again), whole);
            assert_eq!(assemble(start, &[(3, "d"), (3, "def"), (5, "fghi"), (0, "abc")]), whole);
        }
    }

    #[test]
    fn a_hole_is_named() {
        assert_eq!(assemble(5, &[(0, "abc"), (6, "ghi")]), ("abc".into(), Some((3, 3))));
    }
}
