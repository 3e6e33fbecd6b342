//! `session-create` and its siblings.

use std::time::Duration;

use super::Request;
use crate::fields::{Fields, WrongField};
use crate::limits::{MAX_REASON, MAX_TONE_MS, MIN_TONE_MS};
use crate::{AccountAddress, Candidate, Header, SessionId, Tones};

/// `session-create`: the page calls someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCreate {
    /// The name that the client gives the call.
    pub session: SessionId,
    /// The caller. It must have been added; it need not be registered.
    pub account: AccountAddress,
    /// Whom to call: an address without scheme, or a bare name or number. Visible ASCII only.
    pub uri: String,
    /// The browser's offer, not looked at.
    pub sdp: String,
    /// SIP headers for the INVITE.
    pub headers: Vec<Header>,
}

/// `session-answer`: the page takes an incoming call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionAnswer {
    /// The call.
    pub session: SessionId,
    /// The browser's answer, not looked at.
    pub sdp: String,
    /// SIP headers for the 200.
    pub headers: Vec<Header>,
}

/// `session-trickle`: candidates of the browser.
///
/// Every client ends its call when this is answered with an error, so what cannot be used is
/// counted instead of refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTrickle {
    /// The call.
    pub session: SessionId,
    /// The candidates that could be read.
    pub candidates: Vec<Candidate>,
    /// How many more there were: of a wrong shape, too long, or too many.
    pub ignored: usize,
}

impl SessionTrickle {
    /// Whether this is the end of candidates: an empty array.
    #[must_use]
    pub fn ends_candidates(&self) -> bool {
        self.candidates.is_empty() && self.ignored == 0
    }
}

/// `session-terminate`: cancels, rejects or hangs up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTerminate {
    /// The call to end.
    pub session: SessionId,
    /// An extension: the status that rejects an incoming call, 400 to 699.
    pub code: Option<u16>,
    /// An extension: the phrase beside it. One line.
    pub reason: Option<String>,
}

/// `session-dtmf-info`: tones to be sent as SIP INFO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDtmfInfo {
    /// The call.
    pub session: SessionId,
    /// The tones.
    pub tones: Tones,
    /// How long each is to be, within [`MIN_TONE_MS`] and [`MAX_TONE_MS`].
    pub duration: Option<Duration>,
}

/// `session-update`: an offer for an established call, or the answer to one that the page was put.
/// Its `headers`, which no published client sends, are not read: a re-INVITE has none of the
/// page's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionUpdate {
    /// The call.
    pub session: SessionId,
    /// The browser's description, not looked at.
    pub sdp: String,
}

pub(super) fn create(fields: &Fields<'_>) -> Result<Request, WrongField> {
    Ok(Request::SessionCreate(SessionCreate {
        session: fields.session("session")?,
        account: fields.account("account")?,
        uri: fields.called_uri("uri")?,
        sdp: fields.sdp("sdp")?,
        headers: fields.headers("headers")?,
    }))
}

pub(super) fn answer(fields: &Fields<'_>) -> Result<Request, WrongField> {
    Ok(Request::SessionAnswer(SessionAnswer {
        session: fields.session("session")?,
        sdp: fields.sdp("sdp")?,
        headers: fields.headers("headers")?,
    }))
}

pub(super) fn trickle(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let session = fields.session("session")?;
    let (candidates, ignored) = fields.candidates("candidates")?;
    Ok(Request::SessionTrickle(SessionTrickle {
        session,
        candidates,
        ignored,
    }))
}

pub(super) fn terminate(fields: &Fields<'_>) -> Result<Request, WrongField> {
    Ok(Request::SessionTerminate(SessionTerminate {
        session: fields.session("session")?,
        code: fields.optional_failure_code("code")?,
        reason: fields.optional_line("reason", MAX_REASON)?,
    }))
}

pub(super) fn dtmf_info(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let session = fields.session("session")?;
    let tones = fields.tones("digit")?;
    let milliseconds = fields.optional_count("duration")?.filter(|ms| *ms != 0);
    Ok(Request::SessionDtmfInfo(SessionDtmfInfo {
        session,
        tones,
        duration: milliseconds.map(|ms| Duration::from_millis(ms.clamp(MIN_TONE_MS, MAX_TONE_MS))),
    }))
}

pub(super) fn update(fields: &Fields<'_>) -> Result<Request, WrongField> {
    Ok(Request::SessionUpdate(SessionUpdate {
        session: fields.session("session")?,
        sdp: fields.sdp("sdp")?,
    }))
}
