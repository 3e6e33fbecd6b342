//! `[[sip.domain]]`: what is special about one SIP domain.

use std::path::PathBuf;

use serde::Deserialize;

use super::super::Problem;
use super::super::web::{check_file, check_tls_pair};

/// One SIP domain.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SipDomain {
    /// The domain as it stands in addresses of accounts, or in the URIs that are connected
    /// to: of accounts, or of the outbound proxy. In either case.
    pub name: String,
    /// Realms whose challenges its accounts answer, besides the domain's own name.
    #[serde(default)]
    pub realms: Vec<String>,
    /// PEM file of the only authorities that its servers' certificates may come from.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the certificate chain that its servers are shown.
    pub certificate: Option<PathBuf>,
    /// PEM file with that certificate's private key.
    pub key: Option<PathBuf>,
}

impl SipDomain {
    /// Whether accounts of `domain` are meant.
    #[must_use]
    pub fn is_of(&self, domain: &str) -> bool {
        self.name.eq_ignore_ascii_case(domain)
    }

    pub(super) fn check(&self, key: &str, problems: &mut Vec<Problem>) {
        if self.name.is_empty() || self.name.contains(|c: char| c.is_whitespace() || c == '@') {
            let text = format!("`{}` is not a domain", self.name);
            problems.push(Problem::new(format!("{key}.name"), text));
        }
        let odd = |realm: &String| realm.is_empty() || realm.contains(char::is_control);
        if self.realms.iter().any(odd) {
            let text = "a realm must be a text without control characters";
            problems.push(Problem::new(format!("{key}.realms"), text));
        }
        if let Some(path) = &self.ca_file {
            check_file(&format!("{key}.ca_file"), path, problems);
        }
        check_tls_pair(key, self.certificate.as_ref(), self.key.as_ref(), problems);
    }
}

/// Tells of domains that are described twice.
pub(super) fn check_all(domains: &[SipDomain], problems: &mut Vec<Problem>) {
    for (index, domain) in domains.iter().enumerate() {
        let key = format!("sip.domain[{index}]");
        domain.check(&key, problems);
        let before = &domains[..index];
        if before.iter().any(|other| other.is_of(&domain.name)) {
            let text = format!("`{}` is described twice", domain.name);
            problems.push(Problem::new(format!("{key}.name"), text));
        }
    }
}
