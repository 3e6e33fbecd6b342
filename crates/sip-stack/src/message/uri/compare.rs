//! Whether two URIs mean the same (RFC 3261 section 19.1.4).

use std::borrow::Cow;

use super::{Uri, decode};

/// Parameters that do not match their absence.
const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri {
    /// Whether both mean the same resource, by the rules for SIP URIs. Telephone numbers are
    /// compared without their visual separators; URIs of other schemes as text.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if !self.scheme().eq_ignore_ascii_case(other.scheme()) {
            return false;
        }
        match (&self.sip, &other.sip) {
            (Some(mine), Some(theirs)) => {
                self.user_decoded() == other.user_decoded()
                    && self.password().map(decode) == other.password().map(decode)
                    && mine.host.matches(&theirs.host)
                    && mine.port == theirs.port
                    && params_agree(self, other)
                    && params_agree(other, self)
                    && sorted_headers(self) == sorted_headers(other)
            }
            _ if self.is_tel() => digits(self.opaque()) == digits(other.opaque()),
            _ => self.opaque() == other.opaque(),
        }
    }
}

/// Of a parameter that is given twice, the first one counts.
fn params_agree(a: &Uri, b: &Uri) -> bool {
    a.params().all(|(name, _)| {
        let name = decode(name);
        match (a.param(&name), b.param(&name)) {
            (Some(mine), Some(theirs)) => mine.eq_ignore_ascii_case(&theirs),
            _ => !DECISIVE
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known)),
        }
    })
}

fn sorted_headers(uri: &Uri) -> Vec<(String, Cow<'_, str>)> {
    let mut headers: Vec<_> = uri
        .headers()
        .map(|(name, value)| (decode(name).to_ascii_lowercase(), decode(value)))
        .collect();
    headers.sort_unstable();
    headers
}

fn digits(number: &str) -> String {
    number
        .chars()
        .filter(|c| !matches!(c, '-' | '.' | '(' | ')'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}
