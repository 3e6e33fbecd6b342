//! Request methods (RFC 3261 section 7.1 and the RFCs that add to it).
//!
//! The set is open: an unknown method is an ordinary value, so that the layer above can
//! answer 405 or 501. Methods are compared with regard to case.

use std::fmt;

use super::error::Refused;
use super::grammar::is_token;

/// A request method.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Method {
    /// INVITE (RFC 3261).
    Invite,
    /// ACK (RFC 3261).
    Ack,
    /// BYE (RFC 3261).
    Bye,
    /// CANCEL (RFC 3261).
    Cancel,
    /// REGISTER (RFC 3261).
    Register,
    /// OPTIONS (RFC 3261).
    Options,
    /// INFO (RFC 6086).
    Info,
    /// MESSAGE (RFC 3428).
    Message,
    /// PRACK (RFC 3262).
    Prack,
    /// UPDATE (RFC 3311).
    Update,
    /// REFER (RFC 3515).
    Refer,
    /// NOTIFY (RFC 6665).
    Notify,
    /// SUBSCRIBE (RFC 6665).
    Subscribe,
    /// PUBLISH (RFC 3903).
    Publish,
    /// Any other method.
    Other(OtherMethod),
}

/// The name of a method that has no variant of its own; always a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtherMethod(Box<str>);

impl Method {
    /// Reads a method name.
    ///
    /// # Errors
    /// [`Refused::Token`] if the text is not a token (RFC 3261 section 25.1).
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let method = match text {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "REGISTER" => Self::Register,
            "OPTIONS" => Self::Options,
            "INFO" => Self::Info,
            "MESSAGE" => Self::Message,
            "PRACK" => Self::Prack,
            "UPDATE" => Self::Update,
            "REFER" => Self::Refer,
            "NOTIFY" => Self::Notify,
            "SUBSCRIBE" => Self::Subscribe,
            "PUBLISH" => Self::Publish,
            other if is_token(other) => Self::Other(OtherMethod(other.into())),
            _ => return Err(Refused::Token),
        };
        Ok(method)
    }

    /// The name as on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Register => "REGISTER",
            Self::Options => "OPTIONS",
            Self::Info => "INFO",
            Self::Message => "MESSAGE",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Refer => "REFER",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Publish => "PUBLISH",
            Self::Other(OtherMethod(name)) => name,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
