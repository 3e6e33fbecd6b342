//! Why calls end, as clients are told: always a code and a phrase.
//!
//! Web applications search the code in the text: 408 reads "time-out", 480 "not online", 486
//! "busy", 487 "cancelled", 488 "unacceptable media", 5xx "server failure", 200 "normal hang-up".
//! Phrases of SIP peers pass through unchanged; those below are for ends without a SIP response.
//!
//! | what happened | reason |
//! |---|---|
//! | the phone hung up | `200 Session Terminated`, or what its Reason header says went wrong |
//! | the client hung up | `200 to BYE` |
//! | the client cancelled its own call | `487 Request Terminated` |
//! | the client rejected a call | `486 Busy Here`, or the configured code |
//! | no packet from one side for the configured time | `408 Media timeout` |
//! | no connectivity check from the browser, or none any more | `408 ICE failed`, `408 ICE consent expired` |
//! | the handshake failed | `488 DTLS failed` |
//! | the browser's certificate is not the announced one | `488 DTLS fingerprint mismatch` |
//! | the browser closed its media connection | `480 DTLS closed` |
//! | the audio has to be encrypted, and the way to the phone would show the keys | `488 SRTP Requires TLS` |
//! | the audio has to be encrypted, and the phone does not | `488 SRTP Required` |
//! | serving the media failed | `500 Media failure` |
//! | the phone, or the client, is connected with somebody else | `200 Transferred` |
//! | the call reached its longest duration | `408 Maximum call duration` |
//! | the client's socket is gone | `480 Client disconnected` |
//! | the daemon stops | `503 Gateway is stopping` |

use media::LegFailure;
use sip_stack::event::StatusReason;

use super::negotiation::Refusal;

pub(super) fn remote_bye() -> StatusReason {
    StatusReason::new(200, "Session Terminated")
}

pub(super) fn transferred() -> StatusReason {
    StatusReason::new(200, "Transferred")
}

pub(super) fn own_bye() -> StatusReason {
    StatusReason::new(200, "to BYE")
}

pub(super) fn cancelled() -> StatusReason {
    StatusReason::new(487, "Request Terminated")
}

/// The client rejected a call with this configured code.
pub(super) fn declined(code: u16) -> StatusReason {
    let phrase = match code {
        480 => "Temporarily Unavailable",
        486 => "Busy Here",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => "Rejected",
    };
    StatusReason::new(code, phrase)
}

pub(super) fn media_timeout() -> StatusReason {
    StatusReason::new(408, "Media timeout")
}

pub(super) fn too_long() -> StatusReason {
    StatusReason::new(408, "Maximum call duration")
}

pub(super) fn never_connected() -> StatusReason {
    leg_failure(LegFailure::IceTimeout)
}

pub(super) fn leg_failure(failure: LegFailure) -> StatusReason {
    match failure {
        LegFailure::FingerprintMismatch => StatusReason::new(488, "DTLS fingerprint mismatch"),
        LegFailure::DtlsFailed => StatusReason::new(488, "DTLS failed"),
        LegFailure::DtlsClosed => StatusReason::new(480, "DTLS closed"),
        LegFailure::IceTimeout => StatusReason::new(408, "ICE failed"),
        LegFailure::ConsentExpired => StatusReason::new(408, "ICE consent expired"),
        LegFailure::Panicked => StatusReason::new(500, "Media failure"),
    }
}

pub(super) fn client_lost() -> StatusReason {
    StatusReason::new(480, "Client disconnected")
}

pub(super) fn stopping() -> StatusReason {
    StatusReason::new(503, "Gateway is stopping")
}

/// Nothing in the phone's answer can be carried to the browser.
pub(super) fn not_acceptable() -> StatusReason {
    StatusReason::new(488, "Not Acceptable Here")
}

/// The phone's description cannot be used.
pub(super) fn unusable(refusal: Refusal) -> StatusReason {
    match refusal {
        Refusal::Plan(media::plan::Refusal::NotEncrypted) => {
            StatusReason::new(488, "SRTP Required")
        }
        Refusal::Plan(_) | Refusal::NoAnswer | Refusal::NotDue => not_acceptable(),
    }
}

/// Both sides wanted a change, again and again.
pub(super) fn pending() -> StatusReason {
    StatusReason::new(491, "Request Pending")
}

/// The page did not answer a change of the phone.
pub(super) fn page_silent() -> StatusReason {
    StatusReason::new(408, "Request Timeout")
}

/// A call task that ended without saying why: a defect of ours.
pub(super) fn internal() -> StatusReason {
    StatusReason::new(500, "Internal error")
}

/// The status a waiting caller gets when the call ends on our side for `reason`: a caller is not
/// told about the state of a browser, only whether to try again later.
pub(super) fn to_caller(reason: &StatusReason) -> u16 {
    match reason.code {
        488 => 488,
        500..=599 => 503,
        _ => 480,
    }
}
