//! The headers of a message: a list of names and raw values in the order of the wire.
//!
//! Where the grammar allows several values in one line, `values`, `first`, `remove_first`
//! and `replace_first` work on the values, whichever way they are spread over lines.

use std::borrow::Cow;

use super::grammar::{piece_end, trim_bytes};
use super::header_name::HeaderName;
use super::value::{HeaderValue, text_of};

/// One header line.
#[derive(Debug, Clone)]
pub struct Header {
    name: HeaderName,
    /// How the sender spelled the name, where that differs from ours.
    spelled: Option<Box<str>>,
    value: HeaderValue,
}

impl Header {
    /// A line as it came from the network.
    pub(super) fn received(name: HeaderName, spelled: &str, value: HeaderValue) -> Self {
        let spelled = (spelled != name.as_str()).then(|| spelled.into());
        Self {
            name,
            spelled,
            value,
        }
    }

    /// Which header this is.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The name as printed: as received, or as we spell it.
    pub fn spelling(&self) -> &str {
        self.spelled
            .as_deref()
            .unwrap_or_else(|| self.name.as_str())
    }

    /// The whole value of the line, which may be a list.
    pub fn value(&self) -> &HeaderValue {
        &self.value
    }
}

impl PartialEq for Header {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl Eq for Header {}

/// All headers of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers {
    lines: Vec<Header>,
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn from_lines(lines: Vec<Header>) -> Self {
        Self { lines }
    }

    /// Every line in order.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.lines.iter()
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The first line of this name, whole: a list is not split.
    pub fn get(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.lines(name).next()
    }

    /// Whether there is a line of this name.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.get(name).is_some()
    }

    /// Every line of this name, whole: lists are not split.
    pub fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        self.lines
            .iter()
            .filter(move |line| line.name == *name)
            .map(|line| &line.value)
    }

    /// Every value of this name, with lists split where the grammar has lists. Empty list
    /// elements are left out.
    pub fn values(&self, name: &HeaderName) -> Vec<HeaderValue> {
        self.each_value(name).collect()
    }

    /// The first of [`Self::values`].
    pub fn first(&self, name: &HeaderName) -> Option<HeaderValue> {
        self.each_value(name).next()
    }

    fn each_value(&self, name: &HeaderName) -> impl Iterator<Item = HeaderValue> {
        self.lines(name).flat_map(move |line| split(name, line))
    }

    /// One after the other of [`Self::values`], as text and not to be kept.
    pub(super) fn each_text(&self, name: &HeaderName) -> impl Iterator<Item = Cow<'_, str>> {
        let is_list = name.is_list();
        self.lines(name)
            .flat_map(move |line| elements(is_list, line.as_bytes()).map(text_of))
    }

    /// Adds a line at the end.
    pub fn push(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.lines.push(line(name, value));
    }

    /// Adds a line before all others.
    pub fn push_front(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.lines.insert(0, line(name, value));
    }

    /// Makes this the only line of this name: at the place of the first one, or at the end.
    pub fn set(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        let at = self.lines.iter().position(|line| line.name == name);
        self.remove(&name);
        match at {
            Some(at) => self.lines.insert(at, line(name, value)),
            None => self.push(name, value),
        }
    }

    /// Removes every line of this name; says how many there were.
    pub fn remove(&mut self, name: &HeaderName) -> usize {
        let before = self.lines.len();
        self.lines.retain(|line| line.name != *name);
        before - self.lines.len()
    }

    /// Takes the first value of this name away, and only that one, even out of a list.
    pub fn remove_first(&mut self, name: &HeaderName) -> Option<HeaderValue> {
        let (at, first, rest) = self.split_first(name)?;
        match rest {
            Some(rest) => self.lines[at].value = rest,
            None => drop(self.lines.remove(at)),
        }
        Some(first)
    }

    /// Puts another value in the place of the first one of this name, even in a list;
    /// says whether there was one.
    pub fn replace_first(&mut self, name: &HeaderName, value: impl Into<HeaderValue>) -> bool {
        let Some((at, _, rest)) = self.split_first(name) else {
            return false;
        };
        self.lines[at].value = value.into();
        if let Some(rest) = rest {
            self.lines.insert(at + 1, line(name.clone(), rest));
        }
        true
    }

    /// The line of the first value, that value, and what else the line holds.
    fn split_first(&self, name: &HeaderName) -> Option<(usize, HeaderValue, Option<HeaderValue>)> {
        self.lines.iter().enumerate().find_map(|(at, line)| {
            if line.name != *name {
                return None;
            }
            let whole = &line.value;
            let mut values = split(name, whole);
            let first = values.next()?;
            let rest = values.next().map(|second| {
                let from = second.as_bytes().as_ptr() as usize - whole.as_bytes().as_ptr() as usize;
                whole.part(from..whole.as_bytes().len())
            });
            Some((at, first, rest))
        })
    }
}

fn line(name: HeaderName, value: impl Into<HeaderValue>) -> Header {
    Header {
        name,
        spelled: None,
        value: value.into(),
    }
}

/// The values of a line; empty elements of a list are left out.
fn split(name: &HeaderName, line: &HeaderValue) -> impl Iterator<Item = HeaderValue> {
    elements(name.is_list(), line.as_bytes()).map(|element| line.element(element))
}

/// The elements of a list, or the whole of what is none.
fn elements(is_list: bool, line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut whole = (!is_list).then_some(line);
    let mut rest = is_list.then_some(line);
    std::iter::from_fn(move || {
        if let Some(whole) = whole.take() {
            return Some(whole);
        }
        loop {
            let line = rest?;
            let end = piece_end(line, 0, b',');
            rest = line.get(end + 1..);
            let element = trim_bytes(&line[..end]);
            if !element.is_empty() {
                return Some(element);
            }
        }
    })
}
