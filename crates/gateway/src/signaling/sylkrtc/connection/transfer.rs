//! `session-transfer`: the client gives the far end of a call away, to an address or to the far
//! end of another of its calls.

use sip_stack::account::SessionId as SipSession;
use sip_stack::refer::ReferTarget;
use sylkrtc_protocol::{Refusal, SessionId, SessionTransfer, TransferTarget};

use super::client::Client;
use crate::account::Barred;
use crate::call::{CallCommand, Input, Refused};
use crate::signaling::sylkrtc::translate::{self, Asked};

impl Client {
    pub(super) async fn transfer_session(
        &mut self,
        transfer: SessionTransfer,
    ) -> Result<(), Refusal> {
        let SessionTransfer { session, to } = transfer;
        let (target, joined) = match to {
            TransferTarget::Uri(uri) => (self.address_for(&session, uri)?, None),
            TransferTarget::Replaces(other) => {
                (self.far_end_for(&session, &other).await?, Some(other))
            }
        };
        let command = CallCommand::Transfer(target);
        self.ask(session.clone(), command, Asked::Transfer).await?;
        if let Some(session) = self.sessions.get_mut(&session) {
            session.joined = joined;
        }
        Ok(())
    }

    fn address_for(&self, session: &SessionId, uri: String) -> Result<ReferTarget, Refusal> {
        let unknown = || Refusal::UnknownSession(session.clone());
        let account = self.sessions.get(session).ok_or_else(unknown)?.account;
        let address = self.addresses.get(&account).ok_or_else(unknown)?;
        let account = self.accounts.get(address).ok_or_else(unknown)?;
        account.permissions.may_dial(&uri).map_err(|barred| {
            tracing::info!(?barred, "transfer not allowed");
            match barred {
                Barred::Calling => Refusal::CallsNotAllowed(address.clone()),
                Barred::Destination => Refusal::DestinationNotAllowed(uri.clone()),
            }
        })?;
        Ok(ReferTarget::Address(uri))
    }

    async fn far_end_for(
        &self,
        session: &SessionId,
        other: &SessionId,
    ) -> Result<ReferTarget, Refusal> {
        let unknown = |name: &SessionId| Refusal::UnknownSession(name.clone());
        let given = self.sessions.get(session).ok_or_else(|| unknown(session))?;
        let kept = self.sessions.get(other).ok_or_else(|| unknown(other))?;
        if given.account != kept.account {
            return Err(unknown(other));
        }
        match kept.call.phone().await {
            Ok(phone) => Ok(ReferTarget::Session(phone)),
            Err(state) => {
                let refused = Refused::WrongState(state);
                Err(translate::refusal(other.clone(), refused, Asked::Transfer))
            }
        }
    }

    /// The far end of a call is connected with that of another one: this one ends as well.
    pub(super) fn end_given_away(&mut self, sip: SipSession) {
        let joined = self
            .sessions
            .by_sip(sip)
            .and_then(|(_, session)| session.joined.take());
        if let Some(joined) = joined.and_then(|name| self.sessions.get(&name)) {
            joined.call.tell_now(Input::Transferred);
        }
    }
}
