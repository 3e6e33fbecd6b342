//! What the transaction layer tells the user agent.

use super::{ClientTransactionId, ServerTransactionId};
use crate::message::{Request, Response};
use crate::target::ResolveError;
use crate::transport::{Source, TransportError};

/// News for the user agent.
#[derive(Clone, Debug)]
pub enum TransactionEvent {
    /// A new request, neither ACK nor CANCEL. Its top Via has `received` and `rport`
    /// filled in.
    Request {
        /// To be answered with.
        id: ServerTransactionId,
        /// The request.
        request: Request,
        /// Where it came from.
        source: Source,
    },
    /// The peer took its INVITE back before it got a final response; the CANCEL has been
    /// answered. The user agent answers the INVITE 487.
    Cancelled {
        /// The INVITE's transaction.
        id: ServerTransactionId,
        /// The CANCEL itself, for its Reason.
        cancel: Request,
    },
    /// An ACK for a 2xx (or for nothing we know).
    Ack {
        /// The ACK.
        request: Request,
        /// Where it came from.
        source: Source,
    },
    /// A response: provisional, or final. Of an INVITE's 2xx every one is passed up,
    /// repeats and other forks included; of other finals just the first.
    Response {
        /// Whose request it answers.
        id: ClientTransactionId,
        /// The response.
        response: Response,
        /// Where it came from.
        source: Source,
    },
    /// A 2xx to an INVITE of ours that nobody waits for: its transaction is over, has failed,
    /// or was left for another server. It wants an ACK if its dialog is known; if it is not,
    /// but the INVITE is, ACK and BYE.
    StrayResponse2xx {
        /// The INVITE as sent, if its transaction is remembered.
        invite: Option<Box<Request>>,
        /// The response.
        response: Response,
        /// Where it came from.
        source: Source,
    },
    /// There will be no final response. Nothing more comes for this id.
    Failed {
        /// Whose request.
        id: ClientTransactionId,
        /// Why not.
        why: Failure,
    },
    /// Repeats of the final response are over. Nothing more comes for this id.
    ClientTerminated {
        /// Whose request.
        id: ClientTransactionId,
    },
    /// The transaction is over. Nothing more comes for this id.
    ServerTerminated {
        /// Which one.
        id: ServerTransactionId,
        /// How it ended.
        why: ServerEnd,
    },
}

/// Why a request of ours got no final response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered in time (Timer B or F), at any destination. As good as 408.
    Timeout,
    /// No destination could be reached. As good as 503.
    Transport(TransportError),
    /// The target has no destination.
    Unresolvable(ResolveError),
    /// It holds keys, and no hop that could be taken is TLS. As good as 488.
    Exposed,
    /// Cancelled by us before anything was sent, or cancelled and no final response
    /// within 64*T1 (RFC 3261 §9.1).
    Cancelled,
}

/// How a server transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEnd {
    /// Answered, and repeats are over.
    Completed,
    /// A failure response to INVITE was never acknowledged (Timer H).
    NotAcknowledged,
    /// The user agent did not answer a non-INVITE request while the peer was listening
    /// (RFC 4320 §4.2).
    NeverAnswered,
}
