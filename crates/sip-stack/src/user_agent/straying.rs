//! A 2xx that nobody waits for (RFC 3261 §13.2.2.4): acknowledged again in a dialog we know,
//! acknowledged and ended in one that must not be.

use std::time::Instant;

use super::UserAgent;
use super::client_user::ClientUser;
use crate::dialog::{Dialog, DialogId};
use crate::message::{Request, Response};
use crate::transport::Source;

impl UserAgent {
    /// `invite`: what it answers, if its transaction is remembered. Without that, a stranger
    /// could make us send BYE to anybody.
    pub(super) fn handle_stray_2xx(
        &mut self,
        invite: Option<&Request>,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let (Some(dialog), Ok(cseq)) = (DialogId::of_response(response), response.headers.cseq())
        else {
            return;
        };
        if let Some(id) = self.dialogs.get(&dialog).copied()
            && let Some(established) = self.established(id)
        {
            if cseq.number <= established.dialog.local_seq() {
                let ack = established.dialog.ack(cseq.number);
                let route = established.dialog.route();
                self.core.layer.send_ack(ack, route, now);
            }
            return;
        }
        if let Some(invite) = invite {
            self.end_unwanted(invite, response, source, now);
        }
    }

    /// A server that was given up for another one has found somebody after all.
    fn end_unwanted(
        &mut self,
        invite: &Request,
        response: &Response,
        source: &Source,
        now: Instant,
    ) {
        let contacts = invite.headers.readable_contacts();
        let token = contacts.first().and_then(|contact| contact.uri.user());
        let account = token.and_then(|token| self.tokens.get(token)).copied();
        let (Some(account), Ok(mut dialog)) =
            (account, Dialog::from_response(invite, response, source))
        else {
            return;
        };
        if let Some(id) = self.dialogs.get(dialog.id()).copied()
            && let Some((_, calling)) = self.calling(id)
            && let Some(early) = calling.find(dialog.id())
        {
            dialog.continue_from(&early.dialog);
        } else {
            dialog.skip_forgotten();
        }
        self.acknowledge(&dialog, invite, None, now);
        if invite.headers.to().is_ok_and(|to| to.tag().is_some()) {
            // A change within a dialog, which has ended by a BYE of its own.
            return;
        }
        let is_ending = self.clients.values().any(|user| {
            matches!(user, ClientUser::Farewell(farewell) if farewell.dialog.id() == dialog.id())
        });
        if !is_ending {
            self.say_bye(account, dialog, None, now);
        }
    }
}
