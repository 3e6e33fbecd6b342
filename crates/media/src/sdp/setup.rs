//! `a=setup` (RFC 8842 §5): who starts the DTLS handshake.

use crate::endpoints::DtlsRole;

/// `a=setup` (RFC 8842 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// It starts the handshake.
    Active,
    /// It waits for the handshake.
    Passive,
    /// The answerer may choose.
    Actpass,
}

impl Setup {
    /// Reads the attribute's value. `holdconn` has no meaning for DTLS.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "active" => Some(Self::Active),
            "passive" => Some(Self::Passive),
            "actpass" => Some(Self::Actpass),
            _ => None,
        }
    }

    /// The attribute's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Actpass => "actpass",
        }
    }
}

/// What `a=setup` says of our own end in an answer.
impl From<DtlsRole> for Setup {
    fn from(role: DtlsRole) -> Self {
        match role {
            DtlsRole::Client => Self::Active,
            DtlsRole::Server => Self::Passive,
        }
    }
}
