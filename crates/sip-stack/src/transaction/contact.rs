//! The Contact of a request, written when its transport is known.

use std::net::SocketAddr;

use crate::message::{HeaderValue, Refused};
use crate::transport::Transport;

/// A Contact without host, port and `transport=`: these are what we advertise towards
/// the destination that is chosen in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactTemplate {
    user: String,
    uri_params: String,
    header_params: String,
}

impl ContactTemplate {
    /// `user` is the user part, escaped already; `uri_params` (`;ob`) and `header_params`
    /// (`;expires=600`) begin with a semicolon or are empty.
    ///
    /// # Errors
    /// [`Refused`] if one of them holds CR, LF or NUL.
    pub fn new(
        user: impl Into<String>,
        uri_params: impl Into<String>,
        header_params: impl Into<String>,
    ) -> Result<Self, Refused> {
        let template = Self {
            user: user.into(),
            uri_params: uri_params.into(),
            header_params: header_params.into(),
        };
        HeaderValue::new(format!(
            "{}{}{}",
            template.user, template.uri_params, template.header_params
        ))?;
        Ok(template)
    }

    /// The Contact for messages that go by `transport` and reach us at `addr`. With
    /// `secure`, the scheme is `sips` (RFC 3261 §8.1.1.8).
    pub fn at(&self, transport: Transport, addr: SocketAddr, secure: bool) -> HeaderValue {
        let scheme = if secure { "sips" } else { "sip" };
        let transport = match (transport, secure) {
            // In a sips URI the parameter names what TLS runs on (RFC 5630 §3.1.4).
            (Transport::Udp, _) | (Transport::Tls, true) => "",
            (Transport::Tcp, _) => ";transport=tcp",
            (Transport::Tls, false) => ";transport=tls",
        };
        HeaderValue::new(format!(
            "<{scheme}:{}@{addr}{transport}{}>{}",
            self.user, self.uri_params, self.header_params
        ))
        .expect("the parts were checked when the template was made")
    }
}
