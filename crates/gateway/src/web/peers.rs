//! How many connections each client address has.
//!
//! One address cannot use up the daemon: above its limit, further connections are closed before
//! anything is read from them. Addresses without connections are not remembered.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections by client address. Clones share the counts.
#[derive(Debug, Clone)]
pub struct Peers {
    limit: usize,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// The client end of one connection. Counted until the last clone is dropped: an upgraded
/// connection keeps one.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Address and port of the client, or of the proxy before it.
    pub address: SocketAddr,
    _entry: Arc<PeerEntry>,
}

#[derive(Debug)]
struct PeerEntry {
    peers: Peers,
    address: IpAddr,
}

impl Peers {
    /// Admits `limit` connections per address.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            counts: Arc::default(),
        }
    }

    /// Counts one more connection; `None` when the address has its share.
    #[must_use]
    pub fn admit(&self, peer: SocketAddr) -> Option<Peer> {
        let address = peer.ip().to_canonical();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_insert(0);
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        let peers = self.clone();
        Some(Peer {
            address: peer,
            _entry: Arc::new(PeerEntry { peers, address }),
        })
    }
}

impl Drop for PeerEntry {
    fn drop(&mut self) {
        let mut counts = self
            .peers
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_its_share_and_no_more() {
        let peers = Peers::new(2);
        let first = peers.admit(client(1));
        let second = peers.admit(client(2));
        assert!(first.is_some() && second.is_some());
        assert!(peers.admit(client(3)).is_none());
        drop(first);
        assert!(peers.admit(client(4)).is_some());
    }

    #[test]
    fn an_upgraded_connection_still_counts() {
        let peers = Peers::new(1);
        let http = peers.admit(client(1));
        let websocket = http.clone();
        drop(http);
        assert!(peers.admit(client(2)).is_none());
        drop(websocket);
        assert!(peers.admit(client(3)).is_some());
    }

    #[test]
    fn an_address_without_connections_is_forgotten() {
        let peers = Peers::new(2);
        drop(peers.admit(client(1)));
        assert!(peers.counts.lock().expect("not poisoned").is_empty());
    }

    fn client(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }
}
