//! Addresses in From, To, Contact, Route and their like: an optional display name, a URI
//! and header parameters (RFC 3261 section 20.10 and 25.1).

use std::borrow::Cow;
use std::fmt;

use super::error::{Refused, Unreadable};
use super::grammar::{breaks_lines, is_lws, quote, quoted_end, trim, unquote};
use super::params::Params;
use super::uri::Uri;

/// An address with its display name and parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NameAddr {
    display_name: Option<Box<str>>,
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
        let text = trim(text);
        let (display_name, rest) = match quoted_end(text) {
            Some(end) => {
                let (name, rest) = text.split_at(end);
                (clean(unquote(name)), trim(rest))
            }
            None if text.starts_with('"') => return Err(Unreadable::Address),
            None => match text.find('<') {
                Some(at) => {
                    let name = trim(&text[..at]);
                    if name.contains(['"', ',', ';', '>']) {
                        return Err(Unreadable::Address);
                    }
                    (clean(Cow::Borrowed(name)), &text[at..])
                }
                None => return Self::parse_bare(text),
            },
        };
        let rest = rest.strip_prefix('<').ok_or(Unreadable::Address)?;
        let (uri, params) = rest.split_once('>').ok_or(Unreadable::Address)?;
        Ok(Self {
            display_name,
            uri: Uri::parse(uri)?,
            params: Params::parse(params)?,
        })
    }

    fn parse_bare(text: &str) -> Result<Self, Unreadable> {
        let end = text.find(|c| is_lws(c) || c == ';').unwrap_or(text.len());
        let (uri, params) = text.split_at(end);
        if uri.contains(['?', ',']) {
            return Err(Unreadable::Address);
        }
        Ok(Self {
            display_name: None,
            uri: Uri::parse(uri)?,
            params: Params::parse(params)?,
        })
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

/// A display name as we hold it: what could break a line when printed is taken out.
fn clean(name: Cow<'_, str>) -> Option<Box<str>> {
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
