//! Making SIP URIs out of parts; whatever may not stand in a part is escaped.

use std::fmt::Write;

use super::Uri;
use super::escape::{HEADER, PARAM, PASSWORD, USER, encode};
use crate::message::error::Refused;
use crate::message::grammar::breaks_lines;
use crate::message::host::Host;

/// Collects the parts of a SIP or SIPS URI.
#[derive(Debug, Clone)]
#[must_use]
pub struct UriBuilder {
    scheme: &'static str,
    user: Option<String>,
    password: Option<String>,
    host: Host,
    port: Option<u16>,
    params: String,
    headers: String,
    refused: Option<Refused>,
}

impl UriBuilder {
    /// Begins a `sip` URI of this host.
    pub fn sip(host: Host) -> Self {
        Self {
            scheme: "sip",
            user: None,
            password: None,
            host,
            port: None,
            params: String::new(),
            headers: String::new(),
            refused: None,
        }
    }

    /// Begins a `sips` URI of this host.
    pub fn sips(host: Host) -> Self {
        Self {
            scheme: "sips",
            ..Self::sip(host)
        }
    }

    /// Sets the user part, given without escapes.
    pub fn user(mut self, user: &str) -> Self {
        self.user = Some(self.escaped(user, USER));
        self
    }

    /// Sets the password, given without escapes.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(self.escaped(password, PASSWORD));
        self
    }

    /// Sets the port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Adds a parameter, given without escapes; an empty value makes one without `=`.
    pub fn param(mut self, name: &str, value: &str) -> Self {
        let name = self.escaped(name, PARAM);
        self.params.push(';');
        self.params += &name;
        if !value.is_empty() {
            self.params.push('=');
            let value = self.escaped(value, PARAM);
            self.params += &value;
        }
        self
    }

    /// Adds a header behind `?`, given without escapes.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = self.escaped(name, HEADER);
        let value = self.escaped(value, HEADER);
        self.headers
            .push(if self.headers.is_empty() { '?' } else { '&' });
        self.headers += &format!("{name}={value}");
        self
    }

    /// The URI.
    ///
    /// # Errors
    /// [`Refused`] if a part held CR, LF or NUL, or if the parts make no URI, as an empty
    /// user does.
    pub fn build(self) -> Result<Uri, Refused> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let mut text = format!("{}:", self.scheme);
        if let Some(user) = &self.user {
            text += user;
            if let Some(password) = &self.password {
                text.push(':');
                text += password;
            }
            text.push('@');
        }
        write!(text, "{}", self.host).map_err(|_| Refused::Uri)?;
        if let Some(port) = self.port {
            write!(text, ":{port}").map_err(|_| Refused::Uri)?;
        }
        text += &self.params;
        text += &self.headers;
        Uri::parse(&text).map_err(|_| Refused::Uri)
    }

    fn escaped(&mut self, text: &str, also: &[u8]) -> String {
        if breaks_lines(text.as_bytes()) {
            self.refused = Some(Refused::LineBreak);
        }
        let mut escaped = String::with_capacity(text.len());
        encode(&mut escaped, text, also);
        escaped
    }
}

impl Uri {
    /// The same URI with one more parameter, given without escapes, or with another value in
    /// the place of the one it has.
    ///
    /// # Errors
    /// [`Refused`] if this is no SIP URI, or name or value hold CR, LF or NUL.
    pub fn with_param(&self, name: &str, value: &str) -> Result<Self, Refused> {
        if breaks_lines(name.as_bytes()) || breaks_lines(value.as_bytes()) {
            return Err(Refused::LineBreak);
        }
        let parts = self.sip.as_ref().ok_or(Refused::Uri)?;
        let mut text = self.text[..usize::from(parts.params_start)].to_owned();
        for (given, given_value) in self.params() {
            if !super::decode(given).eq_ignore_ascii_case(name) {
                text.push(';');
                text += given;
                if let Some(given_value) = given_value {
                    text.push('=');
                    text += given_value;
                }
            }
        }
        text.push(';');
        encode(&mut text, name, PARAM);
        if !value.is_empty() {
            text.push('=');
            encode(&mut text, value, PARAM);
        }
        text += &self.text[usize::from(parts.params_end)..];
        Self::parse(&text).map_err(|_| Refused::Uri)
    }

    /// The same URI with one more header behind `?`, given without escapes.
    ///
    /// # Errors
    /// [`Refused`] if this is no SIP URI, or name or value hold CR, LF or NUL.
    pub fn with_header(&self, name: &str, value: &str) -> Result<Self, Refused> {
        if breaks_lines(name.as_bytes()) || breaks_lines(value.as_bytes()) {
            return Err(Refused::LineBreak);
        }
        if self.sip.is_none() {
            return Err(Refused::Uri);
        }
        let mut text = self.text.to_string();
        text.push(if self.has_headers() { '&' } else { '?' });
        encode(&mut text, name, HEADER);
        text.push('=');
        encode(&mut text, value, HEADER);
        Self::parse(&text).map_err(|_| Refused::Uri)
    }

    /// The same URI without the headers behind `?`, as a Request-URI must be.
    #[must_use]
    pub fn without_headers(&self) -> Self {
        match &self.sip {
            Some(parts) => Self::parse(&self.text[..usize::from(parts.params_end)])
                .expect("a SIP URI without its headers is a SIP URI"),
            None => self.clone(),
        }
    }
}
