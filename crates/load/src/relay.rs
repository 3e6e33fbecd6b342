//! The floor: a relay that does nothing but relay, in a process of its own.
//!
//! It costs what the kernel costs for taking each datagram and putting it out again, on this
//! machine and in this minute. It is arranged as the gateway is: one thread, one socket for all
//! pages, one socket for each call towards the far end. There is no crypto, and no look inside.
//! The process is [`forward`]; here is who starts it and tells it who belongs to whom, a line on
//! its standard input for each order and one on its standard output for each answer.

mod batch;
pub mod forward;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::far_end::{EchoId, FarEnd};
use crate::signalling::SignallingError;

const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A running relay. Dropping it kills the process, which also ends with its standard input.
#[derive(Debug)]
pub struct Relay {
    _child: Child,
    pid: u32,
    line: Mutex<Line>,
}

/// One order after the other.
#[derive(Debug)]
struct Line {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Relay {
    /// Starts it. `program` is `load` itself.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .arg("relay")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (orders, answers) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let answers = BufReader::new(answers).lines();
        Ok(Self {
            pid: child.id().ok_or(io::ErrorKind::NotFound)?,
            _child: child,
            line: Mutex::new(Line { orders, answers }),
        })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Relays between these two from now on; where the page sends to.
    ///
    /// # Errors
    /// When the relay has no socket for it, or does not answer.
    pub async fn open(&self, page: SocketAddr, far_end: SocketAddr) -> io::Result<SocketAddr> {
        let answer = self.order(&format!("open {page} {far_end}\n")).await?;
        answer.parse().map_err(|_| io::Error::other(answer))
    }

    /// Relays for this page no more.
    ///
    /// # Errors
    /// When the relay does not answer.
    pub async fn close(&self, page: SocketAddr) -> io::Result<()> {
        self.order(&format!("close {page}\n")).await.map(drop)
    }

    async fn order(&self, order: &str) -> io::Result<String> {
        let mut line = self.line.lock().await;
        line.orders.write_all(order.as_bytes()).await?;
        let answer = timeout(ANSWER_LIMIT, line.answers.next_line()).await;
        let answer = answer.map_err(io::Error::other)??;
        answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// One call over it: plain RTP, with the far end's echo behind.
#[derive(Debug)]
pub(crate) struct RelayCall {
    relay: Arc<Relay>,
    far_end: Arc<FarEnd>,
    open: Option<(SocketAddr, EchoId)>,
}

impl RelayCall {
    pub(crate) fn new(relay: Arc<Relay>, far_end: Arc<FarEnd>) -> Self {
        Self {
            relay,
            far_end,
            open: None,
        }
    }

    /// Where the page sends to from now on.
    pub(crate) async fn call(&mut self, page: SocketAddr) -> Result<SocketAddr, SignallingError> {
        let (echo, rtp) = self.far_end.open_echo().map_err(refused)?;
        self.open = Some((page, echo));
        self.relay.open(page, rtp).await.map_err(refused)
    }

    pub(crate) async fn hang_up(mut self) -> Result<(), SignallingError> {
        let Some((page, echo)) = self.open.take() else {
            return Ok(());
        };
        let closed = self.relay.close(page).await.map_err(refused);
        self.far_end.close_echo(echo).map_err(refused)?;
        closed
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn refused(error: io::Error) -> SignallingError {
    SignallingError::Refused(error.to_string())
}
