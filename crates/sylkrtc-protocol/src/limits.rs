//! How much a page may send in one frame. Lengths are bytes of UTF-8 unless said.
//!
//! Beyond the first three the frame is not looked at any further: the answer is an
//! error and the connection is closed. Beyond the others only the request is refused.

/// The longest text frame. A frame of this size holds the longest SDP twice over.
pub const MAX_FRAME: usize = 256 * 1024;
/// How deep arrays and objects may be nested, the outermost object counted.
pub const MAX_DEPTH: usize = 16;
/// How many JSON values a frame may hold, so that a small frame cannot grow large in memory.
pub const MAX_VALUES: usize = 10_000;

/// The longest transaction. Clients send UUIDs, 36 bytes.
pub const MAX_TRANSACTION: usize = 128;
/// The longest session id. Clients send UUIDs, 36 bytes.
pub const MAX_SESSION_ID: usize = 128;
/// The longest address of record, without its scheme.
pub const MAX_ADDRESS: usize = 255;
/// The longest called URI, without its scheme; it may carry parameters.
pub const MAX_CALLED_URI: usize = 512;
/// The longest display name.
pub const MAX_DISPLAY_NAME: usize = 256;
/// The longest user agent text.
pub const MAX_USER_AGENT: usize = 256;
/// The longest message.
pub const MAX_CONTENT: usize = 64 * 1024;
/// The longest type of a message.
pub const MAX_CONTENT_TYPE: usize = 128;
/// The longest id of a message. Clients send UUIDs, 36 bytes.
pub const MAX_MESSAGE_ID: usize = 128;
/// The longest time of a message.
pub const MAX_TIMESTAMP: usize = 64;
/// The longest phrase for a rejected call.
pub const MAX_REASON: usize = 128;
/// The longest session description.
pub const MAX_SDP: usize = 64 * 1024;
/// How many candidates of one `session-trickle` are kept. Clients send one at a time.
pub const MAX_CANDIDATES: usize = 64;
/// The longest candidate line that is kept.
pub const MAX_CANDIDATE: usize = 512;
/// How many SIP headers a request may ask for.
pub const MAX_HEADERS: usize = 32;
/// The longest name of such a header.
pub const MAX_HEADER_NAME: usize = 64;
/// The longest value of such a header.
pub const MAX_HEADER_VALUE: usize = 1024;
/// How many prefixes of wanted SIP headers an account may name.
pub const MAX_HEADER_PREFIXES: usize = 16;
/// How many tones one `session-dtmf-info` may hold.
pub const MAX_TONES: usize = 64;
/// The shortest tone, in milliseconds; shorter ones are made this long (W3C webrtc, `insertDTMF`).
pub const MIN_TONE_MS: u64 = 40;
/// The longest tone, in milliseconds; longer ones are cut (W3C webrtc, `insertDTMF`).
pub const MAX_TONE_MS: u64 = 6000;
/// How many characters of a wrong value an error text repeats.
pub const MAX_QUOTED: usize = 64;
