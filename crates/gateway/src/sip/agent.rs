//! The running user agent: its driver, started from the configuration and taken down in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sip_stack::command::Command;
use sip_stack::driver::{
    self, DriverConfig, DriverCounts, EventReceiver, Listen, Running, TlsConfig, TlsDomain,
    TlsIdentity,
};
use sip_stack::transport::Transport;
use sip_stack::user_agent::UserAgentConfig;

use super::SipHandle;
use crate::config::Config;
use crate::config::sip::{SipDomain, SipListen, SipTransport};

/// The running user agent.
#[derive(Debug)]
pub struct SipAgent {
    handle: driver::Handle,
    running: Running,
}

/// Tells the user agent's live objects.
pub type CountSip = Arc<dyn Fn() -> DriverCounts + Send + Sync>;

impl SipAgent {
    /// Binds the SIP listeners and starts the user agent.
    ///
    /// # Errors
    /// When an address cannot be bound or a certificate cannot be used.
    pub fn start(config: &Config) -> io::Result<(Self, EventReceiver)> {
        let ringing = Duration::from_secs(config.sip.ringing_seconds);
        let user_agent = UserAgentConfig {
            user_agent: config.sip.user_agent.clone(),
            // The gateway counts calls itself; sessions outlive them until peers have answered.
            sessions_per_account: config.limits.calls_per_account.saturating_mul(4),
            sessions: config.limits.calls.saturating_mul(2),
            outgoing_ringing: ringing,
            incoming_ringing: ringing,
            session_expires: config.sip.session_expires_seconds,
            registration_pace: config.sip.registration.pace(),
            registration_breaker: config.sip.registration.breaker(),
            keys_in_clear: config.sip.srtp_without_tls,
            trust_domains: config.sip.domain.iter().map(SipDomain::trust).collect(),
            ..UserAgentConfig::default()
        };
        let (handle, events, running) = driver::start(driver_config(config), user_agent)?;
        Ok((Self { handle, running }, events))
    }

    /// The way to the user agent.
    #[must_use]
    pub fn handle(&self) -> SipHandle {
        SipHandle::new(self.handle.clone())
    }

    /// Tells the user agent's live objects at any time.
    #[must_use]
    pub fn counts(&self) -> CountSip {
        let handle = self.handle.clone();
        Arc::new(move || handle.counts())
    }

    /// Ends all sessions and registrations and closes the sockets: at most `limit` is waited for
    /// peers to answer, then everything is dropped.
    pub async fn shut_down(self, limit: Duration) {
        if self.handle.command(Command::Shutdown).await.is_err() {
            tracing::debug!("the user agent has ended before");
        }
        match tokio::time::timeout(limit, self.running.ended()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the user agent failed"),
            Err(_elapsed) => tracing::warn!("the user agent did not end in time"),
        }
    }
}

fn driver_config(config: &Config) -> DriverConfig {
    DriverConfig {
        listen: config.sip.listen.iter().map(listen).collect(),
        tls: TlsConfig {
            extra_authorities: config.sip.ca_file.clone(),
            verify: config.sip.verify_tls,
            domains: config.sip.domain.iter().map(tls_domain).collect(),
        },
        name_servers: config.sip.name_servers.clone(),
        shutdown_limit: Duration::from_secs(config.limits.stop_seconds),
        ..DriverConfig::default()
    }
}

fn tls_domain(domain: &SipDomain) -> TlsDomain {
    let identity = domain.certificate.clone().zip(domain.key.clone());
    TlsDomain {
        name: domain.name.clone(),
        authorities: domain.ca_file.clone(),
        identity: identity.map(|(certificates, key)| TlsIdentity { certificates, key }),
    }
}

fn listen(listen: &SipListen) -> Listen {
    let transport = match listen.transport {
        SipTransport::Udp => Transport::Udp,
        SipTransport::Tcp => Transport::Tcp,
        SipTransport::Tls => Transport::Tls,
    };
    let identity = listen.certificate.clone().zip(listen.key.clone());
    Listen {
        advertise: listen.advertised,
        identity: identity.map(|(certificates, key)| TlsIdentity { certificates, key }),
        ..Listen::new(transport, listen.address)
    }
}
