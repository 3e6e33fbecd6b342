//! What the [`UserAgent`](crate::user_agent::UserAgent) tells its application.

use std::fmt;

use bytes::Bytes;

use crate::account::{AccountId, SessionId};
use crate::message::{Response, StatusCode};
use crate::page_message::{MessageId, PageMessage};
use crate::refer::{ReferProgress, Referral};
use crate::target::ResolveError;
use crate::transaction::Failure;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The registration of an account changed its state. Refreshes that succeed
    /// are no change.
    Registration {
        /// The account.
        account: AccountId,
        /// Its state now.
        state: RegistrationState,
    },
    /// Somebody calls. Answer with `Provisional`, `Accept` or `Reject`; 100 has
    /// been sent. Ends, like every session, in [`SessionEvent::Ended`].
    Incoming {
        /// Who is called.
        account: AccountId,
        /// The new call.
        session: SessionId,
        /// Who calls.
        from: Originator,
        /// Call-ID of the call.
        call_id: String,
        /// The offer; `None` if the caller wants us to make one.
        sdp: Option<Bytes>,
        /// The call of the same account whose place it takes (RFC 3891), an established one or
        /// one of ours that still rings: that one is ended when this one is accepted. If the
        /// new one wants only a call that still rings and it has been answered meanwhile,
        /// accepting refuses it with 486.
        replaces: Option<SessionId>,
        /// Whether the INVITE came over TLS, and so our answer goes.
        over_tls: bool,
        /// The headers of the INVITE, in order, but for identities that are not believed, and
        /// those of a caller who does not want to be known.
        headers: Vec<(String, String)>,
    },
    /// Somebody sent a message outside of any call, which has been answered with 200.
    Message {
        /// To whom.
        account: AccountId,
        /// Who sent it.
        from: Originator,
        /// The message.
        message: PageMessage,
    },
    /// Final answer to a `Command::Message`; 408 if there was none.
    MessageResult {
        /// Who sent it.
        account: AccountId,
        /// Its number.
        message: MessageId,
        /// The final response, or what stands in for it.
        reason: StatusReason,
    },
    /// Something happened in a session.
    Session {
        /// The call.
        session: SessionId,
        /// What happened.
        event: SessionEvent,
    },
}

/// State of an account's registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// A REGISTER that the application asked for is on its way.
    Registering,
    /// The registrar holds our binding.
    Registered {
        /// Granted duration in seconds.
        expires: u32,
    },
    /// There is no binding.
    Failed {
        /// The registrar's final response; 408 if there was none, 503 if it could
        /// not be reached, 904 if it does not accept the credentials.
        reason: StatusReason,
        /// Whether the user agent goes on trying by itself. If not, nothing
        /// happens until the next `Register`.
        retrying: bool,
    },
    /// The application asked to unregister.
    Unregistered,
}

/// Who somebody is: `Anonymous` for who does not want to be known (RFC 3323); what a hop of our
/// trust domain asserts (RFC 3325); else what From (RFC 3261 §20.20) claims, which proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Originator {
    /// `user@host`, or a number, without scheme and parameters.
    pub uri: String,
    /// Without quotes.
    pub display_name: Option<String>,
}

/// What happens in a session. The last event is `Ended`, which comes exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// Outgoing: the INVITE has left, or waits for its destination's name to be resolved.
    Sent {
        /// Call-ID of the call.
        call_id: String,
    },
    /// Outgoing: 101..=199 received.
    Provisional {
        /// Status code.
        code: u16,
        /// Reason phrase as received.
        phrase: String,
        /// Early answer, if any.
        sdp: Option<Bytes>,
        /// Which early dialog of a forked call; 0 for the first.
        dialog: u32,
    },
    /// Before a call is answered: the other side offers, in an UPDATE, in a PRACK, or in a
    /// reliable response to an `Invite` without offer. Answer with `AnswerOffer`.
    Offered {
        /// The offer.
        sdp: Bytes,
        /// Which early dialog of a forked call, as in `Provisional`.
        dialog: u32,
    },
    /// Outgoing: answered with 200, which has been ACKed, unless it brought the offer.
    Accepted {
        /// The answer; the last one of this early dialog if the 200 repeats none. To an
        /// `Invite` without offer: the offer, to be answered by `AnswerOffer` within 10 s.
        sdp: Option<Bytes>,
        /// Call-ID of the call.
        call_id: String,
        /// The headers of the 200, in order, but for identities that are not believed.
        headers: Vec<(String, String)>,
        /// Which dialog of a forked call, as in `Provisional`.
        dialog: u32,
    },
    /// Incoming: our 200 was acknowledged.
    Confirmed {
        /// Body of the ACK: the answer, if our 200 carried the offer.
        sdp: Option<Bytes>,
    },
    /// The other side asks for a change. Answer with `AnswerReinvite` within 10 s.
    Reinvite {
        /// Its offer; `None` if it wants us to make one.
        sdp: Option<Bytes>,
    },
    /// The other side has taken its change back before it was answered, or has been refused it
    /// because nobody answered in time. What is said to it from here on is void.
    ReinviteWithdrawn,
    /// Our `Reinvite` was accepted; or the answer to the offer in our
    /// `AnswerReinvite`, or in our `Provisional`, arrived.
    Reinvited {
        /// The answer.
        sdp: Option<Bytes>,
    },
    /// Our `Reinvite` was refused; the session is as before.
    ReinviteFailed {
        /// Status code.
        code: u16,
        /// Reason phrase as received.
        phrase: String,
    },
    /// A re-INVITE that only said that the session goes on (RFC 4028) was accepted, with
    /// the description that the other side has now: nearly always the one it had.
    Refreshed {
        /// The answer.
        sdp: Bytes,
    },
    /// INFO received (RFC 6086, legacy usage), and answered 200.
    Info {
        /// `application/dtmf-relay` or `application/dtmf`.
        content_type: String,
        /// Body.
        body: Bytes,
    },
    /// Final answer to our `Info`; 408 if there was none.
    InfoResult {
        /// Status code.
        code: u16,
    },
    /// The other side asks us to call somebody (RFC 3515). Answer with `AnswerRefer` within
    /// 10 s, and if that accepts, tell the outcome with `NotifyRefer`.
    Refer(Referral),
    /// How our `Refer` goes.
    ReferProgress(ReferProgress),
    /// A message within the call, which has been answered with 200.
    Message {
        /// Who sent it: the caller, if we were called.
        from: Originator,
        /// The message.
        message: PageMessage,
    },
    /// Final answer to a `Command::SessionMessage`; 408 if there was none. There is none for
    /// messages that the end of the call overtakes.
    MessageResult {
        /// Its number.
        message: MessageId,
        /// The final response, or what stands in for it.
        reason: StatusReason,
    },
    /// The session is over.
    Ended {
        /// Why, as told to clients: a response, or what a Reason header (RFC 3326) tells more.
        reason: StatusReason,
        /// Who ended it.
        by: EndedBy,
        /// An incoming call was taken by another phone (RFC 3326 `cause=200`).
        answered_elsewhere: bool,
    },
}

/// Who or what ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// The other side: its BYE, CANCEL or final response.
    Remote,
    /// The application.
    Local,
    /// Nobody answered in time.
    Timeout,
    /// The destination could not be resolved or reached.
    Transport,
}

/// A status code with its phrase, shown as `486 Busy Here`.
///
/// The code may lie outside of SIP's range: 904 is what clients of this field know
/// as "wrong password".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReason {
    /// SIP status code, or 904.
    pub code: u16,
    /// As received, or the standard's own.
    pub phrase: String,
}

impl StatusReason {
    /// A code with its phrase.
    pub fn new(code: u16, phrase: impl Into<String>) -> Self {
        Self {
            code,
            phrase: phrase.into(),
        }
    }

    /// What a final response says; the usual phrase if it has none.
    pub(crate) fn of(response: &Response) -> Self {
        let phrase = match response.reason.as_str() {
            "" => response.status.usual_reason(),
            phrase => phrase,
        };
        Self::new(response.status.code(), phrase)
    }

    /// A code with its usual phrase.
    pub(crate) fn usual(status: StatusCode) -> Self {
        Self::new(status.code(), status.usual_reason())
    }

    /// What stands in for a final response that never came.
    pub(crate) fn of_failure(why: Failure) -> Self {
        match why {
            Failure::Timeout => Self::usual(StatusCode::REQUEST_TIMEOUT),
            Failure::Transport(error) => Self::new(503, format!("Service Unavailable ({error})")),
            Failure::Unresolvable(ResolveError::Unavailable) => {
                Self::new(503, "DNS lookup error: name servers did not answer")
            }
            Failure::Unresolvable(ResolveError::NoSuchDomain) => {
                Self::new(404, "DNS lookup error: no results found")
            }
            Failure::Unresolvable(ResolveError::NotOffered) => {
                Self::new(404, "DNS lookup error: the domain offers no such service")
            }
            Failure::Exposed => Self::new(488, "SRTP Requires TLS"),
            Failure::Cancelled => Self::usual(StatusCode::REQUEST_TERMINATED),
        }
    }

    /// Credentials were refused: the registrar challenged them again.
    pub fn no_matching_challenge() -> Self {
        Self::new(904, "Operation has no matching challenge")
    }
}

impl EndedBy {
    /// Whose doing it is that a request got no final response.
    pub(crate) fn of_failure(why: Failure) -> Self {
        match why {
            Failure::Timeout => Self::Timeout,
            Failure::Transport(_) | Failure::Unresolvable(_) => Self::Transport,
            Failure::Exposed | Failure::Cancelled => Self::Local,
        }
    }
}

impl fmt::Display for StatusReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.phrase)
    }
}
