//! What the headers mean, read when asked for.
//!
//! A header that a message must have gives `Result<T, Unreadable>`, where absence is
//! [`Unreadable::Missing`]; one that it may have gives `Result<Option<T>, Unreadable>`.

use super::cseq::CSeq;
use super::date::{is_sip_date, unix_seconds};
use super::error::Unreadable;
use super::grammar::{has_stray, is_lws, parse_number, parse_saturating, trim};
use super::header_name::HeaderName;
use super::headers::Headers;
use super::media_type::MediaType;
use super::method::Method;
use super::name_addr::NameAddr;
use super::params::Params;
use super::via::Via;
use crate::digest::Challenge;

/// What the Contact headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts {
    /// `*`: all bindings (RFC 3261 section 10.2.2).
    All,
    /// These addresses, possibly none.
    List(Vec<NameAddr>),
}

impl Contacts {
    /// The first address.
    pub fn first(&self) -> Option<&NameAddr> {
        match self {
            Self::All => None,
            Self::List(list) => list.first(),
        }
    }
}

impl Headers {
    /// The top Via.
    ///
    /// # Errors
    /// [`Unreadable`] if there is none or it cannot be read.
    pub fn via(&self) -> Result<Via, Unreadable> {
        let mut values = self.each_text(&HeaderName::Via);
        Via::parse(&values.next().ok_or(Unreadable::Missing)?)
    }

    /// Every Via from the top.
    ///
    /// # Errors
    /// [`Unreadable`] if one of them cannot be read.
    pub fn vias(&self) -> Result<Vec<Via>, Unreadable> {
        self.each(&HeaderName::Via, Via::parse)
    }

    /// From.
    ///
    /// # Errors
    /// [`Unreadable`] if there is none or it cannot be read.
    pub fn from(&self) -> Result<NameAddr, Unreadable> {
        self.one(&HeaderName::From, NameAddr::parse)
    }

    /// To.
    ///
    /// # Errors
    /// [`Unreadable`] if there is none or it cannot be read.
    pub fn to(&self) -> Result<NameAddr, Unreadable> {
        self.one(&HeaderName::To, NameAddr::parse)
    }

    /// Call-ID.
    ///
    /// # Errors
    /// [`Unreadable`] if there is none, it is empty or holds white space.
    pub fn call_id(&self) -> Result<&str, Unreadable> {
        let value = self.get(&HeaderName::CallId).ok_or(Unreadable::Missing)?;
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Unreadable::CallId)?;
        if text.is_empty() || has_stray(text) {
            return Err(Unreadable::CallId);
        }
        Ok(text)
    }

    /// CSeq.
    ///
    /// # Errors
    /// [`Unreadable`] if there is none or it cannot be read.
    pub fn cseq(&self) -> Result<CSeq, Unreadable> {
        self.one(&HeaderName::CSeq, CSeq::parse)
    }

    /// Max-Forwards.
    ///
    /// # Errors
    /// [`Unreadable::Number`] if it is not a number from 0 to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, Unreadable> {
        match self.number(&HeaderName::MaxForwards)? {
            Some(hops) => match u8::try_from(hops) {
                Ok(hops) => Ok(Some(hops)),
                Err(_) => Err(Unreadable::Number),
            },
            None => Ok(None),
        }
    }

    /// Content-Length: what it says, not how long the body is. A number too large to hold is
    /// the largest one.
    ///
    /// # Errors
    /// [`Unreadable::Number`] if it is not a number, or given twice with different numbers.
    pub fn content_length(&self) -> Result<Option<usize>, Unreadable> {
        let mut agreed = None;
        for value in self.lines(&HeaderName::ContentLength) {
            let digits = value.as_bytes();
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return Err(Unreadable::Number);
            }
            let length = digits.iter().fold(0_usize, |sum, digit| {
                sum.saturating_mul(10)
                    .saturating_add(usize::from(digit - b'0'))
            });
            if agreed.is_some_and(|agreed| agreed != length) {
                return Err(Unreadable::Number);
            }
            agreed = Some(length);
        }
        Ok(agreed)
    }

    /// Contact.
    ///
    /// # Errors
    /// [`Unreadable`] if one address cannot be read, or `*` stands beside others.
    pub fn contacts(&self) -> Result<Contacts, Unreadable> {
        if self.each_text(&HeaderName::Contact).any(|text| text == "*") {
            return match self.each_text(&HeaderName::Contact).count() {
                1 => Ok(Contacts::All),
                _ => Err(Unreadable::Address),
            };
        }
        self.each(&HeaderName::Contact, NameAddr::parse)
            .map(Contacts::List)
    }

    /// Those Contact addresses that can be read: a registrar lists what other devices sent.
    pub fn readable_contacts(&self) -> Vec<NameAddr> {
        self.values(&HeaderName::Contact)
            .iter()
            .filter_map(|value| NameAddr::parse(&value.text()).ok())
            .collect()
    }

    /// Route, from the top.
    ///
    /// # Errors
    /// [`Unreadable`] if one address cannot be read.
    pub fn routes(&self) -> Result<Vec<NameAddr>, Unreadable> {
        self.each(&HeaderName::Route, NameAddr::parse)
    }

    /// Record-Route, from the top.
    ///
    /// # Errors
    /// [`Unreadable`] if one address cannot be read.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, Unreadable> {
        self.each(&HeaderName::RecordRoute, NameAddr::parse)
    }

    /// Service-Route, from the top (RFC 3608).
    ///
    /// # Errors
    /// [`Unreadable`] if one address cannot be read.
    pub fn service_routes(&self) -> Result<Vec<NameAddr>, Unreadable> {
        self.each(&HeaderName::ServiceRoute, NameAddr::parse)
    }

    /// Expires, in seconds.
    ///
    /// # Errors
    /// [`Unreadable::Number`] if it is not a number.
    pub fn expires(&self) -> Result<Option<u32>, Unreadable> {
        self.number(&HeaderName::Expires)
    }

    /// Min-Expires, in seconds.
    ///
    /// # Errors
    /// [`Unreadable::Number`] if it is not a number.
    pub fn min_expires(&self) -> Result<Option<u32>, Unreadable> {
        self.number(&HeaderName::MinExpires)
    }

    /// Retry-After, in seconds; comment and parameters are ignored.
    ///
    /// # Errors
    /// [`Unreadable::Number`] if it does not begin with a number.
    pub fn retry_after(&self) -> Result<Option<u32>, Unreadable> {
        self.number(&HeaderName::RetryAfter)
    }

    /// Flow-Timer, in seconds (RFC 5626 section 4.4.1).
    ///
    /// # Errors
    /// [`Unreadable::Number`] if it is not a number.
    pub fn flow_timer(&self) -> Result<Option<u32>, Unreadable> {
        self.number(&HeaderName::FlowTimer)
    }

    /// Session-Expires, in seconds, with its parameters (RFC 4028).
    ///
    /// # Errors
    /// [`Unreadable`] if it is not a number with parameters.
    pub fn session_expires(&self) -> Result<Option<(u32, Params)>, Unreadable> {
        self.maybe(&HeaderName::SessionExpires, |text| {
            let (number, params) = text.split_at(text.find(';').unwrap_or(text.len()));
            let seconds = parse_saturating(trim(number)).ok_or(Unreadable::Number)?;
            Ok((seconds, Params::parse(params)?))
        })
    }

    /// Min-SE, in seconds (RFC 4028).
    ///
    /// # Errors
    /// [`Unreadable::Number`] if it is not a number.
    pub fn min_se(&self) -> Result<Option<u32>, Unreadable> {
        self.number(&HeaderName::MinSe)
    }

    /// RSeq (RFC 3262).
    ///
    /// # Errors
    /// [`Unreadable::Number`] if it is not a number of 32 bits.
    pub fn rseq(&self) -> Result<Option<u32>, Unreadable> {
        self.maybe(&HeaderName::RSeq, |text| {
            parse_number(trim(text)).ok_or(Unreadable::Number)
        })
    }

    /// RAck: the RSeq and the CSeq that a PRACK acknowledges (RFC 3262).
    ///
    /// # Errors
    /// [`Unreadable`] if it is not two numbers and a method.
    pub fn rack(&self) -> Result<Option<(u32, CSeq)>, Unreadable> {
        self.maybe(&HeaderName::RAck, |text| {
            let text = trim(text);
            let (rseq, cseq) = text.split_at(text.find(is_lws).ok_or(Unreadable::Number)?);
            let rseq = parse_number(rseq).ok_or(Unreadable::Number)?;
            Ok((rseq, CSeq::parse(cseq)?))
        })
    }

    /// The option tags of Require.
    pub fn require(&self) -> Vec<String> {
        self.texts(&HeaderName::Require)
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> Vec<String> {
        self.texts(&HeaderName::Supported)
    }

    /// The option tags of Unsupported.
    pub fn unsupported(&self) -> Vec<String> {
        self.texts(&HeaderName::Unsupported)
    }

    /// The methods of Allow; what is no method is left out.
    pub fn allow(&self) -> Vec<Method> {
        self.texts(&HeaderName::Allow)
            .iter()
            .filter_map(|text| Method::parse(text).ok())
            .collect()
    }

    /// Content-Type.
    ///
    /// # Errors
    /// [`Unreadable`] if it is not a media type.
    pub fn content_type(&self) -> Result<Option<MediaType>, Unreadable> {
        self.maybe(&HeaderName::ContentType, MediaType::parse)
    }

    /// The digest challenges of all WWW-Authenticate headers, in order. Other schemes and
    /// what cannot be read are left out.
    pub fn www_authenticate(&self) -> Vec<Challenge> {
        self.challenges(&HeaderName::WwwAuthenticate)
    }

    /// The digest challenges of all Proxy-Authenticate headers, as [`Self::www_authenticate`].
    pub fn proxy_authenticate(&self) -> Vec<Challenge> {
        self.challenges(&HeaderName::ProxyAuthenticate)
    }

    /// Every value of this name as text, with lists split.
    pub fn texts(&self, name: &HeaderName) -> Vec<String> {
        self.values(name)
            .iter()
            .map(|value| value.text().into_owned())
            .collect()
    }

    /// Whether Date, if there, is one (RFC 3261 section 20.17).
    pub(super) fn check_date(&self) -> Result<(), Unreadable> {
        match self.get(&HeaderName::Date) {
            Some(date) if !is_sip_date(&date.text()) => Err(Unreadable::Date),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the first line of this name, if there, can be read.
    pub(super) fn check_first(
        &self,
        name: &HeaderName,
        check: impl Fn(&str) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        self.each_text(name)
            .next()
            .map_or(Ok(()), |text| check(&text))
    }

    /// Whether every value of this name can be read.
    pub(super) fn check_each(
        &self,
        name: &HeaderName,
        check: impl Fn(&str) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        self.each_text(name).try_for_each(|text| check(&text))
    }

    /// Whether every Contact can be read, as [`Self::contacts`] reads it.
    pub(super) fn check_contacts(&self) -> Result<(), Unreadable> {
        if self.each_text(&HeaderName::Contact).any(|text| text == "*") {
            return self.contacts().map(|_| ());
        }
        self.check_each(&HeaderName::Contact, NameAddr::check)
    }

    /// Date, in seconds since 1970; `None` if it is not there or no date.
    pub fn date(&self) -> Option<u64> {
        unix_seconds(&self.get(&HeaderName::Date)?.text())
    }

    fn challenges(&self, name: &HeaderName) -> Vec<Challenge> {
        self.lines(name)
            .flat_map(|line| Challenge::parse_all(&line.text()))
            .collect()
    }

    fn one<T>(
        &self,
        name: &HeaderName,
        read: impl Fn(&str) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        read(&self.get(name).ok_or(Unreadable::Missing)?.text())
    }

    fn maybe<T>(
        &self,
        name: &HeaderName,
        read: impl Fn(&str) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, Unreadable> {
        self.get(name).map(|value| read(&value.text())).transpose()
    }

    fn each<T>(
        &self,
        name: &HeaderName,
        read: impl Fn(&str) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        self.each_text(name).map(|text| read(&text)).collect()
    }

    /// Seconds and counts: a number too large to hold is the largest one; parameters and
    /// comments behind it are ignored.
    fn number(&self, name: &HeaderName) -> Result<Option<u32>, Unreadable> {
        self.maybe(name, |text| {
            let text = trim(text);
            let end = text
                .find(|c| is_lws(c) || matches!(c, ';' | '('))
                .unwrap_or(text.len());
            parse_saturating(&text[..end]).ok_or(Unreadable::Number)
        })
    }
}
