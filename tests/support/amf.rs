//! AMF0, as far as commands need it.

/// A value of AMF0.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Marker 0.
    Number(f64),
    /// Marker 1.
    Boolean(bool),
    /// Marker 2, or 12 when it is longer than 65535 bytes.
    String(String),
    /// Marker 3.
    Object(Vec<(String, Self)>),
    /// Marker 5.
    Null,
    /// Marker 6.
    Undefined,
    /// Marker 8.
    EcmaArray(Vec<(String, Self)>),
    /// Marker 10.
    StrictArray(Vec<Self>),
}

impl Value {
    /// An object of these pairs.
    pub fn object<const N: usize>(pairs: [(&str, Self); N]) -> Self {
        Self::Object(pairs.map(|(key, value)| (key.to_owned(), value)).into())
    }

    /// The member `key` of an object or an ECMA array.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let (Self::Object(pairs) | Self::EcmaArray(pairs)) = self else { return None };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        let Self::String(text) = self else { return None };
        Some(text)
    }

    /// The number of a number.
    pub fn number(&self) -> Option<f64> {
        let Self::Number(number) = self else { return None };
        Some(*number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

/// The bytes of these values, one after another: the body of a command or data message.
pub fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        write(&mut out, value);
    }
    out
}

/// The values in `bytes`. Panics where they are no AMF0.
pub fn decode(mut bytes: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(read(&mut bytes));
    }
    values
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(number) => {
            out.push(0);
            out.extend(number.to_be_bytes());
        }
        Value::Boolean(boolean) => out.extend([1, u8::from(*boolean)]),
        Value::String(text) => match u16::try_from(text.len()) {
            Ok(_) => {
                out.push(2);
                write_key(out, text);
            }
            Err(_) => {
                out.push(12);
                out.extend(length(text.len()));
                out.extend(text.as_bytes());
            }
        },
        Value::Object(pairs) => {
            out.push(3);
            write_pairs(out, pairs);
        }
        Value::Null => out.push(5),
        Value::Undefined => out.push(6),
        Value::EcmaArray(pairs) => {
            out.push(8);
            out.extend(length(pairs.len()));
            write_pairs(out, pairs);
        }
        Value::StrictArray(values) => {
            out.push(10);
            out.extend(length(values.len()));
            out.extend(encode(values));
        }
    }
}

fn write_pairs(out: &mut Vec<u8>, pairs: &[(String, Value)]) {
    for (key, value) in pairs {
        write_key(out, key);
        write(out, value);
    }
    out.extend([0, 0, 9]);
}

fn write_key(out: &mut Vec<u8>, key: &str) {
    out.extend(u16::try_from(key.len()).expect("a short string").to_be_bytes());
    out.extend(key.as_bytes());
}

fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).expect("a length under 4 GiB").to_be_bytes()
}

fn read(bytes: &mut &[u8]) -> Value {
    match take::<1>(bytes)[0] {
        0 => Value::Number(f64::from_be_bytes(take(bytes))),
        1 => Value::Boolean(take::<1>(bytes)[0] != 0),
        2 => Value::String(read_key(bytes)),
        3 => Value::Object(read_pairs(bytes)),
        5 => Value::Null,
        6 => Value::Undefined,
        8 => {
            take::<4>(bytes);
            Value::EcmaArray(read_pairs(bytes))
        }
        10 => {
            let count = u32::from_be_bytes(take(bytes));
            Value::StrictArray((0..count).map(|_| read(bytes)).collect())
        }
        12 => {
            let len = u32::from_be_bytes(take(bytes)) as usize;
            Value::String(read_text(bytes, len))
        }
        marker => panic!("AMF0 marker {marker}, with {} bytes behind it", bytes.len()),
    }
}

fn read_pairs(bytes: &mut &[u8]) -> Vec<(String, Value)> {
    let mut pairs = Vec::new();
    loop {
        let key = read_key(bytes);
        if key.is_empty() && bytes.first() == Some(&9) {
            take::<1>(bytes);
            return pairs;
        }
        pairs.push((key, read(bytes)));
    }
}

fn read_key(bytes: &mut &[u8]) -> String {
    let len = u16::from_be_bytes(take(bytes));
    read_text(bytes, len.into())
}

fn read_text(bytes: &mut &[u8], len: usize) -> String {
    let (text, rest) = bytes.split_at_checked(len).expect("an AMF0 string that is cut off");
    *bytes = rest;
    String::from_utf8(text.to_vec()).expect("an AMF0 string that is UTF-8")
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (head, rest) = bytes.split_first_chunk().expect("an AMF0 value that is cut off");
    *bytes = rest;
    *head
}
