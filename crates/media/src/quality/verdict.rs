//! What is wrong with a call's sound, if anything: one cause, one direction.
//!
//! Each way gets a cause of its own; the worse one is the call's. What is not known yet is not
//! called bad: a way must have been open for [`PATIENCE`] before its emptiness means something.

use std::time::Duration;

use super::figures::{CallFigures, WayFigures};
use crate::event::{LegFailure, Link, Way};

/// For how long nothing, or nothing but silence, must have come. Pauses of a talk are shorter, and
/// so is what a phone needs to start.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Loss that is heard in spite of concealment.
const LOSSY: f64 = 0.05;
/// Packets that a part of them is judged by: a second of them.
pub(super) const ENOUGH: u64 = 50;

/// What a call's figures mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// What it is.
    pub cause: Cause,
    /// The way that is concerned.
    pub toward: Toward,
}

/// What is the matter, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// No connectivity check of the browser has come (RFC 8445): a firewall, a wrong address.
    IceNotValidated,
    /// Checks come, but the handshake does not end (RFC 5764).
    DtlsNotFinished,
    /// The browser's certificate is not the one its description named (RFC 8122).
    WrongCertificate,
    /// Packets come that no key of ours opens (RFC 3711).
    WrongKey,
    /// Packets come from where the phone is not.
    SourceMismatch,
    /// Packets come of a source that was not announced.
    UnknownStream,
    /// Packets come in payload types that were not agreed on.
    CodecMismatch,
    /// Nothing comes.
    Nothing,
    /// So many packets are lost that it is heard.
    Lossy,
    /// Packets come and hold silence: also of who only listens, so it hides nothing worse.
    Silence,
    /// One side holds the call, or wanted one way only.
    Held,
    /// Nothing is wrong.
    Good,
    /// It is too early to tell.
    NotStarted,
}

/// Which way a verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Toward {
    /// What the phone should hear.
    Phone,
    /// What the browser should hear.
    Browser,
    /// Both.
    Both,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::IceNotValidated,
        Self::DtlsNotFinished,
        Self::WrongCertificate,
        Self::WrongKey,
        Self::SourceMismatch,
        Self::UnknownStream,
        Self::CodecMismatch,
        Self::Nothing,
        Self::Lossy,
        Self::Silence,
        Self::Held,
        Self::Good,
        Self::NotStarted,
    ];

    /// For machines. Never changes.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::IceNotValidated => "ice-not-validated",
            Self::DtlsNotFinished => "dtls-not-finished",
            Self::WrongCertificate => "wrong-certificate",
            Self::WrongKey => "wrong-key",
            Self::SourceMismatch => "source-mismatch",
            Self::UnknownStream => "unknown-stream",
            Self::CodecMismatch => "codec-mismatch",
            Self::Nothing => "nothing",
            Self::Silence => "silence",
            Self::Lossy => "lossy",
            Self::Held => "held",
            Self::Good => "good",
            Self::NotStarted => "not-started",
        }
    }

    /// Whether somebody does not hear what he should.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        match self {
            Self::IceNotValidated
            | Self::DtlsNotFinished
            | Self::WrongCertificate
            | Self::WrongKey
            | Self::SourceMismatch
            | Self::UnknownStream
            | Self::CodecMismatch
            | Self::Nothing
            | Self::Silence
            | Self::Lossy => true,
            Self::Held | Self::Good | Self::NotStarted => false,
        }
    }
}

impl Toward {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Phone, Self::Browser, Self::Both];

    /// For machines. Never changes.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Phone => "to-phone",
            Self::Browser => "to-browser",
            Self::Both => "both",
        }
    }
}

impl Verdict {
    /// One sentence for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match (self.cause, self.toward) {
            (Cause::IceNotValidated, _) => {
                "The browser's connectivity checks do not reach the gateway."
            }
            (Cause::DtlsNotFinished, _) => {
                "The browser reaches the gateway, but the encryption handshake does not finish."
            }
            (Cause::WrongCertificate, _) => {
                "The browser's certificate is not the one that its description named."
            }
            (Cause::WrongKey, Toward::Phone) => {
                "The browser's packets do not open with the agreed key."
            }
            (Cause::WrongKey, Toward::Browser) => {
                "The phone's packets do not open with the agreed key."
            }
            (Cause::WrongKey, Toward::Both) => {
                "No packets of either side open with the agreed key."
            }
            (Cause::SourceMismatch, Toward::Phone | Toward::Both) => {
                "Packets come from other addresses than the browser's and the phone's."
            }
            (Cause::SourceMismatch, Toward::Browser) => {
                "Packets come, but not from the address that the phone named."
            }
            (Cause::UnknownStream, Toward::Phone) => {
                "The browser sends a stream that it did not announce."
            }
            (Cause::UnknownStream, Toward::Browser) => {
                "The phone sends a stream that is not expected."
            }
            (Cause::UnknownStream, Toward::Both) => {
                "Both sides send streams that are not expected."
            }
            (Cause::CodecMismatch, Toward::Phone) => {
                "The browser sends payload types that were not agreed on."
            }
            (Cause::CodecMismatch, Toward::Browser) => {
                "The phone sends payload types that were not agreed on."
            }
            (Cause::CodecMismatch, Toward::Both) => {
                "Both sides send payload types that were not agreed on."
            }
            (Cause::Nothing, Toward::Phone) => "Nothing comes from the browser.",
            (Cause::Nothing, Toward::Browser) => "Nothing comes from the phone.",
            (Cause::Nothing, Toward::Both) => {
                "Nothing comes from the browser, and nothing from the phone."
            }
            (Cause::Silence, Toward::Phone) => "The browser sends silence.",
            (Cause::Silence, Toward::Browser) => "The phone sends silence.",
            (Cause::Silence, Toward::Both) => "Both sides send silence.",
            (Cause::Lossy, Toward::Phone) => "Many packets to the phone are lost.",
            (Cause::Lossy, Toward::Browser) => "Many packets to the browser are lost.",
            (Cause::Lossy, Toward::Both) => "Many packets are lost both ways.",
            (Cause::Held, Toward::Phone) => "The call is held: the phone hears nothing.",
            (Cause::Held, Toward::Browser) => "The call is held: the browser hears nothing.",
            (Cause::Held, Toward::Both) => "The call is held: neither side hears the other.",
            (Cause::Good, _) => "Both sides hear each other.",
            (Cause::NotStarted, _) => "No media has been due for long enough to say anything.",
        }
    }
}

/// What is wrong, if anything.
#[must_use]
pub fn verdict(figures: &CallFigures) -> Verdict {
    if let Some(cause) = link_cause(figures) {
        let toward = Toward::Both;
        return Verdict { cause, toward };
    }
    let to_phone = cause(&figures.to_phone);
    let to_browser = cause(&figures.to_browser);
    let toward = match to_phone.cmp(&to_browser) {
        std::cmp::Ordering::Less => Toward::Phone,
        std::cmp::Ordering::Equal => Toward::Both,
        std::cmp::Ordering::Greater => Toward::Browser,
    };
    let cause = to_phone.min(to_browser);
    let toward = match cause {
        // About the call, not about a way of it.
        Cause::Good | Cause::NotStarted => Toward::Both,
        Cause::IceNotValidated
        | Cause::DtlsNotFinished
        | Cause::WrongCertificate
        | Cause::WrongKey
        | Cause::SourceMismatch
        | Cause::UnknownStream
        | Cause::CodecMismatch
        | Cause::Nothing
        | Cause::Silence
        | Cause::Lossy
        | Cause::Held => toward,
    };
    Verdict { cause, toward }
}

/// A browser leg that never came up leaves both sides without sound.
fn link_cause(figures: &CallFigures) -> Option<Cause> {
    let due = [figures.to_phone.way, figures.to_browser.way]
        .into_iter()
        .any(|way| match way {
            Way::Open(time) => time >= PATIENCE,
            Way::Unplanned | Way::Closed => false,
        });
    match figures.to_phone.link {
        Link::Unchecked => due.then_some(Cause::IceNotValidated),
        Link::Handshaking => due.then_some(Cause::DtlsNotFinished),
        Link::Failed(LegFailure::IceTimeout) => Some(Cause::IceNotValidated),
        Link::Failed(LegFailure::DtlsFailed) => Some(Cause::DtlsNotFinished),
        Link::Failed(LegFailure::FingerprintMismatch) => Some(Cause::WrongCertificate),
        Link::Ready
        | Link::Failed(
            LegFailure::DtlsClosed | LegFailure::ConsentExpired | LegFailure::Panicked,
        ) => None,
    }
}

fn cause(way: &WayFigures) -> Cause {
    match way.way {
        Way::Unplanned => return Cause::NotStarted,
        Way::Closed => return Cause::Held,
        Way::Open(_) => {}
    }
    if way.absent >= PATIENCE {
        return refused(way).unwrap_or(Cause::Nothing);
    }
    if way.received == 0 {
        return Cause::NotStarted;
    }
    if way.is_mostly_unplanned() {
        Cause::CodecMismatch
    } else if way.silent >= PATIENCE && !has_spoken(way) {
        Cause::Silence
    } else if way.expected() >= ENOUGH && way.loss() >= LOSSY {
        Cause::Lossy
    } else {
        Cause::Good
    }
}

/// Who has been heard may listen by now; but hardly for three quarters of the time and more: then
/// it was a click, or the microphone has gone.
fn has_spoken(way: &WayFigures) -> bool {
    let mostly_silent = match way.way {
        Way::Open(time) => way.silent >= time / 4 * 3,
        Way::Unplanned | Way::Closed => false,
    };
    way.sound.is_heard() && !mostly_silent
}

/// What does not come may have come and been turned away: more of it than of what was let in.
fn refused(way: &WayFigures) -> Option<Cause> {
    let dropped = &way.dropped;
    // The key is tried on a few packets a second of a source that nobody announced; the rest of
    // them is of an unknown source.
    let sealed = dropped.unauthentic.saturating_add(dropped.unknown_ssrc);
    let tried = dropped.unauthentic >= dropped.unknown_ssrc / 20;
    let unopened = if tried {
        Cause::WrongKey
    } else {
        Cause::UnknownStream
    };
    [
        (sealed, unopened),
        (dropped.unknown_source, Cause::SourceMismatch),
    ]
    .into_iter()
    .filter(|(count, _)| *count >= ENOUGH && *count > way.received)
    .max_by_key(|(count, _)| *count)
    .map(|(_, cause)| cause)
}

#[cfg(test)]
mod tests;
