//! The lite responder: who is answered what, who is validated, and when it ends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rtc_stun::attributes::{
    ATTR_ERROR_CODE, ATTR_MESSAGE_INTEGRITY, ATTR_UNKNOWN_ATTRIBUTES, ATTR_USE_CANDIDATE,
    ATTR_USERNAME, AttrType, RawAttribute,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, Getter, Message, Setter, TransactionId,
};
use rtc_stun::xoraddr::XorMappedAddress;

use crate::browser_leg::ice::{AddressChange, IceFailure, IceLimits, Responder, ufrag_of_check};
use crate::browser_leg::{BrowserAddr, ConnectionId, Credentials, Via};
use crate::simulate::{CheckKind, beginning, check};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_check_is_answered_with_the_address_it_came_from() {
    let mut ice = Ice::new();
    let answer = ice.check(CheckKind::Ordinary, home()).expect("an answer");
    assert_eq!(answer.typ, BINDING_SUCCESS);
    let mut mapped = XorMappedAddress::default();
    mapped.get_from(&answer).expect("mapped address");
    assert_eq!(SocketAddr::new(mapped.ip, mapped.port), home().address);
    let mut signed = answer;
    MessageIntegrity::check(&mut signed, ice.pwd().as_bytes(), crypto()).expect("signed");
    FINGERPRINT.check(&signed).expect("fingerprint");
    assert!(ice.responder.accepts(home()));
    assert_eq!(ice.changes(), [AddressChange::Validated(home())]);
}

#[test]
fn an_ipv4_browser_on_a_dual_stack_socket_is_told_its_ipv4_address() {
    let mut ice = Ice::new();
    let from = BrowserAddr::udp("[::ffff:192.0.2.7]:5000".parse().expect("address"));
    let answer = ice.check(CheckKind::Ordinary, from).expect("an answer");
    let mut mapped = XorMappedAddress::default();
    mapped.get_from(&answer).expect("mapped address");
    assert_eq!(mapped.ip.to_string(), "192.0.2.7");
    assert_eq!(ice.responder.destination(), Some(from));
}

#[test]
fn attributes_behind_message_integrity_are_ignored() {
    let mut ice = Ice::new();
    ice.check(CheckKind::Nominating, home());
    let mut forged = Message::new();
    forged
        .unmarshal_binary(&ice.request(CheckKind::Ordinary))
        .expect("check");
    forged.attributes.0.retain(|a| a.typ.0 != 0x8028);
    forged.attributes.0.push(RawAttribute {
        typ: ATTR_USE_CANDIDATE,
        length: 0,
        value: Vec::new(),
    });
    forged.encode();
    FINGERPRINT.add_to(&mut forged).expect("fingerprint");
    let answer = ice.answer(&forged.raw, away()).expect("the check is good");
    assert_eq!(answer.typ, BINDING_SUCCESS);
    assert_eq!(ice.responder.destination(), Some(home()), "not nominated");
}

#[test]
fn a_user_name_behind_message_integrity_is_not_a_user_name() {
    let ice = Ice::new();
    let mut message = Message::new();
    message.typ = BINDING_REQUEST;
    message.write_header();
    message.add(ATTR_MESSAGE_INTEGRITY, &[0; 20]);
    message.add(ATTR_USERNAME, format!("{}:x", ice.ufrag()).as_bytes());
    assert_eq!(ufrag_of_check(&message.raw), None);
}

#[test]
fn a_wrong_password_gets_401_and_validates_nothing() {
    let mut ice = Ice::new();
    let forged = check(crypto(), &ice.ufrag(), "a guess", CheckKind::Nominating);
    let answer = ice.answer(&forged, home()).expect("an answer");
    assert_eq!(error_code(&answer), 401);
    assert!(!answer.contains(ATTR_MESSAGE_INTEGRITY));
    assert_eq!(ice.responder.destination(), None);
}

#[test]
fn a_check_without_integrity_gets_400_and_one_without_fingerprint_silence() {
    let mut ice = Ice::new();
    let username = Raw(ATTR_USERNAME, format!("{}:them", ice.ufrag()).into_bytes());
    let mut unsigned = Message::new();
    let parts: Vec<Box<dyn Setter>> = vec![
        Box::new(TransactionId::new()),
        Box::new(BINDING_REQUEST),
        Box::new(username),
        Box::new(Raw(AttrType(0x8022), vec![b'x'; 40])),
    ];
    unsigned.build(&parts).expect("built");
    assert!(ice.answer(&unsigned.raw, home()).is_none());
    FINGERPRINT.add_to(&mut unsigned).expect("fingerprint");
    let answer = ice.answer(&unsigned.raw, home()).expect("an answer");
    assert_eq!(error_code(&answer), 400);
    assert_eq!(ice.responder.destination(), None);
}

#[test]
fn a_peer_that_thinks_it_is_controlled_gets_487_and_is_not_validated() {
    let mut ice = Ice::new();
    let answer = ice.check(CheckKind::Controlled, home()).expect("an answer");
    assert_eq!(error_code(&answer), 487);
    assert!(answer.contains(ATTR_MESSAGE_INTEGRITY), "signed");
    assert_eq!(ice.responder.destination(), None);
    let answer = ice.check(CheckKind::Ordinary, home()).expect("it switched");
    assert_eq!(answer.typ, BINDING_SUCCESS);
}

#[test]
fn an_attribute_that_must_be_understood_and_is_not_gets_420() {
    let mut ice = Ice::new();
    let mut message = Message::new();
    let parts: Vec<Box<dyn Setter + '_>> = vec![
        Box::new(TransactionId::new()),
        Box::new(BINDING_REQUEST),
        Box::new(Raw(
            ATTR_USERNAME,
            format!("{}:them", ice.ufrag()).into_bytes(),
        )),
        Box::new(Raw(AttrType(0x7abc), vec![0; 4])),
        Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
            ice.pwd(),
            crypto(),
        )),
        Box::new(FINGERPRINT),
    ];
    message.build(&parts).expect("built");
    // Too small a question for so large an answer: padded as real checks are.
    assert!(ice.answer(&message.raw, home()).is_none());
    let mut padded = Message::new();
    let mut parts = parts;
    parts.insert(3, Box::new(Raw(AttrType(0x8022), vec![b'x'; 40])));
    padded.build(&parts).expect("built");
    let answer = ice.answer(&padded.raw, home()).expect("an answer");
    assert_eq!(error_code(&answer), 420);
    let unknown = answer.get(ATTR_UNKNOWN_ATTRIBUTES).expect("listed");
    assert_eq!(unknown, [0x7a, 0xbc]);
    assert_eq!(ice.responder.destination(), None);
}

#[test]
fn no_answer_is_larger_than_its_question() {
    let mut ice = Ice::new();
    let ufrag = ice.ufrag();
    let mut questions: Vec<Vec<u8>> = vec![
        ice.request(CheckKind::Ordinary),
        ice.request(CheckKind::Controlled),
        check(crypto(), &ufrag, "a guess", CheckKind::Ordinary),
    ];
    for username in [format!("{ufrag}:"), format!("{ufrag}:them")] {
        for pwd in [ice.pwd(), "a guess".to_owned()] {
            let mut message = Message::new();
            let parts: Vec<Box<dyn Setter + '_>> = vec![
                Box::new(TransactionId::new()),
                Box::new(BINDING_REQUEST),
                Box::new(Raw(ATTR_USERNAME, username.clone().into_bytes())),
                Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                    pwd,
                    crypto(),
                )),
                Box::new(FINGERPRINT),
            ];
            message.build(&parts).expect("built");
            questions.push(message.raw);
        }
        let mut message = Message::new();
        let parts: Vec<Box<dyn Setter>> = vec![
            Box::new(TransactionId::new()),
            Box::new(BINDING_REQUEST),
            Box::new(Raw(ATTR_USERNAME, username.into_bytes())),
            Box::new(FINGERPRINT),
        ];
        message.build(&parts).expect("built");
        questions.push(message.raw);
    }
    for from in [
        home(),
        BrowserAddr::udp("[2001:db8::1]:9".parse().expect("v6")),
    ] {
        for question in &questions {
            let now = ice.now;
            let answer = ice
                .responder
                .handle_check(question, from, now, crypto())
                .unwrap_or_default();
            assert!(answer.len() <= question.len());
        }
    }
}

#[test]
fn strangers_are_not_answered() {
    let mut ice = Ice::new();
    let stranger = check(crypto(), "somebody", &ice.pwd(), CheckKind::Nominating);
    assert!(ice.answer(&stranger, home()).is_none());
    let good = ice.request(CheckKind::Ordinary);
    for cut in 0..good.len() {
        assert!(ice.answer(&good[..cut], home()).is_none());
        let _safe = ufrag_of_check(&good[..cut]);
    }
    for at in 0..good.len() {
        let mut bent = good.clone();
        bent[at] ^= 0x41;
        let _safe = ufrag_of_check(&bent);
        let answer = ice.answer(&bent, home());
        assert_ne!(answer.map(|answer| answer.typ), Some(BINDING_SUCCESS));
    }
    assert_eq!(ice.responder.destination(), None);
}

#[test]
fn the_nominated_address_moves_in_mid_call() {
    let mut ice = Ice::new();
    ice.check(CheckKind::Nominating, home());
    ice.check(CheckKind::Ordinary, away());
    assert_eq!(ice.responder.destination(), Some(home()));
    ice.check(CheckKind::Nominating, away());
    assert_eq!(ice.responder.destination(), Some(away()));
    assert!(
        ice.responder.accepts(home()),
        "packets under way still count"
    );
}

#[test]
fn a_browser_whose_nat_moved_it_is_followed_once_the_old_address_is_silent() {
    let mut ice = Ice::new();
    ice.check(CheckKind::Nominating, home());
    ice.now += 5 * SECOND;
    ice.check(CheckKind::Ordinary, away());
    assert_eq!(ice.responder.destination(), Some(home()), "not yet silent");
    ice.now += 5 * SECOND;
    ice.check(CheckKind::Ordinary, away());
    assert_eq!(ice.responder.destination(), Some(home()));
    ice.now += 5 * SECOND;
    ice.check(CheckKind::Ordinary, away());
    assert_eq!(ice.responder.destination(), Some(away()));
}

#[test]
fn a_lost_connection_leaves_the_other_address_or_time_to_find_one() {
    let mut ice = Ice::new();
    let tcp = BrowserAddr {
        via: Via::Tcp(ConnectionId { slot: 3, serial: 9 }),
        ..home()
    };
    ice.check(CheckKind::Ordinary, away());
    ice.check(CheckKind::Nominating, tcp);
    assert_eq!(ice.responder.destination(), Some(tcp));
    ice.changes();
    ice.responder.handle_lost(tcp);
    assert_eq!(ice.changes(), [AddressChange::Forgotten(tcp)]);
    assert_eq!(ice.responder.destination(), Some(away()));
    ice.responder.handle_lost(away());
    assert_eq!(ice.responder.destination(), None);
    let end = ice.now + 30 * SECOND;
    assert_eq!(ice.responder.poll_timeout(), Some(end));
    assert_eq!(ice.responder.handle_timeout(end - SECOND), Ok(()));
    ice.now = end - SECOND;
    ice.check(CheckKind::Ordinary, home());
    let destination = ice.responder.destination();
    assert_eq!(destination, Some(home()), "same address, by UDP");
    assert_eq!(ice.responder.handle_timeout(end), Ok(()));
}

#[test]
fn addresses_per_leg_are_bounded_and_the_destination_stays() {
    let mut ice = Ice::new();
    ice.check(CheckKind::Nominating, home());
    for port in 1000..1100 {
        ice.now += SECOND / 100;
        let from = BrowserAddr::udp(SocketAddr::from(([198, 51, 100, 9], port)));
        ice.check(CheckKind::Ordinary, from);
    }
    assert_eq!(ice.responder.addresses().count(), 8);
    assert_eq!(ice.responder.destination(), Some(home()));
    assert!(ice.responder.accepts(home()));
}

#[test]
fn a_browser_that_never_checks_ends_the_leg() {
    let mut ice = Ice::new();
    assert_eq!(
        ice.responder.poll_timeout(),
        None,
        "it may still be ringing"
    );
    assert_eq!(ice.responder.handle_timeout(ice.now + 900 * SECOND), Ok(()));
    ice.now += 900 * SECOND;
    ice.responder.expect_checks(ice.now);
    assert_eq!(ice.responder.poll_timeout(), Some(ice.now + 60 * SECOND));
    assert_eq!(ice.responder.handle_timeout(ice.now + 59 * SECOND), Ok(()));
    let failure = ice.responder.handle_timeout(ice.now + 60 * SECOND);
    assert_eq!(failure, Err(IceFailure::NeverValidated));
}

#[test]
fn a_browser_that_stops_checking_loses_consent_after_thirty_seconds() {
    let mut ice = Ice::new();
    for _ in 0..100 {
        ice.check(CheckKind::Nominating, home());
        ice.now += 5 * SECOND;
        assert_eq!(ice.responder.handle_timeout(ice.now), Ok(()));
    }
    let last = ice.now - 5 * SECOND;
    assert_eq!(ice.responder.poll_timeout(), Some(last + 30 * SECOND));
    assert_eq!(ice.responder.handle_timeout(last + 29 * SECOND), Ok(()));
    let failure = ice.responder.handle_timeout(last + 30 * SECOND);
    assert_eq!(failure, Err(IceFailure::ConsentExpired));
}

#[test]
fn a_forged_check_does_not_keep_a_leg_alive() {
    let mut ice = Ice::new();
    ice.check(CheckKind::Nominating, home());
    let start = ice.now;
    ice.now += 20 * SECOND;
    let forged = check(crypto(), &ice.ufrag(), "a guess", CheckKind::Nominating);
    ice.answer(&forged, home());
    let failure = ice.responder.handle_timeout(start + 30 * SECOND);
    assert_eq!(failure, Err(IceFailure::ConsentExpired));
}

#[test]
fn an_address_without_consent_is_forgotten_and_the_next_one_takes_over() {
    let mut ice = Ice::new();
    ice.check(CheckKind::Nominating, home());
    ice.now += 20 * SECOND;
    ice.check(CheckKind::Ordinary, away());
    ice.changes();
    ice.now += 10 * SECOND;
    assert_eq!(ice.responder.handle_timeout(ice.now), Ok(()));
    assert_eq!(ice.changes(), [AddressChange::Forgotten(home())]);
    assert_eq!(ice.responder.destination(), Some(away()));
}

#[test]
fn after_a_restart_the_old_credentials_hold_until_the_new_ones_are_used() {
    let mut ice = Ice::new();
    ice.check(CheckKind::Nominating, home());
    let old = ice.request(CheckKind::Nominating);
    ice.restart();
    let answer = ice.answer(&old, home()).expect("still answered");
    assert_eq!(answer.typ, BINDING_SUCCESS);
    assert_eq!(ice.responder.destination(), Some(home()));
    ice.check(CheckKind::Nominating, away());
    assert_eq!(ice.responder.destination(), Some(away()));
    assert!(ice.answer(&old, home()).is_none(), "over");
    assert_eq!(ice.responder.ufrags().count(), 1);
}

struct Ice {
    responder: Responder,
    credentials: Credentials,
    now: Instant,
}

impl Ice {
    fn new() -> Self {
        let credentials = Credentials::random(&mut StdRng::from_seed([3; 32]));
        let now = beginning();
        let limits = IceLimits {
            first_check: 60 * SECOND,
            consent: 30 * SECOND,
        };
        Self {
            responder: Responder::new(credentials.clone(), limits),
            credentials,
            now,
        }
    }

    fn ufrag(&self) -> String {
        self.credentials.ufrag.to_string()
    }

    fn pwd(&self) -> String {
        self.credentials.pwd.clone()
    }

    fn restart(&mut self) {
        self.credentials = Credentials::random(&mut StdRng::from_seed([4; 32]));
        self.responder.restart(self.credentials.clone());
    }

    fn request(&self, kind: CheckKind) -> Vec<u8> {
        check(crypto(), &self.ufrag(), &self.pwd(), kind)
    }

    fn check(&mut self, kind: CheckKind, from: BrowserAddr) -> Option<Message> {
        let request = self.request(kind);
        self.answer(&request, from)
    }

    fn answer(&mut self, request: &[u8], from: BrowserAddr) -> Option<Message> {
        let answer = self
            .responder
            .handle_check(request, from, self.now, crypto())?;
        let mut message = Message::new();
        message.unmarshal_binary(&answer).expect("STUN");
        assert_eq!(message.raw[8..20], request[8..20], "same transaction");
        Some(message)
    }

    fn changes(&mut self) -> Vec<AddressChange> {
        std::iter::from_fn(|| self.responder.poll_change()).collect()
    }
}

fn error_code(answer: &Message) -> u16 {
    assert_eq!(answer.typ, BINDING_ERROR);
    let value = answer.get(ATTR_ERROR_CODE).expect("error code");
    u16::from(value[2]) * 100 + u16::from(value[3])
}

fn home() -> BrowserAddr {
    BrowserAddr::udp("192.0.2.1:4000".parse().expect("address"))
}

fn away() -> BrowserAddr {
    BrowserAddr::udp("198.51.100.2:4001".parse().expect("address"))
}

fn crypto() -> &'static dyn rtc_crypto::RTCCrypto {
    use std::sync::{Arc, OnceLock};
    static PROVIDER: OnceLock<Arc<dyn rtc_crypto::RTCCryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| rtc_crypto::default_provider().expect("provider"))
        .crypto()
}

struct Raw(AttrType, Vec<u8>);

impl Setter for Raw {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        message.add(self.0, &self.1);
        Ok(())
    }
}
