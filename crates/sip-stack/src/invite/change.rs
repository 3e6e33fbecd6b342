//! Offer and answer within one dialog (RFC 3264, RFC 6337 §2): what is being talked about,
//! by whom it was asked for, and in which message the answer goes.
//!
//! The same states serve early and confirmed dialogs, and every message that may carry an
//! offer: INVITE, re-INVITE, reliable provisional response, PRACK, UPDATE, 2xx. One thing
//! at a time (RFC 3261 §14.1, RFC 3311 §5.1). Who sends what is not decided here.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::account::Attempt;
use crate::command::Reason;
use crate::dialog::Dialog;
use crate::message::{Headers, Method, Request, Response};
use crate::transaction::{ClientTransactionId, ServerTransactionId, TimerValues};
use crate::transport::Source;

/// How long the application may think about a re-INVITE.
pub(crate) const REINVITE_LIMIT: Duration = Duration::from_secs(10);
/// How long the peer may think about ours, after a provisional response: its user may
/// have to be asked.
pub(crate) const OUR_REINVITE_LIMIT: Duration = Duration::from_secs(60);
/// How often our own re-INVITE gives way to the peer's (491) before it fails.
pub(crate) const MAX_GLARES: u8 = 4;

/// The INVITE transaction or offer/answer exchange in progress, in either direction.
pub(crate) enum Change {
    /// Early dialogs: what the INVITE began, an offer or the wish for one, is not settled.
    Opening,
    /// The session is agreed.
    Settled,
    /// Our 2xx to an INVITE has not been acknowledged.
    Answered(Box<Unacknowledged>),
    /// Our re-INVITE or UPDATE has no final response.
    Ours(Box<Ours>),
    /// Ours met the peer's and waits for its turn.
    Glare { wish: Wish, glares: u8 },
    /// The peer's request with an offer, or the wish for one, waits for the application.
    Theirs(Box<Theirs>),
    /// A response to our INVITE without offer brought one that waits for the application.
    Offered(OfferedBy),
}

/// What of ours is to be agreed on.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// The application's new offer.
    Offer(Bytes),
    /// That the session goes on (RFC 4028), with the description that holds already.
    Refresh(Bytes),
}

/// A 2xx of ours, repeated until the ACK comes (§13.3.1.4).
pub(crate) struct Unacknowledged {
    pub(crate) transaction: ServerTransactionId,
    pub(crate) response: Response,
    /// Number of the INVITE.
    pub(crate) cseq: u32,
    /// It carried the offer; the ACK brings the answer.
    pub(crate) offered: bool,
    pub(crate) what: Answering,
    interval: Duration,
}

/// What a 2xx of ours answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    /// The first INVITE.
    Call,
    /// The first INVITE; the application hung up meanwhile. BYE has to wait for the ACK
    /// (§15.1.1).
    CallThenBye(Option<Reason>),
    /// A re-INVITE.
    Reinvite,
}

/// A re-INVITE or UPDATE of ours.
pub(crate) struct Ours {
    pub(crate) transaction: ClientTransactionId,
    pub(crate) attempt: Attempt,
    pub(crate) wish: Wish,
    pub(crate) glares: u8,
}

/// A re-INVITE, UPDATE or PRACK of the peer.
pub(crate) struct Theirs {
    pub(crate) transaction: ServerTransactionId,
    pub(crate) request: Request,
    pub(crate) source: Source,
    pub(crate) has_offer: bool,
}

/// Which response brought the offer, and so what carries the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfferedBy {
    /// A reliable provisional response with this RSeq: PRACK (RFC 3262 §5).
    Provisional(u32),
    /// The 2xx of this transaction: ACK (RFC 3261 §13.2.1).
    Final(ClientTransactionId),
}

impl Wish {
    /// The description that is sent.
    pub(crate) fn sdp(&self) -> &Bytes {
        match self {
            Self::Offer(sdp) | Self::Refresh(sdp) => sdp,
        }
    }
}

impl Ours {
    pub(crate) fn is_invite(&self) -> bool {
        self.attempt.request.method == Method::Invite
    }
}

impl Unacknowledged {
    pub(crate) fn new(
        transaction: ServerTransactionId,
        response: Response,
        cseq: u32,
        offered: bool,
        what: Answering,
        timers: &TimerValues,
    ) -> Self {
        Self {
            transaction,
            response,
            cseq,
            offered,
            what,
            interval: timers.t1,
        }
    }

    /// When it is repeated next: T1, doubled up to T2, on every transport.
    pub(crate) fn next_repeat(&mut self, timers: &TimerValues, now: Instant) -> Instant {
        let next = now + self.interval;
        self.interval = (self.interval * 2).min(timers.t2);
        next
    }
}

/// One dialog of a call with the state of its offer and answer, whatever the call's own
/// state is.
pub(crate) struct Exchange<'a> {
    /// Which early dialog of a forked call; 0 elsewhere.
    pub(crate) number: u32,
    pub(crate) dialog: &'a mut Dialog,
    pub(crate) change: &'a mut Change,
    pub(crate) peer: &'a mut Peer,
    pub(crate) local: &'a mut Option<Bytes>,
}

/// What the peer of a dialog has said of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its Allow has UPDATE (RFC 3311 §5.1).
    pub(crate) takes_update: bool,
}

impl Peer {
    /// Learns from a message of the peer that has an Allow.
    pub(crate) fn learn(&mut self, headers: &Headers) {
        let methods = headers.allow();
        if !methods.is_empty() {
            self.takes_update = methods.contains(&Method::Update);
        }
    }

    pub(crate) fn of(headers: &Headers) -> Self {
        let mut peer = Self::default();
        peer.learn(headers);
        peer
    }
}
