//! Anything in any order: damaged and misplaced messages, and commands that do not fit.
//!
//! Nothing panics, every session that was told of ends exactly once, and nothing is left
//! behind.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::bench::{Bench, PROXY, SDP, Script, alice, call, source};
use crate::account::SessionId;
use crate::command::{Command, Reason};
use crate::event::{Event, SessionEvent};
use crate::message::{HeaderName, HeaderValue, Message, Request, Response, StatusCode};
use crate::page_message::MessageId;

#[test]
fn anything_in_any_order_ends_in_nothing() {
    for seed in 0..300 {
        Monkey::new(seed).play(150);
    }
}

struct Monkey {
    bench: Bench,
    rng: StdRng,
    /// Requests of ours that may be answered, and responses whose dialogs may be used.
    requests: Vec<Request>,
    responses: Vec<Response>,
    live: BTreeSet<SessionId>,
    serial: u32,
}

impl Monkey {
    fn new(seed: u64) -> Self {
        Self {
            bench: Bench::registered(),
            rng: StdRng::seed_from_u64(seed),
            requests: Vec::new(),
            responses: Vec::new(),
            live: BTreeSet::new(),
            serial: 0,
        }
    }

    fn play(mut self, turns: u32) {
        for _ in 0..turns {
            match self.rng.random_range(0..10) {
                0..=2 => self.command(),
                3..=5 => self.answer(),
                6..=8 => self.ask(),
                _ => {
                    let millis = self.rng.random_range(0..20_000);
                    self.bench.pass(Duration::from_millis(millis));
                }
            }
            self.look();
        }
        self.bench.command(Command::Shutdown);
        self.look();
        assert!(self.live.is_empty(), "{:?} never ended", self.live);
        self.bench.is_empty_after(600);
    }

    fn look(&mut self) {
        for message in self.bench.take_sent() {
            match message {
                Message::Request(request) => self.requests.push(request),
                Message::Response(response) => self.responses.push(response),
            }
        }
        for event in self.bench.take_events() {
            match event {
                Event::Registration { .. }
                | Event::Message { .. }
                | Event::MessageResult { .. } => {}
                Event::Incoming { session, .. } => assert!(self.live.insert(session)),
                Event::Session {
                    session,
                    event: SessionEvent::Ended { .. },
                } => assert!(self.live.remove(&session), "{session} ended twice"),
                Event::Session { session, event } => {
                    assert!(self.live.contains(&session), "{event:?} after the end");
                }
            }
        }
    }

    fn command(&mut self) {
        let session = self.some_session();
        let sdp = Bytes::from(SDP);
        let headers = Vec::new();
        let command = match self.rng.random_range(0..11) {
            0 => {
                self.serial += 1;
                let session = call(self.serial.into());
                self.live.insert(session);
                Command::Invite {
                    account: alice(),
                    session,
                    target: "bob".to_owned(),
                    sdp: Some(sdp),
                    headers,
                }
            }
            1 => Command::Provisional {
                session,
                code: self.rng.random_range(0..300),
                sdp: Some(sdp),
            },
            2 => Command::Accept {
                session,
                sdp,
                headers,
            },
            3 => Command::Reject {
                session,
                code: self.rng.random_range(0..1000),
                reason: Some("No\r\nWay".to_owned()),
            },
            4 => Command::HangUp {
                session,
                reason: Some(Reason::sip(200, "\"\r\n\\")),
            },
            5 => Command::Reinvite { session, sdp },
            6 => Command::AnswerReinvite {
                session,
                answer: Ok(sdp),
            },
            7 => Command::AnswerReinvite {
                session,
                answer: Err(self.rng.random_range(0..1000)),
            },
            8 => Command::SessionMessage {
                session,
                message: MessageId::new(self.serial.into()),
                content_type: "text/plain\r\nVia: x".to_owned(),
                body: sdp,
            },
            9 => Command::Message {
                account: alice(),
                message: MessageId::new(self.serial.into()),
                target: "bob".to_owned(),
                content_type: "text/plain".to_owned(),
                body: sdp,
                headers,
            },
            _ => Command::Info {
                session,
                content_type: "a/b".to_owned(),
                body: sdp,
            },
        };
        self.bench.command(command);
    }

    /// Some response to some request of ours, however old.
    fn answer(&mut self) {
        let Some(request) = self.some_of(|monkey| &monkey.requests).cloned() else {
            return;
        };
        let codes = [
            100, 180, 183, 200, 200, 200, 401, 407, 408, 481, 486, 491, 500, 503, 699,
        ];
        let code = codes[self.rng.random_range(0..codes.len())];
        let mut response = request.reply(StatusCode::new(code).unwrap());
        let mut to = request.headers.to().unwrap();
        if to.tag().is_none() && code > 100 {
            to.set_tag(["one", "two"][self.rng.random_range(0..2)])
                .unwrap();
            response.headers.set(HeaderName::To, to);
        }
        let challenge = format!("Digest realm=\"example.com\", nonce=\"{}\"", self.serial);
        for (name, value) in [
            (HeaderName::Contact, "<sip:them@198.51.100.2>"),
            (HeaderName::ProxyAuthenticate, &challenge),
            (HeaderName::ContentType, "application/sdp"),
        ] {
            let value = HeaderValue::new(value).unwrap();
            response.headers.push(name, value);
        }
        response.body = Bytes::from(SDP);
        self.receive(&Message::from(response).to_bytes());
    }

    /// Some request to us, within a dialog or not.
    fn ask(&mut self) {
        let methods = [
            "INVITE", "INVITE", "ACK", "ACK", "BYE", "CANCEL", "UPDATE", "INFO", "OPTIONS",
            "PRACK", "NOTIFY", "REFER", "X",
        ];
        let method = methods[self.rng.random_range(0..methods.len())];
        let dialog = match self.rng.random_bool(0.8) {
            true => self.some_of(|monkey| &monkey.responses).cloned(),
            false => None,
        };
        let token = self.bench.token();
        let tag = dialog.as_ref().and_then(|response| {
            let to = response.headers.to().ok()?;
            to.tag().map(|tag| tag.into_owned())
        });
        let call_id = match &dialog {
            Some(response) => response.headers.call_id().unwrap().to_owned(),
            None => format!("call{}", self.rng.random_range(0..20)),
        };
        let script = Script {
            method,
            cseq: self.rng.random_range(1..6),
            to_tag: tag.as_deref(),
            call_id: &call_id,
            ..Script::invite(&token)
        };
        let branch = self.rng.random_range(0..1000);
        self.receive(script.text(branch).as_bytes());
    }

    /// Receives a message, damaged now and then.
    fn receive(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        if self.rng.random_bool(0.3) {
            for _ in 0..self.rng.random_range(1..4) {
                let at = self.rng.random_range(0..bytes.len());
                bytes[at] = self.rng.random();
            }
        }
        match Message::parse_datagram(&bytes) {
            Ok(message) => self.bench.receive_message(message, source(PROXY)),
            Err(error) => {
                let now = self.bench.now;
                self.bench.ua.handle_malformed(&error, source(PROXY), now);
            }
        }
    }

    fn some_session(&mut self) -> SessionId {
        let count = self.live.len();
        match count {
            0 => call(0),
            _ => *self
                .live
                .iter()
                .nth(self.rng.random_range(0..count))
                .unwrap(),
        }
    }

    /// A recent one.
    fn some_of<T>(&mut self, of: impl Fn(&Self) -> &Vec<T>) -> Option<&T> {
        let length = of(self).len();
        let back = self.rng.random_range(1..8);
        of(self).get(length.checked_sub(back)?)
    }
}
