//! The plan a worker follows when it carries packets between two legs.

/// How packets of one leg become packets of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {}
