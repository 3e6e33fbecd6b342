//! The order in which SRV records are tried (RFC 2782): priorities strictly, weights by
//! chance.

use std::net::IpAddr;

use rand::{Rng, RngExt};

/// One SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower is tried first.
    pub priority: u16,
    /// The share of the load among equal priorities.
    pub weight: u16,
    /// The port of the service.
    pub port: u16,
    /// The host that offers it; `.` says that the service is not offered.
    pub target: String,
}

impl Srv {
    /// The target without its trailing dot; empty for `.`.
    pub(super) fn target_name(&self) -> &str {
        self.target.trim_end_matches('.')
    }

    /// An address literal as target: forbidden by RFC 2782, met in the field.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.target_name().parse().ok()
    }
}

/// The records of one service in the order to try them.
pub(super) fn in_order<'a>(records: &[&'a Srv], rng: &mut impl Rng) -> Vec<&'a Srv> {
    let mut left = records.to_vec();
    // Zero weights first among equals, as the selection rule of RFC 2782 asks.
    left.sort_by_key(|srv| (srv.priority, srv.weight));
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let priority = first.priority;
        let group = left.partition_point(|srv| srv.priority == priority);
        let chosen = choose(&left[..group], rng);
        ordered.push(left.remove(chosen));
    }
    ordered
}

/// The index of the next record among those of one priority.
fn choose(group: &[&Srv], rng: &mut impl Rng) -> usize {
    let total: u32 = group.iter().map(|srv| u32::from(srv.weight)).sum();
    let drawn = rng.random_range(0..=total);
    let mut running = 0;
    group
        .iter()
        .position(|srv| {
            running += u32::from(srv.weight);
            running >= drawn
        })
        .unwrap_or(0)
}
