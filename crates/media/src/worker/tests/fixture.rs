//! What every test of legs on virtual time begins with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::browser_leg::{Credentials, Identity};
use crate::config::Limits;
use crate::endpoints::{BrowserLocal, DtlsRole, PhoneRemote, Ssrc};
use crate::event::LegEvent;
use crate::rtcp::NtpClock;
use crate::worker::Settings;
use crate::worker::legs::Legs;
use crate::worker::mailbox::{BrowserOpening, LegId, PhoneOpening};

/// Legs of a worker without sockets, with a certificate of their own.
pub(in crate::worker::tests) struct Worker {
    pub(in crate::worker::tests) legs: Legs,
    identity: Arc<Identity>,
}

impl Worker {
    pub(in crate::worker::tests) fn new(now: Instant) -> Self {
        let identity = Arc::new(Identity::generate().expect("identity"));
        let settings = Settings {
            identity: identity.clone(),
            limits: Limits::default(),
            clock: NtpClock::new(now, Duration::from_secs(1_800_000_000)),
        };
        let legs = Legs::new(settings, [2; 32]);
        Self { legs, identity }
    }

    /// A browser leg, and what its description would say of it.
    pub(in crate::worker::tests) fn open_browser(
        &mut self,
        id: LegId,
        on_event: impl Fn(LegEvent) + Send + 'static,
        now: Instant,
    ) -> BrowserLocal {
        let mut seed = [6; 32];
        seed[..8].copy_from_slice(&id.0.to_be_bytes());
        let credentials = Credentials::random(&mut StdRng::from_seed(seed));
        let local = BrowserLocal {
            ufrag: credentials.ufrag.to_string(),
            pwd: credentials.pwd.clone(),
            fingerprint: self.identity.fingerprint(),
            addrs: Vec::new(),
            tcp: Vec::new(),
            ssrc: Ssrc(0x1111),
            cname: "gateway".to_owned(),
            msid: String::new(),
            session_id: 1,
        };
        let opening = BrowserOpening {
            credentials,
            role: DtlsRole::Server,
            ssrc: local.ssrc,
            cname: local.cname.clone(),
            on_event: Box::new(on_event),
        };
        self.legs.open_browser(id, opening, now);
        local
    }
}

/// A phone leg; its place among the worker's.
pub(in crate::worker::tests) fn open_phone(
    legs: &mut Legs,
    id: LegId,
    on_event: impl Fn(LegEvent) + Send + 'static,
    now: Instant,
) -> usize {
    let opening = PhoneOpening {
        ssrc: Ssrc(0x2222),
        cname: "gateway".to_owned(),
        on_event: Box::new(on_event),
    };
    legs.open_phone(id, opening, now)
}

pub(in crate::worker::tests) fn phone_remote() -> PhoneRemote {
    PhoneRemote {
        rtp: "198.51.100.7:9000".parse().expect("address"),
        rtcp: Some("198.51.100.7:9001".parse().expect("address")),
        mux: false,
        srtp: None,
    }
}
