//! What the driver's tasks report to its loop.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::message::{Message, ParseError};
use crate::target::{Answers, ResolveError, Target};
use crate::transport::{FlowId, Source, TransmitToken, Transport, TransportError};

/// One report.
pub(super) enum Input {
    Message {
        message: Box<Message>,
        source: Source,
    },
    Malformed {
        error: ParseError,
        source: Source,
    },
    Accepted {
        transport: Transport,
        stream: TcpStream,
        acceptor: Option<TlsAcceptor>,
    },
    FlowClosed {
        flow: FlowId,
        unanswered: Vec<TransmitToken>,
        why: TransportError,
    },
    /// A peer told by STUN where it sees us.
    Mapped {
        source: Source,
        transaction: [u8; 12],
        mapped: SocketAddr,
    },
    Resolved {
        target: Target,
        result: Result<Answers, ResolveError>,
    },
}
