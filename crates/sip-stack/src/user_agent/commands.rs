//! What the application asks, handed to the part that does it; and the coming and going
//! of accounts.

use std::time::Instant;

use super::UserAgent;
use super::messaging::{Chat, Outgoing};
use crate::account::{Account, AccountConfig, AccountId, SessionId};
use crate::command::Command;
use crate::event::{Event, RegistrationState, StatusReason};
use crate::invite::Session;
use crate::invite::called::Called;

impl UserAgent {
    pub(super) fn dispatch_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::AddAccount { account, config } => self.add_account(account, config),
            Command::RemoveAccount { account } => self.remove_account(account, now),
            Command::Register { account } => self.register(account, now),
            Command::Unregister { account } => self.unregister(account, now),
            Command::Invite {
                account,
                session,
                target,
                sdp,
                headers,
            } => self.invite(account, session, Called::Typed(&target), sdp, &headers, now),
            Command::Provisional { session, code, sdp } => {
                self.say_provisional(session, code, sdp, now);
            }
            Command::Accept {
                session,
                sdp,
                headers,
            } => self.accept(session, sdp, headers, now),
            Command::Reject {
                session,
                code,
                reason,
            } => self.reject(session, code, reason.as_deref(), now),
            Command::HangUp { session, reason } => self.hang_up(session, reason.as_ref(), now),
            Command::Reinvite { session, sdp } => self.reinvite(session, sdp, now),
            Command::AnswerReinvite { session, answer } => {
                self.answer_reinvite(session, answer, now);
            }
            Command::AnswerOffer {
                session,
                dialog,
                answer,
            } => self.answer_offer(session, dialog, answer, now),
            Command::Info {
                session,
                content_type,
                body,
            } => self.send_info(session, &content_type, body, now),
            Command::Refer { session, target } => self.refer(session, &target, now),
            Command::AnswerRefer { session, answer } => self.answer_refer(session, answer, now),
            Command::NotifyRefer { session, status } => self.notify_refer(session, status, now),
            Command::InviteReferred {
                account,
                session,
                referral,
                sdp,
            } => self.invite(
                account,
                session,
                Called::Referred(&referral),
                Some(sdp),
                &[],
                now,
            ),
            Command::SessionMessage {
                session,
                message,
                content_type,
                body,
            } => {
                let message = Outgoing::new(message, &content_type, body, Vec::new());
                self.send_message(Chat::Session(session), message, now);
            }
            Command::Message {
                account,
                message,
                target,
                content_type,
                body,
                headers,
            } => {
                let message = Outgoing::new(message, &content_type, body, headers);
                self.send_message(Chat::Account(account, target), message, now);
            }
            Command::Shutdown => self.shut_down(now),
        }
    }

    fn add_account(&mut self, id: AccountId, config: AccountConfig) {
        if self.shutting_down || self.accounts.contains_key(&id) {
            tracing::warn!(account = %id, "account not added: the id is in use, or we are leaving");
            return;
        }
        let Some(account) = Account::new(id, config, &mut self.core) else {
            tracing::warn!(account = %id, "account not added: its address is no SIP address");
            return;
        };
        self.core.admit_token(&account.token, true);
        self.tokens.insert(account.token.clone(), id);
        self.accounts.insert(id, Box::new(account));
    }

    fn remove_account(&mut self, id: AccountId, now: Instant) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut account.leaving, true) {
            return;
        }
        if account.sessions > 0 {
            let of_account = |(_, session): &(&SessionId, &Session)| session.account == id;
            let sessions = self.sessions.iter().filter(of_account);
            let sessions: Vec<_> = sessions.map(|(session, _)| *session).collect();
            for session in sessions {
                self.hang_up(session, None, now);
            }
        }
        self.unregister(id, now);
        self.forget_if_done(id);
    }

    fn register(&mut self, id: AccountId, now: Instant) {
        match self.accounts.get(&id) {
            Some(account) if !account.leaving => {
                self.registration_step(id, now, |account, core| {
                    account.register(core, now);
                    None
                });
            }
            Some(_) | None => {
                let reason = StatusReason::new(404, "No Such Account");
                self.core.tell(Event::Registration {
                    account: id,
                    state: RegistrationState::Failed {
                        reason,
                        retrying: false,
                    },
                });
            }
        }
    }

    fn unregister(&mut self, id: AccountId, now: Instant) {
        self.registration_step(id, now, |account, core| {
            account.unregister(core, now);
            None
        });
    }

    fn shut_down(&mut self, now: Instant) {
        self.shutting_down = true;
        let accounts: Vec<_> = self.accounts.keys().copied().collect();
        for account in accounts {
            self.remove_account(account, now);
        }
    }
}
