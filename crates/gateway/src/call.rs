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
mod early;
mod giving;
mod incoming;
mod leaving;
mod leg_events;
mod legs;
mod lifetime;
mod messages;
mod negotiation;
mod outgoing;
pub mod reason;
mod reinvite;
mod session_id;
mod stats;
mod switchboard;
mod task;
#[cfg(test)]
mod tests;
mod tones;
mod transfer;
mod update;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::{LegEvent, LegFailure, MediaError, PhoneLocal};
use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::{Command, Reason};
use sip_stack::event::{EndedBy, Originator, SessionEvent, StatusReason};

use crate::account::{Barred, Permissions};

pub use self::action::{
    Accepted, Action, CallEvent, CandidateSession, MediaAction, Side, TransferChange, UpdateChange,
};
pub use self::command::{CallCommand, ClientState, Refused};
pub use self::incoming::Incoming;
pub use self::legs::{Legs, PhoneLegId};
pub use self::messages::ClientMessage;
pub use self::negotiation::{Locals, Negotiation};
pub use self::outgoing::Outgoing;
pub use self::session_id::{dashed_session_id, plain_session_id};
pub use self::switchboard::Switchboard;
pub use self::task::{CallHandle, CallMailbox, CallTask, ToCall, mailbox};

/// How long the 200 to a phone waits for the browser's ICE and DTLS, so that the caller's first
/// word is heard. Long enough for both with lost packets, short enough for the caller's patience.
pub const ANSWER_WAIT: Duration = Duration::from_secs(4);

/// How long the browser's media may take once both sides have accepted.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// How long the user agent may take to end a session: the 32 s of an unanswered BYE (RFC 3261
/// timer F) and some air. Only a defect of ours makes a call wait for it.
const ENDING_LIMIT: Duration = Duration::from_secs(40);

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
    messages: messages::Messages,
    transfer: transfer::Transfer,
    lifetime: lifetime::Lifetime,
    permissions: Permissions,
    change: update::Change,
    /// Whether the client has been told that the phone holds the call.
    held_by_phone: bool,
    /// Whether the client knows how to be put a change of the phone.
    takes_updates: bool,
    actions: VecDeque<Action>,
}

/// Who called whom.
#[derive(Debug)]
enum Direction {
    /// The client calls.
    Outgoing,
    /// Somebody calls the client.
    Incoming {
        originator: Originator,
        /// The status of a call that the client rejects.
        decline_code: u16,
        /// Whether the caller has been told that it rings.
        rung: bool,
    },
}

/// How far the signalling is.
#[derive(Debug)]
enum Signalling {
    /// Outgoing: the user agent has the INVITE; no final response yet.
    Calling(Progress),
    /// Incoming: the client has been told.
    Alerting,
    /// Incoming: the client has answered; the 200 waits for the browser's media.
    Answering {
        deadline: Instant,
        sdp: Bytes,
        headers: Vec<(String, String)>,
    },
    /// Both sides have accepted.
    Accepted { since: Instant },
    /// Over for the client; the user agent still has to finish.
    Ending { deadline: Instant },
    /// Over.
    Ended,
}

/// How far an outgoing call has come before its final response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Connecting,
    Sent,
    Proceeding(u16),
    Ringing,
    EarlyMedia,
}

/// How far the browser's media is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MediaState {
    Connecting,
    Connected,
    Closed,
}

/// What happens to a call.
#[derive(Debug)]
pub enum Input {
    /// One of its SIP sessions.
    Sip(SessionId, SessionEvent),
    /// Its leg towards the browser.
    Browser(LegEvent),
    /// A leg of it towards a phone.
    Phone(PhoneLegId, LegEvent),
    /// Another phone calls to take the present one's place (RFC 3891).
    Replacement {
        /// Its session.
        session: SessionId,
        /// Its offer; `None` if it wants one from us.
        sdp: Option<Bytes>,
    },
    /// A leg that was asked for is open.
    CandidateOpened {
        /// The session of its phone.
        session: SessionId,
        /// The leg.
        leg: PhoneLegId,
        /// Our end of it.
        local: Box<PhoneLocal>,
    },
    /// It could not be opened.
    CandidateRefused(MediaError),
    /// The phone is connected with somebody else: another call of the client gave it away.
    Transferred,
    /// The media path did not take an action.
    MediaRefused(MediaError),
    /// The client knows how to be put a change of the phone.
    ClientTakesUpdates,
    /// Nobody listens on the client's side any more.
    ClientLost,
    /// The daemon stops.
    Stop,
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
        self.telling_established(|call| match input {
            Input::Sip(session, event) if session == call.session => call.handle_sip(event, now),
            Input::Sip(session, event) => call.handle_other_phone(session, event, now),
            Input::Browser(event) => call.handle_browser(event, now),
            Input::Phone(leg, event) if leg == call.phone_leg => call.handle_phone(&event, now),
            Input::Phone(leg, event) => call.handle_other_leg(leg, &event, now),
            Input::Replacement { session, sdp } => call.handle_replacement(session, sdp),
            Input::CandidateOpened {
                session,
                leg,
                local,
            } => call.handle_opened(session, leg, *local),
            Input::CandidateRefused(_) => call.candidate_refused(503),
            Input::Transferred => call.end_transferred(now),
            Input::MediaRefused(_) => call.end(&reason::leg_failure(LegFailure::Panicked), now),
            Input::ClientTakesUpdates => call.takes_updates = true,
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
        self.telling_established(|call| {
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

    /// The deadline of [`Self::poll_timeout`] has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.signalling {
            Signalling::Answering { .. } => {
                tracing::debug!("answering before the browser's media is up");
                self.accept(now);
            }
            Signalling::Accepted { since } => {
                if self.connecting_until().is_some_and(|limit| now >= limit) {
                    self.end(&reason::never_connected(), now);
                } else if self.change_until().is_some_and(|limit| now >= limit) {
                    self.telling_established(|call| call.change_timed_out(now));
                } else {
                    self.check_lifetime(since, now);
                }
            }
            Signalling::Ending { .. } => {
                tracing::error!("the user agent did not end the session");
                self.finish();
            }
            Signalling::Calling(_) | Signalling::Alerting | Signalling::Ended => {}
        }
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.signalling {
            Signalling::Answering { deadline, .. } | Signalling::Ending { deadline } => {
                Some(*deadline)
            }
            Signalling::Accepted { since } => {
                let next = self.lifetime.next(*since).into_iter();
                let others = self.connecting_until().into_iter();
                next.chain(others).chain(self.change_until()).min()
            }
            Signalling::Calling(_) | Signalling::Alerting | Signalling::Ended => None,
        }
    }

    /// When a change that somebody waits for is given up.
    fn change_until(&self) -> Option<Instant> {
        match self.media {
            MediaState::Connecting => None,
            MediaState::Connected | MediaState::Closed => self.change.poll_timeout(),
        }
    }

    /// When the browser's media has to be up, of an accepted call whose is not.
    fn connecting_until(&self) -> Option<Instant> {
        match (&self.signalling, self.media) {
            (Signalling::Accepted { since }, MediaState::Connecting) => {
                Some(*since + CONNECT_LIMIT)
            }
            (Signalling::Accepted { .. }, MediaState::Connected | MediaState::Closed)
            | (
                Signalling::Calling(_)
                | Signalling::Alerting
                | Signalling::Answering { .. }
                | Signalling::Ending { .. }
                | Signalling::Ended,
                _,
            ) => None,
        }
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether the call is over and its task may go.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.signalling, Signalling::Ended)
    }

    /// The state as the client knows it.
    #[must_use]
    pub fn client_state(&self) -> ClientState {
        match (&self.signalling, self.media) {
            (Signalling::Calling(Progress::Connecting), _) => ClientState::Connecting,
            (Signalling::Calling(Progress::Sent | Progress::Proceeding(_)), _) => {
                ClientState::Progress
            }
            (Signalling::Calling(Progress::Ringing), _) => ClientState::Ringing,
            (Signalling::Calling(Progress::EarlyMedia), _) => ClientState::EarlyMedia,
            (Signalling::Alerting | Signalling::Answering { .. }, _) => ClientState::Incoming,
            (Signalling::Accepted { .. }, MediaState::Connected) => self.change.client_state(),
            (Signalling::Accepted { .. }, MediaState::Connecting | MediaState::Closed) => {
                ClientState::Accepted
            }
            (Signalling::Ending { .. } | Signalling::Ended, _) => ClientState::Terminated,
        }
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
            messages: messages::Messages::default(),
            transfer: transfer::Transfer::default(),
            lifetime: lifetime::Lifetime::default(),
            permissions: Permissions::default(),
            change: update::Change::default(),
            held_by_phone: false,
            takes_updates: false,
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
            SessionEvent::Offered { sdp, dialog } => self.handle_offered(&sdp, dialog),
            SessionEvent::Refreshed { sdp } => self.handle_refreshed(&sdp),
            SessionEvent::Reinvited { sdp } => self.handle_reinvited(sdp.as_deref(), now),
            SessionEvent::ReinviteFailed { code, phrase } => {
                self.handle_reinvite_failed(StatusReason::new(code, phrase), now);
            }
            SessionEvent::Info { content_type, .. } => {
                tracing::debug!(%content_type, "INFO from the phone");
            }
            SessionEvent::InfoResult { code } => self.handle_info_result(code),
            SessionEvent::Refer(referral) => self.handle_refer(referral),
            SessionEvent::ReferProgress(progress) => self.handle_refer_progress(progress, now),
            SessionEvent::Message { from, message } => self.handle_message(from, message),
            SessionEvent::MessageResult { message, reason } => {
                self.handle_message_result(message, reason);
            }
        }
    }

    fn handle_ended(
        &mut self,
        reason: StatusReason,
        by: EndedBy,
        answered_elsewhere: bool,
        now: Instant,
    ) {
        if self.goes_on_with_another() {
            return;
        }
        let missed = matches!(
            self.signalling,
            Signalling::Alerting | Signalling::Answering { .. }
        ) && !answered_elsewhere;
        if self.client_state() != ClientState::Terminated {
            let reason = match (&self.signalling, by) {
                (Signalling::Accepted { .. }, EndedBy::Remote) => reason::remote_bye(),
                (
                    Signalling::Calling(_)
                    | Signalling::Alerting
                    | Signalling::Answering { .. }
                    | Signalling::Accepted { .. }
                    | Signalling::Ending { .. }
                    | Signalling::Ended,
                    EndedBy::Remote | EndedBy::Local | EndedBy::Timeout | EndedBy::Transport,
                ) => reason,
            };
            self.tell_terminated(reason, now);
        }
        if missed {
            self.tell_missed();
        }
        self.finish();
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
            LegEvent::IceValidated | LegEvent::Dtmf { .. } | LegEvent::Stats(_) => {}
        }
    }

    fn handle_phone(&mut self, event: &LegEvent, now: Instant) {
        match event {
            LegEvent::Failed(failure) => self.handle_failure(*failure, now),
            // Who hands a call over need not talk meanwhile.
            LegEvent::MediaStopped { .. } if self.transfer.is_handing_over() => {}
            LegEvent::MediaStopped { silence } => self.handle_silence("phone", *silence, now),
            LegEvent::IceValidated
            | LegEvent::Connected
            | LegEvent::Dtmf { .. }
            | LegEvent::Stats(_) => {}
        }
    }

    fn handle_failure(&mut self, failure: LegFailure, now: Instant) {
        tracing::info!(?failure, "media failed");
        self.end(&reason::leg_failure(failure), now);
    }

    fn handle_silence(&mut self, leg: &'static str, silence: Duration, now: Instant) {
        if matches!(self.signalling, Signalling::Accepted { .. }) {
            tracing::info!(leg, seconds = silence.as_secs(), "media stopped");
            self.end(&reason::media_timeout(), now);
        }
    }

    /// Ends the call on both sides because of something that neither side asked for.
    fn end(&mut self, reason: &StatusReason, now: Instant) {
        let told = Some(Reason::sip(reason.code, reason.phrase.clone()));
        match self.signalling {
            Signalling::Alerting | Signalling::Answering { .. } => {
                self.sip(Command::Reject {
                    session: self.session,
                    code: reason::to_caller(reason),
                    reason: None,
                });
                self.tell_terminated(reason.clone(), now);
                self.tell_missed();
            }
            Signalling::Calling(_) | Signalling::Accepted { .. } => {
                self.sip(Command::HangUp {
                    session: self.session,
                    reason: told,
                });
                self.tell_terminated(reason.clone(), now);
            }
            Signalling::Ending { .. } | Signalling::Ended => {}
        }
    }

    /// The client's view of the call ends here; media stops with it.
    fn tell_terminated(&mut self, reason: StatusReason, now: Instant) {
        self.fail_messages();
        self.abandon_transfer();
        self.actions.push_back(Action::Media(MediaAction::Close));
        self.media = MediaState::Closed;
        self.signalling = Signalling::Ending {
            deadline: now + ENDING_LIMIT,
        };
        self.notify(CallEvent::Terminated { reason });
    }

    fn tell_missed(&mut self) {
        if let Direction::Incoming { originator, .. } = &self.direction {
            let event = CallEvent::Missed {
                account: self.account,
                originator: originator.clone(),
            };
            self.notify(event);
        }
    }

    fn finish(&mut self) {
        self.signalling = Signalling::Ended;
    }

    /// Runs a step and tells the client if it is what made the call established, or put it on
    /// hold.
    fn telling_established(&mut self, step: impl FnOnce(&mut Self)) {
        let before = self.is_up();
        step(self);
        if !before && self.is_up() {
            self.notify(CallEvent::Established);
        }
        if self.is_up() {
            self.tell_phone_hold();
        }
    }

    /// Both sides have accepted and media flows.
    fn is_up(&self) -> bool {
        matches!(self.signalling, Signalling::Accepted { .. })
            && self.media == MediaState::Connected
    }

    fn notify(&mut self, event: CallEvent) {
        self.actions.push_back(Action::Notify(event));
    }

    fn sip(&mut self, command: Command) {
        self.actions.push_back(Action::Sip(command));
    }
}
