//! The values that requests and events are made of, valid by construction.

mod account_address;
mod called_uri;
mod candidate;
mod ha1;
mod header;
mod identifier;
mod originator;
mod reason;
mod tones;

pub use account_address::{AccountAddress, InvalidAddress};
pub(crate) use called_uri::called_uri;
pub use candidate::Candidate;
pub use ha1::{Ha1, NotAnHa1};
pub use header::Header;
pub(crate) use header::is_token;
pub use identifier::{SessionId, Transaction};
pub use originator::Originator;
pub use reason::Reason;
pub use tones::Tones;

/// The text without a leading `sip:` or `sips:` of any case.
fn without_scheme(text: &str) -> &str {
    match text.split_once(':') {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") =>
        {
            rest
        }
        Some(_) | None => text,
    }
}
