//! ICE credentials of our end: user name fragment and password (RFC 8445 §5.3).

use std::fmt;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::endpoints::BrowserLocal;

const UFRAG_LENGTH: usize = 8;
const PWD_LENGTH: usize = 26;
/// 32 ice-chars, five bits each: 40 bits of ufrag, 130 bits of password.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Our user name fragment: names a leg on a port that all browsers share.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ufrag([u8; UFRAG_LENGTH]);

impl Ufrag {
    /// The fragment with this text, if it could be one of ours.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        text.try_into().ok().map(Self)
    }
}

impl fmt::Display for Ufrag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|b| write!(f, "{}", char::from(*b)))
    }
}

impl fmt::Debug for Ufrag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ufrag({self})")
    }
}

/// What checks towards us must be signed with. The password is never printed.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) ufrag: Ufrag,
    pub(crate) pwd: String,
}

impl Credentials {
    pub(crate) fn random(rng: &mut impl Rng) -> Self {
        let mut ice_char = || ALPHABET[usize::from(rng.random::<u8>() & 31)];
        let ufrag = Ufrag(std::array::from_fn(|_| ice_char()));
        let pwd = (0..PWD_LENGTH).map(|_| char::from(ice_char())).collect();
        Self { ufrag, pwd }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// Where the credentials of a leg's ICE restarts come from: chance, drawn when it was opened.
#[derive(Clone)]
pub struct IceSeed([u8; 32]);

impl IceSeed {
    /// A seed that nobody can guess if `seed` is not guessed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// New credentials, written into `local` for our next description. They are to be given to
    /// [`crate::BrowserLeg::restart_ice`].
    pub fn restart(&mut self, local: &mut BrowserLocal) -> Credentials {
        let mut rng = StdRng::from_seed(self.0);
        let credentials = Credentials::random(&mut rng);
        self.0 = rng.random();
        local.ufrag = credentials.ufrag.to_string();
        local.pwd.clone_from(&credentials.pwd);
        credentials
    }
}

impl fmt::Debug for IceSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceSeed").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn credentials_are_long_enough_and_hide_the_password() {
        let made = Credentials::random(&mut StdRng::from_seed([7; 32]));
        assert!(made.ufrag.to_string().len() >= 4);
        assert!(made.pwd.len() >= 22);
        assert!(!format!("{made:?}").contains(&made.pwd));
        assert_eq!(
            Ufrag::parse(made.ufrag.to_string().as_bytes()),
            Some(made.ufrag)
        );
        assert_eq!(Ufrag::parse(b"short"), None);
    }
}
