//! Checking an answer, for the side that challenged.

use std::error::Error;
use std::fmt;

use subtle::ConstantTimeEq;

use crate::message::Method;

use super::answer::{Hashed, Protection, plain, response};
use super::credentials::Ha1;
use super::params::{AuthParams, split_schemes};

/// An Authorization or Proxy-Authorization header, as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    username: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    algorithm: Option<String>,
    cnonce: Option<String>,
    qop: Option<String>,
    nc: Option<u32>,
}

/// Why an answer is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// It uses an algorithm or a protection that was not offered.
    Unsupported,
    /// It lacks the client nonce or the nonce count.
    Incomplete,
    /// It was not computed from this HA1, method and URI.
    WrongResponse,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "algorithm or qop not offered",
            Self::Incomplete => "cnonce or nc missing",
            Self::WrongResponse => "wrong response",
        })
    }
}

impl Error for Rejection {}

impl Authorization {
    /// Reads the value of the header; `None` if it is no digest answer.
    pub fn parse(value: &str) -> Option<Self> {
        let schemes = split_schemes(value);
        let (scheme, params) = schemes.first()?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        Self::from_params(params)
    }

    fn from_params(params: &AuthParams<'_>) -> Option<Self> {
        let text = |name: &str| params.inner(name).map(str::to_owned);
        Some(Self {
            username: plain(params.inner("username")?),
            realm: plain(params.inner("realm")?),
            nonce: text("nonce")?,
            uri: text("uri")?,
            response: text("response")?,
            algorithm: text("algorithm"),
            cnonce: text("cnonce"),
            qop: text("qop"),
            nc: params
                .inner("nc")
                .filter(|nc| nc.len() == 8)
                .and_then(|nc| u32::from_str_radix(nc, 16).ok()),
        })
    }

    /// The user name, without escapes.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The realm, without escapes.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The nonce: whether it is one of ours and still good is for the caller to say.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The URI that was hashed: whether it fits the request is for the caller to say.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The nonce count; a count that does not grow is a replay.
    pub fn nonce_count(&self) -> Option<u32> {
        self.nc
    }

    /// Whether the answer was computed from this HA1 for a request of this method.
    ///
    /// # Errors
    /// [`Rejection`] says why not.
    pub fn verify(&self, ha1: &Ha1, method: &Method) -> Result<(), Rejection> {
        let is_session = match self.algorithm.as_deref() {
            None => false,
            Some(name) if name.eq_ignore_ascii_case("MD5") => false,
            Some(name) if name.eq_ignore_ascii_case("MD5-sess") => true,
            Some(_) => return Err(Rejection::Unsupported),
        };
        let protection = match self.qop.as_deref() {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some(Protection {
                cnonce: self.cnonce.as_deref().ok_or(Rejection::Incomplete)?,
                nc: self.nc.ok_or(Rejection::Incomplete)?,
            }),
            Some(_) => return Err(Rejection::Unsupported),
        };
        if is_session && self.cnonce.is_none() {
            return Err(Rejection::Incomplete);
        }
        let expected = response(&Hashed {
            ha1: &ha1.hex(),
            is_session,
            nonce: &self.nonce,
            cnonce: self.cnonce.as_deref().unwrap_or_default(),
            protection,
            method: method.as_str(),
            uri: &self.uri,
        });
        let given = self.response.to_ascii_lowercase();
        match bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
            true => Ok(()),
            false => Err(Rejection::WrongResponse),
        }
    }
}
