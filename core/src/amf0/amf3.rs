//! AMF3 values inside AMF0 (marker 0x11): plain ones are read, others are stepped over exactly
//! (Action Message Format 3, 2013).

use alloc::vec::Vec;

use super::reader::{OverBudget, Stop, Value};

/// What later values of a message may refer to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables<'a> {
    strings: Vec<&'a [u8]>,
    traits: Vec<Traits>,
}

/// The shape of an object: how many values without names, and whether named ones follow.
#[derive(Clone, Copy, Debug)]
struct Traits {
    sealed: u32,
    dynamic: bool,
}

/// A length, or the index of something earlier.
enum Head {
    Reference(u32),
    Inline(u32),
}

impl<'a> Tables<'a> {
    /// Reads one value. `depth` and `values` are what the whole message may still use.
    pub(super) fn read(
        &mut self,
        bytes: &mut &'a [u8],
        depth: &mut u8,
        values: &mut u32,
    ) -> Result<Value<'a>, Stop> {
        Walk { bytes, depth, values, tables: self }.value()
    }
}

struct Walk<'w, 'a> {
    bytes: &'w mut &'a [u8],
    depth: &'w mut u8,
    values: &'w mut u32,
    tables: &'w mut Tables<'a>,
}

impl<'a> Walk<'_, 'a> {
    fn value(&mut self) -> Result<Value<'a>, Stop> {
        self.spend(1)?;
        *self.depth = self.depth.checked_sub(1).ok_or(Stop::Over(OverBudget::Depth))?;
        let value = match self.byte()? {
            0x00 => Value::Undefined,
            0x01 => Value::Null,
            0x02 => Value::Boolean(false),
            0x03 => Value::Boolean(true),
            0x04 => Value::Number(signed(self.u29()?)),
            0x05 => Value::Number(f64::from_be_bytes(self.array_of()?)),
            0x06 => Value::String(self.string()?),
            marker => {
                self.complex(marker)?;
                Value::Amf3
            }
        };
        *self.depth += 1;
        Ok(value)
    }

    fn complex(&mut self, marker: u8) -> Result<(), Stop> {
        let head = self.head()?;
        if marker == 0x0a {
            return self.object(head);
        }
        let Head::Inline(len) = head else { return Ok(()) };
        match marker {
            0x07 | 0x0b | 0x0c => self.skip(len, 1),
            0x08 => self.skip(1, 8),
            0x09 => {
                self.pairs()?;
                self.sequence(len)
            }
            0x0d..=0x0f => {
                self.byte()?;
                self.skip(len, if marker == 0x0f { 8 } else { 4 })
            }
            0x10 => {
                self.byte()?;
                self.string()?;
                self.sequence(len)
            }
            0x11 => {
                self.byte()?;
                (0..len).try_for_each(|_| self.sequence(2))
            }
            _ => Err(Stop::Damaged),
        }
    }

    fn object(&mut self, head: Head) -> Result<(), Stop> {
        let Head::Inline(head) = head else { return Ok(()) };
        let traits = if head & 1 == 0 {
            *self.tables.traits.get(head as usize >> 1).ok_or(Stop::Damaged)?
        } else if head & 2 != 0 {
            // Externalizable: its length is known to its class only.
            return Err(Stop::Damaged);
        } else {
            let traits = Traits { dynamic: head & 4 != 0, sealed: head >> 3 };
            self.string()?;
            for _ in 0..traits.sealed {
                self.spend(1)?;
                self.string()?;
            }
            self.tables.traits.push(traits);
            traits
        };
        self.sequence(traits.sealed)?;
        if traits.dynamic { self.pairs() } else { Ok(()) }
    }

    /// Names and values, up to the empty name.
    fn pairs(&mut self) -> Result<(), Stop> {
        while !self.string()?.is_empty() {
            self.value()?;
        }
        Ok(())
    }

    fn sequence(&mut self, count: u32) -> Result<(), Stop> {
        (0..count).try_for_each(|_| self.value().map(drop))
    }

    fn string(&mut self) -> Result<&'a [u8], Stop> {
        match self.head()? {
            Head::Reference(index) => {
                self.tables.strings.get(index as usize).copied().ok_or(Stop::Damaged)
            }
            Head::Inline(len) => {
                let string = self.bytes.split_off(..len as usize).ok_or(Stop::Damaged)?;
                if !string.is_empty() {
                    // Counted, as the table is memory.
                    self.spend(1)?;
                    self.tables.strings.push(string);
                }
                Ok(string)
            }
        }
    }

    fn head(&mut self) -> Result<Head, Stop> {
        let value = self.u29()?;
        Ok(if value & 1 == 0 { Head::Reference(value >> 1) } else { Head::Inline(value >> 1) })
    }

    /// One to four bytes, seven bits in each but the fourth, which has eight.
    fn u29(&mut self) -> Result<u32, Stop> {
        let mut value = 0;
        for _ in 0..3 {
            let byte = self.byte()?;
            value = value << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Ok(value << 8 | u32::from(self.byte()?))
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        self.bytes.split_off_first().copied().ok_or(Stop::Damaged)
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or(Stop::Damaged)?;
        *self.bytes = rest;
        Ok(*array)
    }

    fn skip(&mut self, count: u32, size: usize) -> Result<(), Stop> {
        let len = (count as usize).checked_mul(size).ok_or(Stop::Damaged)?;
        self.bytes.split_off(..len).map(drop).ok_or(Stop::Damaged)
    }

    fn spend(&mut self, count: u32) -> Result<(), Stop> {
        *self.values = self.values.checked_sub(count).ok_or(Stop::Over(OverBudget::Values))?;
        Ok(())
    }
}

/// 29 bits in two's complement.
fn signed(value: u32) -> f64 {
    f64::from((value << 3).cast_signed() >> 3)
}

#[cfg(test)]
mod tests {
    use super::super::{OverBudget, Reader, Value};

    /// The first value, and whether the null behind it was found.
    fn read(amf3: &[u8]) -> (Option<Value<'static>>, bool) {
        let bytes = [b"\x11", amf3, b"\x05"].concat().leak();
        let mut reader = Reader::new(bytes);
        (reader.next().unwrap(), reader.next() == Ok(Some(Value::Null)))
    }

    #[test]
    fn plain_values_are_read() {
        assert_eq!(read(b"\x06\x09live"), (Some(Value::String(b"live")), true));
        assert_eq!(read(b"\x04\x7f"), (Some(Value::Number(127.0)), true));
        assert_eq!(read(b"\x04\x81\x00"), (Some(Value::Number(128.0)), true));
        assert_eq!(read(b"\x04\xff\xff\xff\xff"), (Some(Value::Number(-1.0)), true));
        assert_eq!(read(b"\x05\x40\x08\0\0\0\0\0\0"), (Some(Value::Number(3.0)), true));
        assert_eq!(read(b"\x03"), (Some(Value::Boolean(true)), true));
        assert_eq!(read(b"\x01"), (Some(Value::Null), true));
    }

    #[test]
    fn others_are_stepped_over_exactly() {
        let cases: &[&[u8]] = &[
            b"\x07\x07xml",
            b"\x08\x01\x40\x08\0\0\0\0\0\0",
            b"\x08\x02",
            b"\x09\x05\x03a\x04\x01\x01\x04\x01\x04\x02",
            // Two dynamic objects of one shape, the second by reference to the first's.
            b"\x09\x05\x01\x0a\x0b\x01\x03a\x04\x01\x01\x0a\x01\x00\x04\x02\x01",
            b"\x0a\x23\x07Foo\x03x\x03y\x04\x01\x04\x02",
            b"\x0b\x03x",
            b"\x0c\x05ab",
            b"\x0d\x03\x00\0\0\0\x01",
            b"\x0f\x03\x00\0\0\0\0\0\0\0\x01",
            b"\x10\x03\x00\x01\x04\x01",
            b"\x11\x03\x00\x06\x03k\x04\x01",
        ];
        for case in cases {
            assert_eq!(read(case), (Some(Value::Amf3), true), "{case:x?}");
        }
    }

    #[test]
    fn strings_by_reference() {
        let bytes = b"\x11\x06\x09live\x11\x06\x00";
        let mut reader = Reader::new(bytes);
        reader.next().unwrap();
        assert_eq!(reader.next(), Ok(Some(Value::String(b"live"))));
    }

    #[test]
    fn damage_and_excess_end_the_walk() {
        assert_eq!(read(b"\x06\x04"), (None, false));
        assert_eq!(read(b"\x0a\x07\x01"), (None, false));
        assert_eq!(read(b"\x13\x01"), (None, false));
        let nested = [b"\x11".to_vec(), b"\x09\x03\x01".repeat(40)].concat();
        assert_eq!(Reader::new(&nested).next(), Err(OverBudget::Depth));
        // Half a billion values without a byte each.
        assert_eq!(read(b"\x09\xbf\xff\xff\xff\x01"), (None, false));
    }
}
