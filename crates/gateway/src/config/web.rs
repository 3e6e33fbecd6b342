//! `[web]`: where browsers connect, and which pages may.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::Problem;

/// The web side of the daemon.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// Listeners, at least one. Those with a certificate speak `wss` and `https`.
    pub listen: Vec<WebListen>,
    /// Pages of other hosts that may connect, as `scheme://host[:port]`; `*` admits every page.
    /// Pages of the gateway's own host always may.
    #[serde(default)]
    pub origins: Vec<String>,
    /// A directory served at `/`.
    #[serde(rename = "static")]
    pub static_files: Option<PathBuf>,
}

/// One web listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebListen {
    /// The address to bind.
    pub address: SocketAddr,
    /// The `host[:port]` under which browsers know this listener, when a proxy hides it.
    pub advertised: Option<String>,
    /// PEM file with the certificate chain; makes this a TLS listener.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    pub key: Option<PathBuf>,
}

impl Web {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if self.listen.is_empty() {
            problems.push(Problem::new(
                "web.listen",
                "at least one listener is needed",
            ));
        }
        for (index, listen) in self.listen.iter().enumerate() {
            let key = format!("web.listen[{index}]");
            check_tls_pair(
                &key,
                listen.certificate.as_ref(),
                listen.key.as_ref(),
                problems,
            );
        }
        for (index, origin) in self.origins.iter().enumerate() {
            let is_origin = origin.split_once("://").is_some_and(|(scheme, rest)| {
                matches!(scheme, "http" | "https") && !rest.is_empty() && !rest.contains('/')
            });
            if origin != "*" && !is_origin {
                problems.push(Problem::new(
                    format!("web.origins[{index}]"),
                    format!("`{origin}` is neither `*` nor of the form `https://host[:port]`"),
                ));
            }
        }
        if let Some(path) = &self.static_files
            && !path.is_dir()
        {
            let text = format!("{} is not a directory", path.display());
            problems.push(Problem::new("web.static", text));
        }
    }
}

/// A certificate and its key come together, and both are files.
pub(super) fn check_tls_pair(
    key: &str,
    certificate: Option<&PathBuf>,
    private_key: Option<&PathBuf>,
    problems: &mut Vec<Problem>,
) {
    match (certificate, private_key) {
        (Some(_), None) => {
            let text = "a certificate needs its `key` beside it";
            problems.push(Problem::new(format!("{key}.certificate"), text));
        }
        (None, Some(_)) => {
            let text = "a key needs its `certificate` beside it";
            problems.push(Problem::new(format!("{key}.key"), text));
        }
        (Some(certificate), Some(private_key)) => {
            check_file(&format!("{key}.certificate"), certificate, problems);
            check_file(&format!("{key}.key"), private_key, problems);
        }
        (None, None) => {}
    }
}

/// The file exists and may be opened.
pub(super) fn check_file(key: &str, path: &PathBuf, problems: &mut Vec<Problem>) {
    if let Err(error) = std::fs::File::open(path) {
        problems.push(Problem::new(key, format!("{}: {error}", path.display())));
    }
}
