//! Events of a call that no published client library knows: this gateway's extensions.

use std::time::Duration;

use serde::Serialize;

use super::quality::{Judgement, JudgementPayload, Quality, QualityPayload};
use crate::Reason;

/// Something in a call that sylkRTC has no words for. The same members in both dialects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionExtension {
    /// `hold`: one side has put the other on hold, or has taken it back.
    Hold {
        /// Whether it is held now.
        held: bool,
        /// Who did so.
        by: HoldBy,
    },
    /// `transfer`: how the transfer that the page asked for goes.
    Transfer(TransferState),
    /// `expiring`: the call is about to reach its longest duration.
    Expiring {
        /// How long it still has.
        seconds: u64,
    },
    /// `quality`: how the call sounds, for pages that asked.
    Quality(Box<Quality>),
    /// `media-trouble`: somebody does not hear what he should, or does so again.
    MediaTrouble(Judgement),
    /// `dtmf`: the far end has pressed a key.
    Dtmf {
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// For how long.
        duration: Duration,
    },
}

/// Who put a call on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldBy {
    /// The page.
    Local,
    /// The far end.
    Remote,
}

/// How far a transfer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// The far end has taken the request and tries. What it heard last, 100 if nothing.
    Trying(Reason),
    /// The far end is connected with the other.
    Accepted(Reason),
    /// It came to nothing; the call is as before.
    Failed(Reason),
}

/// The members of an extension event beside its name.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ExtensionPayload<'a> {
    Hold {
        held: bool,
        by: &'static str,
    },
    Transfer {
        state: &'static str,
        code: u16,
        reason: &'a str,
    },
    Expiring {
        seconds: u64,
    },
    Quality(QualityPayload),
    MediaTrouble(JudgementPayload),
    Dtmf {
        digit: char,
        duration_ms: u64,
    },
}

impl SessionExtension {
    /// The name of the event and its members.
    pub(crate) fn wire(&self) -> (&'static str, ExtensionPayload<'_>) {
        match self {
            Self::Hold { held, by } => {
                let by = match by {
                    HoldBy::Local => "local",
                    HoldBy::Remote => "remote",
                };
                ("hold", ExtensionPayload::Hold { held: *held, by })
            }
            Self::Transfer(transfer) => {
                let (state, reason) = match transfer {
                    TransferState::Trying(reason) => ("trying", reason),
                    TransferState::Accepted(reason) => ("accepted", reason),
                    TransferState::Failed(reason) => ("failed", reason),
                };
                let payload = ExtensionPayload::Transfer {
                    state,
                    code: reason.code(),
                    reason: reason.phrase(),
                };
                ("transfer", payload)
            }
            Self::Expiring { seconds } => {
                let seconds = *seconds;
                ("expiring", ExtensionPayload::Expiring { seconds })
            }
            Self::Quality(quality) => {
                let payload = ExtensionPayload::Quality(quality.payload());
                ("quality", payload)
            }
            Self::MediaTrouble(judgement) => {
                let payload = ExtensionPayload::MediaTrouble(judgement.payload());
                ("media-trouble", payload)
            }
            Self::Dtmf { digit, duration } => {
                let payload = ExtensionPayload::Dtmf {
                    digit: *digit,
                    duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
                };
                ("dtmf", payload)
            }
        }
    }
}
