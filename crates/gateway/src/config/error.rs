//! What is wrong with a configuration, told so that its author can find it.
//!
//! A check knows the key it complains about; the line is looked up afterwards in the text, so that
//! checks work the same on a configuration that never was a file.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

/// Why there is no configuration to run with.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// The file named on the command line.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The file can be read and is wrong.
    Invalid {
        /// The file named on the command line.
        path: PathBuf,
        /// Everything found, at least one.
        problems: Vec<Problem>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Invalid { path, problems } => {
                for (index, problem) in problems.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    match problem.line {
                        Some(line) => write!(f, "{separator}{}:{line}: ", path.display())?,
                        None => write!(f, "{separator}{}: ", path.display())?,
                    }
                    write!(f, "{problem}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key complained about, for example `web.listen[0].key`; absent when the text is not TOML.
    pub key: Option<String>,
    /// The line of the file, counted from one; absent when there is no file.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub text: String,
}

impl Problem {
    /// A complaint about the value of `key`.
    pub fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            line: None,
            text: text.into(),
        }
    }

    pub(super) fn from_toml(error: &toml::de::Error, text: &str) -> Self {
        Self {
            key: None,
            line: error.span().map(|span| line_of(&span, text)),
            text: error.message().trim().replace('\n', ", "),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{key}: {}", self.text),
            None => write!(f, "{}", self.text),
        }
    }
}

/// Adds to each problem the line on which its key stands, or the nearest table above it.
pub(super) fn locate(mut problems: Vec<Problem>, text: &str) -> Vec<Problem> {
    let Ok(document) = DeTable::parse(text) else {
        return problems;
    };
    for problem in &mut problems {
        problem.line = problem
            .key
            .as_deref()
            .and_then(|key| find(document.get_ref(), key))
            .map(|span| line_of(&span, text));
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

fn find(root: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    let mut table = root;
    let mut found = None;
    for part in key.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let Some((spanned_key, value)) = table.get_key_value(name) else {
            break;
        };
        let value = match (index, value.get_ref().as_array()) {
            (Some(index), Some(array)) => array.get(index)?,
            (Some(_) | None, Some(_) | None) => value,
        };
        found = Some(match (index, value.get_ref()) {
            (Some(_), _) | (None, DeValue::Array(_)) => value.span(),
            (None, _) => spanned_key.span(),
        });
        match value.get_ref().as_table() {
            Some(inner) => table = inner,
            None => break,
        }
    }
    found
}

fn line_of(span: &Range<usize>, text: &str) -> usize {
    let end = span.start.min(text.len());
    text.as_bytes()[..end]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}
