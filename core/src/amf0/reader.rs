//! Walks over AMF0 values.

use super::amf3;

/// A value, borrowed from the message it is in.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// 0x00, and AMF3 integers and doubles.
    Number(f64),
    /// 0x01.
    Boolean(bool),
    /// 0x02 and 0x0c: bytes that should be UTF-8.
    String(&'a [u8]),
    /// 0x03, 0x08 and 0x10: named values.
    Object(Object<'a>),
    /// 0x05.
    Null,
    /// 0x06, and 0x0d ("unsupported").
    Undefined,
    /// 0x07: an earlier object of the message.
    Reference(u16),
    /// 0x0a: values without names.
    Array(Array<'a>),
    /// 0x0b: milliseconds since 1970.
    Date(f64),
    /// 0x0f: bytes that should be XML.
    Xml(&'a [u8]),
    /// 0x11: a value of AMF3 that is neither text nor number nor boolean.
    Amf3,
}

/// More values, or values nested deeper, than the reader was told to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverBudget {
    /// Nested too deep.
    Depth,
    /// Too many values.
    Values,
}

/// Reads values one after another.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// Nesting still allowed.
    depth: u8,
    /// Values still allowed.
    values: u32,
    amf3: amf3::Tables<'a>,
}

/// Why a value could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Cut off, or of no known form.
    Damaged,
    /// See [`OverBudget`].
    Over(OverBudget),
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, with the default limits of a session.
    pub fn new(bytes: &'a [u8]) -> Self {
        let limits = crate::Limits::default();
        Self::with_limits(bytes, limits.amf_depth, limits.amf_values)
    }

    /// Reads `bytes`, taking up to `values` values nested up to `depth` deep.
    pub fn with_limits(bytes: &'a [u8], depth: u8, values: u32) -> Self {
        Self { bytes, depth, values, amf3: amf3::Tables::default() }
    }

    /// The next value. `None`: there is no more, or no more that can be read.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results cannot end on none")]
    pub fn next(&mut self) -> Result<Option<Value<'a>>, OverBudget> {
        // A stray end-of-object marker between values is seen in the field.
        while let Some(rest) = self.bytes.strip_prefix(&[0x09]) {
            self.bytes = rest;
        }
        if self.bytes.is_empty() {
            return Ok(None);
        }
        match self.value() {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Over(over)) => Err(over),
            Err(Stop::Damaged) => {
                self.bytes = &[];
                Ok(None)
            }
        }
    }

    /// The next value if it is a string; any other is skipped.
    pub fn string(&mut self) -> Result<Option<&'a [u8]>, OverBudget> {
        Ok(match self.next()? {
            Some(Value::String(string)) => Some(string),
            _ => None,
        })
    }

    /// The next value if it is a number; any other is skipped.
    pub fn number(&mut self) -> Result<Option<f64>, OverBudget> {
        Ok(match self.next()? {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        })
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn value(&mut self) -> Result<Value<'a>, Stop> {
        self.values = self.values.checked_sub(1).ok_or(Stop::Over(OverBudget::Values))?;
        Ok(match self.byte()? {
            0x00 => Value::Number(self.double()?),
            0x01 => Value::Boolean(self.byte()? != 0),
            0x02 => Value::String(self.short_bytes()?),
            0x03 => self.object()?,
            0x05 => Value::Null,
            0x06 | 0x0d => Value::Undefined,
            0x07 => Value::Reference(self.u16()?),
            0x08 => {
                // The count is a hint: some encoders send 0, or count wrongly.
                self.u32()?;
                self.object()?
            }
            0x0a => self.array()?,
            0x0b => {
                let date = self.double()?;
                self.take(2)?;
                Value::Date(date)
            }
            0x0c => Value::String(self.long_bytes()?),
            0x0f => Value::Xml(self.long_bytes()?),
            0x10 => {
                self.short_bytes()?;
                self.object()?
            }
            0x11 => self.amf3.read(&mut self.bytes, &mut self.depth, &mut self.values)?,
            // 0x04 and 0x0e are reserved: how long they are, nobody says.
            _ => return Err(Stop::Damaged),
        })
    }

    /// Properties up to the end marker. One that cannot be read ends the object, and the walk.
    fn object(&mut self) -> Result<Value<'a>, Stop> {
        let start = self.bytes;
        self.nested(|reader| match reader.properties() {
            Err(Stop::Damaged) => {
                reader.bytes = &[];
                Ok(())
            }
            result => result,
        })?;
        let len = start.len() - self.bytes.len();
        Ok(Value::Object(Object { bytes: &start[..len] }))
    }

    fn properties(&mut self) -> Result<(), Stop> {
        while self.property()?.is_some() {
            self.value()?;
        }
        Ok(())
    }

    /// The name of the next property; `None`: the object ends.
    fn property(&mut self) -> Result<Option<&'a [u8]>, Stop> {
        let name = self.short_bytes()?;
        if name.is_empty() && self.bytes.first() == Some(&0x09) {
            self.take(1)?;
            return Ok(None);
        }
        Ok(Some(name))
    }

    fn array(&mut self) -> Result<Value<'a>, Stop> {
        let count = self.u32()?;
        let start = self.bytes;
        self.nested(|reader| (0..count).try_for_each(|_| reader.value().map(drop)))?;
        let len = start.len() - self.bytes.len();
        Ok(Value::Array(Array { bytes: &start[..len] }))
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        self.depth = self.depth.checked_sub(1).ok_or(Stop::Over(OverBudget::Depth))?;
        read(self)?;
        self.depth += 1;
        Ok(())
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        self.bytes.split_off(..len).ok_or(Stop::Damaged)
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or(Stop::Damaged)?;
        self.bytes = rest;
        Ok(*array)
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        self.array_of::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, Stop> {
        self.array_of().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Stop> {
        self.array_of().map(u32::from_be_bytes)
    }

    fn double(&mut self) -> Result<f64, Stop> {
        self.array_of().map(f64::from_be_bytes)
    }

    fn short_bytes(&mut self) -> Result<&'a [u8], Stop> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    fn long_bytes(&mut self) -> Result<&'a [u8], Stop> {
        let len = self.u32()?;
        self.take(len as usize)
    }
}

/// Named values, as they lie in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    bytes: &'a [u8],
}

/// Values without names, as they lie in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads what another reader has walked over: within bounds already.
    fn again(bytes: &'a [u8]) -> Self {
        Self::with_limits(bytes, u8::MAX, u32::MAX)
    }
}

impl<'a> Array<'a> {
    /// All values, in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut reader = Reader::again(self.bytes);
        core::iter::from_fn(move || reader.value().ok())
    }
}

impl<'a> Object<'a> {
    /// All names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> + use<'a> {
        let mut reader = Reader::again(self.bytes);
        core::iter::from_fn(move || {
            let name = reader.property().ok()??;
            Some((name, reader.value().ok()?))
        })
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.iter().find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value)
    }

    /// The first value of that name, if it is a string.
    pub fn string(&self, name: &str) -> Option<&'a [u8]> {
        match self.get(name)? {
            Value::String(string) => Some(string),
            _ => None,
        }
    }

    /// The first value of that name, if it is a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn values(bytes: &[u8]) -> Vec<Value<'_>> {
        let mut reader = Reader::new(bytes);
        core::iter::from_fn(|| reader.next().unwrap()).collect()
    }

    #[test]
    fn every_marker_is_read_and_the_next_value_found() {
        let cases: &[(&[u8], Value<'_>)] = &[
            (b"\x00\x40\x08\0\0\0\0\0\0", Value::Number(3.0)),
            (b"\x01\x02", Value::Boolean(true)),
            (b"\x02\0\x02ab", Value::String(b"ab")),
            (b"\x05", Value::Null),
            (b"\x06", Value::Undefined),
            (b"\x07\0\x05", Value::Reference(5)),
            (b"\x0a\0\0\0\x02\x05\x06", Value::Array(Array { bytes: b"\x05\x06" })),
            (b"\x0b\x40\x08\0\0\0\0\0\0\0\0", Value::Date(3.0)),
            (b"\x0c\0\0\0\x02ab", Value::String(b"ab")),
            (b"\x0d", Value::Undefined),
            (b"\x0f\0\0\0\x02ab", Value::Xml(b"ab")),
        ];
        for (bytes, value) in cases {
            let bytes = [bytes, &b"\x05"[..]].concat();
            assert_eq!(values(&bytes), [*value, Value::Null]);
        }
    }

    #[test]
    fn objects_of_every_kind_give_their_values() {
        let body = b"\0\x01a\x05\0\x01b\x03\0\x01a\x01\x01\0\0\x09\0\x03app\x02\0\x04live\0\0\x09";
        for start in [&b"\x03"[..], b"\x08\0\0\0\x63", b"\x10\0\x03Foo"] {
            let bytes = [start, body, b"\x05"].concat();
            let [Value::Object(object), Value::Null] = values(&bytes)[..] else { panic!() };
            assert_eq!(object.string("app"), Some(&b"live"[..]));
            assert_eq!(object.get("a"), Some(Value::Null));
            assert_eq!(object.get("none"), None);
            let names: Vec<_> = object.iter().map(|(name, _)| name).collect();
            assert_eq!(names, [&b"a"[..], b"b", b"app"]);
        }
        let [Value::Array(array)] = values(b"\x0a\0\0\0\x02\x05\x02\0\x01a")[..] else { panic!() };
        assert_eq!(array.iter().collect::<Vec<_>>(), [Value::Null, Value::String(b"a")]);
    }

    #[test]
    fn damage_ends_the_walk_and_keeps_what_came_before() {
        assert_eq!(values(b"\x05\x02\0\x09cut"), [Value::Null]);
        assert_eq!(values(b"\x05\x0e\x05"), [Value::Null]);
        let [Value::Object(object)] = values(b"\x03\0\x03app\x02\0\x04live\0\x01x\x04")[..] else {
            panic!()
        };
        assert_eq!(object.string("app"), Some(&b"live"[..]));
        assert_eq!(object.get("x"), None);
    }

    #[test]
    fn stray_end_markers_are_skipped() {
        assert_eq!(values(b"\x05\x09\x09\x06\x09"), [Value::Null, Value::Undefined]);
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let nested = b"\x0a\0\0\0\x01".repeat(4);
        let read = |depth, values| Reader::with_limits(&nested, depth, values).next();
        assert_eq!(read(3, 9), Err(OverBudget::Depth));
        assert_eq!(read(9, 3), Err(OverBudget::Values));
        assert_eq!(read(4, 5), Ok(None));
        // An array that announces four billion values costs no more than the bytes that are there.
        assert_eq!(values(b"\x0a\xff\xff\xff\xff\x05\x05"), []);
    }
}
