//! A phone that answers, on virtual time.

use super::*;

#[test]
fn the_answer_is_repeated_until_it_is_acknowledged() {
    let (mut answerer, now) = answered();
    let mut at = Vec::new();
    for _ in 0..4 {
        let next = answerer.poll_timeout().expect("unacknowledged");
        answerer.handle_timeout(next);
        assert!(sent(&mut answerer).starts_with("SIP/2.0 200 "));
        at.push((next - now).as_millis());
    }
    assert_eq!(at, [500, 1500, 3500, 7500]);
    answerer.handle_datagram(&request("ACK", 1, ""), peer());
    assert_eq!(answerer.poll_timeout(), None);
    assert_eq!((answerer.calls(), answerer.poll_action()), (1, None));
}

#[test]
fn a_call_that_is_never_acknowledged_ends() {
    let (mut answerer, now) = answered();
    answerer.handle_timeout(now + GIVE_UP);
    assert_eq!(answerer.poll_action(), Some(Action::Close(id())));
    assert_eq!((answerer.calls(), answerer.poll_timeout()), (0, None));
}

#[test]
fn a_phone_rings_for_its_time_and_then_answers() {
    for (early, first) in [(false, "SIP/2.0 180 "), (true, "SIP/2.0 183 ")] {
        let now = Instant::now();
        let ring = Duration::from_secs(3);
        let mut answerer = Answerer::new(peer(), Codec::Pcmu, Manner { ring, early });
        answerer.handle_datagram(&request("INVITE", 1, OFFER), peer());
        assert_eq!(answerer.poll_action(), Some(Action::Open(id())));
        answerer.handle_opened(id(), "127.0.0.1:20000".parse().ok(), now);
        let ringing = sent(&mut answerer);
        assert!(ringing.starts_with(first), "{ringing}");
        assert_eq!(ringing.contains("m=audio 20000"), early);
        assert_eq!(answerer.poll_timeout(), Some(now + ring));
        answerer.handle_timeout(now + ring);
        assert_eq!(answerer.poll_action(), Some(Action::Answered(id())));
        assert!(sent(&mut answerer).starts_with("SIP/2.0 200 "));
    }
}

#[test]
fn a_bye_ends_the_call_once() {
    let (mut answerer, _) = answered();
    answerer.handle_datagram(&request("BYE", 2, ""), peer());
    assert_eq!(answerer.poll_action(), Some(Action::Close(id())));
    assert!(sent(&mut answerer).starts_with("SIP/2.0 200 "));
    answerer.handle_datagram(&request("BYE", 2, ""), peer());
    assert!(sent(&mut answerer).starts_with("SIP/2.0 481 "));
}

#[test]
fn an_offer_without_the_codec_is_refused() {
    let mut answerer = Answerer::new(peer(), Codec::Opus, Manner::default());
    let only_pcma = OFFER.replace("RTP/AVP 0", "RTP/AVP 8");
    answerer.handle_datagram(&request("INVITE", 1, &only_pcma), peer());
    assert_eq!(answerer.poll_action(), Some(Action::Open(id())));
    answerer.handle_opened(id(), Some(peer()), Instant::now());
    assert_eq!(answerer.poll_action(), Some(Action::Close(id())));
    assert!(sent(&mut answerer).starts_with("SIP/2.0 488 "));
    assert_eq!(answerer.calls(), 0);
}

#[test]
fn a_further_invite_of_the_dialog_gets_the_same_description() {
    let (mut answerer, _) = answered();
    answerer.handle_datagram(&request("INVITE", 7, OFFER), peer());
    let answer = sent(&mut answerer);
    assert!(answer.contains("CSeq: 7 INVITE\r\n"), "{answer}");
    assert!(answer.contains("m=audio 20000 RTP/AVP 0\r\n"), "{answer}");
}

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n\
                     t=0 0\r\nm=audio 19000 RTP/AVP 0\r\n";

fn answered() -> (Answerer, Instant) {
    let now = Instant::now();
    let mut answerer = Answerer::new(peer(), Codec::Pcmu, Manner::default());
    answerer.handle_datagram(&request("INVITE", 1, OFFER), peer());
    assert_eq!(answerer.poll_action(), Some(Action::Open(id())));
    answerer.handle_opened(id(), "127.0.0.1:20000".parse().ok(), now);
    assert_eq!(answerer.poll_action(), Some(Action::Answered(id())));
    assert!(sent(&mut answerer).starts_with("SIP/2.0 200 "));
    (answerer, now)
}

fn sent(answerer: &mut Answerer) -> String {
    match answerer.poll_action() {
        Some(Action::Send(bytes, to)) => {
            assert_eq!(to, peer());
            String::from_utf8_lossy(&bytes).into_owned()
        }
        other => panic!("nothing is sent but {other:?}"),
    }
}

fn id() -> CallId {
    CallId("a-call".to_owned())
}

fn peer() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 15_060))
}

fn request(method: &str, cseq: u32, body: &str) -> Vec<u8> {
    format!(
        "{method} sip:echo@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:15060;rport;branch=z9hG4bK{cseq}\r\n\
         From: <sip:gateway@127.0.0.1>;tag=1\r\nTo: <sip:echo@127.0.0.1>\r\n\
         Call-ID: a-call\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
