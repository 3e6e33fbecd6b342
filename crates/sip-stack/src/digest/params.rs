//! The `name=value` lists of authentication headers (RFC 3261 section 25.1, RFC 7235).

use crate::message::grammar::{is_token, quoted_end, split_outside, trim};

/// The parameters of one challenge or answer, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct AuthParams<'a>(Vec<(&'a str, &'a str)>);

impl<'a> AuthParams<'a> {
    /// The value as written, without its quotes but with its escapes; nothing if the quotes
    /// do not fit.
    pub(super) fn inner(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self
            .0
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        match quoted_end(value) {
            Some(end) if end == value.len() => Some(&value[1..end - 1]),
            Some(_) => None,
            None => (!value.contains(['"', '\\'])).then_some(value),
        }
    }

    /// Reads a list that has no scheme before it, as Authentication-Info.
    pub(super) fn parse(text: &'a str) -> Self {
        let pairs = split_outside(text.as_bytes(), b',')
            .filter_map(|range| pair(&text[range]))
            .collect();
        Self(pairs)
    }
}

/// Each scheme in a header line with its parameters. A new scheme begins where an element
/// has two words before its `=`.
pub(super) fn split_schemes(line: &str) -> Vec<(&str, AuthParams<'_>)> {
    let mut schemes: Vec<(&str, AuthParams<'_>)> = Vec::new();
    for range in split_outside(line.as_bytes(), b',') {
        let mut element = trim(&line[range]);
        if let Some((scheme, rest)) = element.split_once([' ', '\t'])
            && is_token(scheme)
            && !trim(rest).starts_with('=')
        {
            schemes.push((scheme, AuthParams::default()));
            element = trim(rest);
        }
        if let (Some((_, params)), Some(pair)) = (schemes.last_mut(), pair(element)) {
            params.0.push(pair);
        }
    }
    schemes
}

fn pair(element: &str) -> Option<(&str, &str)> {
    let (name, value) = element.split_once('=')?;
    let name = trim(name);
    is_token(name).then(|| (name, trim(value)))
}
