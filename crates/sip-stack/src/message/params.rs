//! Parameters behind a header value: `;name` and `;name=value` (RFC 3261 section 25.1).
//!
//! Names are compared without regard to case. A value is kept as written, quotes included,
//! so that it is printed as it came; reading it takes the quotes off. All of them are one
//! text, in which a parameter is looked for when somebody asks: there are few, and most are
//! never asked for.

use std::borrow::Cow;
use std::fmt;

use smol_str::SmolStr;

use super::error::{Refused, Unreadable};
use super::grammar::{
    breaks_lines, find_byte, is_token, is_token_byte, quote, quoted_end, trim_start, unquote,
};

/// An ordered list of header parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Params(
    /// As printed: each begins with its semicolon, and there is no white space around them.
    SmolStr,
);

impl Params {
    /// Reads `;name=value` pairs up to the end of the text.
    ///
    /// # Errors
    /// [`Unreadable::Params`] for an empty parameter, a quote that does not close, or
    /// anything that is no parameter.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        match Self::check(text)? == text.len() {
            true => Ok(Self(text.into())),
            false => {
                let mut spaceless = String::with_capacity(text.len());
                for param in (Scan { rest: text }) {
                    let (name, raw) = param?;
                    append(&mut spaceless, name, raw);
                }
                Ok(Self(spaceless.into()))
            }
        }
    }

    /// Whether [`Self::parse`] takes the text, and how long it is without white space.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(super) fn check(text: &str) -> Result<usize, Unreadable> {
        let mut length = 0;
        for param in (Scan { rest: text }) {
            let (name, raw) = param?;
            length += 1 + name.len() + raw.map_or(0, |raw| 1 + raw.len());
        }
        Ok(length)
    }

    /// The value of a parameter without quotes; empty if the parameter has none. `None` if
    /// there is no such parameter.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.find(name)
            .map(|raw| raw.map_or(Cow::Borrowed(""), unquote))
    }

    /// Whether the parameter is there, with or without a value.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Every parameter in order: name, and value as written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        Scan { rest: &self.0 }.map_while(Result::ok)
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
                .all(|b| is_token_byte(b) || matches!(b, b'[' | b']' | b':'));
        match plain {
            true => self.put(name, Some(value)),
            false => self.put(name, Some(&quote(value))),
        }
    }

    /// Sets a parameter and has its value quoted in any case.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn set_quoted(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        if breaks_lines(value.as_bytes()) {
            return Err(Refused::LineBreak);
        }
        self.put(name, Some(&quote(value)))
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
        if self.contains(name) {
            let mut kept = String::with_capacity(self.0.len());
            for (given, raw) in self.iter() {
                if !given.eq_ignore_ascii_case(name) {
                    append(&mut kept, given, raw);
                }
            }
            self.0 = kept.into();
        }
    }

    fn put(&mut self, name: &str, raw: Option<&str>) -> Result<(), Refused> {
        if !is_token(name) {
            return Err(Refused::Token);
        }
        let more = 2 + name.len() + raw.map_or(0, str::len);
        let mut text = String::with_capacity(self.0.len() + more);
        let mut found = false;
        for (given, given_raw) in self.iter() {
            let replaced = !found && given.eq_ignore_ascii_case(name);
            found |= replaced;
            append(&mut text, given, if replaced { raw } else { given_raw });
        }
        if !found {
            append(&mut text, name, raw);
        }
        self.0 = text.into();
        Ok(())
    }

    fn find(&self, name: &str) -> Option<Option<&str>> {
        self.iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, raw)| raw)
    }
}

fn append(text: &mut String, name: &str, raw: Option<&str>) {
    text.push(';');
    text.push_str(name);
    if let Some(raw) = raw {
        text.push('=');
        text.push_str(raw);
    }
}

/// Goes through a text from parameter to parameter: name, and value as written.
struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Scan<'a> {
    type Item = Result<(&'a str, Option<&'a str>), Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = trim_start(self.rest);
        if rest.is_empty() {
            return None;
        }
        let param = rest.strip_prefix(';').map(trim_start).and_then(next_param);
        let (name, raw, rest) = param.unwrap_or(("", None, ""));
        self.rest = rest;
        Some(match name.is_empty() {
            true => Err(Unreadable::Params),
            false => Ok((name, raw)),
        })
    }
}

/// The parameter that the text begins with, and what follows it.
fn next_param(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let end = find_byte(text, |b| !is_token_byte(b)).unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    let after = trim_start(after);
    let Some(value) = after.strip_prefix('=') else {
        let complete = after.is_empty() || after.starts_with(';');
        return complete.then_some((name, None, after));
    };
    let value = trim_start(value);
    let (value, after) = value.split_at(value_end(value)?);
    Some((name, Some(value), after))
}

fn value_end(text: &str) -> Option<usize> {
    if text.starts_with('"') {
        return quoted_end(text);
    }
    let stop = |b| matches!(b, b' ' | b'\t' | b';' | b'"' | b',');
    match find_byte(text, stop) {
        Some(at) if matches!(text.as_bytes()[at], b'"' | b',') => None,
        Some(at) => Some(at),
        None => Some(text.len()),
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
