//! The configuration of the daemon: what an operator may choose, and nothing else.
//!
//! A file is read in two steps. serde refuses unknown keys and wrong types; [`Config::problems`]
//! refuses values that fit their type but not each other. Every error names its key and its line,
//! and everything is settled before the first socket is bound. Files the configuration names are
//! opened by the part that uses them, also before the first bind.
//!
//! Each part of the daemon receives only its own small struct. What no operator has asked to
//! choose is a documented constant beside its use, not a key.

pub mod account;
pub mod audio;
pub mod error;
pub mod health;
pub mod limits;
pub mod log;
pub mod media;
pub mod sip;
pub mod web;

use std::path::Path;

use serde::Deserialize;

pub use self::account::AccountRule;
pub use self::error::{ConfigError, Problem};
pub use self::health::Health;
pub use self::limits::Limits;
pub use self::log::Log;
pub use self::media::Media;
pub use self::sip::Sip;
pub use self::web::Web;

/// The whole configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where browsers connect.
    pub web: Web,
    /// Where SIP is spoken, and how.
    pub sip: Sip,
    /// Where media flows.
    pub media: Media,
    /// What accounts may do; the first that matches.
    #[serde(default)]
    pub account: Vec<AccountRule>,
    /// How much of everything.
    #[serde(default)]
    pub limits: Limits,
    /// What is written to the log.
    #[serde(default)]
    pub log: Log,
    /// Who may ask how the daemon is.
    #[serde(default)]
    pub health: Health,
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, has unknown or missing keys, or says something
    /// impossible. The error carries all problems found, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        Self::parse(&text).map_err(|problems| ConfigError::Invalid {
            path: path.to_owned(),
            problems,
        })
    }

    /// Checks the text of a configuration file.
    ///
    /// # Errors
    /// All problems found, in the order of the file.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let config: Self =
            toml::from_str(text).map_err(|error| vec![Problem::from_toml(&error, text)])?;
        let problems = error::locate(config.problems(), text);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(config)
    }

    /// What is wrong with this configuration although each value has the right type.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.web.check(&mut problems);
        self.sip.check(&mut problems);
        self.media.check(&mut problems);
        for (index, rule) in self.account.iter().enumerate() {
            rule.check(&format!("account[{index}]"), &mut problems);
        }
        self.limits.check(&mut problems);
        self.log.check(&mut problems);
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest file that works.
    const MINIMAL: &str = r#"
[[web.listen]]
address = "127.0.0.1:10888"

[[sip.listen]]
transport = "udp"
address = "127.0.0.1:5060"

[media.browser]
address = "127.0.0.1"

[media.phone]
address = "127.0.0.1"
"#;

    #[test]
    fn the_smallest_file_is_enough() {
        let config = Config::parse(MINIMAL).expect("valid");
        assert_eq!(config.web.listen.len(), 1);
        assert_eq!(config.sip.decline_code, 486);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name_and_line() {
        let problem = only_problem(&format!("{MINIMAL}\n[limits]\nacounts_per_socket = 3\n"));
        assert_eq!(problem.line, Some(16));
        assert!(
            problem.to_string().contains("acounts_per_socket"),
            "{problem}"
        );
    }

    #[test]
    fn a_wrong_type_is_refused_by_name_and_line() {
        let problem = only_problem(&MINIMAL.replace("\"udp\"", "\"smoke\""));
        assert_eq!(problem.line, Some(6));
        assert!(problem.to_string().contains("smoke"), "{problem}");
    }

    #[test]
    fn a_certificate_without_its_key_is_refused_by_name_and_line() {
        let text = MINIMAL.replace(
            "address = \"127.0.0.1:10888\"",
            "address = \"127.0.0.1:10888\"\ncertificate = \"web.pem\"",
        );
        let problem = only_problem(&text);
        assert_eq!(problem.line, Some(4));
        assert_eq!(problem.key.as_deref(), Some("web.listen[0].certificate"));
    }

    #[test]
    fn every_problem_is_reported_not_only_the_first() {
        let text = format!("{MINIMAL}ports = [30000, 20000]\n[limits]\ncalls = 0\n");
        let problems = Config::parse(&text).expect_err("two mistakes");
        let keys: Vec<_> = problems.iter().filter_map(|p| p.key.as_deref()).collect();
        assert_eq!(keys, ["media.phone.ports", "limits.calls"]);
    }

    #[test]
    fn phones_of_both_families_need_a_socket_that_hears_both() {
        let both = "advertised = [\"192.0.2.1\", \"2001:db8::1\"]\n";
        let problem = only_problem(&format!("{MINIMAL}{both}"));
        assert_eq!(problem.key.as_deref(), Some("media.phone.advertised"));
        let all = MINIMAL.replace(
            "[media.phone]\naddress = \"127.0.0.1\"",
            "[media.phone]\naddress = \"::\"",
        );
        let config = Config::parse(&format!("{all}{both}")).expect("valid");
        assert_eq!(config.media.phone.told().len(), 2);
        let twice = both.replace("2001:db8::1", "192.0.2.2");
        let problem = only_problem(&format!("{all}{twice}"));
        assert_eq!(problem.key.as_deref(), Some("media.phone.advertised"));
    }

    #[test]
    fn a_rule_for_no_account_is_refused_by_name_and_line() {
        let problem = only_problem(&format!("{MINIMAL}\n[[account]]\nmatch = \"alice\"\n"));
        assert_eq!(problem.line, Some(16));
        assert_eq!(problem.key.as_deref(), Some("account[0].match"));
    }

    fn only_problem(text: &str) -> Problem {
        let mut problems = Config::parse(text).expect_err("a mistake");
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.remove(0)
    }
}
