//! Music on hold: in which calls it is played. When and to whom is the plan's ([`media::plan`]).
//!
//! A call has to have gone both ways before: the early sound of a network and the announcements of
//! services are one-way too, and nobody is put on hold by them.

use media::plan::Route;

use super::MediaAction;

/// What is known of a call's sound.
#[derive(Debug, Default)]
pub(super) struct Music {
    /// It went both ways once.
    talked: bool,
}

impl Music {
    /// Writes what is heard on hold into a plan on its way to the legs.
    pub(super) fn plan(&mut self, route: &Route, media: &mut MediaAction) {
        match media {
            MediaAction::Connect { relay, .. } | MediaAction::Swap { relay, .. } => {
                self.talked |= relay.to_phone.open && relay.to_browser.open;
                relay.play(route.music.as_ref().filter(|_| self.talked));
            }
            MediaAction::ExpectBrowser(_)
            | MediaAction::RestartIce(_)
            | MediaAction::SendKey(_)
            | MediaAction::TellKey(_)
            | MediaAction::NeedKeyframe
            | MediaAction::DropCandidate
            | MediaAction::Close => {}
        }
    }
}
