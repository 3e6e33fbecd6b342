//! Session descriptions (RFC 8866) as typed values: what a browser or a phone said, and the ends
//! of our own legs that are written into ours.
//!
//! Reading is tolerant, because the world's descriptions are not all written by the book: line
//! ends, order, missing and unknown lines do not matter. It is bounded and it never panics.
//! What to answer is decided in [`crate::plan`]; nothing here has an opinion.

mod address;
mod browser;
mod crypto;
mod direction;
mod formats;
mod lines;
mod phone;
mod setup;
mod video;

pub(crate) use address::is_private;
pub use address::{AddressPolicy, UnsafeAddress};
pub(crate) use browser::AUDIO_LEVEL;
pub use browser::BrowserDescription;
pub use crypto::Crypto;
pub use direction::Direction;
pub use formats::{Format, Formats};
pub use lines::{MAX_LINES, MAX_MEDIA_SECTIONS, MAX_SDP_BYTES, MediaLine, SdpError};
pub use phone::{MediaAddress, PhoneDescription, address_family};
pub use setup::Setup;
pub use video::{VideoFormat, VideoSection, speaks_of_video};
