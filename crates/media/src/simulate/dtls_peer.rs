//! A browser's DTLS end: dimpl with the timers of Chromium (50 ms, doubling).

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::endpoints::{DtlsRole, Fingerprint};

/// What the peer has learned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PeerEvent {
    Connected {
        /// Exported keying material, client's key first.
        material: Vec<u8>,
        /// Number of the SRTP profile.
        profile: u16,
        /// Of the gateway's certificate.
        gateway: Fingerprint,
    },
    Closed,
}

/// The peer.
pub(crate) struct DtlsPeer {
    dtls: dimpl::Dtls,
    certificate: Vec<u8>,
    buffer: Vec<u8>,
    deadline: Option<Instant>,
    connected: bool,
    keys: Option<(Vec<u8>, u16)>,
    gateway: Option<Fingerprint>,
}

impl DtlsPeer {
    /// A peer that takes `role`. With a small `mtu` its hello comes in pieces.
    pub(crate) fn new(role: DtlsRole, mtu: usize, now: Instant) -> Self {
        let config = dimpl::Config::builder()
            .flight_start_rto(Duration::from_millis(50))
            .flight_retries(9)
            .mtu(mtu)
            // Browsers trust ICE with that.
            .use_server_cookie(false)
            .dangerously_set_rng_seed(7)
            .build()
            .expect("valid configuration");
        let made = rcgen::generate_simple_self_signed(vec!["browser".to_owned()]);
        let made = made.expect("certificate");
        let der = made.cert.der().to_vec();
        let certificate = dimpl::DtlsCertificate {
            certificate: der.clone(),
            private_key: made.signing_key.serialize_der(),
        };
        let mut dtls = dimpl::Dtls::new_12(Arc::new(config), certificate, now);
        dtls.set_active(role == DtlsRole::Client);
        Self {
            dtls,
            certificate: der,
            buffer: vec![0; 2048],
            deadline: None,
            connected: false,
            keys: None,
            gateway: None,
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// Begins, and goes on when its time has come.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        send: &mut impl FnMut(Vec<u8>),
    ) -> Option<PeerEvent> {
        // Out of retries: it stays silent, which the test will notice.
        let _exhausted = self.dtls.handle_timeout(now);
        self.poll(send)
    }

    pub(crate) fn handle_datagram(
        &mut self,
        datagram: &[u8],
        now: Instant,
        send: &mut impl FnMut(Vec<u8>),
    ) -> Option<PeerEvent> {
        // dimpl takes its clock from here alone.
        let _exhausted = self.dtls.handle_timeout(now);
        let _broken = self.dtls.handle_packet(datagram);
        self.poll(send)
    }

    pub(crate) fn close(&mut self, send: &mut impl FnMut(Vec<u8>)) {
        self.dtls.close().expect("open");
        self.poll(send);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn poll(&mut self, send: &mut impl FnMut(Vec<u8>)) -> Option<PeerEvent> {
        let mut event = None;
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                dimpl::Output::Packet(packet) => send(packet.to_vec()),
                dimpl::Output::Timeout(at) => {
                    self.deadline = Some(at);
                    break;
                }
                dimpl::Output::Connected => self.connected = true,
                dimpl::Output::PeerCert(der) => self.gateway = Some(Fingerprint::of(der)),
                dimpl::Output::KeyingMaterial(material, profile) => {
                    let gcm = profile == dimpl::SrtpProfile::AEAD_AES_128_GCM;
                    let number = if gcm { 7 } else { 1 };
                    self.keys = Some((material.to_vec(), number));
                }
                dimpl::Output::CloseNotify => event = Some(PeerEvent::Closed),
                dimpl::Output::ApplicationData(_) | dimpl::Output::BufferTooSmall { .. } => {}
                _ => {}
            }
        }
        if let (true, Some(gateway)) = (self.connected, self.gateway)
            && let Some((material, profile)) = self.keys.take()
        {
            event = Some(PeerEvent::Connected {
                material,
                profile,
                gateway,
            });
        }
        event
    }
}
