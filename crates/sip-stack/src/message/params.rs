//! Parameters behind a header value: `;name` and `;name=value` (RFC 3261 section 25.1).
//!
//! Names are compared without regard to case. A value is kept as written, quotes included,
//! so that it is printed as it came; reading it takes the quotes off.

use std::borrow::Cow;
use std::fmt;

use super::error::{Refused, Unreadable};
use super::grammar::{breaks_lines, is_lws, is_token, quote, quoted_end, trim_start, unquote};

/// An ordered list of header parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Params(Vec<Param>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Param {
    name: Box<str>,
    raw: Option<Box<str>>,
}

impl Params {
    /// Reads `;name=value` pairs up to the end of the text.
    ///
    /// # Errors
    /// [`Unreadable::Params`] for an empty parameter, a quote that does not close, or
    /// anything that is no parameter.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut params = Vec::new();
        let mut rest = trim_start(text);
        while !rest.is_empty() {
            rest = trim_start(rest.strip_prefix(';').ok_or(Unreadable::Params)?);
            let end = rest
                .find(|c| is_lws(c) || c == '=' || c == ';')
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if !is_token(name) {
                return Err(Unreadable::Params);
            }
            rest = trim_start(after);
            let mut raw = None;
            if let Some(after) = rest.strip_prefix('=') {
                let after = trim_start(after);
                let end = value_end(after)?;
                let (value, after) = after.split_at(end);
                raw = Some(value.into());
                rest = trim_start(after);
            }
            params.push(Param {
                name: name.into(),
                raw,
            });
        }
        Ok(Self(params))
    }

    /// The value of a parameter without quotes; empty if the parameter has none. `None` if
    /// there is no such parameter.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.find(name)
            .map(|param| param.raw.as_deref().map_or(Cow::Borrowed(""), unquote))
    }

    /// Whether the parameter is there, with or without a value.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Every parameter in order: name, and value as written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0
            .iter()
            .map(|param| (&*param.name, param.raw.as_deref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a parameter; the value is quoted if it is neither a token nor a host.
    ///
    /// # Errors
    /// [`Refused`] if the name is not a token, or the value holds CR, LF or NUL.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        if breaks_lines(value.as_bytes()) {
            return Err(Refused::LineBreak);
        }
        let plain = !value.is_empty()
            && value
                .bytes()
                .all(|b| super::grammar::is_token_byte(b) || matches!(b, b'[' | b']' | b':'));
        let raw = if plain { value.into() } else { quote(value) };
        self.put(name, Some(raw.into()))
    }

    /// Sets a parameter and has its value quoted in any case.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_quoted(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        if breaks_lines(value.as_bytes()) {
            return Err(Refused::LineBreak);
        }
        self.put(name, Some(quote(value).into()))
    }

    /// Sets a parameter that has no value.
    ///
    /// # Errors
    /// [`Refused::Token`] if the name is not a token.
    pub fn set_flag(&mut self, name: &str) -> Result<(), Refused> {
        self.put(name, None)
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        self.0
            .retain(|param| !param.name.eq_ignore_ascii_case(name));
    }

    fn put(&mut self, name: &str, raw: Option<Box<str>>) -> Result<(), Refused> {
        if !is_token(name) {
            return Err(Refused::Token);
        }
        match self
            .0
            .iter_mut()
            .find(|param| param.name.eq_ignore_ascii_case(name))
        {
            Some(param) => param.raw = raw,
            None => self.0.push(Param {
                name: name.into(),
                raw,
            }),
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&Param> {
        self.0
            .iter()
            .find(|param| param.name.eq_ignore_ascii_case(name))
    }
}

fn value_end(text: &str) -> Result<usize, Unreadable> {
    if text.starts_with('"') {
        return quoted_end(text).ok_or(Unreadable::Params);
    }
    let end = text.find(|c| is_lws(c) || c == ';').unwrap_or(text.len());
    if text[..end].contains(['"', ',']) {
        return Err(Unreadable::Params);
    }
    Ok(end)
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Param { name, raw } in &self.0 {
            write!(f, ";{name}")?;
            if let Some(raw) = raw {
                write!(f, "={raw}")?;
            }
        }
        Ok(())
    }
}
