use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::super::config::{DriverConfig, TlsConfig, TlsIdentity};
use super::harness::*;
use crate::transaction::Failure;
use crate::transport::{Destination, Transport, TransportError};

#[tokio::test]
async fn a_certificate_for_the_sip_domain_is_accepted() {
    let pki = Pki::new();
    let mut bob = Agent::start(pki.server(&["example.test"]));
    let mut alice = Agent::start(pki.client());

    alice.send(options(), to(&bob, "example.test")).await;
    let source = bob.serve_one().await;

    assert_eq!(source.transport, Transport::Tls);
    let (code, source) = alice.outcome().await.unwrap();
    assert_eq!((code, source.transport), (200, Transport::Tls));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let pki = Pki::new();
    let bob = Agent::start(pki.server(&["hosting.test"]));
    let mut alice = Agent::start(pki.client());

    alice.send(options(), to(&bob, "example.test")).await;

    let why = alice.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Transport(TransportError::TlsIdentity));
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let bob = Agent::start(Pki::new().server(&["example.test"]));
    let mut alice = Agent::start(Pki::new().client());

    alice.send(options(), to(&bob, "example.test")).await;

    let why = alice.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Transport(TransportError::TlsIdentity));
}

#[tokio::test]
async fn in_a_laboratory_any_certificate_is_accepted() {
    let mut bob = Agent::start(Pki::new().server(&["hosting.test"]));
    let mut settings = config(&[Transport::Udp]);
    settings.tls.verify = false;
    let mut alice = Agent::start(settings);

    alice.send(options(), to(&bob, "example.test")).await;
    bob.serve_one().await;

    assert_eq!(alice.outcome().await.unwrap().0, 200);
}

#[tokio::test]
async fn a_connection_verified_for_one_domain_never_serves_another() {
    let pki = Pki::new();
    let mut bob = Agent::start(pki.server(&["a.test", "b.test"]));
    let mut alice = Agent::start(pki.client());

    alice.send(options(), to(&bob, "a.test")).await;
    let first = bob.serve_one().await;
    let (_, flow) = alice.outcome().await.unwrap();
    alice.send(options(), to(&bob, "a.test")).await;
    let again = bob.serve_one().await;
    alice.outcome().await.unwrap();
    assert_eq!(again.flow, first.flow, "the same domain: the same stream");

    // Even when asked for by its number.
    let by_number = Destination {
        flow: flow.flow,
        ..to(&bob, "b.test")
    };
    alice.send(options(), by_number).await;
    let other = bob.serve_one().await;
    alice.outcome().await.unwrap();

    assert_ne!(other.flow, first.flow);
    alice.counts_until(|counts| counts.flows == 2).await;
}

#[tokio::test]
async fn a_good_connection_for_one_domain_does_not_excuse_a_wrong_name_for_another() {
    let pki = Pki::new();
    let mut bob = Agent::start(pki.server(&["a.test"]));
    let mut alice = Agent::start(pki.client());
    alice.send(options(), to(&bob, "a.test")).await;
    bob.serve_one().await;
    alice.outcome().await.unwrap();

    alice.send(options(), to(&bob, "b.test")).await;

    let why = alice.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Transport(TransportError::TlsIdentity));
}

#[tokio::test]
async fn a_peer_without_tls_is_a_failed_handshake() {
    let bob = Agent::on(&[Transport::Tcp]);
    let mut alice = Agent::start(Pki::new().client());
    let to = Destination::tls(bob.addr(Transport::Tcp), "example.test");

    alice.send(options(), to).await;

    assert!(matches!(
        alice.outcome().await.unwrap_err(),
        // The silence of a peer that waits for a whole SIP message, or its end.
        Failure::Timeout
            | Failure::Transport(
                TransportError::TlsHandshake
                    | TransportError::ConnectTimeout
                    | TransportError::FlowClosed
            )
    ));
}

#[test]
fn a_missing_key_is_an_error_that_names_the_file() {
    let pki = Pki::new();
    let mut settings = pki.server(&["example.test"]);
    let identity = settings.listen[0].identity.as_mut().unwrap();
    identity.key = "/nonexistent/key.pem".into();

    let error = super::super::bind::bind(&settings).unwrap_err();

    assert!(
        error.to_string().contains("/nonexistent/key.pem"),
        "{error}"
    );
}

fn to(agent: &Agent, domain: &str) -> Destination {
    Destination::tls(agent.addr(Transport::Tls), domain)
}

/// A certificate authority in a directory of its own.
struct Pki {
    issuer: Issuer<'static, KeyPair>,
    directory: Directory,
}

impl Pki {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let directory = Directory::new();
        std::fs::write(directory.file("ca.pem"), certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            directory,
        }
    }

    /// A driver that shows a certificate for these names.
    fn server(&self, names: &[&str]) -> DriverConfig {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let identity = TlsIdentity {
            certificates: self.directory.file("server.pem"),
            key: self.directory.file("server.key"),
        };
        std::fs::write(&identity.certificates, certificate.pem()).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        let mut settings = config(&[Transport::Tls]);
        settings.listen[0].identity = Some(identity);
        settings
    }

    /// A driver that trusts this authority.
    fn client(&self) -> DriverConfig {
        DriverConfig {
            tls: TlsConfig {
                extra_authorities: Some(self.directory.file("ca.pem")),
                verify: true,
            },
            ..config(&[Transport::Udp])
        }
    }
}

/// A directory that goes away with its owner.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sip-stack-tls-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
