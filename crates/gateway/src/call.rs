//! A call: the browser's side and the phone's side, tied together (RFC 7092, a B2BUA).
//!
//! [`Call`] decides and does nothing: events of the client, of SIP and of the media legs go in,
//! [`Action`]s come out, and `now` is an argument. `task` performs the actions. A call is not its
//! client's connection: that the client is lost is one more event.
//!
//! Three small states are kept apart: how far the signalling is, how far offer and answer are (in
//! [`Negotiation`]), and how far the browser's media is. What the client sees is computed from
//! them. `accepted` comes before `established`, each at most once, and `terminated` exactly once.

mod action;
mod command;
mod deadlines;
mod early;
mod encryption;
mod ending;
mod ends;
mod giving;
mod incoming;
mod input;
mod keys;
mod leaving;
mod leg_events;
mod legs;
mod lifetime;
mod mailbox;
mod messages;
mod music;
mod negotiation;
mod outgoing;
mod picture;
mod quality;
pub mod reason;
mod reinvite;
mod session_id;
mod state;
mod stats;
mod switchboard;
mod task;
#[cfg(test)]
mod tests;
mod tones;
mod transfer;
mod update;

use std::collections::VecDeque;
use std::time::Instant;

use media::{LegEvent, LegFailure};
use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::Command;
use sip_stack::event::{SessionEvent, StatusReason};

use crate::account::{Barred, Permissions};

pub use self::action::{
    Accepted, Action, CallEvent, CandidateSession, MediaAction, Side, TransferChange, UpdateChange,
};
pub use self::command::{CallCommand, ClientState, Refused};
pub use self::deadlines::{ANSWER_WAIT, CONNECT_LIMIT};
pub use self::encryption::{ClearSignalling, Encryption};
pub use self::incoming::Incoming;
pub use self::input::{Input, Replacement};
pub use self::keys::names_info;
pub use self::legs::{Legs, PhoneLegId};
pub use self::mailbox::{CallHandle, CallMailbox, ToCall, ToCallSender, Watch, mailbox};
pub use self::messages::ClientMessage;
pub use self::negotiation::{Locals, Negotiation};
pub use self::outgoing::Outgoing;
pub use self::session_id::{dashed_session_id, plain_session_id};
use self::state::{Direction, MediaState, Progress, Signalling};
pub use self::stats::VideoFigures;
pub use self::switchboard::Switchboard;
pub use self::task::CallTask;

/// The state machine of one call.
#[derive(Debug)]
pub struct Call {
    /// Whose call it is.
    account: AccountId,
    /// The phone that the client talks with.
    session: SessionId,
    /// The leg towards it.
    phone_leg: PhoneLegId,
    signalling: Signalling,
    media: MediaState,
    negotiation: Negotiation,
    /// Of the SIP call, once it is known.
    call_id: Option<String>,
    direction: Direction,
    tones: tones::Tones,
    keys: keys::Keys,
    picture: picture::Picture,
    music: music::Music,
    messages: messages::Messages,
    transfer: transfer::Transfer,
    lifetime: lifetime::Lifetime,
    permissions: Permissions,
    change: update::Change,
    /// Whether the client has been told that the phone holds the call.
    held_by_phone: bool,
    /// An answer of the client to a change of the phone would come too late.
    answer_is_void: bool,
    /// Until then the client is told of no news, lest it takes them for what it has been asked.
    news_rest_until: Option<Instant>,
    /// How the client takes changes of the phone.
    page: update::Page,
    /// The phone has become another one in what the client may be told of.
    news: bool,
    actions: VecDeque<Action>,
}

impl Call {
    /// The same call under the rules of its account.
    #[must_use]
    pub fn under(mut self, permissions: Permissions) -> Self {
        let limits = permissions.limits();
        self.lifetime = lifetime::Lifetime::new(limits.longest_call, limits.warning);
        self.permissions = permissions;
        self
    }

    /// Whether the call's account may call `target`; to be asked before a request of the phone
    /// (a REFER) makes it call somebody.
    ///
    /// # Errors
    /// When it may not.
    pub fn may_dial(&self, target: &str) -> Result<(), Barred> {
        self.permissions.may_dial(target)
    }

    /// Something has happened.
    pub fn handle(&mut self, input: Input, now: Instant) {
        self.telling_established(now, |call| match input {
            Input::Sip(session, event) if session == call.session => call.handle_sip(event, now),
            Input::Sip(session, event) => call.handle_other_phone(session, event, now),
            Input::Browser(event) => call.handle_browser(event, now),
            Input::Phone(leg, event) if leg == call.phone_leg => call.handle_phone(&event, now),
            Input::Phone(leg, event) => call.handle_other_leg(leg, &event, now),
            Input::Replacement(phone) => call.handle_replacement(phone, now),
            Input::CandidateOpened {
                session,
                leg,
                local,
            } => call.handle_opened(session, leg, *local),
            Input::CandidateRefused(_) => call.candidate_refused(503),
            Input::Transferred => call.end_transferred(now),
            Input::MediaRefused(_) => call.end(&reason::leg_failure(LegFailure::Panicked), now),
            Input::VideoLeg(local) => call.negotiation.video_leg(local),
            Input::Video(LegEvent::KeyframeNeeded) => call.ask_phone_for_keyframe(),
            Input::Video(_) => {}
            Input::ClientTakesUpdates => call.page.knows_updates(),
            Input::ClientAnswersUpdates => call.page = update::Page::Answers,
            Input::ClientTakesKeys => call.keys.told = true,
            Input::ClientLost => call.end(&reason::client_lost(), now),
            Input::Stop => call.end(&reason::stopping(), now),
        });
    }

    /// The client asks for something. What comes of it is told by [`CallEvent`]s.
    ///
    /// # Errors
    /// When the call is not in a state for it, or the SDP cannot be used; the call is as before.
    pub fn handle_command(&mut self, command: CallCommand, now: Instant) -> Result<(), Refused> {
        let mut result = Ok(());
        self.telling_established(now, |call| {
            result = match command {
                CallCommand::Answer { sdp, headers } => call.answer(&sdp, headers, now),
                CallCommand::Terminate => {
                    call.terminate(now);
                    Ok(())
                }
                CallCommand::Reject { code, phrase } => {
                    call.reject(code, phrase, now);
                    Ok(())
                }
                CallCommand::Ring => call.ring(),
                CallCommand::Update { sdp } => call.update(&sdp, now),
                CallCommand::Hold(held) => call.hold(held, now),
                CallCommand::SendMessage(message) => call.send_message(message),
                CallCommand::Transfer(target) => call.transfer(target),
                CallCommand::SendTones { tones, duration } => call.send_tones(&tones, duration),
            };
        });
        result
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        let mut action = self.actions.pop_front()?;
        if let Action::Media(media) = &mut action {
            let route = self.negotiation.route();
            self.keys.plan(route, media);
            self.music.plan(route, media);
        }
        Some(action)
    }

    /// Whether the call is over and its task may go.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.signalling, Signalling::Ended)
    }

    fn new(
        account: AccountId,
        session: SessionId,
        signalling: Signalling,
        negotiation: Negotiation,
        direction: Direction,
    ) -> Self {
        Self {
            account,
            session,
            phone_leg: PhoneLegId::FIRST,
            direction,
            signalling,
            media: MediaState::Connecting,
            negotiation,
            call_id: None,
            tones: tones::Tones::default(),
            keys: keys::Keys::default(),
            picture: picture::Picture::default(),
            music: music::Music::default(),
            messages: messages::Messages::default(),
            transfer: transfer::Transfer::default(),
            lifetime: lifetime::Lifetime::default(),
            permissions: Permissions::default(),
            change: update::Change::default(),
            held_by_phone: false,
            answer_is_void: false,
            news_rest_until: None,
            page: update::Page::default(),
            news: false,
            actions: VecDeque::new(),
        }
    }

    fn handle_sip(&mut self, event: SessionEvent, now: Instant) {
        match event {
            SessionEvent::Ended {
                reason,
                by,
                answered_elsewhere,
            } => self.handle_ended(reason, by, answered_elsewhere, now),
            SessionEvent::Sent { call_id } => self.handle_sent(call_id),
            SessionEvent::Provisional { code, sdp, .. } => {
                self.handle_provisional(code, sdp.as_deref());
            }
            SessionEvent::Accepted {
                sdp,
                call_id,
                headers,
                ..
            } => self.handle_accepted(sdp.as_deref(), call_id, headers, now),
            SessionEvent::Confirmed { sdp } => self.handle_confirmed(sdp.as_deref(), now),
            SessionEvent::Reinvite { sdp } => self.handle_reinvite(sdp.as_deref(), now),
            SessionEvent::ReinviteWithdrawn => self.page_asked_in_vain(now),
            SessionEvent::Offered { sdp, dialog } => self.handle_offered(&sdp, dialog),
            SessionEvent::Refreshed { sdp } => self.handle_refreshed(&sdp),
            SessionEvent::Reinvited { sdp } => self.handle_reinvited(sdp.as_deref(), now),
            SessionEvent::ReinviteFailed { code, phrase } => {
                self.handle_reinvite_failed(StatusReason::new(code, phrase), now);
            }
            SessionEvent::Info { content_type, body } if picture::is_wish(&content_type, &body) => {
                self.phone_asks_for_keyframe(now);
            }
            SessionEvent::Info { content_type, body } => self.handle_info(&content_type, &body),
            SessionEvent::InfoResult { code } if self.takes_wish_result(code) => {}
            SessionEvent::InfoResult { code } => self.handle_info_result(code),
            SessionEvent::Refer(referral) => self.handle_refer(referral),
            SessionEvent::ReferProgress(progress) => self.handle_refer_progress(progress, now),
            SessionEvent::Message { from, message } => self.handle_message(from, message),
            SessionEvent::MessageResult { message, reason } => {
                self.handle_message_result(message, reason);
            }
        }
    }

    fn handle_browser(&mut self, event: LegEvent, now: Instant) {
        match event {
            LegEvent::Connected => {
                if self.media == MediaState::Connecting {
                    self.media = MediaState::Connected;
                }
                if matches!(self.signalling, Signalling::Answering { .. }) {
                    self.accept(now);
                }
            }
            LegEvent::Failed(failure) => self.handle_failure(failure, now),
            LegEvent::MediaStopped { silence } => self.handle_silence("browser", silence, now),
            LegEvent::Dtmf { digit, duration } => self.handle_browser_key(digit, duration),
            LegEvent::IceValidated | LegEvent::KeyframeNeeded | LegEvent::Stats(_) => {}
        }
    }

    fn handle_phone(&mut self, event: &LegEvent, now: Instant) {
        match event {
            LegEvent::Failed(failure) => self.handle_failure(*failure, now),
            // Who hands a call over need not talk meanwhile.
            LegEvent::MediaStopped { .. } if self.transfer.is_handing_over() => {}
            LegEvent::MediaStopped { silence } => self.handle_silence("phone", *silence, now),
            LegEvent::Dtmf { digit, duration } => self.handle_phone_key(*digit, *duration, now),
            LegEvent::IceValidated
            | LegEvent::Connected
            | LegEvent::KeyframeNeeded
            | LegEvent::Stats(_) => {}
        }
    }

    /// Runs a step and tells the client if it is what made the call established, put it on hold,
    /// or left news of the phone.
    fn telling_established(&mut self, now: Instant, step: impl FnOnce(&mut Self)) {
        let before = self.is_up();
        step(self);
        if !before && self.is_up() {
            self.notify(CallEvent::Established);
        }
        if self.is_up() {
            self.tell_phone_hold();
            self.tell_news(now);
        }
    }

    fn notify(&mut self, event: CallEvent) {
        self.actions.push_back(Action::Notify(event));
    }

    fn sip(&mut self, command: Command) {
        self.actions.push_back(Action::Sip(command));
    }
}
