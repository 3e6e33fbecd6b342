//! A sum over everything that was read, to see that all parsers read the same, and so that no
//! compiler leaves any of it out.

/// What was found in one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    texts: u64,
    letters: u64,
    numbers: u64,
}

impl Tally {
    /// A field with a text; a missing one is not counted.
    pub(crate) fn text<T: AsRef<[u8]>>(&mut self, found: Option<T>) {
        if let Some(found) = found {
            let bytes = found.as_ref();
            let ends = bytes.first().copied().map_or(0, u64::from) * 3
                + bytes.last().copied().map_or(0, u64::from);
            self.texts += 1;
            self.letters += bytes.len() as u64 * 1000 + ends;
        }
    }

    /// A field with a number; a missing one is not counted.
    pub(crate) fn number(&mut self, found: Option<impl Into<u64>>) {
        if let Some(found) = found {
            self.numbers += 1 + found.into();
        }
    }
}
