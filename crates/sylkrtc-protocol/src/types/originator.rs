//! Who calls.

/// The caller of an incoming or missed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Originator {
    /// The address without scheme, `user@host`.
    pub uri: String,
    /// The display name without quotes, if the caller gave one.
    pub display_name: Option<String>,
}
