//! Answering challenges, and choosing those that can be answered.

use std::error::Error;
use std::fmt;

use crate::message::grammar::{breaks_lines, quote, unquote};
use crate::message::{HeaderValue, Method};

use super::challenge::{Algorithm, Challenge};
use super::credentials::{Credentials, hex};

/// Why no challenge can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestError {
    /// There is no digest challenge at all.
    NoChallenge,
    /// Only algorithms are offered that an MD5 HA1 cannot answer; these are their names.
    AlgorithmUnsupported(Vec<String>),
    /// Only protections are offered that we do not have, as `auth-int` alone.
    QopUnsupported,
    /// The challenges are for realms that these credentials are not made for.
    RealmMismatch(Vec<String>),
    /// The user name or the client nonce holds CR, LF or NUL.
    Refused,
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChallenge => f.write_str("no digest challenge"),
            Self::AlgorithmUnsupported(names) => {
                write!(f, "only {} offered, MD5 needed", names.join(", "))
            }
            Self::QopUnsupported => f.write_str("no supported qop offered"),
            Self::RealmMismatch(realms) => {
                write!(f, "realm mismatch: challenged for {}", realms.join(", "))
            }
            Self::Refused => f.write_str("the credentials cannot stand in a header"),
        }
    }
}

impl Error for DigestError {}

/// Chooses the challenges to answer: for each realm the first that can be answered. With
/// `realms` given, only these count.
///
/// # Errors
/// [`DigestError`] if none is left: because of the realm, else of the algorithm, else of the
/// protection.
pub fn select<'a>(
    challenges: &'a [Challenge],
    realms: Option<&[String]>,
) -> Result<Vec<&'a Challenge>, DigestError> {
    if challenges.is_empty() {
        return Err(DigestError::NoChallenge);
    }
    let ours: Vec<&Challenge> = challenges
        .iter()
        .filter(|challenge| realms.is_none_or(|realms| realms.contains(&challenge.realm())))
        .collect();
    if ours.is_empty() {
        let offered = challenges.iter().map(Challenge::realm);
        return Err(DigestError::RealmMismatch(offered.collect()));
    }
    let unknown: Vec<String> = ours
        .iter()
        .filter_map(|challenge| match challenge.algorithm() {
            Algorithm::Md5 | Algorithm::Md5Sess => None,
            Algorithm::Other(name) => Some(name.into()),
        })
        .collect();
    if unknown.len() == ours.len() {
        return Err(DigestError::AlgorithmUnsupported(unknown));
    }
    let mut chosen: Vec<&Challenge> = Vec::new();
    for challenge in ours {
        let is_answerable = !matches!(challenge.algorithm(), Algorithm::Other(_))
            && (challenge.offers_auth() || challenge.is_without_qop());
        let is_first = !chosen
            .iter()
            .any(|other| other.realm() == challenge.realm());
        if is_answerable && is_first {
            chosen.push(challenge);
        }
    }
    match chosen.is_empty() {
        true => Err(DigestError::QopUnsupported),
        false => Ok(chosen),
    }
}

/// The value of Authorization or Proxy-Authorization that answers a challenge.
///
/// `uri` is the Request-URI exactly as it will be on the wire; `nc` counts the uses of this
/// nonce from 1 and is ignored where the challenge has no qop.
///
/// # Errors
/// [`DigestError`] if this challenge cannot be answered from an MD5 HA1.
pub fn answer(
    challenge: &Challenge,
    credentials: &Credentials,
    method: &Method,
    uri: &str,
    cnonce: &str,
    nc: u32,
) -> Result<HeaderValue, DigestError> {
    let is_session = match challenge.algorithm() {
        Algorithm::Md5 => false,
        Algorithm::Md5Sess => true,
        Algorithm::Other(name) => {
            return Err(DigestError::AlgorithmUnsupported(vec![name.into()]));
        }
    };
    if !challenge.is_without_qop() && !challenge.offers_auth() {
        return Err(DigestError::QopUnsupported);
    }
    let bad = |text: &str| breaks_lines(text.as_bytes());
    let unquotable = cnonce.contains(['"', '\\']) || uri.contains('"');
    if bad(&credentials.username) || bad(cnonce) || bad(uri) || unquotable {
        return Err(DigestError::Refused);
    }
    let protection = challenge.offers_auth().then_some(Protection { cnonce, nc });
    let response = response(&Hashed {
        ha1: &credentials.ha1.hex(),
        is_session,
        nonce: &challenge.nonce,
        cnonce,
        protection,
        method: method.as_str(),
        uri,
    });

    let mut value = format!(
        "Digest username={}, realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\"",
        quote(&credentials.username),
        challenge.realm,
        challenge.nonce,
    );
    if let Some(algorithm) = &challenge.algorithm {
        value += &format!(", algorithm={algorithm}");
    }
    if let Some(opaque) = &challenge.opaque {
        value += &format!(", opaque=\"{opaque}\"");
    }
    if let Some(Protection { cnonce, nc }) = protection {
        value += &format!(", qop=auth, nc={nc:08x}, cnonce=\"{cnonce}\"");
    } else if is_session {
        value += &format!(", cnonce=\"{cnonce}\"");
    }
    HeaderValue::new(value).map_err(|_| DigestError::Refused)
}

/// What goes into the hash with `qop=auth`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Protection<'a> {
    pub(super) cnonce: &'a str,
    pub(super) nc: u32,
}

/// All that goes into the hash.
pub(super) struct Hashed<'a> {
    pub(super) ha1: &'a str,
    pub(super) is_session: bool,
    pub(super) nonce: &'a str,
    pub(super) cnonce: &'a str,
    pub(super) protection: Option<Protection<'a>>,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
}

/// The `response` parameter (RFC 2617 section 3.2.2.1).
pub(super) fn response(hashed: &Hashed<'_>) -> String {
    let md5 = |text: String| hex(md5::compute(text).0);
    let Hashed { nonce, cnonce, .. } = hashed;
    let ha1 = match hashed.is_session {
        true => md5(format!("{}:{nonce}:{cnonce}", hashed.ha1)),
        false => hashed.ha1.to_owned(),
    };
    let ha2 = md5(format!("{}:{}", hashed.method, hashed.uri));
    match hashed.protection {
        Some(Protection { cnonce, nc }) => {
            md5(format!("{ha1}:{nonce}:{nc:08x}:{cnonce}:auth:{ha2}"))
        }
        None => md5(format!("{ha1}:{nonce}:{ha2}")),
    }
}

/// The text between the quotes of a parameter, without escapes.
pub(super) fn plain(inner: &str) -> String {
    unquote(&format!("\"{inner}\"")).into_owned()
}
