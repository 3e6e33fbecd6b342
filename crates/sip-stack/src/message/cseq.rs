//! The CSeq header: a number and the method it counts (RFC 3261 section 20.16).

use std::fmt;

use super::error::Unreadable;
use super::grammar::{is_lws, parse_number, trim};
use super::method::Method;

/// The content of a CSeq header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// The sequence number. Our own stay below 2^31, as section 8.1.1.5 asks.
    pub number: u32,
    /// The method of the request, also in responses.
    pub method: Method,
}

impl CSeq {
    /// A CSeq of this number and method.
    pub fn new(number: u32, method: Method) -> Self {
        Self { number, method }
    }

    /// Reads the value of a CSeq header.
    ///
    /// # Errors
    /// [`Unreadable`] if the number does not fit into 32 bits or there is no method token.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let text = trim(text);
        let end = text.find(is_lws).ok_or(Unreadable::CSeq)?;
        let (number, method) = text.split_at(end);
        Ok(Self {
            number: parse_number(number).ok_or(Unreadable::CSeq)?,
            method: Method::parse(trim(method)).map_err(|_| Unreadable::CSeq)?,
        })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}
