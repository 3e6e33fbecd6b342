//! Challenges: WWW-Authenticate and Proxy-Authenticate (RFC 3261 section 20.27 and 20.44).

use std::fmt;

use crate::message::Refused;
use crate::message::grammar::{breaks_lines, is_token, quote, unquote};

use super::params::{AuthParams, split_schemes};

/// How a digest is computed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5, also when the challenge names none.
    Md5,
    /// MD5-sess.
    Md5Sess,
    /// Another one, which an MD5 HA1 cannot answer: SHA-256 and its like, by name.
    Other(Box<str>),
}

/// A digest challenge.
///
/// Realm, nonce and opaque are kept as written between their quotes, because they go into
/// the answer, and into the hash, exactly so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub(super) realm: Box<str>,
    pub(super) nonce: Box<str>,
    pub(super) opaque: Option<Box<str>>,
    /// The algorithm as written, if it was.
    pub(super) algorithm: Option<Box<str>>,
    /// The `qop` list; empty if there was none.
    pub(super) qop: Vec<Box<str>>,
    pub(super) stale: bool,
}

impl Challenge {
    /// A challenge of our own, with `qop="auth"` and MD5.
    ///
    /// # Errors
    /// [`Refused::LineBreak`] if a part holds CR, LF or NUL.
    pub fn new(
        realm: &str,
        nonce: &str,
        opaque: Option<&str>,
        stale: bool,
    ) -> Result<Self, Refused> {
        let inner = |text: &str| -> Result<Box<str>, Refused> {
            if breaks_lines(text.as_bytes()) {
                return Err(Refused::LineBreak);
            }
            let quoted = quote(text);
            Ok(quoted[1..quoted.len() - 1].into())
        };
        Ok(Self {
            realm: inner(realm)?,
            nonce: inner(nonce)?,
            opaque: opaque.map(inner).transpose()?,
            algorithm: Some("MD5".into()),
            qop: vec!["auth".into()],
            stale,
        })
    }

    /// Every digest challenge in one header line, in order. One line may hold several,
    /// separated by commas. Other schemes, and challenges without realm or nonce, are left out.
    pub fn parse_all(line: &str) -> Vec<Self> {
        split_schemes(line)
            .into_iter()
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Digest"))
            .filter_map(|(_, params)| Self::from_params(&params))
            .collect()
    }

    fn from_params(params: &AuthParams<'_>) -> Option<Self> {
        let algorithm = params.inner("algorithm");
        if algorithm.is_some_and(|name| !is_token(name)) {
            return None;
        }
        Some(Self {
            realm: params.inner("realm")?.into(),
            nonce: params.inner("nonce")?.into(),
            opaque: params.inner("opaque").map(Into::into),
            algorithm: algorithm.map(Into::into),
            qop: params
                .inner("qop")
                .unwrap_or_default()
                .split([',', ' ', '\t'])
                .filter(|option| is_token(option))
                .map(Into::into)
                .collect(),
            stale: params
                .inner("stale")
                .is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The realm, without escapes.
    pub fn realm(&self) -> String {
        unquote(&format!("\"{}\"", self.realm)).into_owned()
    }

    /// The nonce as written.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Whether the only thing wrong with the last answer was the age of its nonce.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self.algorithm.as_deref() {
            None => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("MD5") => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("MD5-sess") => Algorithm::Md5Sess,
            Some(name) => Algorithm::Other(name.into()),
        }
    }

    /// Whether `qop` offers `auth`.
    pub fn offers_auth(&self) -> bool {
        self.qop.iter().any(|q| q.eq_ignore_ascii_case("auth"))
    }

    /// Whether `qop` is absent, as in RFC 2069.
    pub fn is_without_qop(&self) -> bool {
        self.qop.is_empty()
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Digest realm=\"{}\", nonce=\"{}\"",
            self.realm, self.nonce
        )?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque=\"{opaque}\"")?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        if let Some(algorithm) = &self.algorithm {
            write!(f, ", algorithm={algorithm}")?;
        }
        if !self.qop.is_empty() {
            write!(f, ", qop=\"{}\"", self.qop.join(","))?;
        }
        Ok(())
    }
}
