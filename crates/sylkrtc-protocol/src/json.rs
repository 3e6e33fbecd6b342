//! A strict and bounded reading of JSON (RFC 8259).
//!
//! `serde_json` sees to the grammar. On top of it a key may stand in an object only once,
//! and depth and number of values are limited; what lies beyond is skipped, not kept, so
//! that the transaction of a refused frame can still be read.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::limits::{MAX_DEPTH, MAX_QUOTED, MAX_VALUES};

pub(crate) type Object = BTreeMap<String, Json>;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    String(String),
    Array(Vec<Self>),
    Object(Object),
}

/// A JSON text and what was wrong with it beyond the grammar.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Json,
    /// Something was left out: nested too deeply, or too many values.
    pub(crate) exceeds_limits: bool,
    /// The first key that stood twice in one object. Its first value was kept.
    pub(crate) duplicate_key: Option<String>,
    /// `transaction` stood twice in the outermost object.
    pub(crate) duplicate_transaction: bool,
}

/// Reads a whole text.
pub(crate) fn read(text: &str) -> Result<Document, serde_json::Error> {
    let findings = Findings::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let root = Reader {
        depth: 0,
        findings: &findings,
    }
    .deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Document {
        root,
        exceeds_limits: findings.exceeds_limits.get(),
        duplicate_key: findings.duplicate_key.into_inner(),
        duplicate_transaction: findings.duplicate_transaction.get(),
    })
}

/// What was noticed on the way.
#[derive(Default)]
struct Findings {
    values: Cell<usize>,
    exceeds_limits: Cell<bool>,
    duplicate_key: RefCell<Option<String>>,
    duplicate_transaction: Cell<bool>,
}

/// Reads one value inside `depth` others.
#[derive(Clone, Copy)]
struct Reader<'a> {
    depth: usize,
    findings: &'a Findings,
}

impl Reader<'_> {
    fn inner(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }

    /// Whether an array or object in this place is one level too many.
    fn is_too_deep(&self) -> bool {
        let too_deep = self.depth >= MAX_DEPTH;
        if too_deep {
            self.findings.exceeds_limits.set(true);
        }
        too_deep
    }

    fn is_transaction(&self, key: &str) -> bool {
        self.depth == 0 && key == "transaction"
    }

    fn note_duplicate(&self, key: &str) {
        if self.is_transaction(key) {
            self.findings.duplicate_transaction.set(true);
        }
        let mut first = self.findings.duplicate_key.borrow_mut();
        first.get_or_insert_with(|| key.to_owned());
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let values = self.findings.values.get() + 1;
        self.findings.values.set(values);
        if values > MAX_VALUES {
            self.findings.exceeds_limits.set(true);
        }
        // The direct members are still looked at: the transaction is one of them.
        if self.findings.exceeds_limits.get() && self.depth > 1 {
            // `IgnoredAny` does not recurse, however deep the text goes on.
            return IgnoredAny::deserialize(deserializer).map(|_| Json::Null);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        if self.is_too_deep() {
            while elements.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Json::Null);
        }
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self.inner())? {
            if !self.findings.exceeds_limits.get() {
                array.push(element);
            }
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        if self.is_too_deep() {
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Json::Null);
        }
        let mut object = Object::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.inner())?;
            if self.findings.exceeds_limits.get() && !self.is_transaction(&key) {
                continue;
            }
            match object.entry(key) {
                Entry::Occupied(known) => self.note_duplicate(known.key()),
                Entry::Vacant(place) => {
                    place.insert(value);
                }
            }
        }
        Ok(Json::Object(object))
    }
}

/// The value as the original server wrote it into its error texts, cut after [`MAX_QUOTED`] characters.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::String(value) => write!(f, "'{}'", shortened(value)),
            Self::Array(_) => f.write_str("[...]"),
            Self::Object(_) => f.write_str("{...}"),
        }
    }
}

/// The text on one line, cut after [`MAX_QUOTED`] characters.
pub(crate) fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters
        .by_ref()
        .take(MAX_QUOTED)
        .flat_map(|c| match c.is_control() {
            true => c.escape_default().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect();
    if characters.next().is_some() {
        shown.push_str("...");
    }
    shown
}
