//! Requests about calls, and what calls have to tell.

use std::time::Duration;

use media::sdp::address_family;
use sip_stack::account::{AccountId, SessionId as SipSession};
use sip_stack::command::Command;
use sylkrtc_protocol::{
    AccountAddress, Dialect, Event, IncomingSession, Refusal, SessionAnswer, SessionCreate,
    SessionDtmfInfo, SessionId, SessionMessage, SessionPhase, SessionTerminate, SessionTrickle,
    SessionUpdate,
};
use tracing::Instrument;
use tracing::field::Empty;

use super::accounts::domain_without_port;
use super::client::Client;
use crate::account::{Account, Barred, Seat};
use crate::call::{
    Call, CallCommand, CallEvent, CallTask, ClearSignalling, ClientMessage, Encryption, Incoming,
    Input, Outgoing, Refused, TransferChange, Watch, dashed_session_id, mailbox, names_info,
    plain_session_id,
};
use crate::client::IncomingCall;
use crate::ledger::{Entry, Kind};
use crate::signaling::sylkrtc::sessions::Session;
use crate::signaling::sylkrtc::translate::{self, Asked};
use crate::timestamp;

/// Who has as many calls as the limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    Account(usize),
    Daemon(usize),
}

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

    fn take_up(&mut self, name: SessionId, sip: SipSession, session: Session) {
        if self.speaks_extensions {
            session.call.watch_now(Watch::Trouble);
            session.call.tell_now(Input::ClientTakesKeys);
        }
        if self.takes_updates {
            session.call.tell_now(Input::ClientTakesUpdates);
        }
        if self.answers_updates {
            session.call.tell_now(Input::ClientAnswersUpdates);
        }
        self.sessions.insert(name, sip, session);
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

    /// Somebody calls. What cannot be taken is refused to the phone, and told as a missed call.
    pub(super) async fn take_incoming(&mut self, incoming: IncomingCall) -> Option<Event> {
        let IncomingCall {
            account,
            session,
            originator,
            call_id,
            sdp,
            over_tls,
            headers,
            mailbox,
        } = incoming;
        let span = tracing::info_span!("call", call = %session, %account, dialog = %call_id);
        let backend = self.backend.clone();
        let address = self.addresses.get(&account).cloned();
        let caller = translate::originator(originator.clone());
        let refused_for = async |code: u16, reason: Option<&str>| {
            span.in_scope(|| tracing::info!(code, "incoming call refused"));
            let reason = reason.map(str::to_owned);
            let reject = Command::Reject {
                session,
                code,
                reason,
            };
            backend.sip.command(reject).await;
            let address = address.clone()?;
            Some(translate::missed(address, originator.clone()))
        };
        let refused = |code: u16| refused_for(code, None);
        let known = address.clone().zip(self.account(account));
        let Some((address, known)) = known else {
            return refused(480).await;
        };
        let knows_info = names_info(&headers);
        let headers = known.wanted_headers(&headers);
        let explicit_ringing = known.explicit_ringing;
        if self.is_stopping() {
            return refused(503).await;
        }
        let permissions = known.permissions.clone();
        if !permissions.limits().may_receive {
            // Nothing it could have taken, so nothing missed.
            drop(refused(403).await);
            return None;
        }
        let encryption = self.encryption(&address);
        let Ok(srtp) = encryption.over(over_tls) else {
            return refused_for(488, Some("SRTP Requires TLS")).await;
        };
        let admission = match self.admit_call(&address, known) {
            Ok(admission) => admission,
            Err(Full::Account(_)) => return refused(486).await,
            Err(Full::Daemon(_)) => return refused(503).await,
        };
        let Ok(mut legs) = mailbox.open_legs(backend.media.worker()) else {
            return refused(503).await;
        };
        legs.face(sdp.as_deref().and_then(address_family));
        let video = backend.rules.allows_video(domain_without_port(&address));
        legs.allow_video(video, sdp.as_deref().unwrap_or_default());
        let parameters = Incoming {
            session,
            account,
            originator: originator.clone(),
            sdp,
            decline_code: backend.rules.decline_code,
            explicit_ringing,
            knows_info,
        };
        let domain = domain_without_port(&address);
        let locals = legs.locals(backend.rules.media.incoming(domain));
        let locals = locals.encrypted(srtp, encryption);
        let (call, offer) = match Call::incoming(parameters, locals) {
            Ok(taken) => taken,
            Err(refusal) => {
                span.in_scope(|| tracing::info!(%refusal, "the phone's offer cannot be used"));
                return refused_for(refusal.status(), refusal.phrase()).await;
            }
        };
        let call = call.under(permissions);
        let name = self.name_of(&call_id);
        let taken = Session {
            account,
            call: mailbox.handle(),
            sdp_delivered: true,
            joined: None,
        };
        let event = Event::IncomingSession(IncomingSession {
            account: address,
            session: name.clone(),
            originator: caller,
            sdp: offer,
            call_id,
            headers: translate::headers(headers),
        });
        self.take_up(name, session, taken);
        let (switchboard, link) = (backend.switchboard(), self.link.clone());
        let (entry, seat) = admission;
        let task = CallTask::new(call, mailbox, legs, switchboard, link, entry)
            .seated(seat)
            .measured(backend.metrics.clone());
        backend.calls.spawn(task.run().instrument(span.clone()));
        Some(event)
    }

    /// Something has happened in a call.
    pub(super) fn call_event(&mut self, sip: SipSession, event: CallEvent) -> Option<Event> {
        if let CallEvent::Missed {
            account,
            originator,
        } = event
        {
            let address = self.addresses.get(&account)?;
            return Some(translate::missed(address.clone(), originator));
        }
        if let CallEvent::Update(change) = event {
            let (name, _) = self.sessions.by_sip(sip)?;
            let (session, update) = (name.clone(), translate::update(change));
            return Some(Event::SessionUpdate { session, update });
        }
        if let Some(told) = self.message_event(sip, &event) {
            return Some(told);
        }
        if let CallEvent::Transfer(TransferChange::Accepted(_)) = &event {
            self.end_given_away(sip);
        }
        if let Some(extension) = translate::extension(&event) {
            let (name, _) = self.sessions.by_sip(sip)?;
            let session = name.clone();
            return Some(Event::SessionExtension { session, extension });
        }
        let over = matches!(event, CallEvent::Terminated { .. });
        let (name, session) = self.sessions.by_sip(sip)?;
        let name = name.clone();
        let account = self
            .addresses
            .get(&session.account)
            .and_then(|address| self.accounts.get(address));
        let wanted = |headers: &[(String, String)]| {
            account.map_or_else(Vec::new, |account| account.wanted_headers(headers))
        };
        let state = translate::session_state(event, session, self.takes_early_media, wanted);
        if over {
            self.sessions.end(sip);
        }
        state.map(|state| Event::SessionState {
            session: name,
            state,
        })
    }

    /// The event for a message, or for what has become of one.
    fn message_event(&mut self, sip: SipSession, event: &CallEvent) -> Option<Event> {
        match event {
            CallEvent::Message { from, message } => Some(Event::SessionMessage {
                session: self.sessions.by_sip(sip)?.0.clone(),
                message: translate::message(from.clone(), message.clone(), now()),
            }),
            CallEvent::MessageResult {
                id,
                timestamp,
                reason,
            } => Some(Event::SessionDisposition {
                session: self.sessions.by_sip(sip)?.0.clone(),
                disposition: translate::disposition(id.clone(), timestamp.clone(), reason),
            }),
            CallEvent::Progress
            | CallEvent::Proceeding { .. }
            | CallEvent::Ringing
            | CallEvent::EarlyMedia { .. }
            | CallEvent::Accepted(_)
            | CallEvent::Established
            | CallEvent::Terminated { .. }
            | CallEvent::Update(_)
            | CallEvent::Held { .. }
            | CallEvent::Transfer(_)
            | CallEvent::Expiring { .. }
            | CallEvent::Quality(..)
            | CallEvent::MediaTrouble(_)
            | CallEvent::Key { .. }
            | CallEvent::Missed { .. } => None,
        }
    }

    fn encryption(&self, account: &AccountAddress) -> Encryption {
        let rules = &self.backend.rules;
        rules.encryption(domain_without_port(account))
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(self.addresses.get(&id)?)
    }

    /// Counts one more call, unless the account or the daemon has its share.
    fn admit_call(
        &self,
        address: &AccountAddress,
        account: &Account,
    ) -> Result<(Entry, Option<Seat>), Full> {
        let limits = &self.backend.limits;
        if self.sessions.count_of(account.id) >= limits.calls_per_account {
            return Err(Full::Account(limits.calls_per_account));
        }
        let seat = match account.permissions.limits().max_calls {
            Some(limit) => {
                let seat = self.backend.seats.take(address.as_str(), limit);
                Some(seat.ok_or(Full::Account(limit))?)
            }
            None => None,
        };
        let entry = self.backend.ledger.enter_below(Kind::Call, limits.calls);
        Ok((entry.ok_or(Full::Daemon(limits.calls))?, seat))
    }

    /// The name of an incoming call: made of its Call-ID, and different from all live names even
    /// when one call reaches two accounts of this connection.
    fn name_of(&self, call_id: &str) -> SessionId {
        let shape = match self.dialect {
            Dialect::V1 => plain_session_id,
            Dialect::V2 => dashed_session_id,
        };
        let mut name = shape(call_id);
        loop {
            let session = SessionId::new(name).expect("an MD5 in hexadecimal is a session id");
            if self.sessions.is_free(&session) {
                return session;
            }
            name = shape(session.as_str());
        }
    }
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the time of day is told to the page, and nothing waits for it"
)]
pub(super) fn now() -> u64 {
    timestamp::unix_seconds(std::time::SystemTime::now())
}
