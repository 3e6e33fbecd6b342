//! Between sylkRTC's words and the daemon's own: the last place that knows sylkRTC.
//!
//! Pure. The one rule with a memory is early media: an SDP reaches a client once per call, with
//! `early-media` if the client is known to take it there, else with `accepted`.

use media::quality::{Verdict, WayFigures};
use sip_stack::event::{Originator as SipOriginator, StatusReason};
use sip_stack::page_message::PageMessage;
use sylkrtc_protocol::{
    Accepted, AccountAddress, Disposition, EarlyMedia, Event, Header, HoldBy, Judgement, Message,
    MessageState, Originator, Quality, Reason, Refusal, RegistrationState, SessionExtension,
    SessionId, SessionPhase, SessionState, SessionUpdateState, TransferState, WayQuality,
};

use super::sessions::Session;
use crate::account::RegistrationChange;
use crate::call::{
    self, CallEvent, ClientState, Refused, Side, TransferChange, UpdateChange, dashed_session_id,
};
use crate::timestamp;

/// The event for a change of registration.
pub(super) fn registration(account: AccountAddress, change: RegistrationChange) -> Event {
    let state = match change {
        RegistrationChange::Registering => RegistrationState::Registering,
        RegistrationChange::Registered => RegistrationState::Registered,
        RegistrationChange::Failed(why) => RegistrationState::Failed {
            reason: reason(&why),
        },
    };
    Event::RegistrationState { account, state }
}

/// The event for a missed call.
pub(super) fn missed(account: AccountAddress, from: SipOriginator) -> Event {
    Event::MissedSession {
        account,
        originator: originator(from),
    }
}

/// The state a client is told for what has happened in a call; `None` for what is no state.
///
/// `takes_early_media`: the client has proven to apply the SDP of `early-media`.
/// `wanted`: chooses the headers the client asked for.
pub(super) fn session_state(
    event: CallEvent,
    session: &mut Session,
    takes_early_media: bool,
    wanted: impl FnOnce(&[(String, String)]) -> Vec<(String, String)>,
) -> Option<SessionState> {
    Some(match event {
        CallEvent::Progress => SessionState::Progress,
        CallEvent::Proceeding { code } => SessionState::Proceeding { code },
        CallEvent::Ringing => SessionState::Ringing,
        CallEvent::EarlyMedia { sdp, call_id } => {
            let deliver = takes_early_media && !session.sdp_delivered;
            session.sdp_delivered |= deliver;
            SessionState::EarlyMedia(EarlyMedia {
                sdp: deliver.then_some(sdp),
                call_id,
            })
        }
        CallEvent::Accepted(call::Accepted {
            sdp,
            call_id,
            headers: all,
        }) => {
            // Told with `early-media` already: clients know a bare `accepted` after it.
            let news = !session.sdp_delivered;
            let (sdp, call_id) = (sdp.filter(|_| news), call_id.filter(|_| news));
            session.sdp_delivered = true;
            SessionState::Accepted(Accepted {
                sdp,
                call_id,
                headers: headers(wanted(&all)),
            })
        }
        CallEvent::Established => SessionState::Established,
        CallEvent::Terminated { reason: why } => SessionState::Terminated {
            reason: reason(&why),
        },
        CallEvent::Update(_)
        | CallEvent::Message { .. }
        | CallEvent::MessageResult { .. }
        | CallEvent::Held { .. }
        | CallEvent::Transfer(_)
        | CallEvent::Expiring { .. }
        | CallEvent::Quality(..)
        | CallEvent::MediaTrouble(_)
        | CallEvent::Key { .. }
        | CallEvent::Missed { .. } => return None,
    })
}

/// The event for a change of an established call.
pub(super) fn update(change: UpdateChange) -> SessionUpdateState {
    match change {
        UpdateChange::Received { sdp } => SessionUpdateState::Received { sdp },
        UpdateChange::Accepted { sdp } => SessionUpdateState::Accepted { sdp },
        UpdateChange::Failed { reason: why } => SessionUpdateState::Failed {
            reason: reason(&why),
        },
    }
}

/// The extension event for what has happened in a call, if it is one.
pub(super) fn extension(event: &CallEvent) -> Option<SessionExtension> {
    match event {
        CallEvent::Held { held, by } => Some(SessionExtension::Hold {
            held: *held,
            by: match by {
                Side::Client => HoldBy::Local,
                Side::Phone => HoldBy::Remote,
            },
        }),
        CallEvent::Transfer(change) => Some(SessionExtension::Transfer(match change {
            TransferChange::Trying(why) => TransferState::Trying(reason(why)),
            TransferChange::Accepted(why) => TransferState::Accepted(reason(why)),
            TransferChange::Failed(why) => TransferState::Failed(reason(why)),
        })),
        CallEvent::Expiring { seconds } => Some(SessionExtension::Expiring { seconds: *seconds }),
        CallEvent::Quality(figures, verdict) => {
            Some(SessionExtension::Quality(Box::new(Quality {
                to_phone: way_quality(&figures.to_phone),
                to_browser: way_quality(&figures.to_browser),
                judgement: judgement(*verdict),
            })))
        }
        CallEvent::MediaTrouble(verdict) => {
            Some(SessionExtension::MediaTrouble(judgement(*verdict)))
        }
        CallEvent::Key { digit, duration } => Some(SessionExtension::Dtmf {
            digit: *digit,
            duration: *duration,
        }),
        CallEvent::Message { .. }
        | CallEvent::MessageResult { .. }
        | CallEvent::Progress
        | CallEvent::Proceeding { .. }
        | CallEvent::Ringing
        | CallEvent::EarlyMedia { .. }
        | CallEvent::Accepted(_)
        | CallEvent::Established
        | CallEvent::Terminated { .. }
        | CallEvent::Update(_)
        | CallEvent::Missed { .. } => None,
    }
}

fn judgement(verdict: Verdict) -> Judgement {
    Judgement {
        verdict: verdict.cause.token(),
        direction: verdict.toward.token(),
        text: verdict.text(),
    }
}

fn way_quality(way: &WayFigures) -> WayQuality {
    WayQuality {
        packets: way.received,
        lost: way.lost,
        loss: hundredths(way.loss() * 100.0),
        jitter: way.jitter,
        round_trip: way.round_trip,
        level: way.level().map(|level| level.0),
        mos: way.mos().map(hundredths),
        srtp_failures: way.srtp_failures(),
    }
}

/// Of a number between 0 and 100.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits"
)]
fn hundredths(value: f64) -> u16 {
    (value.clamp(0.0, 100.0) * 100.0).round() as u16
}

/// A message for a client. `now`: seconds since 1970, for messages that do not say when they
/// were sent.
pub(super) fn message(from: SipOriginator, message: PageMessage, now: u64) -> Message {
    Message {
        sender: originator(from),
        message_id: dashed_session_id(&message.key),
        timestamp: timestamp::iso8601(message.date.unwrap_or(now)),
        content_type: message.content_type,
        content: message.content,
    }
}

/// What has become of a client's message.
pub(super) fn disposition(id: String, timestamp: String, why: &StatusReason) -> Disposition {
    Disposition {
        message_id: id,
        timestamp,
        state: match why.code {
            200..=299 => MessageState::Accepted,
            _ => MessageState::Failed,
        },
        reason: reason(why),
    }
}

/// The error for a request that a call has refused.
pub(super) fn refusal(session: SessionId, refused: Refused, asked: Asked) -> Refusal {
    match refused {
        Refused::CannotAnswerOutgoing => Refusal::CannotAnswerOutgoing(session),
        Refused::CannotRingOutgoing => Refusal::CannotRingOutgoing(session),
        Refused::UnusableSdp(why) => Refusal::UnusableSdp(why),
        Refused::TooManyTones | Refused::TooManyMessages => Refusal::TooFast,
        Refused::WrongState(state) => match asked {
            Asked::Answer => Refusal::WrongPhaseForAnswer(session, phase(state)),
            Asked::Terminate => Refusal::WrongPhaseForTerminate(session, phase(state)),
            Asked::SendMessage => Refusal::WrongPhaseForMessage(session, phase(state)),
            Asked::Ring => Refusal::WrongPhaseForRing(session, phase(state)),
            Asked::Update => Refusal::WrongPhaseForUpdate(session, phase(state)),
            Asked::Hold => Refusal::WrongPhaseForHold(session, phase(state)),
            Asked::Transfer => Refusal::WrongPhaseForTransfer(session, phase(state)),
            Asked::SendTones => Refusal::WrongPhaseForDtmf(session, phase(state)),
        },
    }
}

/// What was asked of a call; error texts name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Answer,
    Terminate,
    Ring,
    Update,
    Hold,
    SendMessage,
    Transfer,
    SendTones,
}

/// The caller, as clients are told.
pub(super) fn originator(from: SipOriginator) -> Originator {
    Originator {
        uri: from.uri,
        display_name: from.display_name,
    }
}

/// Headers for a client.
pub(super) fn headers(headers: Vec<(String, String)>) -> Vec<Header> {
    let header = |(name, value)| Header { name, value };
    headers.into_iter().map(header).collect()
}

/// Headers from a client.
pub(super) fn sip_headers(headers: Vec<Header>) -> Vec<(String, String)> {
    let pair = |header: Header| (header.name, header.value);
    headers.into_iter().map(pair).collect()
}

fn reason(why: &StatusReason) -> Reason {
    Reason::new(why.code, &why.phrase)
}

fn phase(state: ClientState) -> SessionPhase {
    match state {
        ClientState::Connecting | ClientState::Incoming => SessionPhase::Connecting,
        ClientState::Progress => SessionPhase::Progress,
        ClientState::Ringing => SessionPhase::Ringing,
        ClientState::EarlyMedia => SessionPhase::EarlyMedia,
        ClientState::Accepted => SessionPhase::Accepted,
        ClientState::Established => SessionPhase::Established,
        ClientState::LocalUpdating => SessionPhase::LocalUpdating,
        ClientState::RemoteUpdating => SessionPhase::RemoteUpdating,
        ClientState::Terminated => SessionPhase::Terminated,
    }
}
