//! What a 200 to REGISTER says: how long the registrar keeps our binding (RFC 3261
//! §10.2.4, §10.3), and where it saw us.

use std::net::SocketAddr;

use crate::message::{NameAddr, Response, Via};
use crate::transport::Source;

/// Longer grants are taken for this: a week.
pub(super) const MAX_GRANTED: u32 = 7 * 24 * 3600;

/// Seconds granted by a 200 to REGISTER: what our own Contact says, else Expires, else
/// what was asked for.
///
/// Our Contact is found by its instance, else by its token: a registrar behind NAT may
/// have rewritten everything else, and other devices' bindings stand beside it.
pub(super) fn granted(response: &Response, token: &str, instance: &str, asked: u32) -> u32 {
    let contacts = response.headers.readable_contacts();
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
    own.and_then(|contact| contact.params.get("expires")?.parse().ok())
        .or_else(|| response.headers.expires().ok().flatten())
        .unwrap_or(asked)
        .min(MAX_GRANTED)
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
        assert_eq!(granted(&response, "tok", INSTANCE, 600), 60);
    }

    #[test]
    fn our_contact_is_known_by_its_token_after_a_nat_rewrote_it() {
        let mut response = ok();
        contact(
            &mut response,
            "<sip:other@10.0.0.1>;expires=7, <sip:tok@203.0.113.1:31000>;expires=70",
        );
        assert_eq!(granted(&response, "tok", INSTANCE, 600), 70);
    }

    #[test]
    fn our_contact_is_known_by_its_instance() {
        let mut response = ok();
        contact(
            &mut response,
            "<sip:gone@10.0.0.1>;expires=7, \
             <sip:x@h>;+sip.instance=\"<urn:uuid:00000000-0000-4000-8000-000000000001>\";expires=80",
        );
        assert_eq!(granted(&response, "tok", INSTANCE, 600), 80);
    }

    #[test]
    fn expires_header_and_request_stand_in() {
        let mut response = ok();
        assert_eq!(granted(&response, "tok", INSTANCE, 600), 600);
        response.headers.push(HeaderName::Expires, 300_u32);
        contact(&mut response, "<sip:tok@10.0.0.1>");
        assert_eq!(granted(&response, "tok", INSTANCE, 600), 300);
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
