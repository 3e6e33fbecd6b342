//! Which media policy a call gets: that of the domain it goes to or comes in for.
//!
//! Made once from the configuration. A call keeps what it began with, through transfers too.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use media::music::{Encoding, HoldMusic, MusicError};
use media::plan::{Policy, Route};
use media::sdp::AddressPolicy;
use sip_stack::command::request_uri;
use sip_stack::message::Uri;

use crate::config::Config;
use crate::config::sip::SipDomain;

/// The policies of all calls.
#[derive(Debug, Clone)]
pub struct Routes {
    common: Arc<Policy>,
    domains: Vec<(SipDomain, Arc<Policy>)>,
    proxy: Option<String>,
}

impl Routes {
    /// The policies of `config`; phones may name `addresses` only. Reads the music on hold, which
    /// is still to be encoded.
    ///
    /// # Errors
    /// A file that cannot be played.
    pub fn new(
        config: &Config,
        addresses: AddressPolicy,
    ) -> Result<(Self, Vec<Encoding>), MusicFile> {
        let mut files = MusicFiles::default();
        let policy = |route| {
            let addresses = addresses.clone();
            Arc::new(Policy { route, addresses })
        };
        let mut common = config.media.audio().route(&Route::default());
        common.music = files.music(config.media.hold_music.as_ref())?;
        let mut domains = Vec::new();
        for domain in &config.sip.domain {
            let mut route = domain.audio().route(&common);
            if let Some(path) = &domain.hold_music {
                route.music = files.music(Some(path))?;
            }
            domains.push((domain.clone(), policy(route)));
        }
        let proxy = config.sip.proxy();
        let routes = Self {
            common: policy(common),
            domains,
            proxy: proxy.and_then(|proxy| proxy.host_text().map(str::to_owned)),
        };
        Ok((routes, files.encodings))
    }

    /// The same policy for all.
    #[must_use]
    pub fn all(policy: Policy) -> Self {
        Self {
            common: Arc::new(policy),
            domains: Vec::new(),
            proxy: None,
        }
    }

    /// Of a call from an account of `domain` to `target`.
    #[must_use]
    pub fn outgoing(&self, target: &str, domain: &str) -> Arc<Policy> {
        let own = Uri::parse(&format!("sip:{domain}")).ok();
        let called = own.and_then(|own| request_uri(target, &own).ok());
        let called = called.as_ref().and_then(Uri::host_text);
        let found = called.and_then(|called| self.of_domain(called));
        found.unwrap_or_else(|| self.incoming(domain))
    }

    /// Of a call that comes in for an account of `domain`.
    #[must_use]
    pub fn incoming(&self, domain: &str) -> Arc<Policy> {
        let by_proxy = || {
            self.proxy
                .as_deref()
                .and_then(|proxy| self.of_domain(proxy))
        };
        let found = self.of_domain(domain).or_else(by_proxy);
        found.unwrap_or_else(|| self.common.clone())
    }

    fn of_domain(&self, name: &str) -> Option<Arc<Policy>> {
        let mut domains = self.domains.iter();
        let found = domains.find(|(domain, _)| domain.is_of(name));
        found.map(|(_, policy)| policy.clone())
    }
}

/// A file with music on hold that cannot be played.
#[derive(Debug)]
pub struct MusicFile {
    path: PathBuf,
    why: MusicError,
}

impl fmt::Display for MusicFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "music on hold: {}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for MusicFile {}

/// The files read so far: each is read once.
#[derive(Default)]
struct MusicFiles {
    read: Vec<(PathBuf, HoldMusic)>,
    encodings: Vec<Encoding>,
}

impl MusicFiles {
    fn music(&mut self, path: Option<&PathBuf>) -> Result<Option<HoldMusic>, MusicFile> {
        let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(None);
        };
        if let Some((_, music)) = self.read.iter().find(|(known, _)| known == path) {
            return Ok(Some(music.clone()));
        }
        let (music, encoding) = HoldMusic::read(path).map_err(|why| MusicFile {
            path: path.clone(),
            why,
        })?;
        self.read.push((path.clone(), music.clone()));
        self.encodings.push(encoding);
        Ok(Some(music))
    }
}

#[cfg(test)]
mod tests {
    use media::codec::AudioCodec;
    use media::plan::{CodecPolicy, KeyPolicy, Transcoding};

    use super::*;

    /// The example file with these domains, and an outbound proxy.
    fn routes(domains: &str) -> Routes {
        let text = format!(
            r#"
            [[web.listen]]
            address = "127.0.0.1:0"
            [sip]
            outbound_proxy = "sip:edge.example.com"
            [[sip.listen]]
            transport = "udp"
            address = "127.0.0.1:0"
            {domains}
            [media]
            codecs = ["opus", "PCMA"]
            ptime = 20
            [media.browser]
            address = "127.0.0.1"
            [media.phone]
            address = "127.0.0.1"
            "#
        );
        let config = Config::parse(&text).expect("valid");
        let made = Routes::new(&config, AddressPolicy::default());
        made.expect("no music").0
    }

    fn first(policy: &Policy) -> AudioCodec {
        match &policy.route.codecs {
            CodecPolicy::Listed(codecs) => codecs[0],
            CodecPolicy::Offerer => panic!("no list"),
        }
    }

    #[test]
    fn the_called_domain_counts_then_the_accounts_then_the_proxys_then_all() {
        let routes = routes(
            r#"
            [[sip.domain]]
            name = "trunk.example.net"
            codecs = ["PCMU"]
            [[sip.domain]]
            name = "example.org"
            codecs = ["G722"]
            "#,
        );
        for (target, domain, codec) in [
            (
                "+4930123@trunk.example.net",
                "example.org",
                AudioCodec::Pcmu,
            ),
            (
                "sip:7@TRUNK.example.net:5070",
                "example.com",
                AudioCodec::Pcmu,
            ),
            ("bob", "example.org", AudioCodec::G722),
            ("bob@elsewhere.example", "example.org", AudioCodec::G722),
            ("bob@elsewhere.example", "example.com", AudioCodec::Opus),
            ("what is this", "example.com", AudioCodec::Opus),
        ] {
            assert_eq!(first(&routes.outgoing(target, domain)), codec, "{target}");
        }
        assert_eq!(first(&routes.incoming("example.org")), AudioCodec::G722);
        assert_eq!(first(&routes.incoming("example.com")), AudioCodec::Opus);
        let proxy = self::routes(
            r#"
            [[sip.domain]]
            name = "edge.example.com"
            codecs = ["PCMU"]
            "#,
        );
        assert_eq!(first(&proxy.incoming("example.com")), AudioCodec::Pcmu);
    }

    #[test]
    fn what_a_domain_does_not_say_is_said_for_all() {
        let routes = routes(
            r#"
            [[sip.domain]]
            name = "trunk.example.net"
            transcoding = "never"
            codecs = []
            dtmf = "info"
            "#,
        );
        let route = routes.incoming("trunk.example.net").route.clone();
        assert_eq!(
            route,
            Route {
                codecs: CodecPolicy::Offerer,
                transcoding: Transcoding::Never,
                ptime: Some(20),
                keys: KeyPolicy::Info,
                music: None,
            }
        );
    }
}
