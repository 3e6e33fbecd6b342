use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::super::config::{DriverConfig, TlsConfig, TlsDomain, TlsIdentity};
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
async fn a_sip_uri_in_the_certificate_decides_and_dns_names_beside_it_do_not_count() {
    let pki = Pki::new();
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let dns = |text: &str| SanType::DnsName(text.try_into().unwrap());
    let cases: [(Vec<SanType>, bool); 5] = [
        (vec![uri("sip:example.test")], true),
        (vec![uri("sip:Example.TEST"), dns("other.test")], true),
        (vec![uri("sip:other.test"), dns("example.test")], false),
        (vec![uri("sip:bob@example.test")], false),
        (vec![uri("https://other.test"), dns("example.test")], true),
    ];
    for (names, is_believed) in cases {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names.clone();
        assert_eq!(pki.is_believed(params).await, is_believed, "{names:?}");
    }
}

#[tokio::test]
async fn neither_wildcards_nor_the_common_name_are_believed() {
    let pki = Pki::new();
    let wildcard = CertificateParams::new(vec!["*.test".to_owned()]).unwrap();
    assert!(!pki.is_believed(wildcard).await);

    let mut common_name = CertificateParams::new(Vec::new()).unwrap();
    let name = &mut common_name.distinguished_name;
    name.push(DnType::CommonName, "example.test");
    assert!(!pki.is_believed(common_name).await);
}

#[tokio::test]
async fn a_domain_with_an_authority_of_its_own_believes_no_other() {
    let (pki, other) = (Pki::new(), Pki::new());
    let mut bob = Agent::start(pki.server(&["a.test", "b.test"]));
    let mut settings = pki.client();
    settings.tls.domains = vec![domain("b.test", Some(&other), None)];
    let mut alice = Agent::start(settings);

    alice.send(options(), to(&bob, "a.test")).await;
    bob.serve_one().await;
    assert_eq!(alice.outcome().await.unwrap().0, 200);
    alice.send(options(), to(&bob, "b.test")).await;

    let why = alice.outcome().await.unwrap_err();
    assert_eq!(why, Failure::Transport(TransportError::TlsIdentity));
}

#[tokio::test]
async fn a_domain_is_shown_the_certificate_meant_for_it_and_others_are_not() {
    let pki = Pki::new();
    let server = pki.server(&["a.test", "b.test"]);
    let server = server.listen[0].identity.clone().unwrap();
    let (listener, acceptor) = pki.asking_for_certificates(&server).await;
    let ours = pki.identity(
        "client",
        CertificateParams::new(vec!["alice.test".to_owned()]).unwrap(),
    );
    let mut settings = pki.client();
    settings.tls.domains = vec![domain("a.test", None, Some(&ours))];
    let mut alice = Agent::start(settings);
    let address = listener.local_addr().unwrap();

    let towards = |name: &str| Destination::tls(address, name);
    alice.send(options(), towards("A.test")).await;
    let (stream, _) = within(listener.accept()).await.unwrap();
    let stream = within(acceptor.accept(stream)).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap();
    let expected = CertificateDer::from_pem_file(&ours.certificates).unwrap();
    assert_eq!(shown, [expected]);

    alice.send(options(), towards("b.test")).await;
    let (stream, _) = within(listener.accept()).await.unwrap();
    assert!(within(acceptor.accept(stream)).await.is_err());
    assert!(alice.outcome().await.is_err());
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

fn domain(name: &str, authority: Option<&Pki>, identity: Option<&TlsIdentity>) -> TlsDomain {
    TlsDomain {
        name: name.to_owned(),
        authorities: authority.map(|pki| pki.directory.file("ca.pem")),
        identity: identity.cloned(),
    }
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
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        self.server_with(CertificateParams::new(names).unwrap())
    }

    fn server_with(&self, params: CertificateParams) -> DriverConfig {
        let mut settings = config(&[Transport::Tls]);
        settings.listen[0].identity = Some(self.identity("server", params));
        settings
    }

    /// A certificate of this authority, and its key.
    fn identity(&self, name: &str, params: CertificateParams) -> TlsIdentity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let identity = TlsIdentity {
            certificates: self.directory.file(&format!("{name}.pem")),
            key: self.directory.file(&format!("{name}.key")),
        };
        std::fs::write(&identity.certificates, certificate.pem()).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        identity
    }

    /// Whether a server with such a certificate is taken for `example.test`.
    async fn is_believed(&self, params: CertificateParams) -> bool {
        let mut bob = Agent::start(self.server_with(params));
        let mut alice = Agent::start(self.client());
        alice.send(options(), to(&bob, "example.test")).await;
        tokio::select! {
            _ = bob.serve_one() => true,
            outcome = alice.outcome() => {
                let why = Failure::Transport(TransportError::TlsIdentity);
                assert_eq!(outcome.unwrap_err(), why);
                false
            }
        }
    }

    /// A server that wants to see certificates of this authority.
    async fn asking_for_certificates(&self, server: &TlsIdentity) -> (TcpListener, TlsAcceptor) {
        use std::sync::Arc;

        use tokio_rustls::rustls::crypto::ring;
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(self.directory.file("ca.pem")).unwrap();
        roots.add(authority).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
            .build()
            .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![CertificateDer::from_pem_file(&server.certificates).unwrap()],
                PrivateKeyDer::from_pem_file(&server.key).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind(any_port()).await.unwrap();
        (listener, TlsAcceptor::from(Arc::new(config)))
    }

    /// A driver that trusts this authority.
    fn client(&self) -> DriverConfig {
        DriverConfig {
            tls: TlsConfig {
                extra_authorities: Some(self.directory.file("ca.pem")),
                verify: true,
                domains: Vec::new(),
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
