//! The Via header: the way that responses take back (RFC 3261 section 20.42, RFC 3581).

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use smol_str::SmolStr;

use super::error::{Refused, Unreadable};
use super::grammar::{find_byte, is_token, parse_number, trim, trim_start};
use super::host::{Host, parse_loose_ip};
use super::params::Params;

/// One Via value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Via {
    transport: SmolStr,
    /// The host as written, where that differs from how we print it. Peers compare
    /// `sent-by` with what they wrote themselves.
    host_text: Option<SmolStr>,
    /// The host of `sent-by`.
    pub host: Host,
    /// The port of `sent-by`, if written.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params,
}

/// What every branch parameter of RFC 3261 begins with.
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

impl Via {
    /// A Via of ours, without parameters.
    ///
    /// # Errors
    /// [`Refused::Token`] if the transport is not a token.
    pub fn new(transport: &str, host: Host, port: Option<u16>) -> Result<Self, Refused> {
        if !is_token(transport) {
            return Err(Refused::Token);
        }
        Ok(Self {
            transport: transport.into(),
            host_text: None,
            host,
            port,
            params: Params::default(),
        })
    }

    /// Reads one Via value.
    ///
    /// # Errors
    /// [`Unreadable::Via`] if the protocol is not SIP/2.0, or the transport or `sent-by` is
    /// wrong; [`Unreadable::Params`] if the parameters are.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let parts = Parts::split(text)?;
        Ok(Self {
            transport: parts.transport.into(),
            host_text: parts.spelled_otherwise().then(|| parts.host_text.into()),
            host: parts.host,
            port: parts.port,
            params: Params::parse(parts.params)?,
        })
    }

    /// Whether [`Self::parse`] takes the text.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(super) fn check(text: &str) -> Result<(), Unreadable> {
        let parts = Parts::split(text)?;
        Params::check(parts.params).map(|_| ())
    }

    /// The transport as written: `UDP`, `TCP`, `TLS`, or anything else.
    pub fn transport(&self) -> &str {
        &self.transport
    }

    /// `sent-by` as printed: host, and port if written.
    pub fn sent_by(&self) -> String {
        let host = match &self.host_text {
            Some(text) if Host::parse(text).as_ref() == Ok(&self.host) => text.to_string(),
            Some(_) | None => self.host.to_string(),
        };
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<Cow<'_, str>> {
        self.params.get("branch")
    }

    /// Sets the `branch` parameter.
    ///
    /// # Errors
    /// [`Refused`] if it holds CR, LF or NUL.
    pub fn set_branch(&mut self, branch: &str) -> Result<(), Refused> {
        self.params.set("branch", branch)
    }

    /// Whether the branch is one of RFC 3261: unique by itself.
    pub fn has_magic_cookie(&self) -> bool {
        self.branch().is_some_and(|branch| {
            branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE)
        })
    }

    /// The `received` parameter, if it is an address; IPv6 with or without brackets.
    pub fn received(&self) -> Option<IpAddr> {
        parse_loose_ip(&self.params.get("received")?)
    }

    /// Sets the `received` parameter.
    pub fn set_received(&mut self, address: IpAddr) {
        self.params
            .set("received", &address.to_string())
            .expect("an address holds no line break");
    }

    /// Whether `rport` is there, with or without a port (RFC 3581 section 4).
    pub fn wants_rport(&self) -> bool {
        self.params.contains("rport")
    }

    /// The port in `rport`, once filled in.
    pub fn rport(&self) -> Option<u16> {
        parse_port(&self.params.get("rport")?)
    }

    /// Fills in `rport`; `None` asks for it.
    pub fn set_rport(&mut self, port: Option<u16>) {
        match port {
            Some(port) => self.params.set("rport", &port.to_string()),
            None => self.params.set_flag("rport"),
        }
        .expect("a port holds no line break");
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<Host> {
        Host::parse(&self.params.get("maddr")?).ok()
    }
}

/// A Via value in its parts; the parameters are not looked at.
struct Parts<'a> {
    transport: &'a str,
    host_text: &'a str,
    host: Host,
    port: Option<u16>,
    params: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, Unreadable> {
        let rest = match trim(text).strip_prefix("SIP/2.0/") {
            Some(rest) => rest,
            None => behind_protocol(trim(text)).ok_or(Unreadable::Via)?,
        };
        let rest = trim_start(rest);
        let end = find_byte(rest, |b| matches!(b, b' ' | b'\t')).ok_or(Unreadable::Via)?;
        let (transport, rest) = rest.split_at(end);
        if !is_token(transport) {
            return Err(Unreadable::Via);
        }
        let rest = trim_start(rest);
        let end = find_byte(rest, |b| b == b';').unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at(end);
        let (host_text, port) = split_sent_by(trim(sent_by))?;
        Ok(Self {
            transport,
            host_text,
            host: Host::parse(host_text)?,
            port,
            params,
        })
    }

    /// Whether the host was written in another way than we print it.
    fn spelled_otherwise(&self) -> bool {
        match &self.host {
            Host::Name(_) | Host::V4(_) => false,
            Host::V6(_) => self.host_text != self.host.to_string(),
        }
    }
}

/// What follows the protocol, which may have white space around its slashes.
fn behind_protocol(text: &str) -> Option<&str> {
    let (protocol, rest) = text.split_once('/')?;
    let (version, rest) = rest.split_once('/')?;
    let is_ours = trim(protocol).eq_ignore_ascii_case("SIP") && trim(version) == "2.0";
    is_ours.then_some(rest)
}

/// The host as written, and the port.
fn split_sent_by(text: &str) -> Result<(&str, Option<u16>), Unreadable> {
    let host_end = match find_byte(text, |b| b == b']') {
        Some(at) => at + 1,
        None => find_byte(text, |b| b == b':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(host_end);
    let rest = trim_start(rest);
    if rest.is_empty() {
        return Ok((trim(host), None));
    }
    let port = trim(rest.strip_prefix(':').ok_or(Unreadable::Via)?);
    Ok((trim(host), Some(parse_port(port).ok_or(Unreadable::Via)?)))
}

/// A port number; 0 is none.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    let port = parse_number(text)?;
    u16::try_from(port).ok().filter(|port| *port != 0)
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SIP/2.0/{} {}{}",
            self.transport,
            self.sent_by(),
            self.params
        )
    }
}
