//! Keys in session descriptions (RFC 4568 `a=crypto`, RFC 4567 `a=key-mgmt`, `k=` of RFC 4566 §5.12).
//!
//! They are as secret as the SIP that carries them (RFC 4568 §8.1), so a hop that is not TLS carries
//! none of ours, and none that come over one are believed. Where a request goes is known when it
//! leaves, after Service-Route, Record-Route, Contact and DNS have had their say: whoever sends asks
//! here for each hop. A laboratory may allow keys everywhere.
//!
//! What the keys are for, and what a call without them is worth, is the application's business.

use bytes::Bytes;

use crate::message::{Headers, Method, Request};
use crate::transport::Transport;

/// Keys would have to be sent where everybody can read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exposed;

/// Where keys may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeysGo {
    /// In messages over TLS alone.
    OverTls,
    /// In all messages.
    Everywhere,
}

impl KeysGo {
    pub(crate) fn new(in_clear: bool) -> Self {
        match in_clear {
            false => Self::OverTls,
            true => Self::Everywhere,
        }
    }

    /// Whether messages by this transport may hold keys.
    fn by(self, transport: Transport) -> bool {
        match (self, transport) {
            (Self::Everywhere, _) | (Self::OverTls, Transport::Tls) => true,
            (Self::OverTls, Transport::Udp | Transport::Tcp) => false,
        }
    }

    /// Makes a request fit for a hop. The offer that begins a call goes without its keys where
    /// it means something without them; any other description that holds keys does not go.
    ///
    /// # Errors
    /// [`Exposed`].
    pub(crate) fn fit(self, request: &mut Request, transport: Transport) -> Result<(), Exposed> {
        self.check(&request.headers, &request.body, transport)
            .or_else(|exposed| {
                if !begins_call(request) || wants_keys(&request.body) {
                    return Err(exposed);
                }
                request.body = without_keys(&request.body);
                Ok(())
            })
    }

    /// Whether a message may go by this transport as it is.
    ///
    /// # Errors
    /// [`Exposed`].
    pub(crate) fn check(
        self,
        headers: &Headers,
        body: &Bytes,
        transport: Transport,
    ) -> Result<(), Exposed> {
        match is_sdp(headers) && self.exposes(body, transport) {
            true => Err(Exposed),
            false => Ok(()),
        }
    }

    /// Whether a description would tell keys if it went by this transport.
    pub(crate) fn exposes(self, sdp: &[u8], transport: Transport) -> bool {
        !self.by(transport) && holds_keys(sdp)
    }

    /// A description as it counts for us, that came by this transport: keys that others may
    /// have read, or written, are none.
    pub(crate) fn heard(self, sdp: Bytes, transport: Transport) -> Bytes {
        match self.exposes(&sdp, transport) {
            true => without_keys(&sdp),
            false => sdp,
        }
    }

    /// A description of ours as the far end has it, to whom it went by this transport: what
    /// [`Self::fit`] has taken out was never said.
    pub(crate) fn said(self, sdp: Bytes, transport: Transport) -> Bytes {
        self.heard(sdp, transport)
    }
}

/// Whether a description holds keys.
fn holds_keys(sdp: &[u8]) -> bool {
    sdp.split(|byte| *byte == b'\n').any(is_key)
}

fn is_sdp(headers: &Headers) -> bool {
    let kind = headers.content_type().ok().flatten();
    kind.is_some_and(|kind| kind.is("application/sdp"))
}

fn begins_call(request: &Request) -> bool {
    let is_new = request.headers.to().is_ok_and(|to| to.tag().is_none());
    request.method == Method::Invite && is_new
}

/// Whether a stream is offered that means nothing without keys in the description (RFC 3711's
/// own profiles, as against those of RFC 5764).
fn wants_keys(sdp: &[u8]) -> bool {
    sdp.split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"m="))
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(2))
        .any(|protocol| {
            protocol.eq_ignore_ascii_case(b"RTP/SAVP")
                || protocol.eq_ignore_ascii_case(b"RTP/SAVPF")
        })
}

fn without_keys(sdp: &[u8]) -> Bytes {
    let lines = sdp.split_inclusive(|byte| *byte == b'\n');
    lines
        .filter(|line| !is_key(line))
        .flatten()
        .copied()
        .collect()
}

fn is_key(line: &[u8]) -> bool {
    [&b"a=crypto:"[..], b"a=key-mgmt:", b"k="]
        .iter()
        .any(|key| {
            let start = line.get(..key.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(key))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{HeaderName, HeaderValue, NameAddr, Uri};

    const OPTIONAL: &str = "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 \
                            inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\na=ptime:20\r\n";
    const CLEAR: [Transport; 2] = [Transport::Udp, Transport::Tcp];

    #[test]
    fn an_offer_that_can_do_without_keys_goes_without_them_over_a_clear_hop() {
        for transport in CLEAR {
            let mut invite = invite(OPTIONAL);
            assert_eq!(KeysGo::OverTls.fit(&mut invite, transport), Ok(()));
            let plain = "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=ptime:20\r\n";
            assert_eq!(&invite.body[..], plain.as_bytes());
        }
    }

    #[test]
    fn an_offer_that_wants_keys_does_not_go_over_a_clear_hop() {
        let required = OPTIONAL.replace("RTP/AVP", "RTP/SAVP");
        for transport in CLEAR {
            let mut invite = invite(&required);
            assert_eq!(KeysGo::OverTls.fit(&mut invite, transport), Err(Exposed));
        }
    }

    #[test]
    fn in_mid_call_keys_are_never_left_out() {
        let mut reinvite = invite(OPTIONAL);
        let mut to = reinvite.headers.to().unwrap();
        to.set_tag("b").unwrap();
        reinvite.headers.set(HeaderName::To, to);
        let fit = KeysGo::OverTls.fit(&mut reinvite, Transport::Udp);
        assert_eq!(fit, Err(Exposed));
    }

    #[test]
    fn over_tls_and_in_laboratories_keys_go() {
        let required = OPTIONAL.replace("RTP/AVP", "RTP/SAVP");
        for text in [OPTIONAL, &required] {
            for (keys, transport) in [
                (KeysGo::OverTls, Transport::Tls),
                (KeysGo::Everywhere, Transport::Udp),
                (KeysGo::Everywhere, Transport::Tcp),
            ] {
                let mut invite = invite(text);
                assert_eq!(keys.fit(&mut invite, transport), Ok(()));
                assert_eq!(&invite.body[..], text.as_bytes());
            }
        }
    }

    #[test]
    fn keys_that_came_in_the_clear_count_for_nothing() {
        let sdp = || Bytes::from(OPTIONAL);
        assert!(!holds_keys(&KeysGo::OverTls.heard(sdp(), Transport::Udp)));
        assert_eq!(KeysGo::OverTls.heard(sdp(), Transport::Tls), sdp());
    }

    #[test]
    fn keys_are_found_however_they_are_written() {
        for line in [
            "a=crypto:1 X inline:Y",
            "A=CRYPTO:1",
            "a=key-mgmt:mikey A",
            "k=base64:A",
        ] {
            assert!(holds_keys(format!("v=0\n{line}\n").as_bytes()), "{line}");
        }
        for line in [
            "a=cryptography:no",
            "a=fingerprint:sha-256 AA",
            "i=a=crypto:1",
        ] {
            assert!(
                !holds_keys(format!("v=0\r\n{line}\r\n").as_bytes()),
                "{line}"
            );
        }
    }

    #[test]
    fn text_about_keys_is_no_description() {
        let mut message = invite(OPTIONAL);
        let text = HeaderValue::from_static("text/plain");
        message.headers.set(HeaderName::ContentType, text);
        assert_eq!(KeysGo::OverTls.fit(&mut message, Transport::Udp), Ok(()));
        assert_eq!(&message.body[..], OPTIONAL.as_bytes());
    }

    fn invite(sdp: &str) -> Request {
        let bob = Uri::parse("sip:bob@example.com").unwrap();
        let mut invite = Request::new(Method::Invite, bob.clone());
        invite.headers.push(HeaderName::To, NameAddr::new(bob));
        let kind = HeaderValue::from_static("application/sdp");
        invite.headers.push(HeaderName::ContentType, kind);
        invite.body = Bytes::copy_from_slice(sdp.as_bytes());
        invite
    }
}
