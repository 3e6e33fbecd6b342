//! Error codes for programs, beside the text in `sylkRTC-2`.

use std::fmt;

/// What kind of error it is. The wire name never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// `not-json`
    NotJson,
    /// `not-an-object`
    NotAnObject,
    /// `duplicate-key`
    DuplicateKey,
    /// `too-large`; the connection is closed
    TooLarge,
    /// `too-deep`; the connection is closed
    TooDeep,
    /// `too-fast`; the connection is closed
    TooFast,
    /// `binary-frame`
    BinaryFrame,
    /// `unknown-request`
    UnknownRequest,
    /// `not-supported`
    NotSupported,
    /// `missing-field`
    MissingField,
    /// `invalid-field`
    InvalidField,
    /// `invalid-uri`
    InvalidUri,
    /// `invalid-password`
    InvalidPassword,
    /// `account-in-use`
    AccountInUse,
    /// `unknown-account`
    UnknownAccount,
    /// `not-authenticated`
    NotAuthenticated,
    /// `domain-not-allowed`
    DomainNotAllowed,
    /// `call-not-allowed`
    CallNotAllowed,
    /// `dns-lookup`
    DnsLookup,
    /// `session-in-use`
    SessionInUse,
    /// `unknown-session`
    UnknownSession,
    /// `wrong-state`
    WrongState,
    /// `session-terminated`
    SessionTerminated,
    /// `unusable-sdp`
    UnusableSdp,
    /// `too-many-accounts`
    TooManyAccounts,
    /// `too-many-sessions`
    TooManySessions,
    /// `unavailable`
    Unavailable,
    /// `shutting-down`
    ShuttingDown,
    /// `internal`
    Internal,
}

impl ErrorCode {
    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::NotAnObject => "not-an-object",
            Self::DuplicateKey => "duplicate-key",
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::TooFast => "too-fast",
            Self::BinaryFrame => "binary-frame",
            Self::UnknownRequest => "unknown-request",
            Self::NotSupported => "not-supported",
            Self::MissingField => "missing-field",
            Self::InvalidField => "invalid-field",
            Self::InvalidUri => "invalid-uri",
            Self::InvalidPassword => "invalid-password",
            Self::AccountInUse => "account-in-use",
            Self::UnknownAccount => "unknown-account",
            Self::NotAuthenticated => "not-authenticated",
            Self::DomainNotAllowed => "domain-not-allowed",
            Self::CallNotAllowed => "call-not-allowed",
            Self::DnsLookup => "dns-lookup",
            Self::SessionInUse => "session-in-use",
            Self::UnknownSession => "unknown-session",
            Self::WrongState => "wrong-state",
            Self::SessionTerminated => "session-terminated",
            Self::UnusableSdp => "unusable-sdp",
            Self::TooManyAccounts => "too-many-accounts",
            Self::TooManySessions => "too-many-sessions",
            Self::Unavailable => "unavailable",
            Self::ShuttingDown => "shutting-down",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
