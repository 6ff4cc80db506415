//! The fields that records are made of, written and read.

use sluicebox_core::{Capabilities, CapsEx, Connect, FourCcs, Ledger, Refused, Tally, Text};

use crate::record::{Fault, LEN};

/// Writes the fields of a record, one after another.
pub(crate) struct Writer<F> {
    pub(crate) bytes: [u8; LEN],
    pub(crate) at: usize,
    pub(crate) address: F,
}

impl<F: Fn(&[u8]) -> u32> Writer<F> {
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.at..self.at + N].copy_from_slice(&bytes);
        self.at += N;
    }

    pub(crate) fn word(&mut self, word: u32) {
        self.put(word.to_le_bytes());
    }

    pub(crate) fn long(&mut self, long: u64) {
        self.put(long.to_le_bytes());
    }

    pub(crate) fn slice(&mut self, bytes: &[u8]) {
        self.word((self.address)(bytes));
        // A guest's memory ends at 4 GiB.
        self.word(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    }

    pub(crate) fn connect(&mut self, connect: &Connect<'_>) {
        let Connect { app, tc_url, flash_ver, swf_url, page_url, capabilities } = connect;
        [app, tc_url, flash_ver, swf_url, page_url].iter().for_each(|text| self.slice(text.0));
        let Capabilities { list, video, audio, .. } = capabilities;
        [list, video, audio].iter().for_each(|codecs| self.slice(codecs.0));
        self.word(capabilities.caps_ex.0);
        self.word(capabilities.video_function);
        self.word(capabilities.object_encoding);
    }

    pub(crate) fn tally(&mut self, tally: Tally) {
        self.long(tally.messages);
        self.long(tally.bytes);
    }

    pub(crate) fn ledger(&mut self, ledger: &Ledger) {
        let refused = &ledger.refused;
        self.tally(ledger.received);
        self.tally(ledger.written);
        self.long(ledger.unwrapped);
        for one in [refused.aborted, refused.torn, refused.early, refused.foreign] {
            self.tally(one);
        }
    }
}

/// Reads the fields of a record, one after another, with what they point at.
pub(crate) struct Reader<'a> {
    pub(crate) memory: &'a [u8],
    /// What is left of the memory from here on.
    pub(crate) record: &'a [u8],
    pub(crate) at: u32,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.record.split_first_chunk().ok_or(Fault::Record { at: self.at })?;
        self.record = rest;
        Ok(*bytes)
    }

    pub(crate) fn word(&mut self) -> Result<u32, Fault> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn long(&mut self) -> Result<u64, Fault> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn slice(&mut self) -> Result<&'a [u8], Fault> {
        let (at, len) = (self.word()?, self.word()?);
        let tail = self.memory.get(at as usize..);
        tail.and_then(|tail| tail.get(..len as usize)).ok_or(Fault::Range { at, len })
    }

    pub(crate) fn text(&mut self) -> Result<Text<'a>, Fault> {
        self.slice().map(Text)
    }

    pub(crate) fn connect(&mut self) -> Result<Connect<'a>, Fault> {
        Ok(Connect {
            app: self.text()?,
            tc_url: self.text()?,
            flash_ver: self.text()?,
            swf_url: self.text()?,
            page_url: self.text()?,
            capabilities: Capabilities {
                list: FourCcs(self.slice()?),
                video: FourCcs(self.slice()?),
                audio: FourCcs(self.slice()?),
                caps_ex: CapsEx(self.word()?),
                video_function: self.word()?,
                object_encoding: self.word()?,
            },
        })
    }

    pub(crate) fn tally(&mut self) -> Result<Tally, Fault> {
        Ok(Tally { messages: self.long()?, bytes: self.long()? })
    }

    pub(crate) fn ledger(&mut self) -> Result<Ledger, Fault> {
        Ok(Ledger {
            received: self.tally()?,
            written: self.tally()?,
            unwrapped: self.long()?,
            refused: Refused {
                aborted: self.tally()?,
                torn: self.tally()?,
                early: self.tally()?,
                foreign: self.tally()?,
            },
        })
    }
}
