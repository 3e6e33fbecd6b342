//! What happened, line by line, for replays.

use std::fmt;
use std::time::Duration;

/// Where the lines of a run go.
#[derive(Debug)]
pub enum Trace {
    /// Nowhere; they are not even written.
    Silent,
    /// Kept.
    Kept(String),
    /// Given away one at a time, as they come.
    Live(fn(&str)),
}

impl Trace {
    /// An empty trace that is kept.
    pub fn kept() -> Self {
        Self::Kept(String::new())
    }

    /// The lines, if they were kept.
    pub fn text(&self) -> &str {
        match self {
            Self::Kept(text) => text,
            Self::Silent | Self::Live(_) => "",
        }
    }

    pub(super) fn note(&mut self, at: Duration, line: impl FnOnce() -> String) {
        match self {
            Self::Silent => {}
            Self::Kept(text) => {
                text.push_str(&stamped(at, &line()));
                text.push('\n');
            }
            Self::Live(give) => give(&stamped(at, &line())),
        }
    }
}

fn stamped(at: Duration, line: &dyn fmt::Display) -> String {
    format!("{:>10.3} {line}", at.as_secs_f64())
}
