//! What the driver is told once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::transport::Transport;

/// Sockets, name servers, certificates and limits.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    /// Sockets to listen on. Connections to others need none.
    pub listen: Vec<Listen>,
    /// How servers' certificates are verified.
    pub tls: TlsConfig,
    /// Name servers to ask; empty: those of the system.
    pub name_servers: Vec<SocketAddr>,
    /// Streams at a time, in both directions. Further incoming ones are closed, as are
    /// those beyond three quarters; further outgoing ones fail.
    pub max_flows: usize,
    /// How long a shutdown may take before it is cut short.
    pub shutdown_limit: Duration,
}

impl Default for DriverConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            tls: TlsConfig::default(),
            name_servers: Vec::new(),
            max_flows: 4096,
            shutdown_limit: Duration::from_secs(10),
        }
    }
}

/// One socket to listen on.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Which protocol.
    pub transport: Transport,
    /// Address to bind; port 0 takes any free one.
    pub bind: SocketAddr,
    /// Address that peers see, where it differs from `bind`: behind NAT, or when bound to
    /// the unspecified address. Port 0 stands for the bound port.
    pub advertise: Option<SocketAddr>,
    /// Certificate and key; needed for [`Transport::Tls`], else ignored.
    pub identity: Option<TlsIdentity>,
}

impl Listen {
    /// A socket that is advertised as it is bound, without a certificate.
    pub fn new(transport: Transport, bind: SocketAddr) -> Self {
        Self {
            transport,
            bind,
            advertise: None,
            identity: None,
        }
    }
}

/// A certificate with its key, both PEM files.
#[derive(Clone, Debug)]
pub struct TlsIdentity {
    /// The certificate, followed by its intermediates.
    pub certificates: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// How servers are verified that we connect to (RFC 5922).
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// A PEM file with authorities to trust beside those of the system.
    pub extra_authorities: Option<PathBuf>,
    /// `false` accepts any certificate: for laboratories only.
    pub verify: bool,
    /// What is special about some domains.
    pub domains: Vec<TlsDomain>,
}

/// How the servers of one SIP domain are verified, and what they are shown.
#[derive(Clone, Debug)]
pub struct TlsDomain {
    /// The domain as it stands in the URI that is connected to.
    pub name: String,
    /// A PEM file with the only authorities to trust for it; `None`: the usual ones.
    pub authorities: Option<PathBuf>,
    /// What its servers are shown, if they ask (mutual TLS).
    pub identity: Option<TlsIdentity>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            extra_authorities: None,
            verify: true,
            domains: Vec::new(),
        }
    }
}
