//! Our binding at a registrar: how long it lasts, over which way it was made, and what the
//! registrar agreed to (RFC 5626 §6, RFC 5627 §5.2).

use std::net::SocketAddr;
use std::time::Instant;

use crate::keep_alive::Terms;
use crate::transport::{Destination, FlowId, Transport};

/// A Contact of ours that the registrar holds.
pub(crate) struct Binding {
    pub(super) made: Instant,
    pub(super) ends: Instant,
    /// Where the registrar was reached; `None` once that flow is gone.
    pub(super) via: Option<Destination>,
    /// Our end of that connection, as the registrar sees it.
    pub(super) own_end: SocketAddr,
    /// How the registrar wants that way to be kept open.
    pub(super) terms: Terms,
    /// A URI that reaches this device from everywhere.
    pub(super) public_gruu: Option<Box<str>>,
}

impl Binding {
    pub(crate) fn made(&self) -> Instant {
        self.made
    }

    /// The way to the registrar, while it lasts.
    pub(crate) fn via(&self) -> Option<&Destination> {
        self.via.as_ref()
    }

    /// Whether the registrar keeps the flow for us.
    pub(crate) fn is_outbound(&self) -> bool {
        self.terms.outbound
    }

    /// When it ends, if calls can come by it until then.
    pub(super) fn living(&self) -> Option<Instant> {
        self.via.is_some().then_some(self.ends)
    }

    /// Whether it hangs on this connection.
    pub(super) fn is_over(&self, flow: FlowId) -> bool {
        let via = self.via.as_ref();
        via.is_some_and(|via| via.flow == Some(flow) && via.transport.is_reliable())
    }

    pub(super) fn own_end_of(&self, flow: Option<FlowId>) -> Option<(Transport, SocketAddr)> {
        let via = self.via.as_ref()?;
        let is_it = via.transport.is_reliable() && (flow.is_none() || via.flow == flow);
        is_it.then_some((via.transport, self.own_end))
    }
}
