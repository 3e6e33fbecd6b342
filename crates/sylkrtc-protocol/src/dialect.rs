//! Which dialect and which names a connection speaks.

pub(crate) mod v1;
pub(crate) mod v2;

/// A dialect of sylkRTC: the envelope and the shape of events.
///
/// It is the name of the WebSocket subprotocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `sylkRTC-1` (2015 to 2017): underscores, the payload of events inside `data`.
    V1,
    /// `sylkRTC-2` (since October 2017): dashes, flat events.
    V2,
}

impl Dialect {
    /// Chooses from a `Sec-WebSocket-Protocol` header (several ones joined by commas).
    ///
    /// Both offered: `sylkRTC-2`. Neither: `None`, which HTTP answers with 406 and
    /// [`Dialect::NONE_OFFERED`]. Names are compared exactly (RFC 6455 §4.2.2).
    #[must_use]
    pub fn from_subprotocols(offered: &str) -> Option<Self> {
        let offers = |dialect: Self| {
            offered
                .split(',')
                .any(|name| name.trim_matches([' ', '\t']) == dialect.subprotocol())
        };
        [Self::V2, Self::V1]
            .into_iter()
            .find(|dialect| offers(*dialect))
    }

    /// The text for HTTP 406 when no known subprotocol was offered.
    pub const NONE_OFFERED: &str = "No compatible protocol specified";

    /// The name of the subprotocol, as the handshake must echo it.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::V1 => "sylkRTC-1",
            Self::V2 => "sylkRTC-2",
        }
    }
}

/// The names of requests and events. Within `sylkRTC-2` there are only the stable ones.
///
/// A connection speaks the vocabulary of its first account request
/// ([`Incoming::decides_vocabulary`](crate::Incoming::decides_vocabulary)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// `account-add`, `session-create`: since August 2015.
    #[default]
    Stable,
    /// `add_account`, `call`, and the event `incoming_call`: July 2015, `sylkRTC-1` only.
    Names2015,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_the_newer_dialect_when_both_are_offered() {
        for offered in [
            "sylkRTC-1, sylkRTC-2",
            "sylkRTC-2,sylkRTC-1",
            " sylkRTC-2\t",
        ] {
            assert_eq!(
                Dialect::from_subprotocols(offered),
                Some(Dialect::V2),
                "{offered}"
            );
        }
        assert_eq!(
            Dialect::from_subprotocols("soap, sylkRTC-1"),
            Some(Dialect::V1)
        );
    }

    #[test]
    fn finds_no_dialect_among_strange_names() {
        for offered in [
            "",
            ",",
            "sylkRTC-3",
            "sylkrtc-2",
            "sylkRTC-2x",
            "sylkRTC-1 sylkRTC-2",
        ] {
            assert_eq!(Dialect::from_subprotocols(offered), None, "{offered}");
        }
    }
}
