//! What the layer has to say, until somebody polls it out.

use std::collections::VecDeque;

use bytes::Bytes;

use super::TransactionEvent;
use crate::target::ResolveRequest;
use crate::transport::{Destination, Transmit, TransmitToken};

/// Bounded by the contract of the layer: everything is drained after each input.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) transmits: VecDeque<Transmit>,
    pub(super) resolves: VecDeque<ResolveRequest>,
    pub(super) events: VecDeque<TransactionEvent>,
}

impl Out {
    pub(super) fn send(
        &mut self,
        destination: &Destination,
        bytes: Bytes,
        token: Option<TransmitToken>,
    ) {
        self.transmits.push_back(Transmit {
            destination: destination.clone(),
            bytes,
            token,
        });
    }

    pub(super) fn tell(&mut self, event: TransactionEvent) {
        self.events.push_back(event);
    }
}
