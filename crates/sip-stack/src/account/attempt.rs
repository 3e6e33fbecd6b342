//! A request on its way, with what is needed to send it again with credentials
//! (RFC 3261 §22.2).

use std::time::Instant;

use super::keyring::Exchange;
use super::{Account, CannotAnswer, Challenger, Scope};
use crate::dialog::Dialog;
use crate::message::{CSeq, HeaderName, Method, Request, Response};
use crate::transaction::{ClientTransactionId, Route, TooManyTransactions};
use crate::transport::{Destination, Source};
use crate::user_agent::Core;

/// A request as it was last sent, without Via and Contact.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) request: Request,
    pub(crate) route: Route,
    /// The server whose challenge was taken last: what it made of the credentials is known to
    /// no other one, so it is asked again, once.
    challenger: Option<Destination>,
    sent: Option<ClientTransactionId>,
    exchange: Exchange,
}

impl Attempt {
    /// A request about to be sent.
    pub(crate) fn new(request: Request, route: Route, challenger: Challenger) -> Self {
        let scope = match request.method {
            Method::Register => Scope::Registration,
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Options
            | Method::Info
            | Method::Message
            | Method::Prack
            | Method::Update
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Publish
            | Method::Other(_) => Scope::Calls,
        };
        Self {
            request,
            route,
            challenger: None,
            sent: None,
            exchange: Exchange::new(scope, challenger),
        }
    }

    /// A request within a dialog.
    pub(crate) fn within(dialog: &Dialog, request: Request) -> Self {
        let challenger = match dialog.is_ours() {
            true => Challenger::OnTheWay,
            false => Challenger::Nobody,
        };
        Self::new(request, dialog.route(), challenger)
    }

    /// Whether it goes to the account's own registrar or proxy.
    pub(crate) fn is_own(&self) -> bool {
        self.exchange.is_own()
    }

    /// Whether it was last sent with credentials.
    pub(crate) fn has_credentials(&self) -> bool {
        let headers = &self.request.headers;
        [HeaderName::Authorization, HeaderName::ProxyAuthorization]
            .iter()
            .any(|name| headers.get(name).is_some())
    }

    /// Gives the request the next sequence number, where no dialog counts them yet.
    pub(crate) fn count_up(&mut self) {
        let headers = &mut self.request.headers;
        let number = headers.cseq().map_or(1, |cseq| cseq.number + 1);
        headers.set(
            HeaderName::CSeq,
            CSeq::new(number, self.request.method.clone()),
        );
    }
}

impl Account {
    /// Sends a request, with credentials if there are some for it.
    pub(crate) fn send(
        &mut self,
        attempt: &mut Attempt,
        core: &mut Core,
        now: Instant,
    ) -> Result<ClientTransactionId, TooManyTransactions> {
        self.keyring
            .authorize(&mut attempt.request, &attempt.exchange, || core.cnonce());
        let contact = match self.contact_on_flow(attempt, core) {
            Some(contact) => {
                attempt.request.headers.set(HeaderName::Contact, contact);
                None
            }
            None => self.contact_of(&attempt.request.method),
        };
        let route = match attempt.challenger.take() {
            Some(challenger) => Route::Fixed(vec![challenger]),
            None => attempt.route.clone(),
        };
        let sent = core.send(&attempt.request, contact, route, now)?;
        attempt.sent = Some(sent);
        Ok(sent)
    }

    /// Takes the challenges of a 401 or 407 that came from `source`. The request may then
    /// be sent again, under its next sequence number.
    pub(crate) fn take_challenges(
        &mut self,
        attempt: &mut Attempt,
        response: &Response,
        source: &Source,
        core: &Core,
    ) -> Result<(), CannotAnswer> {
        let from_own_server = self.known.contains(source.remote.ip());
        self.keyring
            .take_challenges(response, from_own_server, &mut attempt.exchange)?;
        attempt.challenger = attempt
            .sent
            .and_then(|sent| core.layer.asked(sent).cloned());
        Ok(())
    }

    /// Learns from a 2xx.
    pub(crate) fn accepted(&mut self, attempt: &Attempt, response: &Response) {
        self.keyring.accepted(response, &attempt.exchange);
    }
}

/// Whether a response asks for credentials.
pub(crate) fn is_challenge(response: &Response) -> bool {
    matches!(response.status.code(), 401 | 407)
}
