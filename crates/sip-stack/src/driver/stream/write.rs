//! What goes out by a stream: what the driver orders, and pings and pongs (RFC 5626 §4.4.1).

use std::collections::VecDeque;
use std::time::Duration;

use rand::rngs::StdRng;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Nudge, Order, Write, broken, until};
use crate::driver::keep_alive::{Fired, StreamKeepAlive};
use crate::driver::now;
use crate::keep_alive::Terms;
use crate::message::{PING, PONG};
use crate::transport::{TransmitToken, TransportError};

/// For one message to be taken by the peer's and our kernel.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// Requests without an answer yet that are remembered, to be failed with the stream.
const MAX_UNANSWERED: usize = 1024;

pub(super) async fn write(
    mut writer: impl AsyncWrite + Unpin,
    orders: &mut mpsc::Receiver<Order>,
    mut nudges: mpsc::Receiver<Nudge>,
    mut pinging: Option<Pinging<'_>>,
    unanswered: &mut VecDeque<TransmitToken>,
) -> TransportError {
    loop {
        let deadline = pinging
            .as_ref()
            .map(|pinging| pinging.machine.poll_timeout().into());
        let written = tokio::select! {
            next = orders.recv() => match next {
                Some(Order::Write(Write { bytes, token })) => {
                    remember(unanswered, token);
                    put(&mut writer, &bytes).await
                }
                Some(Order::Keep(terms)) => {
                    if let Some(pinging) = &mut pinging {
                        pinging.set_terms(terms);
                    }
                    Ok(())
                }
                None => {
                    let _ = timeout(WRITE_LIMIT, writer.shutdown()).await;
                    return TransportError::FlowClosed;
                }
            },
            Some(nudge) = nudges.recv() => match nudge {
                Nudge::AnswerPing => put(&mut writer, PONG).await,
                Nudge::PongCame => {
                    if let Some(pinging) = &mut pinging {
                        pinging.handle_pong();
                    }
                    Ok(())
                }
            },
            () = until(deadline) => match pinging.as_mut().map(Pinging::handle_timeout) {
                Some(Fired::Dead) => {
                    tracing::info!("no answer to a ping: stream dropped");
                    return TransportError::FlowClosed;
                }
                Some(Fired::Ping) => put(&mut writer, PING).await,
                Some(Fired::Nothing) | None => Ok(()),
            }
        };
        if let Err(why) = written {
            return why;
        }
    }
}

fn remember(unanswered: &mut VecDeque<TransmitToken>, token: Option<TransmitToken>) {
    let Some(token) = token.filter(|token| token.expects_answer()) else {
        return;
    };
    if unanswered.len() == MAX_UNANSWERED {
        unanswered.pop_front();
    }
    unanswered.push_back(token);
}

async fn put(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), TransportError> {
    let written = timeout(WRITE_LIMIT, async {
        writer.write_all(bytes).await?;
        writer.flush().await
    });
    match written.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(broken(&error)),
        Err(_) => Err(TransportError::QueueFull),
    }
}

/// The keep-alive of a stream that we opened.
pub(super) struct Pinging<'a> {
    machine: StreamKeepAlive,
    rng: &'a mut StdRng,
}

impl<'a> Pinging<'a> {
    pub(super) fn new(rng: &'a mut StdRng) -> Self {
        let machine = StreamKeepAlive::new(now(), rng);
        Self { machine, rng }
    }

    fn handle_pong(&mut self) {
        self.machine.handle_pong(now(), self.rng);
    }

    fn set_terms(&mut self, terms: Terms) {
        self.machine.set_terms(terms, now(), self.rng);
    }

    fn handle_timeout(&mut self) -> Fired {
        self.machine.handle_timeout(now(), self.rng)
    }
}
