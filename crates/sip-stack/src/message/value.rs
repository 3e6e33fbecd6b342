//! The value of one header line: bytes that cannot break out of their line.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::cseq::CSeq;
use super::error::Refused;
use super::grammar::{breaks_lines, trim_bytes};
use super::host::Host;
use super::method::Method;
use super::name_addr::NameAddr;
use super::uri::Uri;
use super::via::Via;

/// The value of a header, without the white space around it and without line folds.
///
/// It holds arbitrary bytes, because a header in another encoding is still to be carried;
/// never CR or LF, so a value cannot become a second header. NUL is refused in what we
/// make ourselves, and kept in what the network sent (RFC 3261 allows it after a backslash).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderValue(Bytes);

impl HeaderValue {
    /// A value of our own making.
    ///
    /// # Errors
    /// [`Refused::LineBreak`] if there is a CR, LF or NUL in it: such text comes from a
    /// browser and must not reach the wire.
    pub fn new(text: impl AsRef<[u8]>) -> Result<Self, Refused> {
        let bytes = trim_bytes(text.as_ref());
        if breaks_lines(bytes) {
            return Err(Refused::LineBreak);
        }
        Ok(Self(Bytes::copy_from_slice(bytes)))
    }

    /// A value written in our own source.
    ///
    /// # Panics
    /// If there is a CR, LF or NUL in it.
    pub const fn from_static(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            assert!(!matches!(bytes[at], b'\r' | b'\n' | 0));
            at += 1;
        }
        Self(Bytes::from_static(bytes))
    }

    /// What the network sent, unfolded; the parser vouches for the absence of CR and LF.
    pub(super) fn received(bytes: Bytes) -> Self {
        debug_assert!(!bytes.iter().any(|b| matches!(b, b'\r' | b'\n')));
        Self(bytes)
    }

    /// Text printed by one of our own types, all of which refuse CR, LF and NUL.
    fn printed(text: String) -> Self {
        debug_assert!(!text.bytes().any(|b| matches!(b, b'\r' | b'\n')));
        Self(Bytes::from(text))
    }

    /// The bytes as received or given.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value as text; bytes that are not UTF-8 appear as U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        text_of(&self.0)
    }

    /// What is a part of the bytes of this value, as a value.
    pub(super) fn element(&self, element: &[u8]) -> Self {
        Self(self.0.slice_ref(element))
    }

    /// A part of this value, without the white space around it.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        Self(self.0.slice_ref(trim_bytes(&self.0[range])))
    }
}

/// Bytes as text; what is not UTF-8 appears as U+FFFD.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

impl TryFrom<&str> for HeaderValue {
    type Error = Refused;

    fn try_from(text: &str) -> Result<Self, Refused> {
        Self::new(text)
    }
}

impl TryFrom<String> for HeaderValue {
    type Error = Refused;

    fn try_from(text: String) -> Result<Self, Refused> {
        Self::new(text)
    }
}

impl From<u32> for HeaderValue {
    fn from(number: u32) -> Self {
        Self::printed(number.to_string())
    }
}

macro_rules! printed_from {
    ($($type:ty),*) => {$(
        impl From<$type> for HeaderValue {
            fn from(value: $type) -> Self {
                Self::printed(value.to_string())
            }
        }
        impl From<&$type> for HeaderValue {
            fn from(value: &$type) -> Self {
                Self::printed(value.to_string())
            }
        }
    )*};
}

printed_from!(Via, NameAddr, CSeq, Method, Host, Uri);
