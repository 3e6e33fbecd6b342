//! The sylkRTC codec: JSON text of a WebSocket frame to one vocabulary, and back.
//!
//! A web page speaks one of two dialects, chosen by the WebSocket subprotocol
//! ([`Dialect`]); within `sylkRTC-1` there are two vocabularies of names
//! ([`Vocabulary`]). [`decode`] turns a text frame into a [`Request`] whatever the
//! dialect, or into a [`Rejected`] that can be sent back as it is. Answers and
//! [`Event`]s are written by [`encode_ack`], [`encode_error`] and [`encode_event`]
//! in the shape that the page's dialect wants.
//!
//! Everything a page sends is bounded here ([`limits`]) and parsed into types that
//! cannot be wrong; nothing it sends can panic. The codec knows no connection, no
//! call and no SIP: which request is allowed when is the gateway's affair, the
//! texts with which it refuses ([`Refusal`]) are ours.

mod answer;
mod decode;
mod dialect;
mod event;
mod fields;
#[doc(hidden)]
pub mod fuzz;
mod json;
pub mod limits;
mod refusal;
mod rejected;
mod request;
mod types;

pub use answer::{ErrorAnswer, encode_ack, encode_error};
pub use decode::{Incoming, decode};
pub use dialect::{Dialect, Vocabulary};
pub use event::{
    Accepted, Disposition, EarlyMedia, Event, HoldBy, IncomingSession, Judgement, Message,
    MessageState, Quality, RegistrationState, SessionExtension, SessionState, SessionUpdateState,
    TransferState, WayQuality, encode_event,
};
pub use refusal::{ErrorCode, Refusal, SessionPhase};
pub use rejected::Rejected;
pub use request::{
    AccountAdd, LaterRequest, Request, SessionAnswer, SessionCreate, SessionDtmfInfo,
    SessionMessage, SessionTerminate, SessionTransfer, SessionTrickle, SessionUpdate,
    TransferTarget,
};
pub use types::{
    AccountAddress, Candidate, Ha1, Header, InvalidAddress, NotAnHa1, Originator, Reason,
    SessionId, Tones, Transaction,
};
