//! Media types in Content-Type and Accept (RFC 3261 section 20.15).

use std::fmt;

use super::error::Unreadable;
use super::grammar::{is_lws, is_token, trim, trim_start};
use super::params::Params;

/// A media type with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MediaType {
    kind: Box<str>,
    subtype: Box<str>,
    /// The parameters, such as `boundary`.
    pub params: Params,
}

impl MediaType {
    /// Reads `type/subtype;params`.
    ///
    /// # Errors
    /// [`Unreadable`] if there is no type and subtype, or the parameters are wrong.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let (kind, rest) = trim(text).split_once('/').ok_or(Unreadable::MediaType)?;
        let rest = trim_start(rest);
        let end = rest.find(|c| is_lws(c) || c == ';').unwrap_or(rest.len());
        let (subtype, params) = rest.split_at(end);
        let kind = trim(kind);
        if !is_token(kind) || !is_token(subtype) {
            return Err(Unreadable::MediaType);
        }
        Ok(Self {
            kind: kind.to_ascii_lowercase().into(),
            subtype: subtype.to_ascii_lowercase().into(),
            params: Params::parse(params)?,
        })
    }

    /// Whether this is the type, given in lower case as `application/sdp`.
    pub fn is(&self, essence: &str) -> bool {
        essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| *self.kind == *kind && *self.subtype == *subtype)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.kind, self.subtype, self.params)
    }
}
