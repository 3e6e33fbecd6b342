//! `[sip]`: where SIP is spoken, for whom, and through what.

use std::net::SocketAddr;
use std::path::PathBuf;

use media::SrtpPolicy;
use serde::Deserialize;
use sip_stack::message::Uri;

use super::Problem;
use super::web::{check_file, check_tls_pair};

mod domain;
mod registration;

pub use self::domain::SipDomain;
pub use self::registration::SipRegistration;

/// The SIP side of the daemon.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sip {
    /// Listeners, at least one.
    pub listen: Vec<SipListen>,
    /// The proxy every request goes through, as a SIP URI. Without it: DNS of the domain.
    pub outbound_proxy: Option<String>,
    /// Domains whose accounts may be added; `*` means every domain.
    #[serde(default = "every_domain")]
    pub domains: Vec<String>,
    /// DNS servers to ask instead of those of the system.
    #[serde(default)]
    pub name_servers: Vec<SocketAddr>,
    /// PEM file of certificate authorities trusted for SIP over TLS, beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// What is special about some domains.
    #[serde(default)]
    pub domain: Vec<SipDomain>,
    /// Whether certificates of SIP servers are verified. Off only for tests.
    #[serde(default = "yes")]
    pub verify_tls: bool,
    /// The product name in User-Agent and Server.
    #[serde(default = "product")]
    pub user_agent: String,
    /// The life asked for a registration, in seconds.
    #[serde(default = "registration_expiry")]
    pub registration_expiry_seconds: u32,
    /// The status a page's refusal of a call becomes.
    #[serde(default = "decline_code")]
    pub decline_code: u16,
    /// How long an unanswered call rings, in both directions, in seconds.
    #[serde(default = "ringing_seconds")]
    pub ringing_seconds: u64,
    /// How long a call lives without a sign of life of the other side, in seconds (RFC 4028);
    /// 0 for no limit.
    #[serde(default = "session_expires_seconds")]
    pub session_expires_seconds: u32,
    /// Whether audio is encrypted towards phones (RFC 4568).
    #[serde(default)]
    pub srtp: Srtp,
    /// Whether keys for it may stand in SIP over UDP and TCP. Off except in laboratories.
    #[serde(default)]
    pub srtp_without_tls: bool,
    /// How fast accounts register.
    #[serde(default)]
    pub registration: SipRegistration,
}

/// Whether audio is encrypted towards phones, with keys in SDP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Srtp {
    /// Never.
    #[default]
    Off,
    /// With phones that are able to.
    Optional,
    /// Always; calls that cannot be are refused.
    Required,
}

impl Srtp {
    /// The same in the words of the media path.
    #[must_use]
    pub fn policy(self) -> SrtpPolicy {
        match self {
            Self::Off => SrtpPolicy::Off,
            Self::Optional => SrtpPolicy::Optional,
            Self::Required => SrtpPolicy::Required,
        }
    }
}

impl Default for Sip {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            outbound_proxy: None,
            domains: every_domain(),
            name_servers: Vec::new(),
            ca_file: None,
            domain: Vec::new(),
            verify_tls: true,
            user_agent: product(),
            registration_expiry_seconds: registration_expiry(),
            decline_code: decline_code(),
            ringing_seconds: ringing_seconds(),
            session_expires_seconds: session_expires_seconds(),
            srtp: Srtp::default(),
            srtp_without_tls: false,
            registration: SipRegistration::default(),
        }
    }
}

/// One SIP listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SipListen {
    /// What is spoken here.
    pub transport: SipTransport,
    /// The address to bind.
    pub address: SocketAddr,
    /// The address peers are told in Via and Contact, when it differs from the bound one.
    pub advertised: Option<SocketAddr>,
    /// PEM file with the certificate chain; for `tls` only.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key; for `tls` only.
    pub key: Option<PathBuf>,
}

/// The transports SIP can be spoken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SipTransport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

impl Sip {
    /// The outbound proxy, if there is one and it can be read.
    #[must_use]
    pub fn proxy(&self) -> Option<Uri> {
        let uri = Uri::parse(self.outbound_proxy.as_deref()?).ok()?;
        (uri.is_sip() || uri.is_sips()).then_some(uri)
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.listen.is_empty() {
            problems.push(Problem::new(
                "sip.listen",
                "at least one listener is needed",
            ));
        }
        for (index, listen) in self.listen.iter().enumerate() {
            listen.check(&format!("sip.listen[{index}]"), problems);
        }
        if let Some(proxy) = &self.outbound_proxy
            && self.proxy().is_none()
        {
            let text = format!("`{proxy}` is not a SIP URI such as `sip:proxy.example.com`");
            problems.push(Problem::new("sip.outbound_proxy", text));
        }
        if self.domains.is_empty() {
            let text = "no domain is allowed; write `*` to allow every domain";
            problems.push(Problem::new("sip.domains", text));
        }
        if let Some(path) = &self.ca_file {
            check_file("sip.ca_file", path, problems);
        }
        domain::check_all(&self.domain, problems);
        if self.user_agent.is_empty() || self.user_agent.contains(|c: char| c.is_control()) {
            let text = "must be a text without control characters";
            problems.push(Problem::new("sip.user_agent", text));
        }
        if !(60..=86_400).contains(&self.registration_expiry_seconds) {
            let text = "must be between 60 and 86400";
            problems.push(Problem::new("sip.registration_expiry_seconds", text));
        }
        if !(400..=699).contains(&self.decline_code) {
            let text = "must be a SIP failure status between 400 and 699";
            problems.push(Problem::new("sip.decline_code", text));
        }
        self.registration.check(problems);
        if !(5..=3600).contains(&self.ringing_seconds) {
            let text = "must be between 5 and 3600";
            problems.push(Problem::new("sip.ringing_seconds", text));
        }
        if !matches!(self.session_expires_seconds, 0 | 90..=86_400) {
            let text = "must be between 90 and 86400, or 0 for no session timers";
            problems.push(Problem::new("sip.session_expires_seconds", text));
        }
    }
}

impl SipListen {
    fn check(&self, key: &str, problems: &mut Vec<Problem>) {
        check_tls_pair(key, self.certificate.as_ref(), self.key.as_ref(), problems);
        match self.transport {
            SipTransport::Tls => {
                if self.certificate.is_none() && self.key.is_none() {
                    let text = "a TLS listener needs `certificate` and `key`";
                    problems.push(Problem::new(format!("{key}.transport"), text));
                }
            }
            SipTransport::Udp | SipTransport::Tcp => {
                if self.certificate.is_some() || self.key.is_some() {
                    let text = "only a `tls` listener has a certificate";
                    problems.push(Problem::new(format!("{key}.transport"), text));
                }
            }
        }
        if self.address.ip().is_unspecified() && self.advertised.is_none() {
            let text =
                "an address for all interfaces needs an `advertised` one that peers can reach";
            problems.push(Problem::new(format!("{key}.address"), text));
        }
    }
}

fn every_domain() -> Vec<String> {
    vec!["*".to_owned()]
}

fn yes() -> bool {
    true
}

fn product() -> String {
    format!("sylk-gateway/{}", env!("CARGO_PKG_VERSION"))
}

fn registration_expiry() -> u32 {
    600
}

fn decline_code() -> u16 {
    486
}

fn ringing_seconds() -> u64 {
    180
}

fn session_expires_seconds() -> u32 {
    1800
}
