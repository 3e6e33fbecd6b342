//! Addresses in From, To, Contact, Route and their like: an optional display name, a URI
//! and header parameters (RFC 3261 section 20.10 and 25.1).

use std::borrow::Cow;
use std::fmt;

use smol_str::SmolStr;

use super::error::{Refused, Unreadable};
use super::grammar::{breaks_lines, find_byte, quote, quoted_end, trim, unquote};
use super::params::Params;
use super::uri::Uri;

/// An address with its display name and parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NameAddr {
    display_name: Option<SmolStr>,
    /// The URI.
    pub uri: Uri,
    /// The header parameters: those behind the closing bracket.
    pub params: Params,
}

impl NameAddr {
    /// An address without display name and parameters.
    pub fn new(uri: Uri) -> Self {
        Self {
            display_name: None,
            uri,
            params: Params::default(),
        }
    }

    /// The same address with a display name; an empty one is none.
    ///
    /// # Errors
    /// [`Refused::LineBreak`] if there is a CR, LF or NUL in the name.
    pub fn with_display_name(mut self, name: &str) -> Result<Self, Refused> {
        if breaks_lines(name.as_bytes()) {
            return Err(Refused::LineBreak);
        }
        self.display_name = (!name.is_empty()).then(|| name.into());
        Ok(self)
    }

    /// Reads one address.
    ///
    /// Without angle brackets, parameters belong to the header, and the URI may hold neither
    /// `?` nor a comma (RFC 3261 section 20.10).
    ///
    /// # Errors
    /// [`Unreadable`] if quotes or brackets do not close, if the display name would need
    /// quotes, or if the URI or the parameters are wrong.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let parts = Parts::split(text)?;
        Ok(Self {
            display_name: clean(parts.display_name),
            uri: Uri::parse(parts.uri)?,
            params: Params::parse(parts.params)?,
        })
    }

    /// Whether [`Self::parse`] takes the text.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(super) fn check(text: &str) -> Result<(), Unreadable> {
        let parts = Parts::split(text)?;
        Uri::check(parts.uri)?;
        Params::check(parts.params).map(|_| ())
    }

    /// The display name without quotes and escapes.
    pub fn display_name(&self) -> Option<&str> {
        self.display_name.as_deref()
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<Cow<'_, str>> {
        self.params.get("tag")
    }

    /// Sets the `tag` parameter.
    ///
    /// # Errors
    /// [`Refused`] if the tag holds CR, LF or NUL.
    pub fn set_tag(&mut self, tag: &str) -> Result<(), Refused> {
        self.params.set("tag", tag)
    }
}

/// An address in its parts; URI and parameters are not looked at.
struct Parts<'a> {
    display_name: Cow<'a, str>,
    uri: &'a str,
    params: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, Unreadable> {
        let text = trim(text);
        let (display_name, rest) = match quoted_end(text) {
            Some(end) => {
                let (name, rest) = text.split_at(end);
                (unquote(name), trim(rest))
            }
            None if text.starts_with('"') => return Err(Unreadable::Address),
            None => match find_byte(text, |b| b == b'<') {
                Some(at) => {
                    let name = trim(&text[..at]);
                    if find_byte(name, |b| matches!(b, b'"' | b',' | b';' | b'>')).is_some() {
                        return Err(Unreadable::Address);
                    }
                    (Cow::Borrowed(name), &text[at..])
                }
                None => return Self::split_bare(text),
            },
        };
        let rest = rest.strip_prefix('<').ok_or(Unreadable::Address)?;
        let end = find_byte(rest, |b| b == b'>').ok_or(Unreadable::Address)?;
        Ok(Self {
            display_name,
            uri: &rest[..end],
            params: &rest[end + 1..],
        })
    }

    fn split_bare(text: &'a str) -> Result<Self, Unreadable> {
        let end = find_byte(text, |b| matches!(b, b' ' | b'\t' | b';')).unwrap_or(text.len());
        let (uri, params) = text.split_at(end);
        if find_byte(uri, |b| matches!(b, b'?' | b',')).is_some() {
            return Err(Unreadable::Address);
        }
        Ok(Self {
            display_name: Cow::Borrowed(""),
            uri,
            params,
        })
    }
}

/// A display name as we hold it: what could break a line when printed is taken out.
fn clean(name: Cow<'_, str>) -> Option<SmolStr> {
    if name.is_empty() {
        return None;
    }
    if breaks_lines(name.as_bytes()) {
        return Some(name.replace(['\r', '\n', '\0'], " ").into());
    }
    Some(name.into())
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display_name {
            write!(f, "{} ", quote(name))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}
