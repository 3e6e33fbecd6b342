//! Header names: case does not matter, and some have a one-letter form (RFC 3261 section 7.3).

use std::fmt;
use std::hash::{Hash, Hasher};

use super::error::Refused;
use super::grammar::is_token;

/// The name of a header that has no variant of its own; compared without regard to case.
#[derive(Debug, Clone)]
pub struct OtherName(Box<str>);

impl PartialEq for OtherName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for OtherName {}

impl Hash for OtherName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

macro_rules! names {
    ($($variant:ident $name:literal $($compact:literal)?),* $(,)?) => {
        /// The name of a header.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum HeaderName {
            $(
                #[doc = $name]
                $variant,
            )*
            /// Any other header.
            Other(OtherName),
        }

        impl HeaderName {
            /// The name as we write it: never the compact form.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(OtherName(name)) => name,
                }
            }

        }

        /// Every spelling of every name we know.
        const SPELLINGS: &[&str] = &[$($name, $($compact,)?)*];
        /// What each of them means.
        static MEANINGS: &[HeaderName] = &[$(
            HeaderName::$variant,
            $({ let _compact = $compact; HeaderName::$variant },)?
        )*];
    };
}

names! {
    Via "Via" "v",
    From "From" "f",
    To "To" "t",
    CallId "Call-ID" "i",
    CSeq "CSeq",
    Contact "Contact" "m",
    MaxForwards "Max-Forwards",
    ContentLength "Content-Length" "l",
    ContentType "Content-Type" "c",
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding" "e",
    ContentLanguage "Content-Language",
    Route "Route",
    RecordRoute "Record-Route",
    Path "Path",
    ServiceRoute "Service-Route",
    Expires "Expires",
    MinExpires "Min-Expires",
    Allow "Allow",
    AllowEvents "Allow-Events" "u",
    Accept "Accept",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    Supported "Supported" "k",
    Require "Require",
    ProxyRequire "Proxy-Require",
    Unsupported "Unsupported",
    WwwAuthenticate "WWW-Authenticate",
    Authorization "Authorization",
    ProxyAuthenticate "Proxy-Authenticate",
    ProxyAuthorization "Proxy-Authorization",
    AuthenticationInfo "Authentication-Info",
    ProxyAuthenticationInfo "Proxy-Authentication-Info",
    RetryAfter "Retry-After",
    Date "Date",
    Subject "Subject" "s",
    UserAgent "User-Agent",
    Server "Server",
    Warning "Warning",
    Reason "Reason",
    RSeq "RSeq",
    RAck "RAck",
    SessionExpires "Session-Expires" "x",
    MinSe "Min-SE",
    Event "Event" "o",
    SubscriptionState "Subscription-State",
    ReferTo "Refer-To" "r",
    ReferredBy "Referred-By" "b",
    Replaces "Replaces",
    InfoPackage "Info-Package",
    RecvInfo "Recv-Info",
    PAssertedIdentity "P-Asserted-Identity",
    PPreferredIdentity "P-Preferred-Identity",
    PAssociatedUri "P-Associated-URI",
    Privacy "Privacy",
    Diversion "Diversion",
    HistoryInfo "History-Info",
    AlertInfo "Alert-Info",
    CallInfo "Call-Info",
    ErrorInfo "Error-Info",
    InReplyTo "In-Reply-To",
    Organization "Organization",
    Priority "Priority",
    ReplyTo "Reply-To",
    MimeVersion "MIME-Version",
    FlowTimer "Flow-Timer",
    Identity "Identity" "y",
    AcceptContact "Accept-Contact" "a",
    RejectContact "Reject-Contact" "j",
    RequestDisposition "Request-Disposition" "d",
}

/// The [`SPELLINGS`] by their [`hash`]: an index, or [`FREE`]. Filled by the compiler; more
/// than half stays free, so a search ends soon.
static SLOTS: [u8; 256] = {
    assert!(SPELLINGS.len() < 128);
    let mut slots = [FREE; 256];
    let mut index = 0;
    while index < SPELLINGS.len() {
        let mut slot = hash(SPELLINGS[index].as_bytes());
        while slots[slot as usize] != FREE {
            slot = slot.wrapping_add(1);
        }
        slots[slot as usize] = index as u8;
        index += 1;
    }
    slots
};
const FREE: u8 = u8::MAX;

/// The same for all spellings of a name that differ in case only.
const fn hash(name: &[u8]) -> u8 {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let (first, middle, last) = (
        name[0] | 0x20,
        name[length / 2] | 0x20,
        name[length - 1] | 0x20,
    );
    first
        .wrapping_mul(7)
        .wrapping_add(middle.wrapping_mul(31))
        .wrapping_add(last.wrapping_mul(3))
        .wrapping_add((length as u8).wrapping_mul(17))
}

impl HeaderName {
    fn known(text: &str) -> Option<Self> {
        let mut slot = hash(text.as_bytes());
        loop {
            let index = usize::from(SLOTS[usize::from(slot)]);
            if SPELLINGS.get(index)?.eq_ignore_ascii_case(text) {
                return Some(MEANINGS[index].clone());
            }
            slot = slot.wrapping_add(1);
        }
    }

    /// Reads a header name, long or compact, in any case.
    ///
    /// # Errors
    /// [`Refused::Token`] if the text is not a token.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if let Some(known) = Self::known(text) {
            return Ok(known);
        }
        if !is_token(text) {
            return Err(Refused::Token);
        }
        Ok(Self::Other(OtherName(text.into())))
    }

    /// Whether one line may hold several values, separated by commas (RFC 3261 section 7.3.1).
    pub fn is_list(&self) -> bool {
        matches!(
            self,
            Self::Via
                | Self::Contact
                | Self::ContentEncoding
                | Self::ContentLanguage
                | Self::Route
                | Self::RecordRoute
                | Self::Path
                | Self::ServiceRoute
                | Self::Allow
                | Self::AllowEvents
                | Self::Accept
                | Self::AcceptEncoding
                | Self::AcceptLanguage
                | Self::Supported
                | Self::Require
                | Self::ProxyRequire
                | Self::Unsupported
                | Self::Warning
                | Self::Reason
                | Self::RecvInfo
                | Self::PAssertedIdentity
                | Self::PPreferredIdentity
                | Self::PAssociatedUri
                | Self::Diversion
                | Self::HistoryInfo
                | Self::AlertInfo
                | Self::CallInfo
                | Self::ErrorInfo
                | Self::InReplyTo
                | Self::AcceptContact
                | Self::RejectContact
                | Self::RequestDisposition
        )
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
