//! A thousand accounts at one registrar, on virtual time: how fast they come, and how they
//! come back when it or the connection to it was gone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::bench::{OURS, PROXY, addr, epoch, header};
use crate::account::{AccountConfig, AccountId, Ha1};
use crate::command::Command;
use crate::event::{Event, RegistrationState};
use crate::message::{HeaderName, Message, Method, Request, Uri};
use crate::transport::{Destination, FlowId, LocalAddresses, Source, Transport};
use crate::user_agent::{PaceConfig, UserAgent, UserAgentConfig};

const ACCOUNTS: u64 = 1000;
/// From the UA to the registrar and back.
const ROUND_TRIP: Duration = Duration::from_millis(4);

#[test]
fn a_thousand_accounts_start_within_the_pace() {
    let mut world = World::new(PaceConfig::default(), Transport::Udp);
    world.register_all();
    world.run(Duration::from_secs(25));
    assert_eq!(world.bound(), ACCOUNTS);
    world.keeps_pace(50);
}

#[test]
fn a_thousand_accounts_are_back_within_30_s_of_their_registrar() {
    let mut world = World::new(PaceConfig::default(), Transport::Udp);
    world.register_all();
    world.run(Duration::from_secs(25));
    world.registrar_dies();
    world.run(Duration::from_secs(900));
    assert_eq!(world.bound(), 0);

    world.registrar_returns();
    world.run(Duration::from_secs(30));
    assert_eq!(world.bound(), ACCOUNTS);
    world.keeps_pace(50);
    assert_eq!(world.told_registered(), ACCOUNTS);
}

#[test]
fn a_thousand_accounts_are_back_within_30_s_although_none_ever_was() {
    let mut world = World::new(PaceConfig::default(), Transport::Udp);
    world.registrar_dies();
    world.register_all();
    world.run(Duration::from_secs(200));
    world.registrar_returns();
    world.run(Duration::from_secs(30));
    assert_eq!(world.bound(), ACCOUNTS);
    world.keeps_pace(50);
}

#[test]
fn without_a_pace_a_thousand_accounts_are_back_within_2_s() {
    let unlimited = PaceConfig {
        per_second: 0,
        ..PaceConfig::default()
    };
    let mut world = World::new(unlimited, Transport::Udp);
    world.register_all();
    world.run(Duration::from_secs(1));
    assert_eq!(world.bound(), ACCOUNTS);
    world.registrar_dies();
    world.run(Duration::from_secs(900));

    world.registrar_returns();
    world.run(Duration::from_secs(2));
    assert_eq!(world.bound(), ACCOUNTS);
}

#[test]
fn without_a_pace_all_come_back_by_tcp_within_2_s_those_too_that_found_out_first() {
    for in_flight in [100, 10_000] {
        let unlimited = PaceConfig {
            per_second: 0,
            in_flight,
        };
        let mut world = World::new(unlimited, Transport::Tcp);
        world.register_all();
        world.run(Duration::from_secs(1));
        world.bindings.clear();
        world.registrar_dies();
        world.close_connection();
        world.run(Duration::from_secs(3));

        world.registrar_returns();
        world.run(Duration::from_secs(2));
        assert_eq!(world.bound(), ACCOUNTS);
    }
}

#[test]
fn a_lost_connection_is_replaced_for_a_thousand_accounts_and_nobody_is_told() {
    let mut world = World::new(PaceConfig::default(), Transport::Tcp);
    world.register_all();
    world.run(Duration::from_secs(25));
    world.events.clear();
    world.sent.clear();
    world.bindings.clear();

    world.close_connection();
    world.run(Duration::from_secs(30));
    assert_eq!(world.bound(), ACCOUNTS);
    world.keeps_pace(50);
    assert!(world.events.is_empty(), "{:?}", world.events[0]);
}

#[test]
fn a_connection_that_cannot_be_replaced_is_told_as_a_failure() {
    let mut world = World::new(PaceConfig::default(), Transport::Tcp);
    world.register_all();
    world.run(Duration::from_secs(25));
    world.events.clear();
    world.registrar_dies();
    world.close_connection();
    world.run(Duration::from_secs(60));
    let failed = |event: &&Event| {
        matches!(
            event,
            Event::Registration {
                state: RegistrationState::Failed { retrying: true, .. },
                ..
            }
        )
    };
    let failed = world.events.iter().filter(failed).count();
    assert_eq!(failed as u64, ACCOUNTS);

    world.registrar_returns();
    world.run(Duration::from_secs(30));
    assert_eq!(world.bound(), ACCOUNTS);
}

#[test]
fn refreshes_are_in_time_whatever_else_waits() {
    let slow = PaceConfig {
        per_second: 20,
        ..PaceConfig::default()
    };
    let mut world = World::new(slow, Transport::Udp);
    world.expires = 120;
    for n in 0..500 {
        world.add(n);
    }
    world.run(Duration::from_secs(40));
    assert_eq!(world.bound(), 500);
    for n in 500..3000 {
        world.add(n);
    }
    for _ in 0..400 {
        world.run(Duration::from_secs(1));
        let first = (0..500).filter(|n| world.is_bound(*n)).count();
        assert_eq!(first, 500, "a binding has lapsed");
    }
    world.keeps_pace(20);
}

#[test]
fn a_registrar_that_says_retry_after_is_left_alone_by_everybody() {
    let mut world = World::new(PaceConfig::default(), Transport::Udp);
    world.busy = true;
    world.register_all();
    world.run(Duration::from_secs(10));
    let asked = world.sent.len();
    assert!(asked < 20, "{asked}");
    world.run(Duration::from_secs(45));
    assert_eq!(world.sent.len(), asked);

    world.busy = false;
    world.run(Duration::from_secs(35));
    assert_eq!(world.bound(), ACCOUNTS);
    world.keeps_pace(50);
}

#[test]
fn leaving_is_paced_too() {
    let mut world = World::new(PaceConfig::default(), Transport::Udp);
    world.register_all();
    world.run(Duration::from_secs(25));
    world.sent.clear();
    world.command(Command::Shutdown);
    world.run(Duration::from_secs(25));
    assert_eq!(world.bound(), 0);
    assert!(world.ua.is_settled());
    world.keeps_pace(50);
    world.run(Duration::from_secs(40));
    assert!(world.ua.counts().is_zero(), "{:?}", world.ua.counts());
}

#[test]
fn guessed_passwords_stop_before_the_registrar_bans_us() {
    let mut world = World::new(PaceConfig::default(), Transport::Udp);
    world.add(1);
    world.run(Duration::from_secs(1));
    world.wrong_password = true;
    for n in 100..300 {
        world.add(n);
    }
    world.run(Duration::from_secs(10));
    let tried = world.sent.len();
    // A REGISTER each, one with credentials, and the one that had succeeded.
    assert!(tried <= 2 * 26 + 2, "{tried}");
    let told = |event: &&Event| {
        matches!(event, Event::Registration { state: RegistrationState::Failed { reason, retrying: false }, .. }
            if reason.to_string() == "503 Too Many Wrong Passwords of This Domain, Try Later")
    };
    assert!(world.events.iter().filter(told).count() > 150);

    world.wrong_password = false;
    world.sent.clear();
    world.command(Command::Register {
        account: AccountId::new(1),
    });
    world.run(Duration::from_secs(1));
    assert!(!world.sent.is_empty(), "who had succeeded goes on");
}

struct World {
    ua: UserAgent,
    now: Instant,
    transport: Transport,
    flow: u64,
    expires: u32,
    alive: bool,
    busy: bool,
    wrong_password: bool,
    /// By user: until when.
    bindings: BTreeMap<String, Instant>,
    arriving: BTreeMap<(Instant, u64), (Request, Source)>,
    /// First REGISTERs of a turn, when they were sent for the first time.
    sent: Vec<Instant>,
    seen: BTreeMap<String, u32>,
    events: Vec<Event>,
    serial: u64,
}

impl World {
    fn new(pace: PaceConfig, transport: Transport) -> Self {
        let mut local = LocalAddresses::new();
        local.advertise(Transport::Udp, addr(OURS));
        let config = UserAgentConfig {
            local,
            registration_pace: pace,
            ..UserAgentConfig::default()
        };
        Self {
            ua: UserAgent::new(config, [9; 32]),
            now: epoch(),
            transport,
            flow: 1,
            expires: 600,
            alive: true,
            busy: false,
            wrong_password: false,
            bindings: BTreeMap::new(),
            arriving: BTreeMap::new(),
            sent: Vec::new(),
            seen: BTreeMap::new(),
            events: Vec::new(),
            serial: 0,
        }
    }

    fn add(&mut self, n: u64) {
        let ha1 = Ha1::compute(&format!("user{n}"), "example.com", "secret");
        let mut config = AccountConfig::new(format!("user{n}@example.com"), ha1, "1-2");
        let transport = self.transport.uri_name();
        let proxy = format!("sip:{PROXY};transport={transport};lr");
        config.outbound_proxy = Some(Uri::parse(&proxy).unwrap());
        config.expires = self.expires;
        let account = AccountId::new(n);
        self.command(Command::AddAccount { account, config });
        self.command(Command::Register { account });
    }

    fn register_all(&mut self) {
        for n in 0..ACCOUNTS {
            self.add(n);
        }
    }

    fn command(&mut self, command: Command) {
        self.ua.handle_command(command, self.now);
        self.drain();
    }

    fn registrar_dies(&mut self) {
        self.alive = false;
    }

    fn registrar_returns(&mut self) {
        self.alive = true;
        self.sent.clear();
        self.events.clear();
    }

    fn close_connection(&mut self) {
        let flow = FlowId(self.flow);
        self.flow += 1;
        self.ua.handle_flow_closed(flow, self.now);
        self.drain();
    }

    fn bound(&self) -> u64 {
        self.bindings
            .values()
            .filter(|end| **end > self.now)
            .count() as u64
    }

    fn is_bound(&self, n: u64) -> bool {
        let end = self.bindings.get(&format!("user{n}"));
        end.is_some_and(|end| *end > self.now)
    }

    fn told_registered(&self) -> u64 {
        let registered = |event: &&Event| {
            matches!(
                event,
                Event::Registration {
                    state: RegistrationState::Registered { .. },
                    ..
                }
            )
        };
        self.events.iter().filter(registered).count() as u64
    }

    /// In no second more turns began than this.
    fn keeps_pace(&self, most: usize) {
        for (index, at) in self.sent.iter().enumerate() {
            let within = |later: &&Instant| **later < *at + Duration::from_secs(1);
            let count = self.sent[index..].iter().take_while(within).count();
            assert!(count <= most, "{count} in one second");
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let arrival = self.arriving.first_key_value().map(|((at, _), _)| *at);
            let next = self.ua.poll_timeout().into_iter().chain(arrival).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self.arriving.first_entry()
                && entry.key().0 <= self.now
            {
                let (request, source) = entry.remove();
                self.answer(&request, source);
            }
            self.ua.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        loop {
            if let Some(request) = self.ua.poll_resolve() {
                let found = Destination {
                    transport: self.transport,
                    ..Destination::udp(addr(PROXY))
                };
                self.ua
                    .handle_resolved(request.id, Ok(vec![found]), self.now);
            } else if let Some(transmit) = self.ua.poll_transmit() {
                let Ok(Message::Request(request)) = Message::parse_datagram(&transmit.bytes) else {
                    continue;
                };
                assert_eq!(request.method, Method::Register);
                self.note(&request);
                if !self.alive {
                    if let Some(token) = transmit.token.filter(|_| self.transport.is_reliable()) {
                        let why = crate::transport::TransportError::Refused;
                        let failure = crate::transport::TransmitFailure { token, why };
                        self.ua.handle_transport_failure(failure, self.now);
                    }
                    continue;
                }
                let source = Source {
                    transport: self.transport,
                    local: addr(OURS),
                    remote: addr(PROXY),
                    flow: Some(FlowId(self.flow)),
                };
                self.serial += 1;
                self.arriving
                    .insert((self.now + ROUND_TRIP, self.serial), (request, source));
            } else {
                break;
            }
        }
        while let Some(event) = self.ua.poll_event() {
            self.events.push(event);
        }
    }

    /// A turn begins with a number not seen before that answers no fresh challenge.
    fn note(&mut self, request: &Request) {
        let user = user(request);
        let number = request.headers.cseq().unwrap().number;
        let before = self.seen.insert(user, number);
        let credentials = request.headers.get(&HeaderName::Authorization);
        let first_answer = credentials.is_some_and(|value| value.text().contains("nc=00000001"));
        if before != Some(number) && !first_answer {
            self.sent.push(self.now);
        }
    }

    fn answer(&mut self, request: &Request, source: Source) {
        let has_credentials = request.headers.get(&HeaderName::Authorization).is_some();
        let challenge = "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\"";
        let expires: u64 = header(&request.headers, &HeaderName::Expires)
            .parse()
            .unwrap();
        let (status, extra) = match (self.busy, has_credentials && !self.wrong_password) {
            (true, _) => ("503 Service Unavailable", "Retry-After: 60".to_owned()),
            (false, false) => ("401 Unauthorized", challenge.to_owned()),
            (false, true) => {
                let end = self.now + Duration::from_secs(expires);
                self.bindings.insert(user(request), end);
                ("200 OK", format!("Expires: {expires}"))
            }
        };
        let text = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=x\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             {extra}\r\nContent-Length: 0\r\n\r\n",
            header(&request.headers, &HeaderName::Via),
            header(&request.headers, &HeaderName::From),
            header(&request.headers, &HeaderName::To),
            header(&request.headers, &HeaderName::CallId),
            header(&request.headers, &HeaderName::CSeq),
        );
        let message = Message::parse_datagram(text.as_bytes()).unwrap();
        self.ua.handle_message(message, source, self.now);
        self.drain();
    }
}

fn user(request: &Request) -> String {
    let to = request.headers.to().unwrap();
    to.uri.user().unwrap().to_owned()
}
