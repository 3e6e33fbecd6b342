//! Keyframes by INFO (RFC 5168), for phones that have agreed to no feedback in RTCP: asked of them,
//! and by them.
//!
//! INFO has one result for all: the first one behind a wish is taken for its own. If it was that of
//! a key, the key takes the wish's, and nobody is hurt.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_stack::command::Command;

use super::{Action, Call, MediaAction};

const MEDIA_CONTROL: &str = "application/media_control+xml";
const UPDATE: &str = "picture_fast_update";
/// Longest body that is looked through.
const MAX_BODY: usize = 4_096;

/// Wishes of a phone that follow the last one closer than this are one with it.
const PACE: Duration = Duration::from_millis(300);

/// Wishes of this call.
#[derive(Debug, Default)]
pub(super) struct Picture {
    in_flight: bool,
    /// The phone does not know them.
    refused: bool,
    /// When the phone's next wish counts.
    next: Option<Instant>,
}

/// Whether an INFO asks for a keyframe.
pub(super) fn is_wish(content_type: &str, body: &[u8]) -> bool {
    content_type.eq_ignore_ascii_case(MEDIA_CONTROL)
        && body.len() <= MAX_BODY
        && body
            .windows(UPDATE.len())
            .any(|word| word == UPDATE.as_bytes())
}

impl Call {
    /// The phone is to send a keyframe. One that has not said that it takes INFO is not asked.
    pub(super) fn ask_phone_for_keyframe(&mut self) {
        let takes = self.keys.knows_info && !self.picture.refused;
        if !takes || self.picture.in_flight || !self.is_up() {
            return;
        }
        self.picture.in_flight = true;
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><media_control><vc_primitive><to_encoder>\
             <{UPDATE}/></to_encoder></vc_primitive></media_control>\r\n"
        );
        self.sip(Command::Info {
            session: self.session,
            content_type: MEDIA_CONTROL.to_owned(),
            body: Bytes::from(body),
        });
    }

    /// The browser is to send one.
    pub(super) fn phone_asks_for_keyframe(&mut self, now: Instant) {
        if self.picture.next.is_some_and(|next| now < next) {
            return;
        }
        self.picture.next = Some(now + PACE);
        self.actions
            .push_back(Action::Media(MediaAction::NeedKeyframe));
    }

    /// What has become of an INFO; `false` if it was no wish.
    pub(super) fn takes_wish_result(&mut self, code: u16) -> bool {
        if !self.picture.in_flight {
            return false;
        }
        self.picture.in_flight = false;
        self.picture.refused = matches!(code, 405 | 415 | 469 | 489 | 501);
        true
    }

    /// The phone is another one.
    pub(super) fn wishes_lost(&mut self) {
        self.picture = Picture::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_known_by_type_and_element() {
        let body =
            b"<media_control><vc_primitive><to_encoder><picture_fast_update></picture_fast_update>";
        assert!(is_wish("application/media_control+xml", body));
        assert!(!is_wish("application/dtmf-relay", body));
        assert!(!is_wish(MEDIA_CONTROL, b"<media_control/>"));
        assert!(!is_wish(MEDIA_CONTROL, &[b'x'; 100_000]));
        assert!(!is_wish(MEDIA_CONTROL, b""));
    }
}
