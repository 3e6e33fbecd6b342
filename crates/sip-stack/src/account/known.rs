//! Where an account's registrar and proxies are: the addresses that answered what was sent to
//! them. A cluster has several, and a call may go by another one than the registration.

use std::net::IpAddr;

/// Addresses remembered for one account; the one that has been silent longest makes room.
const MAX_KNOWN: usize = 4;

/// Addresses of one account's own servers, the latest at the end.
#[derive(Debug, Default)]
pub(crate) struct Known(Vec<IpAddr>);

/// What a note has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// Nothing.
    Before,
    /// The address is a new one, and took the place of another if that is given.
    Now { instead_of: Option<IpAddr> },
}

impl Known {
    /// Whether this is an own server's address.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// An own server has answered from there.
    pub(crate) fn note(&mut self, address: IpAddr) -> Noted {
        if let Some(at) = self.0.iter().position(|known| *known == address) {
            self.0[at..].rotate_left(1);
            return Noted::Before;
        }
        let instead_of = (self.0.len() == MAX_KNOWN).then(|| self.0.remove(0));
        self.0.reserve_exact(1);
        self.0.push(address);
        Noted::Now { instead_of }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silent_address_makes_room() {
        let mut known = Known::default();
        for n in 1..=4 {
            assert_eq!(known.note(ip(n)), Noted::Now { instead_of: None });
        }
        assert_eq!(known.note(ip(1)), Noted::Before);
        let instead_of = Some(ip(2));
        assert_eq!(known.note(ip(5)), Noted::Now { instead_of });
        assert!(known.contains(ip(1)) && !known.contains(ip(2)));
        assert_eq!(known.iter().count(), MAX_KNOWN);
    }

    fn ip(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }
}
