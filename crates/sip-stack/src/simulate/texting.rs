//! Texts, in calls and outside: each says its number, so that it can be told who got which.

use bytes::Bytes;
use rand::RngExt;

use super::users::{ACCOUNT, Moment, NAMES, Users};
use crate::account::SessionId;
use crate::command::Command;
use crate::page_message::MessageId;

const PLAIN: &str = "text/plain";

impl Users {
    pub(super) fn plan_text_within(
        &mut self,
        agent: usize,
        session: SessionId,
        moment: &mut Moment<'_>,
    ) {
        let (message, body) = self.next_text(moment);
        let text = Command::SessionMessage {
            session,
            message,
            content_type: PLAIN.to_owned(),
            body,
        };
        let at = moment.within(0.0, 10.0);
        self.at(at, agent, text);
    }

    /// A few texts to somebody some time in the next `seconds`.
    pub(super) fn plan_texts(&mut self, seconds: f64, moment: &mut Moment<'_>) {
        let agent = moment.rng.random_range(0..self.registered.len());
        let target = NAMES[moment.rng.random_range(0..NAMES.len())];
        let start = moment.within(0.0, seconds);
        for _ in 0..moment.rng.random_range(1..4) {
            let (message, body) = self.next_text(moment);
            let text = Command::Message {
                account: ACCOUNT,
                message,
                target: target.to_owned(),
                content_type: PLAIN.to_owned(),
                body,
                headers: Vec::new(),
            };
            let later = moment.within(0.0, 2.0) - moment.now;
            self.at(start + later, agent, text);
        }
    }

    /// The number, and what is written; now and then more than fits into a datagram.
    fn next_text(&mut self, moment: &mut Moment<'_>) -> (MessageId, Bytes) {
        self.texts += 1;
        let padding = if moment.happens(5) { 2000 } else { 0 };
        let body = format!("{}{}", self.texts, " ".repeat(padding));
        (MessageId::new(self.texts), body.into())
    }
}
