//! The mailbox of a call: what may be put into it, and by whom.
//!
//! It is there before its call: what the user agent has to tell gathers in it meanwhile.

use std::time::Duration;

use media::{BrowserLegConfig, DtlsRole, MediaError, PhoneLegConfig, WorkerHandle};
use sip_stack::account::SessionId;
use tokio::sync::{mpsc, oneshot};

use super::leg_events::{LegEventSender, LegEvents, leg_events};
use super::{CallCommand, ClientState, Input, Legs, PhoneLegId, Refused, Replacement};
use crate::directory::SessionRoute;

/// How many inputs may wait for one call. Its task never waits for others, so only a flood fills it.
const MAILBOX: usize = 64;

/// One item of a call's mailbox.
#[derive(Debug)]
pub enum ToCall {
    /// The client asks for something and waits for the answer.
    Command(CallCommand, oneshot::Sender<Result<(), Refused>>),
    /// Something has happened.
    Input(Input),
    /// Another phone calls to take the present one's place; its events come here too, as long as
    /// the route is kept.
    Replacement(Replacement, SessionRoute),
    /// Somebody wants to know which session is that of the present phone.
    AskPhone(oneshot::Sender<Result<SessionId, ClientState>>),
    /// The client wants to know how the call sounds.
    Watch(Watch),
}

/// What a client wants to be told of a call's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// When somebody does not hear what he should.
    Trouble,
    /// Figures, every so often; `None` for no more of them.
    Report(Option<Duration>),
}

/// The way into a call's mailbox. What goes in is boxed, because a channel keeps room for 32 of what
/// it carries, and every call has one.
pub type ToCallSender = mpsc::Sender<Box<ToCall>>;

/// A mailbox that a call can take up; events may gather in it before.
#[derive(Debug)]
pub struct CallMailbox {
    pub(super) sender: ToCallSender,
    pub(super) receiver: mpsc::Receiver<Box<ToCall>>,
    pub(super) leg_events: LegEvents,
    pub(super) to_leg_events: LegEventSender,
    _route: SessionRoute,
}

/// A mailbox for a session, found by `add_route` through its sender.
pub fn mailbox(add_route: impl FnOnce(ToCallSender) -> SessionRoute) -> CallMailbox {
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
        let video = self.to_leg_events.clone();
        Ok(Legs::new(worker, browser, phone, video))
    }
}

/// The way to a call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CallHandle(ToCallSender);

impl CallHandle {
    /// Asks the call for something.
    ///
    /// # Errors
    /// The call's refusal; [`ClientState::Terminated`] if it is over.
    pub async fn command(&self, command: CallCommand) -> Result<(), Refused> {
        let over = Refused::WrongState(ClientState::Terminated);
        let (reply, answer) = oneshot::channel();
        match self.0.send(Box::new(ToCall::Command(command, reply))).await {
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
        match self.0.send(Box::new(ToCall::AskPhone(reply))).await {
            Ok(()) => answer.await.unwrap_or(Err(ClientState::Terminated)),
            Err(_closed) => Err(ClientState::Terminated),
        }
    }

    /// Tells the call of something that it must not miss: waits for room in its mailbox, which
    /// its task keeps emptying.
    pub async fn tell(&self, input: Input) {
        if self.0.send(Box::new(ToCall::Input(input))).await.is_err() {
            tracing::debug!("the call is over");
        }
    }

    /// The same for destructors, which cannot wait.
    pub fn tell_now(&self, input: Input) {
        if self.0.try_send(Box::new(ToCall::Input(input))).is_err() {
            tracing::debug!("the call is over or does not listen");
        }
    }

    /// The client asks how the call sounds, and is answered that it will hear: waits for room in
    /// the call's mailbox.
    pub async fn watch(&self, watch: Watch) {
        if self.0.send(Box::new(ToCall::Watch(watch))).await.is_err() {
            tracing::debug!("the call is over");
        }
    }

    /// The client may be told how the call sounds. Not told to a call whose mailbox is full: it
    /// has more to do than to listen.
    pub fn watch_now(&self, watch: Watch) {
        if self.0.try_send(Box::new(ToCall::Watch(watch))).is_err() {
            tracing::debug!("the call is over or does not listen");
        }
    }
}
