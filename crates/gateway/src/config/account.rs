//! `[[account]]`: what accounts may do. The first table that matches an account rules it.

use std::time::Duration;

use serde::Deserialize;

use super::Problem;
use crate::account::{AccountLimits, Pattern};

/// The longest duration that can be asked for: a week.
const LONGEST: u64 = 7 * 86_400;

/// Rules for the accounts of a pattern.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRule {
    /// Whose rules these are: `user@domain`, where `*` stands for any text.
    #[serde(rename = "match")]
    pub address: String,
    /// Calls at a time, over all connections.
    pub max_calls: Option<usize>,
    /// Who may be called.
    pub allowed_destinations: Option<Vec<String>>,
    /// Whether calls to it are put through.
    #[serde(default = "yes")]
    pub may_receive: bool,
    /// Whether it may call.
    #[serde(default = "yes")]
    pub may_call: bool,
    /// The longest duration of an answered call.
    pub max_call_seconds: Option<u64>,
    /// How long before that end the page is warned.
    #[serde(default = "warning")]
    pub warn_seconds: u64,
}

impl AccountRule {
    /// Whether these are the rules of this account.
    #[must_use]
    pub fn matches(&self, user: &str, domain: &str) -> bool {
        Pattern::new(&self.address).matches(user, domain, domain)
    }

    /// The rules themselves.
    #[must_use]
    pub fn limits(&self) -> AccountLimits {
        let patterns = |texts: &Vec<String>| texts.iter().map(|text| Pattern::new(text)).collect();
        AccountLimits {
            max_calls: self.max_calls,
            destinations: self.allowed_destinations.as_ref().map(patterns),
            may_receive: self.may_receive,
            may_call: self.may_call,
            longest_call: self.max_call_seconds.map(Duration::from_secs),
            warning: Duration::from_secs(self.warn_seconds),
        }
    }

    pub(super) fn check(&self, key: &str, problems: &mut Vec<Problem>) {
        if self.address != "*" && !self.address.contains('@') {
            let text = format!("`{}` is no pattern such as `*@example.com`", self.address);
            problems.push(Problem::new(format!("{key}.match"), text));
        }
        if self.max_calls.is_some_and(|calls| calls > 1_000_000) {
            let text = "must be at most 1000000";
            problems.push(Problem::new(format!("{key}.max_calls"), text));
        }
        let empty = |text: &String| text.trim().is_empty();
        if self
            .allowed_destinations
            .as_ref()
            .is_some_and(|patterns| patterns.iter().any(empty))
        {
            let text = "an empty pattern matches nobody; for an account that may not call say `may_call = false`";
            problems.push(Problem::new(format!("{key}.allowed_destinations"), text));
        }
        if let Some(seconds) = self.max_call_seconds {
            if !(1..=LONGEST).contains(&seconds) {
                let text = format!("must be between 1 and {LONGEST}");
                problems.push(Problem::new(format!("{key}.max_call_seconds"), text));
            } else if self.warn_seconds > LONGEST {
                let text = format!("must be at most {LONGEST}");
                problems.push(Problem::new(format!("{key}.warn_seconds"), text));
            }
        }
    }
}

fn yes() -> bool {
    true
}

fn warning() -> u64 {
    60
}
