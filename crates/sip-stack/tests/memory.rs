//! What ten thousand registered accounts cost: at most 6 kB each, everything included, after
//! they have all been refreshed. Measured as the growth of this process's resident memory, on
//! virtual time, with a registrar that challenges.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sip_stack::account::{AccountConfig, AccountId, Ha1};
use sip_stack::command::Command;
use sip_stack::message::{HeaderName, Message, Request, Uri};
use sip_stack::transport::{Destination, FlowId, LocalAddresses, Source, Transport};
use sip_stack::user_agent::{UserAgent, UserAgentConfig};

const ACCOUNTS: usize = 10_000;
const MOST: usize = 6 * 1024;
const REGISTRAR: &str = "192.0.2.10:5060";
const OURS: &str = "192.0.2.1:5060";

#[test]
fn an_account_registered_by_udp_costs_at_most_6_kb() {
    let mut world = World::new();
    // What the first accounts cost besides themselves is not counted.
    world.add(0..100);
    world.run(Duration::from_secs(60));
    let before = resident();

    world.add(100..100 + ACCOUNTS);
    world.run(Duration::from_secs(1200));
    let counts = world.ua.counts();
    assert_eq!(counts.registrations, ACCOUNTS + 100);
    assert!(world.answered > 3 * ACCOUNTS, "all have been refreshed");

    let each = resident().saturating_sub(before) / ACCOUNTS;
    assert!(each <= MOST, "{each} bytes each");
    assert!(each > 500, "{each} bytes each: that cannot be true");
    tell_figure(each);
}

#[allow(clippy::print_stderr, reason = "the figure is what this test is for")]
fn tell_figure(each: usize) {
    eprintln!("{each} bytes per account");
}

struct World {
    ua: UserAgent,
    now: Instant,
    answered: usize,
}

impl World {
    fn new() -> Self {
        let mut local = LocalAddresses::new();
        local.advertise(Transport::Udp, addr(OURS));
        let config = UserAgentConfig {
            local,
            ..UserAgentConfig::default()
        };
        Self {
            ua: UserAgent::new(config, [3; 32]),
            now: epoch(),
            answered: 0,
        }
    }

    fn add(&mut self, numbers: std::ops::Range<usize>) {
        for n in numbers {
            let user = format!("user-{n:06}");
            let config = AccountConfig {
                outbound_proxy: Uri::parse(&format!("sip:{REGISTRAR};lr")).ok(),
                display_name: Some(format!("User Number {n}")),
                user_agent: Some("A web page of some length (https://phone.example.com)".into()),
                ..AccountConfig::new(
                    format!("{user}@example.com"),
                    Ha1::compute(&user, "example.com", "secret"),
                    format!("00000000-0000-4000-8000-{n:012}"),
                )
            };
            let account = AccountId::new(n as u64);
            self.ua
                .handle_command(Command::AddAccount { account, config }, self.now);
            self.ua
                .handle_command(Command::Register { account }, self.now);
            self.drain();
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.ua.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.ua.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        loop {
            if let Some(request) = self.ua.poll_resolve() {
                let found = Ok(vec![Destination::udp(addr(REGISTRAR))]);
                self.ua.handle_resolved(request.id, found, self.now);
            } else if let Some(transmit) = self.ua.poll_transmit() {
                if let Ok(Message::Request(request)) = Message::parse_datagram(&transmit.bytes) {
                    self.answer(&request);
                }
            } else if self.ua.poll_event().is_none() && self.ua.poll_keep_alive().is_none() {
                break;
            }
        }
    }

    fn answer(&mut self, request: &Request) {
        let get = |name: &HeaderName| {
            let value = request.headers.get(name).expect("it is there");
            value.text().into_owned()
        };
        let (status, extra) = match request.headers.get(&HeaderName::Authorization) {
            Some(_) => (
                "200 OK",
                format!(
                    "Contact: {};expires=600\r\nService-Route: <sip:edge.example.com;lr>, \
                     <sip:core.example.com;lr>\r\n",
                    get(&HeaderName::Contact)
                ),
            ),
            None => (
                "401 Unauthorized",
                "WWW-Authenticate: Digest realm=\"example.com\", qop=\"auth\", \
                 nonce=\"Z2FtZWxhbiBpcyBhIG5vbmNlIG9mIHVzdWFsIGxlbmd0aA\"\r\n"
                    .to_owned(),
            ),
        };
        let text = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=x\r\nCall-ID: {}\r\n\
             CSeq: {}\r\n{extra}Content-Length: 0\r\n\r\n",
            get(&HeaderName::Via),
            get(&HeaderName::From),
            get(&HeaderName::To),
            get(&HeaderName::CallId),
            get(&HeaderName::CSeq),
        );
        let source = Source {
            transport: Transport::Udp,
            local: addr(OURS),
            remote: addr(REGISTRAR),
            flow: Some(FlowId(1)),
        };
        self.answered += 1;
        let message = Message::parse_datagram(text.as_bytes()).expect("we wrote it");
        self.ua.handle_message(message, source, self.now);
    }
}

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.expect("VmRSS").trim().trim_end_matches(" kB");
    line.parse::<usize>().expect("a number") * 1024
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[expect(
    clippy::disallowed_methods,
    reason = "an arbitrary origin of virtual time"
)]
fn epoch() -> Instant {
    Instant::now()
}
