//! Who a peer is (RFC 3325), and who does not want to be known (RFC 3323).
//!
//! What From says is what the sender claims. P-Asserted-Identity is what the network found out,
//! and counts only if a hop of our trust domain says it: the caller has to find out first
//! whether it is one. A wish for privacy is honoured whoever passes it on: then nobody is told
//! a name, and no header that would give it away.

use crate::event::Originator;
use crate::message::{HeaderName, Headers, NameAddr, Uri};

/// How nobody is called (RFC 3323 §4.1.1.3).
const ANONYMOUS: &str = "Anonymous";
const ANONYMOUS_URI: &str = "sip:anonymous@anonymous.invalid";

/// Who somebody says to be, or would like to be, without having it checked. Never passed on.
const UNCHECKED: [HeaderName; 1] = [HeaderName::PPreferredIdentity];

/// What names the sender, beside P-Asserted-Identity.
const TELLING: [HeaderName; 6] = [
    HeaderName::From,
    HeaderName::Contact,
    HeaderName::ReplyTo,
    HeaderName::CallInfo,
    HeaderName::Organization,
    HeaderName::Identity,
];

/// Headers that only mean something if a trusted hop wrote them, without a variant of their
/// own: what was before RFC 3325, RFC 6050 and RFC 5502.
const ASSERTED_OTHERS: [&str; 4] = [
    "Remote-Party-ID",
    "RPID-Privacy",
    "P-Asserted-Service",
    "P-Served-User",
];

/// Who sent a message with these headers; `trusted`: the hop that it came from is.
pub(crate) fn originator(headers: &Headers, trusted: bool) -> Originator {
    if wants_privacy(headers) {
        return Originator {
            uri: plain(&anonymous().uri),
            display_name: Some(ANONYMOUS.to_owned()),
        };
    }
    let claimed = headers.from().ok();
    let asserted = asserted(headers).filter(|_| trusted);
    match (asserted, claimed) {
        (Some(asserted), claimed) => asserted.originator(claimed.as_ref()),
        (None, Some(from)) => Originator {
            uri: plain(&from.uri),
            display_name: from.display_name().map(str::to_owned),
        },
        (None, None) => Originator {
            uri: String::new(),
            display_name: None,
        },
    }
}

/// The headers as text that the application may see: nothing that is not believed, and nothing
/// of somebody who does not want to be known.
pub(crate) fn shown(headers: &Headers, trusted: bool) -> Vec<(String, String)> {
    let private = wants_privacy(headers);
    let believed = trusted && !private && asserted(headers).is_some();
    let hidden = |name: &HeaderName| {
        UNCHECKED.contains(name)
            || (private && TELLING.contains(name))
            || (!believed && *name == HeaderName::PAssertedIdentity)
            || ((!trusted || private) && is_one_of(name, &ASSERTED_OTHERS))
    };
    let lines = headers.iter().filter(|line| !hidden(line.name()));
    lines
        .map(|line| {
            let name = line.name().as_str().to_owned();
            (name, line.value().text().into_owned())
        })
        .collect()
}

/// Whether the sender wants its identity to be withheld (RFC 3323 §4.2, RFC 3325 §9.3).
pub(crate) fn wants_privacy(headers: &Headers) -> bool {
    let lines = headers.lines(&HeaderName::Privacy);
    lines.into_iter().any(|line| asks_for_privacy(&line.text()))
}

/// The same for the value of a Privacy header.
pub(crate) fn asks_for_privacy(value: &str) -> bool {
    let mut wishes = value.split([';', ',']).map(str::trim);
    wishes.any(|wish| {
        ["id", "user", "header"]
            .iter()
            .any(|known| wish.eq_ignore_ascii_case(known))
    })
}

/// The address of nobody, for From.
pub(crate) fn anonymous() -> NameAddr {
    let uri = Uri::parse(ANONYMOUS_URI).expect("a URI");
    let address = NameAddr::new(uri);
    let named = address.clone().with_display_name(ANONYMOUS);
    named.unwrap_or(address)
}

/// The addresses of an identity header that follows RFC 3325 §9.1: one SIP URI, or one number,
/// or one of each. Anything else says nothing for certain.
pub(crate) struct Asserted {
    sip: Option<NameAddr>,
    tel: Option<NameAddr>,
}

impl Asserted {
    pub(crate) fn read<'a>(values: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut read = Self {
            sip: None,
            tel: None,
        };
        for value in values {
            let address = NameAddr::parse(value).ok()?;
            let place = if address.uri.is_tel() {
                &mut read.tel
            } else if address.uri.is_sip() || address.uri.is_sips() {
                &mut read.sip
            } else {
                return None;
            };
            if place.replace(address).is_some() {
                return None;
            }
        }
        (read.sip.is_some() || read.tel.is_some()).then_some(read)
    }

    /// The addresses, the SIP one first.
    pub(crate) fn addresses(self) -> impl Iterator<Item = NameAddr> {
        self.sip.into_iter().chain(self.tel)
    }

    /// The SIP address is shown if there is one. A name that the sender chose itself counts only
    /// beside its own address.
    fn originator(&self, claimed: Option<&NameAddr>) -> Originator {
        let addresses = || self.sip.iter().chain(&self.tel);
        let uri = addresses().next().map(|address| plain(&address.uri));
        let uri = uri.unwrap_or_default();
        let own = claimed.filter(|from| plain(&from.uri).eq_ignore_ascii_case(&uri));
        let mut names = addresses().chain(own).filter_map(NameAddr::display_name);
        Originator {
            display_name: names.next().map(str::to_owned),
            uri,
        }
    }
}

fn asserted(headers: &Headers) -> Option<Asserted> {
    let values = headers.texts(&HeaderName::PAssertedIdentity);
    Asserted::read(values.iter().map(String::as_str))
}

/// `user@host`, or the number.
fn plain(uri: &Uri) -> String {
    let address = uri.tel_number().map(str::to_owned);
    let address = address.or_else(|| uri.user_at_host());
    address.unwrap_or_else(|| uri.opaque().to_owned())
}

fn is_one_of(name: &HeaderName, names: &[&str]) -> bool {
    let name = name.as_str();
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
