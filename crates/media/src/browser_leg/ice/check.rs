//! One connectivity check: read, authenticated, answered (RFC 8445 §7.3, RFC 8489).
//!
//! Everything behind MESSAGE-INTEGRITY is cut off before it is looked at. What a valid check means
//! for a leg is the responder's business.

use rtc_crypto::RTCCrypto;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_MESSAGE_INTEGRITY, ATTR_PRIORITY,
    ATTR_UNKNOWN_ATTRIBUTES, ATTR_USE_CANDIDATE, ATTR_USERNAME,
};
use rtc_stun::error_code::{
    CODE_BAD_REQUEST, CODE_ROLE_CONFLICT, CODE_UNAUTHORIZED, CODE_UNKNOWN_ATTRIBUTE, ErrorCode,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, MAGIC_COOKIE, Message, Setter,
};
use rtc_stun::xoraddr::XorMappedAddress;

use crate::browser_leg::BrowserAddr;
use crate::browser_leg::credentials::Ufrag;

/// The leg a connectivity check is for: the part of USERNAME before the colon. Looks at
/// nothing else and allocates nothing, so that strangers' packets cost little.
pub(crate) fn ufrag_of_check(datagram: &[u8]) -> Option<Ufrag> {
    let (header, mut rest) = datagram.split_at_checked(20)?;
    if header[..2] != [0, 1] || header[4..8] != MAGIC_COOKIE.to_be_bytes() {
        return None;
    }
    while let &[t0, t1, l0, l1, ref body @ ..] = rest {
        let kind = u16::from_be_bytes([t0, t1]);
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if kind == ATTR_USERNAME.0 {
            let username = body.get(..length)?;
            let colon = username.iter().position(|b| *b == b':')?;
            return Ufrag::parse(&username[..colon]);
        }
        if kind == ATTR_MESSAGE_INTEGRITY.0 {
            return None;
        }
        rest = body.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The binding request in a datagram, if it is one with a right FINGERPRINT.
pub(super) fn read(datagram: &[u8]) -> Option<Message> {
    let mut request = Message::new();
    request.unmarshal_binary(datagram).ok()?;
    let whole = request.typ == BINDING_REQUEST && FINGERPRINT.check(&request).is_ok();
    whole.then_some(request)
}

/// A check whose integrity has been verified and whose unsigned tail has been cut off.
pub(super) struct Check(Message);

/// A check that gets an error response.
pub(super) struct Refusal {
    request: Message,
    code: ErrorCode,
    unknown: Vec<u16>,
}

impl Check {
    pub(super) fn authenticate(
        mut request: Message,
        pwd: &str,
        crypto: &dyn RTCCrypto,
    ) -> Result<Self, Refusal> {
        let signature = request
            .attributes
            .0
            .iter()
            .position(|attribute| attribute.typ == ATTR_MESSAGE_INTEGRITY);
        let Some(signature) = signature else {
            return Err(Refusal::new(request, CODE_BAD_REQUEST));
        };
        if MessageIntegrity::check(&mut request, pwd.as_bytes(), crypto).is_err() {
            return Err(Refusal::new(request, CODE_UNAUTHORIZED));
        }
        request.attributes.0.truncate(signature);
        Ok(Self(request))
    }

    /// A lite end is always controlled; attributes it must understand, it must understand.
    pub(super) fn admit(&self) -> Result<(), Refusal> {
        let known = [ATTR_USERNAME, ATTR_PRIORITY, ATTR_USE_CANDIDATE];
        let unknown: Vec<u16> = self
            .0
            .attributes
            .0
            .iter()
            .filter(|attribute| attribute.typ.required() && !known.contains(&attribute.typ))
            .map(|attribute| attribute.typ.0)
            .collect();
        if !unknown.is_empty() {
            return Err(Refusal {
                request: self.0.clone(),
                code: CODE_UNKNOWN_ATTRIBUTE,
                unknown,
            });
        }
        if self.0.contains(ATTR_ICE_CONTROLLED) && !self.0.contains(ATTR_ICE_CONTROLLING) {
            return Err(Refusal::new(self.0.clone(), CODE_ROLE_CONFLICT));
        }
        Ok(())
    }

    pub(super) fn nominates(&self) -> bool {
        self.0.contains(ATTR_USE_CANDIDATE)
    }

    pub(super) fn success(
        &self,
        from: BrowserAddr,
        pwd: &str,
        crypto: &dyn RTCCrypto,
    ) -> Option<Vec<u8>> {
        build(&[
            Box::new(self.0.transaction_id),
            Box::new(BINDING_SUCCESS),
            Box::new(XorMappedAddress {
                // A dual-stack socket shows IPv4 peers in IPv6 form; they know themselves as IPv4.
                ip: from.address.ip().to_canonical(),
                port: from.address.port(),
            }),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                pwd.to_owned(),
                crypto,
            )),
            Box::new(FINGERPRINT),
        ])
    }
}

impl Refusal {
    fn new(request: Message, code: ErrorCode) -> Self {
        Self {
            request,
            code,
            unknown: Vec::new(),
        }
    }

    /// Signed once the asker has proven to know the password.
    pub(super) fn answer(self, pwd: Option<&str>, crypto: &dyn RTCCrypto) -> Option<Vec<u8>> {
        let mut parts: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(self.request.transaction_id),
            Box::new(BINDING_ERROR),
            Box::new(self.code),
        ];
        if !self.unknown.is_empty() {
            parts.push(Box::new(UnknownAttributes(self.unknown)));
        }
        if let Some(pwd) = pwd {
            parts.push(Box::new(
                MessageIntegrity::new_short_term_integrity_with_provider(pwd.to_owned(), crypto),
            ));
        }
        parts.push(Box::new(FINGERPRINT));
        build(&parts)
    }
}

struct UnknownAttributes(Vec<u16>);

impl Setter for UnknownAttributes {
    fn add_to(&self, message: &mut Message) -> rtc_shared::error::Result<()> {
        let value: Vec<u8> = self.0.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        message.add(ATTR_UNKNOWN_ATTRIBUTES, &value);
        Ok(())
    }
}

fn build(parts: &[Box<dyn Setter + '_>]) -> Option<Vec<u8>> {
    let mut message = Message::new();
    message.build(parts).ok()?;
    Some(message.raw)
}
