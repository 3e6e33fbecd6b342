//! Changes the page asks for in mid-call; those of the phone that it is put are in [`page`].
//!
//! One change at a time. A page's change becomes a re-INVITE, or nothing at all when it does not
//! concern the phone. When both sides want something at once (RFC 3261 §14.1), the user agent
//! sorts it out; a change of ours that had to give way is proposed again, on the ground of
//! whatever has changed meanwhile. What fails leaves both sides as they were.

mod page;

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::plan::{BrowserUpdate, Hold};
use sip_stack::command::Command;
use sip_stack::event::StatusReason;

pub(super) use self::page::{Otherwise, Page};
use super::legs::VideoNeed;
use super::negotiation::{Proposal, Refusal, Updated};
use super::{Action, Call, CallEvent, ClientState, Refused, Side, UpdateChange, reason};

/// How long a change of ours waits for its turn when the phone's comes first.
const TURN: Duration = Duration::from_secs(1);

/// How often a change of ours gives way before it fails.
const MAX_TURNS: u8 = 4;

/// The change that is under way.
#[derive(Debug, Default)]
pub(super) enum Change {
    /// None.
    #[default]
    Settled,
    /// The page's: the phone has our offer.
    Updating { turns: u8 },
    /// The page's: it waits for its turn.
    UpdateWaits {
        update: Box<BrowserUpdate>,
        turns: u8,
        deadline: Instant,
    },
    /// Our side holds or resumes: the phone has our offer.
    Holding { hold: Hold, turns: u8 },
    /// The same: it waits for its turn.
    HoldWaits {
        hold: Hold,
        turns: u8,
        deadline: Instant,
    },
    /// The phone's: the page has its offer, or is told what has become of it.
    Asked {
        deadline: Instant,
        otherwise: Otherwise,
    },
}

impl Change {
    /// The state of a call that is up, as its client knows it.
    pub(super) fn client_state(&self) -> ClientState {
        match self {
            Self::Settled => ClientState::Established,
            Self::Updating { .. }
            | Self::UpdateWaits { .. }
            | Self::Holding { .. }
            | Self::HoldWaits { .. } => ClientState::LocalUpdating,
            Self::Asked { .. } => ClientState::RemoteUpdating,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::UpdateWaits { deadline, .. }
            | Self::HoldWaits { deadline, .. }
            | Self::Asked { deadline, .. } => Some(*deadline),
            Self::Settled | Self::Updating { .. } | Self::Holding { .. } => None,
        }
    }
}

impl Call {
    /// The page sends an SDP in mid-call: an offer, or the answer to the one it has been put.
    pub(super) fn update(&mut self, sdp: &str, now: Instant) -> Result<(), Refused> {
        self.page = Page::Answers;
        match self.client_state() {
            ClientState::Established => {
                let update = self.negotiation.read_update(sdp)?;
                if std::mem::take(&mut self.answer_is_void) && update.is_an_answer() {
                    return Err(Refused::WrongState(ClientState::Established));
                }
                self.propose(update, 0, now)
                    .map_err(|refusal| Refused::UnusableSdp(refusal.to_string()))
            }
            ClientState::RemoteUpdating => self.answer_update(sdp),
            state @ (ClientState::Connecting
            | ClientState::Progress
            | ClientState::Ringing
            | ClientState::EarlyMedia
            | ClientState::Incoming
            | ClientState::Accepted
            | ClientState::LocalUpdating
            | ClientState::Terminated) => Err(Refused::WrongState(state)),
        }
    }

    fn propose(&mut self, update: BrowserUpdate, turns: u8, now: Instant) -> Result<(), Refusal> {
        if self.negotiation.is_busy() || self.transfer.is_taking_over() {
            self.update_waits(Box::new(update), turns, now);
            return Ok(());
        }
        match self.negotiation.propose(update)? {
            Proposal::Agreed(updated) => self.tell_updated(updated),
            Proposal::AskPhone(sdp) => {
                self.change = Change::Updating { turns };
                self.reinvite(sdp);
            }
        }
        Ok(())
    }

    fn update_waits(&mut self, update: Box<BrowserUpdate>, turns: u8, now: Instant) {
        self.change = Change::UpdateWaits {
            update,
            turns: turns + 1,
            deadline: now + TURN,
        };
    }

    fn tell_updated(&mut self, updated: Updated) {
        self.change = Change::Settled;
        let media = updated.media.into_iter().map(Action::Media);
        self.actions.extend(media);
        let sdp = updated.answer;
        self.notify(CallEvent::Update(UpdateChange::Accepted { sdp }));
    }

    fn tell_update_failed(&mut self, reason: StatusReason) {
        self.change = Change::Settled;
        self.notify(CallEvent::Update(UpdateChange::Failed { reason }));
    }

    /// The client puts the phone on hold, or takes it back, without an offer of its own.
    pub(super) fn hold(&mut self, held: bool, now: Instant) -> Result<(), Refused> {
        match self.client_state() {
            ClientState::Established | ClientState::RemoteUpdating => {}
            state @ (ClientState::Connecting
            | ClientState::Progress
            | ClientState::Ringing
            | ClientState::EarlyMedia
            | ClientState::Incoming
            | ClientState::Accepted
            | ClientState::LocalUpdating
            | ClientState::Terminated) => return Err(Refused::WrongState(state)),
        }
        if self.negotiation.holds() == held {
            self.say_hold();
        } else {
            self.question_gives_way(now);
            let hold = if held { Hold::On } else { Hold::Off };
            self.propose_hold(hold, 0, now);
        }
        Ok(())
    }

    fn propose_hold(&mut self, hold: Hold, turns: u8, now: Instant) {
        if self.negotiation.is_busy() || self.transfer.is_taking_over() {
            self.hold_waits(hold, turns, now);
            return;
        }
        match self.negotiation.offer_hold(hold) {
            Ok(settled) => {
                self.change = Change::Holding { hold, turns };
                self.actions.push_back(Action::Media(settled.media));
                self.reinvite(settled.answer);
            }
            Err(refusal) => {
                tracing::debug!(%refusal, "no hold");
                self.tell_hold();
            }
        }
    }

    fn hold_waits(&mut self, hold: Hold, turns: u8, now: Instant) {
        self.change = Change::HoldWaits {
            hold,
            turns: turns + 1,
            deadline: now + TURN,
        };
    }

    /// Tells whether our side holds the call, and lets the legs do what that needs.
    fn tell_hold(&mut self) {
        self.change = Change::Settled;
        self.say_hold();
    }

    fn say_hold(&mut self) {
        let media = self.negotiation.current_media().map(Action::Media);
        self.actions.extend(media);
        let held = self.negotiation.holds();
        let by = Side::Client;
        self.notify(CallEvent::Held { held, by });
    }

    /// Tells whether the phone holds the call, if that is news.
    pub(super) fn tell_phone_hold(&mut self) {
        let held = self.negotiation.is_held();
        if held != self.held_by_phone {
            self.held_by_phone = held;
            let by = Side::Phone;
            self.notify(CallEvent::Held { held, by });
        }
    }

    /// The phone has accepted an offer of ours; `false` if it was not one of these.
    pub(super) fn change_accepted(&mut self, sdp: Option<&[u8]>) -> bool {
        match &self.change {
            Change::Updating { .. } => {
                match self.negotiation.phone_answers_update(sdp) {
                    Ok(updated) => self.tell_updated(updated),
                    Err(refusal) => self.take_back(&refusal),
                }
                true
            }
            Change::Holding { .. } => {
                match self.negotiation.phone_answers_reoffer(sdp) {
                    Ok(_media) => self.tell_hold(),
                    Err(refusal) => {
                        self.negotiation.withdraw();
                        self.take_back(&refusal);
                        self.tell_hold();
                    }
                }
                true
            }
            Change::Settled
            | Change::UpdateWaits { .. }
            | Change::HoldWaits { .. }
            | Change::Asked { .. } => false,
        }
    }

    /// The phone has agreed to a change, and its answer is of no use: it is asked to return to
    /// what was before.
    fn take_back(&mut self, refusal: &Refusal) {
        tracing::info!(%refusal, "the answer to a change cannot be used");
        if matches!(self.change, Change::Updating { .. }) {
            self.tell_update_failed(reason::not_acceptable());
        }
        match self.negotiation.restore() {
            Ok(sdp) => self.reinvite(sdp),
            Err(refusal) => tracing::debug!(%refusal, "nothing to return to"),
        }
    }

    /// The phone has refused an offer of ours, or it had to give way; `false` if it was not one
    /// of these.
    pub(super) fn change_refused(&mut self, why: StatusReason, now: Instant) -> bool {
        let glare = why.code == 491;
        match self.change {
            Change::Updating { turns } => {
                match self.negotiation.take_update() {
                    Some(update) if glare && turns < MAX_TURNS => {
                        self.update_waits(update, turns, now);
                    }
                    Some(_) | None => self.tell_update_failed(why),
                }
                true
            }
            Change::Holding { hold, turns } => {
                self.negotiation.withdraw();
                if glare && turns < MAX_TURNS {
                    self.hold_waits(hold, turns, now);
                } else {
                    tracing::info!(%why, ?hold, "the phone does not agree");
                    self.tell_hold();
                }
                true
            }
            Change::Settled
            | Change::UpdateWaits { .. }
            | Change::HoldWaits { .. }
            | Change::Asked { .. } => false,
        }
    }

    /// Whether our side holds the call, or is about to.
    pub(super) fn wanted_hold(&self) -> Hold {
        match (&self.change, self.negotiation.holds()) {
            (Change::Holding { hold, .. } | Change::HoldWaits { hold, .. }, _) => *hold,
            (_, true) => Hold::On,
            (_, false) => Hold::Off,
        }
    }

    /// The phone is another one: nobody will answer what the last one was asked, and what it
    /// asked is void. What waits for its turn goes to the new one, and so does `hold`.
    pub(super) fn change_lost(&mut self, hold: Hold, now: Instant) {
        let was_holding = matches!(self.change, Change::Holding { .. });
        match self.change {
            Change::Asked { .. } => self.page_asked_in_vain(now),
            Change::Updating { .. } => {
                self.tell_update_failed(StatusReason::new(487, "Request Terminated"));
            }
            Change::Holding { .. } => self.change = Change::Settled,
            Change::Settled | Change::UpdateWaits { .. } | Change::HoldWaits { .. } => {}
        }
        if let Change::Settled = self.change {
            if self.negotiation.holds() != (hold == Hold::On) {
                self.propose_hold(hold, 0, now);
            } else if was_holding {
                self.tell_hold();
            }
        }
    }

    /// What is to become of the leg for video: a change of the page that has to wait may need it.
    pub(super) fn video_need(&self) -> VideoNeed {
        match (self.negotiation.video_need(), &self.change) {
            (VideoNeed::Gone, Change::Updating { .. } | Change::UpdateWaits { .. }) => {
                VideoNeed::Rests
            }
            (need @ (VideoNeed::Gone | VideoNeed::Rests | VideoNeed::Stays), _) => need,
        }
    }

    /// A deadline of the change has passed.
    pub(super) fn change_timed_out(&mut self, now: Instant) {
        match std::mem::take(&mut self.change) {
            Change::UpdateWaits { update, turns, .. } if turns <= MAX_TURNS => {
                if let Err(refusal) = self.propose(*update, turns, now) {
                    tracing::debug!(%refusal, "a change has become impossible");
                    self.tell_update_failed(reason::not_acceptable());
                }
            }
            Change::UpdateWaits { .. } => self.tell_update_failed(reason::pending()),
            Change::HoldWaits { hold, turns, .. } if turns <= MAX_TURNS => {
                self.propose_hold(hold, turns, now);
            }
            Change::HoldWaits { .. } => self.tell_hold(),
            Change::Asked { otherwise, .. } => {
                self.page_is_silent(&otherwise, now);
            }
            change @ (Change::Settled | Change::Updating { .. } | Change::Holding { .. }) => {
                self.change = change;
            }
        }
    }

    fn reinvite(&mut self, sdp: Bytes) {
        let session = self.session;
        self.sip(Command::Reinvite { session, sdp });
    }
}
