//! What a 200 to REGISTER says: how long the registrar keeps our binding (RFC 3261
//! §10.2.4, §10.3), on which terms (RFC 5626 §6, RFC 5627 §5.2), and where it saw us.

use std::net::SocketAddr;
use std::time::Duration;

use crate::keep_alive::Terms;
use crate::message::{NameAddr, Response, Via};
use crate::transport::Source;

/// Longer grants are taken for this: a week.
pub(super) const MAX_GRANTED: u32 = 7 * 24 * 3600;
/// A GRUU beyond this is not kept.
const MAX_GRUU: usize = 512;

/// What the registrar grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    /// What our own Contact says, else Expires, else what was asked for.
    pub(super) seconds: u32,
    /// How it wants the flow to be kept open (RFC 5626 §4.4, §6).
    pub(super) terms: Terms,
    pub(super) public_gruu: Option<Box<str>>,
}

impl Granted {
    /// Our Contact is found by its instance, else by its token: a registrar behind NAT may
    /// have rewritten everything else, and other devices' bindings stand beside it.
    pub(super) fn read(response: &Response, token: &str, instance: &str, asked: u32) -> Self {
        let headers = &response.headers;
        let contacts = headers.readable_contacts();
        let urn = format!("<urn:uuid:{instance}>");
        let is_ours = |contact: &&NameAddr| contact.uri.user() == Some(token);
        let same_instance = |contact: &&NameAddr| {
            let theirs = contact.params.get("+sip.instance");
            theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(&urn))
        };
        let own = contacts
            .iter()
            .find(|contact| is_ours(contact) && same_instance(contact))
            .or_else(|| contacts.iter().find(is_ours))
            .or_else(|| contacts.iter().find(same_instance));
        let seconds = own
            .and_then(|contact| contact.params.get("expires")?.parse().ok())
            .or_else(|| headers.expires().ok().flatten())
            .unwrap_or(asked)
            .min(MAX_GRANTED);
        let is_outbound = |tag: &String| tag.eq_ignore_ascii_case("outbound");
        let flow_timer = headers.flow_timer().ok().flatten();
        let agreed = headers.require().iter().any(is_outbound);
        Self {
            seconds,
            terms: Terms {
                flow_timer: flow_timer.map(|seconds| Duration::from_secs(seconds.into())),
                outbound: agreed || flow_timer.is_some(),
            },
            public_gruu: own
                .and_then(|contact| contact.params.get("pub-gruu"))
                .filter(|gruu| gruu.len() <= MAX_GRUU)
                .map(|gruu| gruu.as_ref().into()),
        }
    }
}

/// Where our request came from as the registrar saw it (RFC 3581 §4), else as we know.
pub(super) fn own_end(response: &Response, source: &Source) -> SocketAddr {
    let via = response.headers.via().ok();
    let ip = via.as_ref().and_then(Via::received);
    let port = via.as_ref().and_then(Via::rport);
    SocketAddr::new(
        ip.unwrap_or_else(|| source.local.ip()),
        port.unwrap_or_else(|| source.local.port()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{HeaderName, HeaderValue, StatusCode};

    const INSTANCE: &str = "00000000-0000-4000-8000-000000000001";

    #[test]
    fn our_own_contact_is_found_among_those_of_other_devices() {
        let mut response = ok();
        contact(
            &mut response,
            "<sip:desk@192.0.2.9>;expires=11, <sip:tok@10.0.0.1:5060>;expires=60",
        );
        assert_eq!(seconds(&response), 60);
    }

    #[test]
    fn our_contact_is_known_by_its_token_after_a_nat_rewrote_it() {
        let mut response = ok();
        contact(
            &mut response,
            "<sip:other@10.0.0.1>;expires=7, <sip:tok@203.0.113.1:31000>;expires=70",
        );
        assert_eq!(seconds(&response), 70);
    }

    #[test]
    fn our_contact_is_known_by_its_instance() {
        let mut response = ok();
        contact(
            &mut response,
            "<sip:gone@10.0.0.1>;expires=7, \
             <sip:x@h>;+sip.instance=\"<urn:uuid:00000000-0000-4000-8000-000000000001>\";expires=80",
        );
        assert_eq!(seconds(&response), 80);
    }

    #[test]
    fn expires_header_and_request_stand_in() {
        let mut response = ok();
        assert_eq!(seconds(&response), 600);
        response.headers.push(HeaderName::Expires, 300_u32);
        contact(&mut response, "<sip:tok@10.0.0.1>");
        assert_eq!(seconds(&response), 300);
    }

    #[test]
    fn terms_and_gruu_are_kept() {
        let mut response = ok();
        contact(
            &mut response,
            "<sip:tok@10.0.0.1>;pub-gruu=\"sip:alice@example.com;gr=urn:uuid:1\";expires=60",
        );
        let plain = Granted::read(&response, "tok", INSTANCE, 600);
        assert_eq!(plain.terms, Terms::default());
        assert_eq!(
            plain.public_gruu.as_deref(),
            Some("sip:alice@example.com;gr=urn:uuid:1")
        );

        response
            .headers
            .push(HeaderName::Require, HeaderValue::from_static("outbound"));
        response.headers.push(HeaderName::FlowTimer, 90_u32);
        let kept = Granted::read(&response, "tok", INSTANCE, 600);
        assert!(kept.terms.outbound);
        assert_eq!(kept.terms.flow_timer, Some(Duration::from_secs(90)));
    }

    fn seconds(response: &Response) -> u32 {
        Granted::read(response, "tok", INSTANCE, 600).seconds
    }

    fn ok() -> Response {
        Response::new(StatusCode::OK)
    }

    fn contact(response: &mut Response, value: &'static str) {
        response
            .headers
            .push(HeaderName::Contact, HeaderValue::from_static(value));
    }
}
