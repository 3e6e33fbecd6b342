//! The client behind a WebSocket: what it asks is carried out, what happens to it is told.
//!
//! Knows requests, accounts and calls, and nothing of frames or clocks.

use std::collections::HashMap;
use std::sync::Arc;

use sip_stack::account::AccountId;
use sip_stack::command::Command;
use sylkrtc_protocol::{
    AccountAddress, Dialect, ErrorAnswer, Event, Incoming, Refusal, Request, Vocabulary, decode,
    encode_ack, encode_error, encode_event,
};

use super::{End, call_events};
use crate::account::Account;
use crate::backend::Backend;
use crate::call::Input;
use crate::client::{ClientEvent, ClientLink};
use crate::signaling::sylkrtc::sessions::Sessions;
use crate::signaling::sylkrtc::translate;
use crate::supervisor::Phase;

/// One client.
pub(super) struct Client {
    pub(super) dialect: Dialect,
    /// Settled by the first request about an account.
    vocabulary: Option<Vocabulary>,
    /// The client has proven to take SDP with `early-media`.
    pub(super) takes_early_media: bool,
    /// The client has proven to know `session-update`.
    pub(super) takes_updates: bool,
    /// The page has changed a call itself: it may be expected to answer for changes of phones.
    pub(super) answers_updates: bool,
    /// The client has proven to know this gateway's extensions.
    pub(super) speaks_extensions: bool,
    pub(super) accounts: HashMap<AccountAddress, Account>,
    pub(super) addresses: HashMap<AccountId, AccountAddress>,
    pub(super) sessions: Sessions,
    /// Stands for the device in `+sip.instance` of all accounts of this connection.
    pub(super) instance: uuid::Uuid,
    pub(super) link: ClientLink,
    pub(super) backend: Arc<Backend>,
}

/// The one answer to a frame.
pub(super) struct Answer {
    pub(super) text: String,
    /// The connection is to be closed after it.
    pub(super) fatal: bool,
}

impl Client {
    pub(super) fn new(dialect: Dialect, link: ClientLink, backend: Arc<Backend>) -> Self {
        Self {
            dialect,
            vocabulary: None,
            takes_early_media: false,
            takes_updates: false,
            answers_updates: false,
            speaks_extensions: false,
            accounts: HashMap::new(),
            addresses: HashMap::new(),
            sessions: Sessions::default(),
            instance: backend.numbers.instance(),
            link,
            backend,
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The first event of every connection.
    pub(super) fn ready(&self) -> String {
        self.encode(&Event::Ready)
            .expect("every dialect has the ready event")
    }

    pub(super) fn has_accounts(&self) -> bool {
        !self.accounts.is_empty()
    }

    pub(super) fn is_without_calls(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The daemon stops: no new calls, however they come.
    pub(super) fn is_stopping(&self) -> bool {
        *self.backend.phase.borrow() == Phase::Stopping
    }

    /// Carries out the request in a text frame.
    pub(super) async fn handle_text(&mut self, text: &str) -> Answer {
        let incoming = match decode(self.dialect, text) {
            Ok(incoming) => incoming,
            Err(rejected) => {
                tracing::debug!(%rejected, "request rejected");
                let answer = rejected.answer();
                return Answer {
                    text: encode_error(self.dialect, rejected.transaction.as_ref(), &answer),
                    fatal: rejected.fatal,
                };
            }
        };
        if self.vocabulary.is_none() {
            self.vocabulary = incoming.decides_vocabulary();
        }
        let Incoming {
            transaction,
            request,
            ..
        } = incoming;
        let text = match self.handle(request).await {
            Ok(()) => encode_ack(self.dialect, &transaction),
            Err(refusal) => {
                tracing::debug!(code = %refusal.code(), "request refused");
                let answer = ErrorAnswer::from(&refusal);
                encode_error(self.dialect, Some(&transaction), &answer)
            }
        };
        Answer { text, fatal: false }
    }

    async fn handle(&mut self, request: Request) -> Result<(), Refusal> {
        self.takes_early_media |= request.proves_early_media();
        if !self.speaks_extensions && request.proves_extensions() {
            self.speaks_extensions = true;
            self.watch_calls();
        }
        if !self.takes_updates && request.proves_updates() {
            self.takes_updates = true;
            self.allow_updates().await;
        }
        if !self.answers_updates && matches!(request, Request::SessionUpdate(_)) {
            self.answers_updates = true;
            self.await_updates().await;
        }
        if self.is_stopping() {
            return Err(Refusal::ShuttingDown);
        }
        match request {
            Request::Ping => Ok(()),
            Request::AccountAdd(add) => self.add_account(add).await,
            Request::AccountRemove { account } => self.remove_account(account).await,
            Request::AccountRegister { account } => self.register(account).await,
            Request::AccountUnregister { account } => self.unregister(account).await,
            Request::SessionCreate(create) => self.create_session(create),
            Request::SessionAnswer(answer) => self.answer_session(answer).await,
            Request::SessionTrickle(trickle) => self.trickle(&trickle),
            Request::SessionTerminate(terminate) => self.terminate_session(terminate).await,
            Request::SessionDtmfInfo(tones) => self.send_tones(tones).await,
            Request::SessionMessage(message) => self.send_message(message).await,
            Request::SessionRing { session } => self.ring_session(session).await,
            Request::SessionUpdate(update) => self.update_session(update).await,
            Request::SessionHold { session, hold } => self.hold_session(session, hold).await,
            Request::SessionTransfer(transfer) => self.transfer_session(transfer).await,
            Request::SessionQuality { session, interval } => {
                self.tell_quality(session, interval).await
            }
            Request::Later(later) => Err(Refusal::NotSupportedYet(later)),
        }
    }

    /// The text for something that has happened, if the client's dialect has one.
    pub(super) async fn handle_event(&mut self, event: ClientEvent) -> Option<String> {
        let event = match event {
            ClientEvent::Registration { account, state } => {
                let address = self.addresses.get(&account)?;
                let change = self.accounts.get_mut(address)?.registration_change(state)?;
                Some(translate::registration(address.clone(), change))
            }
            ClientEvent::Message {
                account,
                from,
                message,
            } => {
                let account = self.addresses.get(&account)?.clone();
                let message = translate::message(from, message, call_events::now());
                Some(Event::AccountMessage { account, message })
            }
            ClientEvent::Incoming(call) => self.take_incoming(call).await,
            ClientEvent::Call { session, event } => self.call_event(session, event),
        };
        event.and_then(|event| self.encode(&event))
    }

    /// Ends every call because the daemon stops.
    pub(super) async fn stop_calls(&self) {
        for session in self.sessions.all() {
            session.call.tell(Input::Stop).await;
        }
    }

    /// The client is gone: its calls end, its registrations are removed.
    pub(super) async fn leave(&mut self, end: &End) {
        tracing::debug!(?end, accounts = self.accounts.len(), "client leaves");
        for session in self.sessions.all() {
            session.call.tell(Input::ClientLost).await;
        }
        for account in self.accounts.values() {
            let remove = Command::RemoveAccount {
                account: account.id,
            };
            self.backend.sip.command(remove).await;
        }
        self.sessions = Sessions::default();
        self.accounts.clear();
    }

    /// The text of an event, if the client's dialect has it and the client wants it. The one
    /// place that keeps extension events from clients that do not know them.
    fn encode(&self, event: &Event) -> Option<String> {
        if event.is_extension() && !self.speaks_extensions {
            return None;
        }
        encode_event(self.dialect, self.vocabulary.unwrap_or_default(), event)
    }
}

/// A connection that panics or is aborted leaves as well: nothing of it may live on.
impl Drop for Client {
    fn drop(&mut self) {
        for session in self.sessions.all() {
            session.call.tell_now(Input::ClientLost);
        }
        for account in self.accounts.values() {
            let remove = Command::RemoveAccount {
                account: account.id,
            };
            self.backend.sip.command_now(remove);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use media::plan::{Policy, Route};
    use media::sdp::AddressPolicy;
    use media::{BrowserAddress, Limits as MediaLimits, Media, MediaConfig, PhoneAddress};
    use sylkrtc_protocol::{SessionExtension, SessionId};
    use tokio::sync::{mpsc, watch};
    use tokio::task::JoinSet;

    use super::*;
    use crate::backend::{Numbers, Rules};
    use crate::config::Limits;
    use crate::directory::Directory;
    use crate::ledger::{Kind, Ledger};
    use crate::metrics::Metrics;
    use crate::random::Random;
    use crate::routes::Routes;
    use crate::sip::SipHandle;
    use crate::tasks::Tasks;

    const ADD: &str = r#"{"sylkrtc": "account-add", "transaction": "1",
        "account": "alice@sylk.test", "password": "00112233445566778899aabbccddeeff"}"#;

    #[tokio::test]
    async fn a_connection_that_panics_leaves_no_account_behind() {
        let (commands_in, mut commands) = mpsc::channel(8);
        let backend = backend(SipHandle::recorder(commands_in));
        let ledger = backend.ledger.clone();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let (link, _mailbox) = ClientLink::new();
            let mut client = Client::new(Dialect::V2, link, backend);
            let answer = client.handle_text(ADD).await;
            assert!(answer.text.contains("ack"), "{}", answer.text);
            panic!("on purpose");
        });
        let ended = connections.join_next().await.expect("one task");
        assert!(ended.expect_err("it panics").is_panic());

        let added = commands.recv().await;
        let Some(Command::AddAccount { account: added, .. }) = added else {
            panic!("{added:?}");
        };
        let removed = commands.recv().await;
        let Some(Command::RemoveAccount { account: removed }) = removed else {
            panic!("{removed:?}");
        };
        assert_eq!(added, removed);
        assert_eq!(ledger.count(Kind::Account), 0);
    }

    #[tokio::test]
    async fn extension_events_are_for_clients_that_know_extensions() {
        let (commands_in, _commands) = mpsc::channel(8);
        let backend = backend(SipHandle::recorder(commands_in));
        let (link, _mailbox) = ClientLink::new();
        let mut client = Client::new(Dialect::V2, link, backend);
        let expiring = Event::SessionExtension {
            session: SessionId::new("S").expect("valid"),
            extension: SessionExtension::Expiring { seconds: 30 },
        };
        client.handle_text(ADD).await;
        assert_eq!(client.encode(&expiring), None);
        let ring = r#"{"sylkrtc": "session-ring", "transaction": "2", "session": "S"}"#;
        let answer = client.handle_text(ring).await;
        assert!(answer.text.contains("Unknown session S"), "{}", answer.text);
        assert!(client.encode(&expiring).is_some());
    }

    fn backend(sip: SipHandle) -> Arc<Backend> {
        let media = MediaConfig {
            workers: 1,
            browser: BrowserAddress::udp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            phone: PhoneAddress {
                bind: Ipv4Addr::LOCALHOST.into(),
                advertised: Vec::new(),
                ports: 20_000..=20_009,
            },
            limits: MediaLimits::default(),
        };
        let ledger = Ledger::default();
        let (_phase, phase) = watch::channel(Phase::Ready);
        Arc::new(Backend {
            sip,
            media: Arc::new(Media::start(media).expect("loopback")),
            directory: Directory::default(),
            calls: Tasks::new("call", Kind::Task, ledger.clone()),
            ledger,
            limits: Limits::default(),
            rules: Rules {
                domains: vec!["*".to_owned()],
                outbound_proxy: None,
                registration_expiry: 600,
                sip_domains: Vec::new(),
                accounts: Vec::new(),
                video: true,
                decline_code: 486,
                media: Routes::all(Policy {
                    route: Route::default(),
                    addresses: AddressPolicy::default(),
                }),
                srtp: Default::default(),
                srtp_without_tls: false,
            },
            phase,
            seats: Default::default(),
            numbers: Arc::new(Numbers::new(Random::from_seed([7; 32]))),
            metrics: Metrics::default(),
        })
    }
}
