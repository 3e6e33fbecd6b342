//! What every usage stands on: the transaction layer below, the events above, timers
//! and randomness beside it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::config::UserAgentConfig;
use super::shared::Shared;
use crate::account::{AccountId, SessionId};
use crate::admission::Admission;
use crate::event::{Event, SessionEvent};
use crate::keep_alive::KeptWays;
use crate::keying::KeysGo;
use crate::message::{HeaderValue, Headers, Request, Response};
use crate::registration::{Domains, Pacer};
use crate::timer::TimerTable;
use crate::transaction::{
    ClientTransactionId, ContactTemplate, Layer, LayerConfig, Route, ServerTransactionId,
    TooManyTransactions,
};
use crate::transport::Transport;

/// Who asked to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A registration has to be refreshed or tried again.
    Registration(AccountId),
    /// A binding that could not be refreshed has run out.
    BindingEnd(AccountId),
    /// A call rings for too long.
    Ringing(SessionId),
    /// A 180 or a 200 has to be repeated.
    Repeat(SessionId),
    /// A 200 was never acknowledged, or a re-INVITE not answered by the application.
    GiveUp(SessionId),
    /// A re-INVITE that met another one may be tried again.
    Glare(SessionId),
    /// Nothing more has been heard of our REFER.
    Refer(SessionId),
    /// The application has not answered a REFER, or not told its outcome.
    Referred(SessionId),
    /// A session has to be refreshed, or was not (RFC 4028).
    Session(SessionId),
}

pub(crate) struct Core {
    pub(crate) config: UserAgentConfig,
    pub(crate) layer: Layer,
    pub(crate) timers: TimerTable<Timer>,
    pub(crate) rng: StdRng,
    /// Changes of whose requests are let in; drained with every turn.
    pub(crate) admissions: VecDeque<Admission>,
    /// The ways that bindings hang on.
    pub(crate) kept: KeptWays,
    /// When REGISTERs may leave.
    pub(crate) pacer: Pacer,
    /// What is known of the accounts' domains.
    pub(crate) domains: Domains,
    /// What accounts have in common.
    pub(crate) shared: Shared,
    events: VecDeque<Event>,
}

impl Core {
    pub(crate) fn new(config: UserAgentConfig, seed: [u8; 32]) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let mut layer_seed = [0; 32];
        rng.fill_bytes(&mut layer_seed);
        let mut layer = LayerConfig::new(config.local.clone());
        layer.timers = config.timers;
        layer.keys_in_clear = config.keys_in_clear;
        Self {
            layer: Layer::new(layer, layer_seed),
            timers: TimerTable::new(),
            rng,
            admissions: VecDeque::new(),
            kept: KeptWays::default(),
            pacer: Pacer::new(config.registration_pace),
            domains: Domains::new(config.registration_breaker),
            shared: Shared::default(),
            events: VecDeque::new(),
            config,
        }
    }

    pub(crate) fn send(
        &mut self,
        request: &Request,
        contact: Option<ContactTemplate>,
        route: Route,
        now: Instant,
    ) -> Result<ClientTransactionId, TooManyTransactions> {
        let request = request.clone();
        self.layer.send_request(request, contact, route, now)
    }

    pub(crate) fn cancel(&mut self, id: ClientTransactionId, extra: Headers, now: Instant) {
        self.layer.cancel(id, extra, now);
    }

    /// Sends a response. That the transaction is over already, as after a CANCEL that
    /// crossed it, is no news: what ended it has been heard, or is about to be.
    pub(crate) fn respond(&mut self, id: ServerTransactionId, response: Response, now: Instant) {
        if self.layer.respond(id, response, now).is_err() {
            tracing::debug!("response came too late for its transaction");
        }
    }

    /// Where keys may stand in messages.
    pub(crate) fn keys_go(&self) -> KeysGo {
        KeysGo::new(self.config.keys_in_clear)
    }

    /// Whether peers can connect to us by this transport.
    pub(crate) fn is_reached_by(&self, transport: Transport) -> bool {
        let mut local = self.config.local.iter();
        local.any(|(listening, _)| listening == transport)
    }

    /// Lets requests for a Contact of ours in, or no longer.
    pub(crate) fn admit_token(&mut self, token: &str, admitted: bool) {
        let token = token.to_owned();
        let change = Admission::Token { token, admitted };
        self.admissions.push_back(change);
    }

    /// Lets requests of a registrar or proxy of ours in, or no longer.
    pub(crate) fn admit_address(&mut self, address: IpAddr, admitted: bool) {
        let change = Admission::Address { address, admitted };
        self.admissions.push_back(change);
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn tell_session(&mut self, session: SessionId, event: SessionEvent) {
        self.tell(Event::Session { session, event });
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// An identifier of 96 bits that nobody can guess, for tags, Call-IDs and Contacts.
    pub(crate) fn token(&mut self) -> String {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        (0..20)
            .map(|_| char::from(DIGITS[self.rng.random_range(0..DIGITS.len())]))
            .collect()
    }

    /// A Call-ID that nobody has used.
    pub(crate) fn call_id(&mut self) -> HeaderValue {
        HeaderValue::new(self.token()).expect("a token holds no line break")
    }

    /// 64 bits in hexadecimal, for the client nonce of a digest.
    pub(crate) fn cnonce(&mut self) -> String {
        format!("{:016x}", self.rng.next_u64())
    }
}
