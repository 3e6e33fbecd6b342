//! What each end of a leg tells the other: the facts that travel in SDP.
//!
//! `*Local` is ours, made when a leg is opened; `*Remote` is the peer's, made by
//! the SDP code from an offer or an answer. Nothing here parses or prints SDP.

use std::fmt;
use std::net::SocketAddr;

/// Synchronisation source of an RTP stream (RFC 3550 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ssrc(pub u32);

impl fmt::Display for Ssrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// SHA-256 fingerprint of a certificate (RFC 8122 §5), the identity of a DTLS end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// Reads the value of an `a=fingerprint` attribute: `sha-256 AB:CD:…`, in any case.
    /// `None` for another hash or a malformed value.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (hash, hex) = value.trim().split_once(' ')?;
        if !hash.eq_ignore_ascii_case("sha-256") {
            return None;
        }
        let mut bytes = [0; 32];
        let mut pairs = hex.trim().split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|p| p.len() == 2)?;
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Self(bytes))
    }
}

/// As `a=fingerprint` wants it: `sha-256 AB:CD:…`.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha-256 ")?;
        for (i, byte) in self.0.iter().enumerate() {
            let colon = if i == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Which end of the DTLS handshake is ours (RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsRole {
    /// We send the ClientHello: our `a=setup:active`, the peer's `passive`.
    Client,
    /// We wait for it: our `a=setup:passive`, the peer's `active`.
    Server,
}

/// Our side of a browser leg, for the SDP sent to the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserLocal {
    /// `a=ice-ufrag` (RFC 8839 §5.4).
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
    /// Fingerprint of the process's certificate.
    pub fingerprint: Fingerprint,
    /// Host candidates as advertised, the preferred one first; never empty.
    pub addresses: Vec<SocketAddr>,
    /// The SSRC of everything we send to this browser.
    pub ssrc: Ssrc,
    /// RTCP canonical name of that source.
    pub cname: String,
    /// `a=msid`: stream identifier.
    pub stream: String,
    /// `a=msid`: track identifier.
    pub track: String,
}

/// The browser's side of a browser leg, from its SDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserRemote {
    /// The certificate the browser must show.
    pub fingerprint: Fingerprint,
    /// Our part in the handshake, as offer and answer have settled it.
    pub role: DtlsRole,
    /// SSRCs the browser announced with `a=ssrc`; may be empty.
    pub ssrcs: Vec<Ssrc>,
}

/// Our side of a phone leg, for the SDP sent to the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneLocal {
    /// Where we receive RTP, as advertised (even port).
    pub rtp: SocketAddr,
    /// Where we receive RTCP, as advertised (the next odd port).
    pub rtcp: SocketAddr,
}

/// The phone's side of a phone leg, from its SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneRemote {
    /// Where the phone receives RTP.
    pub rtp: SocketAddr,
    /// Where the phone receives RTCP; equal to `rtp` with `mux`.
    pub rtcp: SocketAddr,
    /// RTP and RTCP share a port (`a=rtcp-mux`, RFC 5761).
    pub mux: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_any_case_and_printed_in_upper_case() {
        let print = Fingerprint::of(b"certificate");
        let text = print.to_string();
        assert!(text.starts_with("sha-256 "));
        assert_eq!(Fingerprint::parse(&text), Some(print));
        assert_eq!(Fingerprint::parse(&text.to_lowercase()), Some(print));
    }

    #[test]
    fn a_malformed_or_foreign_fingerprint_is_refused() {
        let text = Fingerprint::of(b"certificate").to_string();
        for bad in [
            "",
            "sha-256",
            "sha-1 AB:CD",
            &text[..text.len() - 3],
            &format!("{text}:00"),
            &text.replace(':', "-"),
            &text.replacen(&text[8..10], "+1", 1),
        ] {
            assert_eq!(Fingerprint::parse(bad), None, "{bad}");
        }
    }
}
