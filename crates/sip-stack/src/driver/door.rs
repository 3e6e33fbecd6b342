//! The door: what of the network's noise may wake the driver (RFC 3261 §26.3.2.4).
//!
//! Requests are let in that come from a registrar or proxy of ours or name one of our
//! Contacts, and whatever comes by a stream that we opened. Everything else ends in the
//! reader that received it: unanswered, counted, and on UDP unparsed. Responses pass if they
//! come from where we lately sent something; a few others may, as servers with several
//! addresses exist.
//!
//! One lock, written by the driver and read by the readers, never held across an await.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crate::admission::Admission;
use crate::message::Message;

/// How far a request line is searched for the user part of its URI.
const SEARCHED: usize = 256;
/// How long a place we sent to may answer, at least; twice that at most. A call rings for
/// three minutes.
const ANSWER_TIME: Duration = Duration::from_secs(300);
/// Places we sent to that are remembered for each such time; beyond, answers of others go
/// the way of answers from anywhere.
const MAX_ASKED: usize = 65_536;
/// Responses from where we sent nothing that are looked at each second.
const STRAY_RESPONSES: u64 = 200;

/// Who is let in.
pub(super) struct Door {
    /// `false` lets everything in: for machines that tell nobody apart.
    guarded: bool,
    guests: RwLock<Guests>,
    /// The second (since `origin`) that stray responses are counted for, and their number.
    stray: [AtomicU64; 2],
    origin: Instant,
    counts: Turned,
}

#[derive(Default)]
struct Guests {
    tokens: HashSet<Vec<u8>>,
    addresses: HashSet<IpAddr>,
    asked: HashSet<IpAddr>,
    asked_before: HashSet<IpAddr>,
    asked_since: Option<Instant>,
}

#[derive(Default)]
struct Turned {
    strangers: AtomicU64,
    flooded: AtomicU64,
    malformed: AtomicU64,
}

/// What has been turned away since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorCounts {
    /// Requests of strangers.
    pub strangers: u64,
    /// Responses from where nothing was sent, beyond what is looked at.
    pub flooded: u64,
    /// What strangers sent that was no message.
    pub malformed: u64,
}

impl Door {
    pub(super) fn new(guarded: bool, now: Instant) -> Self {
        Self {
            guarded,
            guests: RwLock::default(),
            stray: [AtomicU64::new(0), AtomicU64::new(0)],
            origin: now,
            counts: Turned::default(),
        }
    }

    pub(super) fn note(&self, change: Admission) {
        let mut guests = self.write();
        match change {
            Admission::Token { token, admitted } => match admitted {
                true => guests.tokens.insert(token.into_bytes()),
                false => guests.tokens.remove(token.as_bytes()),
            },
            Admission::Address { address, admitted } => match admitted {
                true => guests.addresses.insert(address),
                false => guests.addresses.remove(&address),
            },
        };
    }

    /// Something is being sent there: it may answer.
    pub(super) fn note_sent(&self, to: IpAddr, now: Instant) {
        if !self.guarded {
            return;
        }
        let fresh = |guests: &Guests| {
            let since = guests.asked_since;
            since.is_some_and(|since| now.saturating_duration_since(since) < ANSWER_TIME)
        };
        {
            let guests = self.read();
            if fresh(&guests) && guests.asked.contains(&to) {
                return;
            }
        }
        let mut guests = self.write();
        if !fresh(&guests) {
            guests.asked_before = std::mem::take(&mut guests.asked);
            guests.asked_since = Some(now);
        }
        if guests.asked.len() < MAX_ASKED {
            guests.asked.insert(to);
        }
    }

    /// Whether a datagram is worth parsing.
    pub(super) fn admits_datagram(&self, datagram: &[u8], from: IpAddr, now: Instant) -> bool {
        if self.knows(from) {
            return true;
        }
        if datagram.starts_with(b"SIP/") {
            return self.admits_response(from, now);
        }
        let named = user_of_request_line(datagram);
        self.admits_user(named)
    }

    /// Whether a message that came by a stream concerns us.
    pub(super) fn admits_message(&self, message: &Message, from: IpAddr, now: Instant) -> bool {
        if self.knows(from) {
            return true;
        }
        match message {
            Message::Response(_) => self.admits_response(from, now),
            Message::Request(request) => self.admits_user(request.uri.user().map(str::as_bytes)),
        }
    }

    /// Whether this is the address of a registrar or proxy of ours.
    pub(super) fn knows(&self, address: IpAddr) -> bool {
        !self.guarded || self.read().addresses.contains(&address)
    }

    /// Counts what a stranger sent that was no message.
    pub(super) fn turn_away_malformed(&self) {
        self.counts.malformed.fetch_add(1, Relaxed);
    }

    pub(super) fn counts(&self) -> DoorCounts {
        DoorCounts {
            strangers: self.counts.strangers.load(Relaxed),
            flooded: self.counts.flooded.load(Relaxed),
            malformed: self.counts.malformed.load(Relaxed),
        }
    }

    fn admits_user(&self, user: Option<&[u8]>) -> bool {
        let admitted = user.is_some_and(|user| self.read().tokens.contains(user));
        if !admitted {
            self.counts.strangers.fetch_add(1, Relaxed);
        }
        admitted
    }

    fn admits_response(&self, from: IpAddr, now: Instant) -> bool {
        {
            let guests = self.read();
            if guests.asked.contains(&from) || guests.asked_before.contains(&from) {
                return true;
            }
        }
        let second = now.saturating_duration_since(self.origin).as_secs();
        // Two readers may both begin the second: a few more are let in.
        if self.stray[0].swap(second, Relaxed) != second {
            self.stray[1].store(0, Relaxed);
        }
        let admitted = self.stray[1].fetch_add(1, Relaxed) < STRAY_RESPONSES;
        if !admitted {
            self.counts.flooded.fetch_add(1, Relaxed);
        }
        admitted
    }

    /// A reader that panicked leaves nothing half done.
    fn read(&self) -> RwLockReadGuard<'_, Guests> {
        self.guests.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Guests> {
        self.guests.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user part of a SIP URI in a request line, found without parsing: what stands between
/// the scheme and the first `@`, up to a password or parameters.
fn user_of_request_line(datagram: &[u8]) -> Option<&[u8]> {
    let head = &datagram[..datagram.len().min(SEARCHED)];
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let uri = line.split(|byte| *byte == b' ').nth(1)?;
    let rest = &uri[uri.iter().position(|byte| *byte == b':')? + 1..];
    let userinfo = &rest[..rest.iter().position(|byte| *byte == b'@')?];
    userinfo.split(|byte| matches!(byte, b':' | b';')).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_in_the_request_line_only() {
        let user = |text: &'static str| user_of_request_line(text.as_bytes());
        let expected = Some(&b"abc"[..]);
        assert_eq!(user("INVITE sip:abc@192.0.2.1 SIP/2.0\r\n"), expected);
        assert_eq!(user("BYE sips:abc:pw@[::1]:5061;a=b SIP/2.0\r\n"), expected);
        assert_eq!(
            user("OPTIONS sip:192.0.2.1 SIP/2.0\r\nTo: <sip:abc@x>\r\n"),
            None
        );
        assert_eq!(user("INVITE tel:+1555 SIP/2.0\r\n"), None);
        assert_eq!(user("INVITE"), None);
        assert_eq!(user(""), None);
    }

    #[test]
    fn only_requests_of_guests_pass() {
        let now = epoch();
        let door = Door::new(true, now);
        let request = b"INVITE sip:secret@192.0.2.1 SIP/2.0\r\n";
        assert!(!door.admits_datagram(request, ip(1), now));

        door.note(token(true));
        assert!(door.admits_datagram(request, ip(1), now));
        door.note(token(false));
        assert!(!door.admits_datagram(request, ip(1), now));

        let address = ip(1);
        door.note(Admission::Address {
            address,
            admitted: true,
        });
        assert!(door.admits_datagram(request, ip(1), now));
        assert!(!door.admits_datagram(request, ip(2), now));
        assert_eq!(door.counts().strangers, 3);
    }

    #[test]
    fn responses_pass_from_where_we_sent_and_a_few_from_elsewhere() {
        let mut now = epoch();
        let door = Door::new(true, now);
        let response = b"SIP/2.0 200 OK\r\n";
        door.note_sent(ip(1), now);
        for _ in 0..STRAY_RESPONSES {
            assert!(door.admits_datagram(response, ip(2), now));
        }
        assert!(!door.admits_datagram(response, ip(2), now));
        assert!(door.admits_datagram(response, ip(1), now));
        assert_eq!(door.counts().flooded, 1);

        now += Duration::from_secs(1);
        assert!(door.admits_datagram(response, ip(2), now));
    }

    #[test]
    fn where_we_sent_is_remembered_for_a_while_and_not_for_ever() {
        let start = epoch();
        let door = Door::new(true, start);
        door.note_sent(ip(1), start);
        door.note_sent(ip(2), start + ANSWER_TIME);
        let asked = |address| {
            let guests = door.read();
            guests.asked.contains(&address) || guests.asked_before.contains(&address)
        };
        assert!(asked(ip(1)));
        door.note_sent(ip(2), start + 2 * ANSWER_TIME);
        assert!(!asked(ip(1)));
        assert!(asked(ip(2)));
    }

    #[test]
    fn an_unguarded_door_is_open() {
        let now = epoch();
        let door = Door::new(false, now);
        assert!(door.admits_datagram(b"anything", ip(1), now));
    }

    fn token(admitted: bool) -> Admission {
        let token = "secret".to_owned();
        Admission::Token { token, admitted }
    }

    fn ip(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an arbitrary origin of virtual time"
    )]
    fn epoch() -> Instant {
        Instant::now()
    }
}
