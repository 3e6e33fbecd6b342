//! Requests about calls: a new one, and what is asked of those that there are.

use std::time::Duration;

use sylkrtc_protocol::{
    Refusal, SessionAnswer, SessionCreate, SessionDtmfInfo, SessionId, SessionMessage,
    SessionPhase, SessionTerminate, SessionTrickle, SessionUpdate,
};
use tracing::Instrument;
use tracing::field::Empty;

use super::accounts::domain_without_port;
use super::admission::Full;
use super::client::Client;
use crate::account::Barred;
use crate::call::{
    Call, CallCommand, CallTask, ClearSignalling, ClientMessage, Input, Outgoing, Refused, Watch,
    mailbox,
};
use crate::signaling::sylkrtc::sessions::Session;
use crate::signaling::sylkrtc::translate::{self, Asked};

impl Client {
    pub(super) fn create_session(&mut self, create: SessionCreate) -> Result<(), Refusal> {
        let Some(account) = self.accounts.get(&create.account) else {
            return Err(Refusal::UnknownAccount(create.account));
        };
        let name = create.session;
        if !self.sessions.is_free(&name) {
            return Err(Refusal::SessionInUse(name));
        }
        let permissions = account.permissions.clone();
        permissions.may_dial(&create.uri).map_err(|barred| {
            tracing::info!(account = %account.id, ?barred, "call not allowed");
            match barred {
                Barred::Calling => Refusal::CallsNotAllowed(create.account.clone()),
                Barred::Destination => Refusal::DestinationNotAllowed(create.uri.clone()),
            }
        })?;
        let encryption = self.encryption(&create.account);
        let srtp = encryption.towards(&create.uri);
        let srtp = srtp.map_err(|ClearSignalling| {
            tracing::info!(account = %account.id, "encryption required, but the signalling is not encrypted");
            Refusal::EncryptionImpossible(create.uri.clone())
        })?;
        let admission = self.admit_call(&create.account, account);
        let account = account.id;
        let admission = admission.map_err(|full| match full {
            Full::Account(limit) | Full::Daemon(limit) => Refusal::TooManySessions(limit),
        })?;
        let backend = self.backend.clone();
        let sip_session = backend.numbers.session();
        let mailbox = mailbox(|sender| backend.directory.add_session(sip_session, sender));
        let mut legs = mailbox.open_legs(backend.media.worker()).map_err(|error| {
            tracing::warn!(%error, "no media for a call");
            Refusal::NoMediaResources
        })?;
        let domain = domain_without_port(&create.account);
        legs.face(backend.rules.phone_family(&create.uri, domain));
        let policy = backend.rules.media.outgoing(&create.uri, domain);
        let video = backend.rules.allows_video(domain);
        legs.allow_video(video, create.sdp.as_bytes());
        let outgoing = Outgoing {
            session: sip_session,
            account,
            target: create.uri,
            sdp: create.sdp,
            headers: translate::sip_headers(create.headers),
        };
        let locals = legs.locals(policy);
        let locals = locals.encrypted(srtp, encryption);
        let call = Call::outgoing(outgoing, locals).map_err(|refused| match refused {
            Refused::UnusableSdp(why) => Refusal::UnusableSdp(why),
            Refused::CannotAnswerOutgoing
            | Refused::CannotRingOutgoing
            | Refused::TooManyMessages
            | Refused::WrongState(_)
            | Refused::TooManyTones => Refusal::Internal,
        })?;
        let call = call.under(permissions);
        let session = Session {
            account,
            call: mailbox.handle(),
            sdp_delivered: false,
            joined: None,
        };
        self.take_up(name, sip_session, session);
        let span = tracing::info_span!("call", call = %sip_session, %account, dialog = Empty);
        let (switchboard, link) = (backend.switchboard(), self.link.clone());
        let (entry, seat) = admission;
        let task = CallTask::new(call, mailbox, legs, switchboard, link, entry)
            .seated(seat)
            .measured(backend.metrics.clone());
        backend.calls.spawn(task.run().instrument(span));
        Ok(())
    }

    pub(super) async fn answer_session(&mut self, answer: SessionAnswer) -> Result<(), Refusal> {
        let command = CallCommand::Answer {
            sdp: answer.sdp,
            headers: translate::sip_headers(answer.headers),
        };
        self.ask(answer.session, command, Asked::Answer).await
    }

    /// Candidates are never read: the browser's own checks tell where it is. An error would make
    /// every client end its call.
    pub(super) fn trickle(&self, trickle: &SessionTrickle) -> Result<(), Refusal> {
        let name = &trickle.session;
        if self.sessions.get(name).is_some() || self.sessions.has_just_ended(name) {
            return Ok(());
        }
        Err(Refusal::UnknownSession(name.clone()))
    }

    pub(super) async fn terminate_session(
        &mut self,
        terminate: SessionTerminate,
    ) -> Result<(), Refusal> {
        let SessionTerminate {
            session,
            code,
            reason: phrase,
        } = terminate;
        if self.sessions.has_just_ended(&session) {
            return Ok(());
        }
        let command = match (code, phrase) {
            (None, None) => CallCommand::Terminate,
            (code, phrase) => CallCommand::Reject { code, phrase },
        };
        let answer = self.ask(session, command, Asked::Terminate);
        match answer.await {
            // It ended a moment ago; the client will hear of it next.
            Err(Refusal::WrongPhaseForTerminate(_, SessionPhase::Terminated)) => Ok(()),
            answer => answer,
        }
    }

    pub(super) async fn ring_session(&mut self, session: SessionId) -> Result<(), Refusal> {
        self.ask(session, CallCommand::Ring, Asked::Ring).await
    }

    pub(super) async fn send_message(&mut self, message: SessionMessage) -> Result<(), Refusal> {
        let command = CallCommand::SendMessage(ClientMessage {
            id: message.message_id,
            content: message.content,
            content_type: message.content_type,
            timestamp: message.timestamp,
        });
        self.ask(message.session, command, Asked::SendMessage).await
    }

    pub(super) async fn send_tones(&mut self, info: SessionDtmfInfo) -> Result<(), Refusal> {
        let command = CallCommand::SendTones {
            tones: info.tones.as_str().to_owned(),
            duration: info.duration,
        };
        self.ask(info.session, command, Asked::SendTones).await
    }

    pub(super) async fn update_session(&mut self, update: SessionUpdate) -> Result<(), Refusal> {
        let command = CallCommand::Update { sdp: update.sdp };
        self.ask(update.session, command, Asked::Update).await
    }

    pub(super) async fn hold_session(
        &mut self,
        session: SessionId,
        hold: bool,
    ) -> Result<(), Refusal> {
        let command = CallCommand::Hold(hold);
        self.ask(session, command, Asked::Hold).await
    }

    /// How a call sounds is told every so often, or no more.
    pub(super) async fn tell_quality(
        &self,
        name: SessionId,
        interval: Option<Duration>,
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(&name) else {
            return Err(Refusal::UnknownSession(name));
        };
        session.call.watch(Watch::Report(interval)).await;
        Ok(())
    }

    /// The client has proven to know extensions: its calls may tell it of trouble.
    pub(super) fn watch_calls(&self) {
        for session in self.sessions.all() {
            session.call.watch_now(Watch::Trouble);
            session.call.tell_now(Input::ClientTakesKeys);
        }
    }

    /// The client has proven to take changes of phones: its calls may put them to it.
    pub(super) async fn allow_updates(&self) {
        for session in self.sessions.all() {
            session.call.tell(Input::ClientTakesUpdates).await;
        }
    }

    /// The client has changed a call itself.
    pub(super) async fn await_updates(&self) {
        for session in self.sessions.all() {
            session.call.tell(Input::ClientAnswersUpdates).await;
        }
    }

    pub(super) async fn ask(
        &mut self,
        name: SessionId,
        command: CallCommand,
        asked: Asked,
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(&name) else {
            return Err(Refusal::UnknownSession(name));
        };
        let result = session.call.command(command).await;
        result.map_err(|refused| translate::refusal(name, refused, asked))
    }
}
