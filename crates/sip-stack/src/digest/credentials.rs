//! Who we are: a user name and an HA1, which is a password bound to one realm.

use std::fmt;

use subtle::ConstantTimeEq;

/// `md5(user:realm:password)` (RFC 2617 section 3.2.2.2). It is as good as a password for
/// its realm: it is not printed by `Debug`, and compared in constant time.
#[derive(Clone, Copy)]
pub struct Ha1([u8; 16]);

impl Ha1 {
    /// An HA1 from its bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads 32 hexadecimal digits of any case.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        Some(Self(bytes))
    }

    /// Computes an HA1 from a password.
    pub fn compute(username: &str, realm: &str, password: &str) -> Self {
        Self(md5::compute(format!("{username}:{realm}:{password}")).0)
    }

    /// The 32 lower-case digits that go into the hash.
    pub(crate) fn hex(&self) -> String {
        hex(self.0)
    }
}

/// Sixteen bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: [u8; 16]) -> String {
    format!("{:x}", md5::Digest(bytes))
}

impl PartialEq for Ha1 {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Ha1 {}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(..)")
    }
}

/// What answers a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name, as it went into the HA1.
    pub username: String,
    /// The HA1.
    pub ha1: Ha1,
}
