//! The task of one call: performs what [`Call`] decides, on the user agent and on the legs.
//!
//! It waits for nothing but its own mailbox and the call's deadline. Whatever ends it, a panic
//! included, the legs are closed, the SIP session is hung up and the client has been told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::sip::SipHandle;
use bytes::Bytes;
use media::{BrowserLegConfig, DtlsRole, MediaError, PhoneLegConfig, WorkerHandle};
use sip_stack::account::SessionId;
use sip_stack::command::Command;
use sip_stack::event::SessionEvent;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::leg_events::{LegEventSender, LegEvents, leg_events};
use super::{
    Action, Call, CallCommand, CallEvent, CandidateSession, ClientState, Input, Legs, MediaAction,
    PhoneLegId, Refused, Switchboard, UpdateChange, reason, stats::Stats,
};
use crate::account::Seat;
use crate::client::{ClientEvent, ClientLink};
use crate::directory::SessionRoute;
use crate::ledger::Entry;

/// How many inputs may wait for one call. Its task never waits for others, so only a flood fills it.
const MAILBOX: usize = 64;

/// How long the task waits for the last counters of its legs.
const STATS_WAIT: Duration = Duration::from_secs(1);

/// One item of a call's mailbox.
#[derive(Debug)]
pub enum ToCall {
    /// The client asks for something and waits for the answer.
    Command(CallCommand, oneshot::Sender<Result<(), Refused>>),
    /// Something has happened.
    Input(Input),
    /// Another phone calls to take the present one's place; its events come here too.
    Replacement {
        /// Its session.
        session: SessionId,
        /// Its offer.
        sdp: Option<Bytes>,
        /// Keeps the way of its events.
        route: SessionRoute,
    },
    /// Somebody wants to know which session is that of the present phone.
    AskPhone(oneshot::Sender<Result<SessionId, ClientState>>),
}

/// A mailbox that a call can take up; events may gather in it before.
#[derive(Debug)]
pub struct CallMailbox {
    sender: mpsc::Sender<ToCall>,
    receiver: mpsc::Receiver<ToCall>,
    leg_events: LegEvents,
    to_leg_events: LegEventSender,
    _route: SessionRoute,
}

/// A mailbox for a session, found by `add_route` through its sender.
pub fn mailbox(add_route: impl FnOnce(mpsc::Sender<ToCall>) -> SessionRoute) -> CallMailbox {
    let (sender, receiver) = mpsc::channel(MAILBOX);
    let (to_leg_events, leg_events) = leg_events();
    CallMailbox {
        _route: add_route(sender.clone()),
        sender,
        receiver,
        leg_events,
        to_leg_events,
    }
}

impl CallMailbox {
    /// The handle of the call that will take up this mailbox.
    #[must_use]
    pub fn handle(&self) -> CallHandle {
        CallHandle(self.sender.clone())
    }

    /// Opens both legs of a call on `worker`; their events gather here.
    ///
    /// # Errors
    /// When there are no ports, or the media path is stopping.
    pub fn open_legs(&self, worker: WorkerHandle) -> Result<Legs, MediaError> {
        let events = self.to_leg_events.clone();
        let browser = worker.open_browser_leg(BrowserLegConfig {
            role: DtlsRole::Server,
            on_event: Box::new(move |event| events.browser(event)),
        })?;
        let events = self.to_leg_events.clone();
        let phone = worker.open_phone_leg(PhoneLegConfig {
            on_event: Box::new(move |event| events.phone(PhoneLegId::FIRST, event)),
        })?;
        Ok(Legs::new(worker, browser, phone))
    }
}

/// The way to a call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CallHandle(mpsc::Sender<ToCall>);

impl CallHandle {
    /// Asks the call for something.
    ///
    /// # Errors
    /// The call's refusal; [`ClientState::Terminated`] if it is over.
    pub async fn command(&self, command: CallCommand) -> Result<(), Refused> {
        let over = Refused::WrongState(ClientState::Terminated);
        let (reply, answer) = oneshot::channel();
        match self.0.send(ToCall::Command(command, reply)).await {
            Ok(()) => answer.await.unwrap_or(Err(over)),
            Err(_closed) => Err(over),
        }
    }

    /// The session of the phone that the client talks with.
    ///
    /// # Errors
    /// The state of a call that has not been accepted, or is over.
    pub async fn phone(&self) -> Result<SessionId, ClientState> {
        let (reply, answer) = oneshot::channel();
        match self.0.send(ToCall::AskPhone(reply)).await {
            Ok(()) => answer.await.unwrap_or(Err(ClientState::Terminated)),
            Err(_closed) => Err(ClientState::Terminated),
        }
    }

    /// Tells the call of something that it must not miss: waits for room in its mailbox, which
    /// its task keeps emptying.
    pub async fn tell(&self, input: Input) {
        if self.0.send(ToCall::Input(input)).await.is_err() {
            tracing::debug!("the call is over");
        }
    }

    /// The same for destructors, which cannot wait.
    pub fn tell_now(&self, input: Input) {
        if self.0.try_send(ToCall::Input(input)).is_err() {
            tracing::debug!("the call is over or does not listen");
        }
    }
}

/// A call together with everything its actions need.
#[derive(Debug)]
pub struct CallTask {
    call: Call,
    mailbox: CallMailbox,
    legs: Option<Legs>,
    ends: Ends,
    stats: Stats,
    switchboard: Switchboard,
    /// Ways for the events of further phones.
    routes: BTreeMap<SessionId, SessionRoute>,
    /// The last leg towards a phone.
    last_leg: PhoneLegId,
    _entry: Entry,
    _seat: Option<Seat>,
}

impl CallTask {
    /// Ties a call to its session, legs and client.
    #[must_use]
    pub fn new(
        call: Call,
        mailbox: CallMailbox,
        legs: Legs,
        switchboard: Switchboard,
        client: ClientLink,
        entry: Entry,
    ) -> Self {
        let session = call.session;
        Self {
            call,
            mailbox,
            legs: Some(legs),
            ends: Ends {
                call: session,
                sessions: BTreeSet::from([session]),
                sip: switchboard.sip.clone(),
                client,
                client_told: false,
            },
            stats: Stats::new(),
            switchboard,
            routes: BTreeMap::new(),
            last_leg: PhoneLegId::FIRST,
            _entry: entry,
            _seat: None,
        }
    }

    /// The same, counted among the calls of its account until it ends.
    #[must_use]
    pub fn seated(mut self, seat: Option<Seat>) -> Self {
        self._seat = seat;
        self
    }

    /// Runs the call to its end.
    pub async fn run(mut self) {
        let started = Instant::now();
        loop {
            while let Some(action) = self.call.poll_action() {
                self.perform(action).await;
            }
            if self.call.is_ended() {
                break;
            }
            let deadline = self.call.poll_timeout();
            tokio::select! {
                item = self.mailbox.receiver.recv() => {
                    let item = item.expect("the mailbox keeps a sender of its own");
                    self.take(item);
                }
                input = self.mailbox.leg_events.recv() => {
                    let input = input.expect("the mailbox keeps a sender of its own");
                    self.take(ToCall::Input(input));
                }
                () = sleep_until(deadline) => self.call.handle_timeout(now()),
            }
        }
        self.ends.sessions.clear();
        self.legs = None;
        self.collect_stats().await;
        self.stats.log(started.elapsed());
    }

    fn take(&mut self, item: ToCall) {
        match item {
            ToCall::Command(command, reply) => {
                let result = self.call.handle_command(command, now());
                if reply.send(result).is_err() {
                    tracing::debug!("the client did not wait for the answer");
                }
            }
            ToCall::Input(input) => {
                match &input {
                    Input::Sip(_, SessionEvent::Sent { call_id }) => {
                        tracing::Span::current().record("dialog", tracing::field::display(call_id));
                    }
                    Input::Sip(session, SessionEvent::Ended { .. }) => {
                        self.ends.sessions.remove(session);
                        self.routes.remove(session);
                    }
                    Input::Sip(..)
                    | Input::Browser(_)
                    | Input::Phone(..)
                    | Input::Replacement { .. }
                    | Input::CandidateOpened { .. }
                    | Input::CandidateRefused(_)
                    | Input::Transferred
                    | Input::MediaRefused(_)
                    | Input::ClientTakesUpdates
                    | Input::ClientLost
                    | Input::Stop => {}
                }
                self.stats.note(&input);
                self.call.handle(input, now());
            }
            ToCall::Replacement {
                session,
                sdp,
                route,
            } => {
                self.routes.insert(session, route);
                self.ends.sessions.insert(session);
                self.call.handle(Input::Replacement { session, sdp }, now());
            }
            ToCall::AskPhone(reply) => {
                if reply.send(self.call.phone()).is_err() {
                    tracing::debug!("nobody waits for the answer");
                }
            }
        }
    }

    async fn perform(&mut self, action: Action) {
        match action {
            Action::Sip(command) => self.ends.sip.command(command).await,
            Action::Media(action) => {
                if let Err(error) = self.perform_on_legs(action) {
                    tracing::warn!(%error, "media path refused");
                    self.call.handle(Input::MediaRefused(error), now());
                }
            }
            Action::OpenCandidate(session) => self.open_candidate(session),
            Action::Notify(event) => {
                log(&event);
                if matches!(event, CallEvent::Accepted(_)) {
                    self.expect_checks();
                }
                if self.ends.tell(event).is_err() {
                    self.call.handle(Input::ClientLost, now());
                }
            }
        }
    }

    fn perform_on_legs(&mut self, action: MediaAction) -> Result<(), MediaError> {
        let Some(legs) = &mut self.legs else {
            return Ok(());
        };
        match action {
            MediaAction::Connect {
                browser,
                phone,
                relay,
            } => legs.connect(browser, phone, *relay),
            MediaAction::ExpectBrowser(remote) => legs.expect_browser(remote),
            MediaAction::Swap { phone, relay } => legs.swap(phone, *relay),
            MediaAction::DropCandidate => {
                legs.drop_candidate();
                Ok(())
            }
            MediaAction::RestartIce(credentials) => legs.restart_ice(credentials),
            MediaAction::Close => {
                self.legs = None;
                Ok(())
            }
        }
    }

    fn open_candidate(&mut self, session: CandidateSession) {
        let Some(legs) = &mut self.legs else {
            let refused = Input::CandidateRefused(MediaError::Stopped);
            return self.call.handle(refused, now());
        };
        let leg = self.last_leg.next();
        self.last_leg = leg;
        let events = self.mailbox.to_leg_events.clone();
        let opened = legs.open_candidate(move |event| events.phone(leg, event));
        let input = match opened {
            Ok(local) => {
                self.stats.expect_phone();
                let session = match session {
                    CandidateSession::Incoming(session) => session,
                    CandidateSession::New => {
                        let sender = self.mailbox.sender.clone();
                        let (session, route) = self.switchboard.open_session(sender);
                        self.routes.insert(session, route);
                        self.ends.sessions.insert(session);
                        session
                    }
                };
                let local = Box::new(local);
                Input::CandidateOpened {
                    session,
                    leg,
                    local,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no media for another phone");
                Input::CandidateRefused(error)
            }
        };
        self.call.handle(input, now());
    }

    /// The browser has our description by now, however long the call has been ringing: its ICE
    /// has a time limit.
    fn expect_checks(&mut self) {
        let Some(legs) = &self.legs else {
            return;
        };
        if let Err(error) = legs.expect_checks() {
            tracing::warn!(%error, "media path refused");
            self.call.handle(Input::MediaRefused(error), now());
        }
    }

    async fn collect_stats(&mut self) {
        let all = async {
            while !self.stats.is_complete() {
                match self.mailbox.leg_events.recv().await {
                    Some(input) => self.stats.note(&input),
                    None => return,
                }
            }
        };
        if tokio::time::timeout(STATS_WAIT, all).await.is_err() {
            tracing::debug!("a leg did not tell its counters");
        }
    }
}

/// Both ends of the call's signalling. However the task ends, neither is left waiting.
#[derive(Debug)]
struct Ends {
    /// What the client knows the call by: its first session.
    call: SessionId,
    /// Sessions that have not ended.
    sessions: BTreeSet<SessionId>,
    sip: SipHandle,
    client: ClientLink,
    client_told: bool,
}

impl Ends {
    fn tell(&mut self, event: CallEvent) -> Result<(), crate::client::ClientGone> {
        if matches!(event, CallEvent::Terminated { .. }) {
            self.client_told = true;
        }
        let session = self.call;
        self.client.tell(ClientEvent::Call { session, event })
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        for session in &self.sessions {
            self.sip.command_now(Command::HangUp {
                session: *session,
                reason: None,
            });
        }
        if !self.client_told {
            let reason = reason::internal();
            if self.tell(CallEvent::Terminated { reason }).is_err() {
                tracing::debug!("nobody left to be told that the call is over");
            }
        }
    }
}

fn log(event: &CallEvent) {
    match event {
        CallEvent::Accepted(_) => tracing::info!("call accepted"),
        CallEvent::Established => tracing::info!("call established"),
        CallEvent::Terminated { reason } => tracing::info!(%reason, "call over for the client"),
        CallEvent::Progress => tracing::debug!("INVITE sent"),
        CallEvent::Ringing => tracing::debug!("ringing"),
        CallEvent::Proceeding { code } => tracing::debug!(code, "proceeding"),
        CallEvent::EarlyMedia { .. } => tracing::debug!("early media"),
        CallEvent::Message { .. } => tracing::debug!("message from the phone"),
        CallEvent::MessageResult { reason, .. } => tracing::debug!(%reason, "message answered"),
        CallEvent::Held { held, by } => tracing::debug!(held, ?by, "hold"),
        CallEvent::Transfer(change) => tracing::info!(?change, "transfer"),
        CallEvent::Expiring { seconds } => tracing::info!(seconds, "call expiring"),
        CallEvent::Update(UpdateChange::Received { .. }) => tracing::debug!("update received"),
        CallEvent::Update(UpdateChange::Accepted { .. }) => tracing::debug!("update accepted"),
        CallEvent::Update(UpdateChange::Failed { reason }) => {
            tracing::info!(%reason, "update failed");
        }
        CallEvent::Missed { .. } => tracing::debug!("missed"),
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

async fn sleep_until(deadline: Option<std::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
