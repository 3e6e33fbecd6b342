//! `[[sip.domain]]`: what is special about one SIP domain.

use std::path::PathBuf;

use serde::Deserialize;
use sip_stack::trust::{Network, TrustDomain};

use super::super::Problem;
use super::super::audio::{Audio, Codec, DtmfRule, TranscodingRule};
use super::super::media::check_music;
use super::super::web::{check_file, check_tls_pair};
use super::Srtp;

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
    /// Networks of the next hops whose word on who calls is believed (RFC 3325).
    #[serde(default)]
    pub trusted: Vec<String>,
    /// Whether audio is encrypted towards its phones; what `[sip]` says if absent.
    pub srtp: Option<Srtp>,
    /// PEM file of the only authorities that its servers' certificates may come from.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the certificate chain that its servers are shown.
    pub certificate: Option<PathBuf>,
    /// PEM file with that certificate's private key.
    pub key: Option<PathBuf>,
    /// Codecs towards phones; empty: all.
    pub codecs: Option<Vec<Codec>>,
    /// Whether audio may be transcoded, and when.
    pub transcoding: Option<TranscodingRule>,
    /// Milliseconds of audio per packet towards phones.
    pub ptime: Option<u16>,
    /// Whether calls of its accounts may have video; what `[media]` says if absent.
    pub video: Option<bool>,
    /// How keys reach phones.
    pub dtmf: Option<DtmfRule>,
    /// WAV file that is played to who is put on hold; an empty name for none.
    pub hold_music: Option<PathBuf>,
}

impl SipDomain {
    /// Whether accounts of `domain` are meant.
    #[must_use]
    pub fn is_of(&self, domain: &str) -> bool {
        self.name.eq_ignore_ascii_case(domain)
    }

    /// The networks that can be read.
    #[must_use]
    pub fn trust(&self) -> TrustDomain {
        let networks = self.trusted.iter().map(|network| network.parse());
        TrustDomain {
            name: self.name.clone(),
            networks: networks.filter_map(Result::ok).collect(),
        }
    }

    /// What it says of codecs.
    #[must_use]
    pub fn audio(&self) -> Audio<'_> {
        Audio {
            codecs: self.codecs.as_deref(),
            transcoding: self.transcoding,
            ptime: self.ptime,
            dtmf: self.dtmf,
        }
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
        for network in &self.trusted {
            if let Err(why) = network.parse::<Network>() {
                let text = format!("`{network}` {why}");
                problems.push(Problem::new(format!("{key}.trusted"), text));
            }
        }
        if let Some(path) = &self.ca_file {
            check_file(&format!("{key}.ca_file"), path, problems);
        }
        self.audio().check(key, problems);
        check_music(key, self.hold_music.as_ref(), problems);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_cannot_be_read_are_told_by_name() {
        let text = r#"
            name = "carrier.example.com"
            trusted = ["192.0.2.0/24", "2001:db8::1", "192.0.2.9/24", "proxy"]
        "#;
        let domain: SipDomain = toml::from_str(text).expect("a table");
        let mut problems = Vec::new();
        domain.check("sip.domain[0]", &mut problems);
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "sip.domain[0].trusted: `192.0.2.9/24` has bits beyond its prefix: `192.0.2.0/24`?",
                "sip.domain[0].trusted: `proxy` is no network such as `192.0.2.0/24`"
            ]
        );
        assert_eq!(domain.trust().networks.len(), 2);
    }
}
