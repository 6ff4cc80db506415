//! AMF0, the encoding of commands and metadata (Action Message Format 0, 2007).
//!
//! [`Reader`] walks over values where they lie: nothing is copied, nothing is built. Every marker
//! is read, nesting and number of values are bounded, and a value that is cut off or of a type that
//! has no known form ends the walk: what came before it stays readable.
//!
//! ```
//! use sluicebox_core::amf0::{Reader, Value};
//!
//! let bytes = b"\x02\x00\x0aonMetaData\x08\0\0\0\x01\x00\x05width\x00\x40\x94\0\0\0\0\0\0\0\0\x09";
//! let mut values = Reader::new(bytes);
//! assert_eq!(values.string(), Ok(Some(&b"onMetaData"[..])));
//! let Ok(Some(Value::Object(metadata))) = values.next() else { panic!() };
//! assert_eq!(metadata.number("width"), Some(1280.0));
//! ```

mod amf3;
mod reader;
mod writer;

pub use reader::{Array, Object, OverBudget, Reader, Value};
pub(crate) use writer::Writer;
