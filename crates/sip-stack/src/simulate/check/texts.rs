//! Texts arrive, in order, and their senders are told so once.

use std::collections::BTreeMap;

use crate::account::SessionId;
use crate::command::Command;
use crate::event::{Event, SessionEvent, StatusReason};
use crate::page_message::{MessageId, PageMessage};

#[derive(Default)]
pub(super) struct Texts {
    /// In the order in which their users wanted them sent.
    sent: Vec<MessageId>,
    /// From whom to whom.
    chats: BTreeMap<MessageId, Chat>,
    /// What its sender was told of each.
    results: BTreeMap<MessageId, u16>,
    /// What each agent was told, in order, each once.
    heard: BTreeMap<usize, Vec<MessageId>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Chat {
    Within(usize, SessionId),
    Outside(usize, String),
}

impl Texts {
    pub(super) fn commanded(&mut self, agent: usize, command: &Command) {
        let (message, chat) = match command {
            Command::Message {
                message, target, ..
            } => (*message, Chat::Outside(agent, target.clone())),
            Command::SessionMessage {
                message, session, ..
            } => (*message, Chat::Within(agent, *session)),
            _ => return,
        };
        self.sent.push(message);
        self.chats.insert(message, chat);
    }

    pub(super) fn told(&mut self, agent: usize, event: &Event) {
        match event {
            Event::Message { message, .. }
            | Event::Session {
                event: SessionEvent::Message { message, .. },
                ..
            } => self.hears(agent, message),
            Event::MessageResult {
                message, reason, ..
            }
            | Event::Session {
                event: SessionEvent::MessageResult { message, reason },
                ..
            } => self.result(agent, *message, reason),
            _ => {}
        }
    }

    fn hears(&mut self, agent: usize, message: &PageMessage) {
        if let Ok(number) = message.content.trim().parse() {
            let heard = self.heard.entry(agent).or_default();
            if !heard.contains(&MessageId::new(number)) {
                heard.push(MessageId::new(number));
            }
        }
    }

    fn result(&mut self, agent: usize, message: MessageId, reason: &StatusReason) {
        let sender = match self.chats.get(&message) {
            Some(Chat::Within(sender, _) | Chat::Outside(sender, _)) => Some(*sender),
            None => None,
        };
        assert_eq!(sender, Some(agent), "told of the {message:?} of another");
        let before = self.results.insert(message, reason.code);
        assert!(before.is_none(), "told twice of {message:?}");
    }

    /// How many arrived, for all that their senders know.
    pub(super) fn arrived(&self) -> u32 {
        let arrived = self.results.values().filter(|code| **code < 300);
        u32::try_from(arrived.count()).unwrap_or(u32::MAX)
    }

    /// `calm`: nothing but loss stands in the way, and little of that.
    ///
    /// That nothing is told twice cannot be asked for: if the answer to a text is lost on its
    /// way through a proxy that does not wait for it, the text is sent to the next one.
    pub(super) fn at_the_end(&self, calm: bool) {
        for (message, code) in &self.results {
            let is_heard = self.heard.values().flatten().any(|heard| heard == message);
            assert!(*code >= 300 || is_heard, "{message:?} reached nobody");
        }
        for (message, chat) in &self.chats {
            let is_told = self.results.contains_key(message);
            let may_be_overtaken = matches!(chat, Chat::Within(..));
            assert!(is_told || may_be_overtaken, "nothing told of {message:?}");
        }
        for heard in self.heard.values().filter(|_| calm) {
            self.in_order(heard);
        }
    }

    /// One text waits for the answer to the one before, so that they arrive in order.
    fn in_order(&self, heard: &[MessageId]) {
        let mut last: BTreeMap<&Chat, usize> = BTreeMap::new();
        for message in heard {
            let chat = self.chats.get(message);
            let place = self.sent.iter().position(|sent| sent == message);
            if let (Some(chat), Some(place)) = (chat, place) {
                let before = last.insert(chat, place);
                assert!(before < Some(place), "{message:?} comes late");
            }
        }
    }
}
