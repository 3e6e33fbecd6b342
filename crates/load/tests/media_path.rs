//! Clients and far end against the media path itself, without the daemon: what the generator
//! sends arrives, comes back, and is counted.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use load::browser::{BrowserTransport, Credentials, Identity};
use load::codec::Codec;
use load::far_end::{FarEnd, Manner};
use load::generator::{Generator, Line, NewClient, Outcome};
use load::offer::{Answer, Offer};
use media::plan::{self, Policy, Route};
use media::rtp::Ssrc;
use media::sdp::{AddressPolicy, BrowserDescription, PhoneDescription};
use media::{
    BrowserAddress, BrowserLegConfig, DtlsRole, LegEvent, Limits, Media, MediaConfig, PhoneAddress,
    PhoneLegConfig,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep, timeout};

const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn opus_comes_back_through_a_gateway_that_waits_for_the_handshake() {
    let outcome = talk(Codec::Opus, DtlsRole::Server).await;
    assert_clean(&outcome);
}

#[tokio::test]
async fn pcmu_comes_back_through_a_gateway_that_starts_the_handshake() {
    let outcome = talk(Codec::Pcmu, DtlsRole::Client).await;
    assert_clean(&outcome);
}

#[tokio::test]
async fn without_a_gateway_the_generator_loses_nothing() {
    let far_end = FarEnd::start(loopback(), Codec::Pcmu, Manner::default()).expect("far end");
    let generator = Generator::start().expect("generator");
    let (echo, address) = far_end.open_echo().expect("echo");
    let first = generator
        .add(NewClient {
            call: 1,
            socket: client_socket(Some(address)),
            line: Line::Plain,
            codec: Codec::Pcmu,
            speech: None,
            video: None,
            ssrc: Ssrc(1),
        })
        .expect("added");
    let first = timeout(LIMIT, first).await.expect("in time");
    first.expect("served").expect("returned");
    assert_clean(&window(&generator).await);
    far_end.close_echo(echo).expect("closed");
}

#[tokio::test]
async fn a_wrong_fingerprint_fails_the_call_at_the_client() {
    let far_end = FarEnd::start(loopback(), Codec::Opus, Manner::default()).expect("far end");
    let mut stage = Stage::set(&far_end, Codec::Opus, DtlsRole::Server);
    stage.answer.remote.fingerprint.0[0] ^= 1;
    let generator = Generator::start().expect("generator");
    let first = generator.add(stage.client()).expect("added");
    let first = timeout(LIMIT, first).await.expect("in time");
    assert_eq!(
        first.expect("served"),
        Err(load::browser::Failure::Fingerprint)
    );
}

/// One call until some packets have come back.
async fn talk(codec: Codec, gateway: DtlsRole) -> Outcome {
    let far_end = FarEnd::start(loopback(), codec, Manner::default()).expect("far end");
    let generator = Generator::start().expect("generator");
    let stage = Stage::set(&far_end, codec, gateway);
    assert_eq!(far_end.calls(), 1);
    let first = generator.add(stage.client()).expect("added");
    let first = timeout(LIMIT, first).await.expect("in time");
    first.expect("served").expect("returned");
    let outcome = window(&generator).await;
    generator.remove(1).expect("removed");
    stage.hang_up();
    let deadline = Instant::now() + LIMIT;
    while far_end.calls() > 0 {
        assert!(Instant::now() < deadline, "the far end keeps its call");
        sleep(Duration::from_millis(5)).await;
    }
    outcome
}

/// Judges packets until twenty have been sent and all of them are back.
async fn window(generator: &Generator) -> Outcome {
    generator.open_window().expect("opened");
    let deadline = Instant::now() + LIMIT;
    let mut closed = false;
    loop {
        sleep(Duration::from_millis(20)).await;
        let outcome = generator.report().await.expect("running");
        if outcome.findings.sent >= 20 && !closed {
            generator.close_window().expect("closed");
            closed = true;
        } else if closed && outcome.findings.lost() == 0 || Instant::now() > deadline {
            return outcome;
        }
    }
}

fn assert_clean(outcome: &Outcome) {
    let findings = &outcome.findings;
    assert!(findings.sent >= 20, "{findings:?}");
    assert_eq!(findings.lost(), 0);
    assert_eq!((findings.damaged, findings.duplicates), (0, 0));
    assert_eq!(findings.round_trip.count(), findings.returned);
    assert_eq!((outcome.silent, outcome.failures.len()), (0, 0));
    assert_eq!(outcome.punctuality.not_sent, 0);
}

/// The media path with one call on it, answered by the far end.
struct Stage {
    answer: Answer,
    codec: Codec,
    identity: Arc<Identity>,
    credentials: Credentials,
    socket: UdpSocket,
    sip: Sip,
    /// Dropped in this order: legs before the media path they live on.
    _legs: (media::BrowserLeg, media::PhoneLeg),
    _media: Media,
    _events: Receiver<LegEvent>,
}

impl Stage {
    fn set(far_end: &FarEnd, codec: Codec, gateway: DtlsRole) -> Self {
        let identity = Arc::new(Identity::generate().expect("identity"));
        let credentials = Credentials::random(&mut StdRng::from_seed([1; 32]));
        let socket = client_socket(None);
        let offer = Offer {
            address: socket.local_addr().expect("bound"),
            credentials: &credentials,
            fingerprint: identity.fingerprint(),
            ssrc: Ssrc(77),
            video: None,
        };
        let mut browser = BrowserDescription::parse(offer.text()).expect("our offer");
        if gateway == DtlsRole::Client {
            browser.setup = media::sdp::Setup::Passive;
        }
        let media = Media::start(config()).expect("media");
        let worker = media.worker();
        let (events, heard) = channel();
        let told = events.clone();
        let on_event = Box::new(move |event| drop(told.send(event)));
        let role = gateway;
        let leg = worker.open_browser_leg(BrowserLegConfig { role, on_event });
        let leg = leg.expect("browser leg");
        leg.set_remote(browser.remote()).expect("running");
        let on_event = Box::new(move |event| drop(events.send(event)));
        let phone = worker.open_phone_leg(PhoneLegConfig { on_event });
        let phone = phone.expect("phone leg");

        let policy = Policy {
            route: Route::default(),
            addresses: AddressPolicy {
                allow_loopback: true,
                refused: Vec::new(),
            },
        };
        let phone_offer = plan::phone_offer(&browser, &policy, phone.local()).expect("an offer");
        let sip = Sip::call(far_end.address(), phone_offer.text());
        let phone_answer = PhoneDescription::parse(&sip.answer).expect("an answer");
        let agreed = plan::accept_phone_answer(&browser, &phone_offer, &phone_answer, &policy);
        let agreed = agreed.expect("agreed");
        phone.set_remote(agreed.phone_remote).expect("running");
        let relay = agreed.relay.clone();
        worker.bridge(&leg, &phone, relay).expect("bridged");
        let answer = plan::browser_answer(&browser, &agreed, leg.local())
            .text()
            .to_owned();
        let answer = Answer::read(&answer, codec).expect("the gateway's answer");
        Self {
            answer,
            codec,
            identity,
            credentials,
            socket,
            sip,
            _legs: (leg, phone),
            _media: media,
            _events: heard,
        }
    }

    fn client(&self) -> NewClient {
        self.socket
            .connect(self.answer.remote.address)
            .expect("loopback");
        let transport = BrowserTransport::new(
            self.identity.clone(),
            &self.credentials,
            self.answer.remote.clone(),
            StdRng::from_seed([2; 32]),
            Instant::now().into_std(),
        );
        NewClient {
            call: 1,
            socket: self.socket.try_clone().expect("a descriptor"),
            line: Line::Browser(Box::new(transport)),
            codec: self.codec,
            speech: None,
            video: None,
            ssrc: Ssrc(77),
        }
    }

    fn hang_up(&self) {
        self.sip.request("BYE", 2, "");
        let answer = self.sip.receive();
        assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    }
}

/// Just enough of a calling user agent.
struct Sip {
    socket: UdpSocket,
    far_end: SocketAddr,
    answer: String,
}

impl Sip {
    fn call(far_end: SocketAddr, offer: &str) -> Self {
        let socket = UdpSocket::bind(loopback()).expect("loopback");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        let mut sip = Self {
            socket,
            far_end,
            answer: String::new(),
        };
        sip.request("INVITE", 1, offer);
        let first = sip.receive();
        assert!(first.starts_with("SIP/2.0 200 "), "{first}");
        sip.request("INVITE", 1, offer);
        let again = sip.receive();
        assert_eq!(first, again, "a repeated INVITE gets the same answer");
        sip.request("ACK", 1, "");
        let (_, body) = first.split_once("\r\n\r\n").expect("a body");
        sip.answer = body.to_owned();
        sip
    }

    fn request(&self, method: &str, cseq: u32, body: &str) {
        let us = self.socket.local_addr().expect("bound");
        let (far_end, length) = (self.far_end, body.len());
        let transaction = if method == "ACK" { "ack" } else { "request" };
        let message = format!(
            "{method} sip:echo@{far_end} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {us};rport;branch=z9hG4bK-{transaction}-{cseq}\r\n\
             From: <sip:gateway@{us}>;tag=1\r\nTo: <sip:echo@{far_end}>\r\n\
             Call-ID: {us}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:gateway@{us}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let sent = self.socket.send_to(message.as_bytes(), far_end);
        sent.expect("loopback");
    }

    fn receive(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("an answer in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

fn config() -> MediaConfig {
    MediaConfig {
        workers: 1,
        browser: BrowserAddress::udp(loopback()),
        phone: PhoneAddress {
            bind: Ipv4Addr::LOCALHOST.into(),
            advertised: Vec::new(),
            ports: 28_100..=28_299,
        },
        limits: Limits::default(),
    }
}

fn client_socket(peer: Option<SocketAddr>) -> UdpSocket {
    let socket = UdpSocket::bind(loopback()).expect("loopback");
    socket.set_nonblocking(true).expect("not blocking");
    if let Some(peer) = peer {
        socket.connect(peer).expect("loopback");
    }
    socket
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
