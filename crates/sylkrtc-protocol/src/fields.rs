//! Typed access to the fields of a request.
//!
//! A field of the wrong shape is named in the words of the original server. `null` for an
//! optional field means that it is absent; a field nobody asks for is ignored.

mod candidates;
mod headers;

use crate::json::{Json, Object, shortened};
use crate::limits::MAX_SDP;
use crate::types::{called_uri, is_token};
use crate::{
    AccountAddress, ErrorCode, Ha1, InvalidAddress, NotAnHa1, SessionId, Tones, Transaction,
};

/// The fields of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    object: &'a Object,
    class: &'static str,
}

/// A field is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongField {
    pub(crate) code: ErrorCode,
    pub(crate) text: String,
}

impl<'a> Fields<'a> {
    /// The fields of a request of that class of the original server.
    pub(crate) fn new(object: &'a Object, class: &'static str) -> Self {
        Self { object, class }
    }

    pub(crate) fn transaction(&self) -> Result<Transaction, WrongField> {
        let text = self.string("transaction")?;
        Transaction::new(text).ok_or_else(|| self.invalid("transaction"))
    }

    pub(crate) fn account(&self, name: &str) -> Result<AccountAddress, WrongField> {
        Ok(AccountAddress::parse(self.string(name)?)?)
    }

    pub(crate) fn called_uri(&self, name: &str) -> Result<String, WrongField> {
        Ok(called_uri(self.string(name)?)?)
    }

    pub(crate) fn session(&self, name: &str) -> Result<SessionId, WrongField> {
        SessionId::new(self.string(name)?).ok_or_else(|| self.invalid(name))
    }

    /// The password. Whatever is wrong with it, it is not repeated.
    pub(crate) fn ha1(&self, name: &str) -> Result<Ha1, WrongField> {
        match self.mandatory(name)? {
            Json::String(text) => Ok(Ha1::from_hex(text)?),
            Json::Null
            | Json::Bool(_)
            | Json::Integer(_)
            | Json::Float(_)
            | Json::Array(_)
            | Json::Object(_) => Err(NotAnHa1.into()),
        }
    }

    pub(crate) fn sdp(&self, name: &str) -> Result<String, WrongField> {
        let sdp = self.string(name)?;
        if sdp.len() > MAX_SDP {
            return Err(self.invalid(name));
        }
        Ok(sdp.to_owned())
    }

    pub(crate) fn tones(&self, name: &str) -> Result<Tones, WrongField> {
        Tones::parse(self.string(name)?).ok_or_else(|| self.invalid(name))
    }

    pub(crate) fn optional_session(&self, name: &str) -> Result<Option<SessionId>, WrongField> {
        match self.optional(name) {
            None => Ok(None),
            Some(_) => self.session(name).map(Some),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, WrongField> {
        self.mandatory(name)?;
        self.optional_flag(name)?.ok_or_else(|| self.invalid(name))
    }

    pub(crate) fn optional_flag(&self, name: &str) -> Result<Option<bool>, WrongField> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.invalid(name)),
        }
    }

    /// A SIP status code that refuses: 400 to 699.
    pub(crate) fn optional_failure_code(&self, name: &str) -> Result<Option<u16>, WrongField> {
        let Some(number) = self.optional_count(name)? else {
            return Ok(None);
        };
        match u16::try_from(number) {
            Ok(code) if (400..=699).contains(&code) => Ok(Some(code)),
            Ok(_) | Err(_) => Err(self.invalid(name)),
        }
    }

    /// Any text of at most `limit` bytes.
    pub(crate) fn text(&self, name: &str, limit: usize) -> Result<String, WrongField> {
        let text = self.string(name)?;
        if text.len() > limit {
            return Err(self.invalid(name));
        }
        Ok(text.to_owned())
    }

    /// One line of at most `limit` bytes, not empty.
    pub(crate) fn line(&self, name: &str, limit: usize) -> Result<String, WrongField> {
        let text = self.string(name)?;
        if text.is_empty() || text.len() > limit || text.contains(char::is_control) {
            return Err(self.invalid(name));
        }
        Ok(text.to_owned())
    }

    /// `type/subtype`, with or without parameters.
    pub(crate) fn content_type(&self, name: &str, limit: usize) -> Result<String, WrongField> {
        let text = self.line(name, limit)?;
        let essence = text.split(';').next().unwrap_or_default().trim();
        match essence.split_once('/') {
            Some((kind, subtype)) if is_token(kind) && is_token(subtype) => Ok(text),
            Some(_) | None => Err(self.invalid(name)),
        }
    }

    /// Whether the field is there and not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.optional(name).is_some()
    }

    /// An integer that is not negative.
    pub(crate) fn optional_count(&self, name: &str) -> Result<Option<u64>, WrongField> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Integer(value)) => match u64::try_from(*value) {
                Ok(count) => Ok(Some(count)),
                Err(_) => Err(self.invalid(name)),
            },
            Some(_) => Err(self.invalid(name)),
        }
    }

    /// A text for a SIP header: one line of at most `limit` bytes. A blank one counts as absent.
    pub(crate) fn optional_line(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Option<String>, WrongField> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::String(text)) if text.len() <= limit && !text.contains(char::is_control) => {
                let line = text.trim();
                Ok((!line.is_empty()).then(|| line.to_owned()))
            }
            Some(_) => Err(self.invalid(name)),
        }
    }

    fn string(&self, name: &str) -> Result<&'a str, WrongField> {
        match self.mandatory(name)? {
            Json::String(text) => Ok(text),
            Json::Null
            | Json::Bool(_)
            | Json::Integer(_)
            | Json::Float(_)
            | Json::Array(_)
            | Json::Object(_) => Err(self.invalid(name)),
        }
    }

    fn optional_array(&self, name: &str) -> Result<&'a [Json], WrongField> {
        match self.optional(name) {
            None => Ok(&[]),
            Some(Json::Array(elements)) => Ok(elements),
            Some(_) => Err(self.invalid(name)),
        }
    }

    fn mandatory(&self, name: &str) -> Result<&'a Json, WrongField> {
        self.object.get(name).ok_or_else(|| WrongField {
            code: ErrorCode::MissingField,
            text: format!(
                "Mandatory property '{name}' of '{}' object is missing",
                self.class
            ),
        })
    }

    fn optional(&self, name: &str) -> Option<&'a Json> {
        self.object.get(name).filter(|value| **value != Json::Null)
    }

    /// The value that is there is not a valid one.
    pub(crate) fn invalid(&self, name: &str) -> WrongField {
        let value = self.object.get(name).unwrap_or(&Json::Null);
        WrongField {
            code: ErrorCode::InvalidField,
            text: format!("Invalid value for '{name}' property: {value}"),
        }
    }
}

impl From<InvalidAddress> for WrongField {
    fn from(InvalidAddress(text): InvalidAddress) -> Self {
        Self {
            code: ErrorCode::InvalidUri,
            text: InvalidAddress(shortened(&text)).to_string(),
        }
    }
}

impl From<NotAnHa1> for WrongField {
    fn from(error: NotAnHa1) -> Self {
        Self {
            code: ErrorCode::InvalidPassword,
            text: format!("Invalid value for 'password' property: {error}"),
        }
    }
}
