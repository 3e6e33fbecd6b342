//! What an application asks of the [`UserAgent`](crate::user_agent::UserAgent).
//!
//! Commands never fail at the call: what comes of them is told by
//! [`Event`](crate::event::Event)s. A command for an account or session that is
//! unknown (it may have ended a moment ago) is ignored, with two exceptions: an `Invite`
//! under a new session id always ends in exactly one `Ended`, and `Register` of an unknown
//! account is told `Failed`.

use bytes::Bytes;

use crate::account::{AccountConfig, AccountId, SessionId};
use crate::event::StatusReason;
use crate::invite::called::called_uri;
use crate::message::Uri;
use crate::page_message::MessageId;
pub use crate::reason::Reason;
use crate::refer::{ReferTarget, Referral};

/// One request of the application.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "commands are few and short-lived; a box would only be in the way"
)]
pub enum Command {
    /// Makes an account usable. Sends nothing. Ignored if the id is in use, that of an
    /// account being removed included.
    AddAccount {
        /// Chosen by the application, not in use.
        account: AccountId,
        /// Its address, credentials and routing.
        config: AccountConfig,
    },
    /// Ends the account's sessions, unregisters in the background, forgets it.
    RemoveAccount {
        /// The account.
        account: AccountId,
    },
    /// Registers, or registers anew (RFC 3261 §10.2).
    Register {
        /// The account.
        account: AccountId,
    },
    /// Removes our own binding from the registrar; nobody else's.
    Unregister {
        /// The account.
        account: AccountId,
    },
    /// Places a call (RFC 3261 §13.2).
    Invite {
        /// Who calls.
        account: AccountId,
        /// The new call, [`SessionId::outgoing`].
        session: SessionId,
        /// Who is called: `user@domain`, a bare user or number (of the account's
        /// own domain), or a `sip:`, `sips:` or `tel:` URI.
        target: String,
        /// The offer. `None` asks the called side for one, which comes with `Offered`, or
        /// with `Accepted`, and is answered by `AnswerOffer` (RFC 3261 §13.2.1).
        sdp: Option<Bytes>,
        /// Further headers, name and value. Those that the user agent writes
        /// itself (Via, Route, CSeq …) are not taken.
        headers: Vec<(String, String)>,
    },
    /// Tells the caller of an incoming call how it goes: 101..=199. 180 rings,
    /// 183 with SDP is early media.
    Provisional {
        /// The call.
        session: SessionId,
        /// 101..=199.
        code: u16,
        /// Early answer; the offer, if the INVITE had none and the caller takes reliable
        /// responses (RFC 3262). Its answer then comes as `Reinvited`.
        sdp: Option<Bytes>,
    },
    /// Answers an incoming call with 200.
    Accept {
        /// The call.
        session: SessionId,
        /// The answer; if the INVITE carried no offer, the offer.
        sdp: Bytes,
        /// Further headers of the 200.
        headers: Vec<(String, String)>,
    },
    /// Refuses an incoming call, or answers it with 3xx-6xx for another cause.
    Reject {
        /// The call.
        session: SessionId,
        /// 300..=699.
        code: u16,
        /// Reason phrase; the standard's own if `None`.
        reason: Option<String>,
    },
    /// Ends a call in whatever state it is: CANCEL, BYE, or 486 to an unanswered
    /// incoming call. For dropped handles too.
    HangUp {
        /// The call.
        session: SessionId,
        /// Told to the other side in a Reason header (RFC 3326).
        reason: Option<Reason>,
    },
    /// Offers a change of a call: of an established one by re-INVITE (RFC 3261 §14), of an
    /// early one by UPDATE, if both sides have agreed on a session by then (RFC 3311).
    Reinvite {
        /// The call.
        session: SessionId,
        /// The new offer.
        sdp: Bytes,
    },
    /// Answers [`SessionEvent::Reinvite`](crate::event::SessionEvent::Reinvite).
    AnswerReinvite {
        /// The call.
        session: SessionId,
        /// The answer (an offer, if theirs had none), or a status code that
        /// refuses the change and leaves the call as it was.
        answer: Result<Bytes, u16>,
    },
    /// Answers [`SessionEvent::Offered`](crate::event::SessionEvent::Offered), and the
    /// offer in an `Accepted` of a call that was placed without one.
    AnswerOffer {
        /// The call.
        session: SessionId,
        /// Which early dialog of a forked call, as in the event.
        dialog: u32,
        /// The answer, or a status code that refuses. An offer that came in a response
        /// cannot be refused: the call ends.
        answer: Result<Bytes, u16>,
    },
    /// Sends INFO within the call (RFC 6086, legacy usage); before it is answered, in the early
    /// dialog whose description came last. The result is told by
    /// [`SessionEvent::InfoResult`](crate::event::SessionEvent::InfoResult); 481 if there is no dialog.
    Info {
        /// The call.
        session: SessionId,
        /// Content-Type, such as `application/dtmf-relay`.
        content_type: String,
        /// Body.
        body: Bytes,
    },
    /// Asks the other side of an established call to call somebody (RFC 3515). How it goes is
    /// told by [`SessionEvent::ReferProgress`](crate::event::SessionEvent::ReferProgress),
    /// at last by its `Done`; the call itself goes on. One at a time in each call.
    Refer {
        /// The call.
        session: SessionId,
        /// Who is to be called.
        target: ReferTarget,
    },
    /// Answers [`SessionEvent::Refer`](crate::event::SessionEvent::Refer): whether the
    /// application does what it is asked for, or a status code that refuses.
    AnswerRefer {
        /// The call.
        session: SessionId,
        /// 400..=699 refuses.
        answer: Result<(), u16>,
    },
    /// Tells who asked for it by REFER how the new call goes. A final status ends that;
    /// nothing can be told afterwards.
    NotifyRefer {
        /// The call that the REFER came in.
        session: SessionId,
        /// A response as it came from the new call, or what stands in for one.
        status: StatusReason,
    },
    /// Places the call that a REFER asks for: like `Invite`, to its target, with its
    /// Replaces and Referred-By.
    InviteReferred {
        /// Who calls.
        account: AccountId,
        /// The new call, [`SessionId::outgoing`].
        session: SessionId,
        /// What the REFER asks for.
        referral: Referral,
        /// The offer.
        sdp: Bytes,
    },
    /// Sends a message within an answered call (RFC 3428), after those before it. What comes of
    /// it: [`SessionEvent::MessageResult`](crate::event::SessionEvent::MessageResult).
    SessionMessage {
        /// The call.
        session: SessionId,
        /// Its number.
        message: MessageId,
        /// Content-Type.
        content_type: String,
        /// Body.
        body: Bytes,
    },
    /// Sends a message outside of any call (RFC 3428), after those before it to the same
    /// target. What comes of it: [`Event::MessageResult`](crate::event::Event::MessageResult).
    Message {
        /// Who sends.
        account: AccountId,
        /// Its number.
        message: MessageId,
        /// To whom, as in `Invite`.
        target: String,
        /// Content-Type.
        content_type: String,
        /// Body.
        body: Bytes,
        /// Further headers, as in `Invite`.
        headers: Vec<(String, String)>,
    },
    /// Ends all sessions, unregisters every account, refuses what is new.
    /// Done when [`UserAgent::is_settled`](crate::user_agent::UserAgent::is_settled).
    Shutdown,
}

/// The Request-URI of a call to `target` ([`Command::Invite`]), where a bare user or number
/// means one of the domain `own` (a SIP URI). What decides whether somebody may be called has
/// to look at this, not at what was typed.
///
/// # Errors
/// The status that an `Invite` to it would end in.
pub fn request_uri(target: &str, own: &Uri) -> Result<Uri, StatusReason> {
    called_uri(target, own)
}
