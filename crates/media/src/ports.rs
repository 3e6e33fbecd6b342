//! RTP/RTCP port pairs of phone legs (RFC 3550 §11): even for RTP, the next for RTCP.
//!
//! One pool per process. Pairs are handed out in a circle from a random start, so that a
//! port rests as long as possible before another call gets it. A lease frees its pair when it
//! is dropped, after the sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use mio::net::{TcpListener, UdpSocket};
use rand::{Rng, RngExt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::handle::MediaError;

/// Bursts must not be lost to a full buffer while the worker serves others.
pub(crate) const RECEIVE_BUFFER: usize = 4 << 20;

/// The configured range and what is taken of it.
#[derive(Debug)]
pub(crate) struct PortPool {
    bind: IpAddr,
    first: u16,
    taken: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    pairs: Vec<bool>,
    next: usize,
    count: usize,
}

/// A pair in use.
#[derive(Debug)]
pub(crate) struct PortLease {
    pool: Arc<PortPool>,
    index: usize,
}

/// The sockets of a phone leg. Dropped before the lease they were bound under.
#[derive(Debug)]
pub(crate) struct PhoneSockets {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    lease: PortLease,
}

impl PortPool {
    pub(crate) fn new(bind: IpAddr, ports: &RangeInclusive<u16>, rng: &mut impl Rng) -> Self {
        let first = ports.start().saturating_add(ports.start() % 2);
        let pairs = (usize::from(*ports.end()) + 1).saturating_sub(usize::from(first)) / 2;
        let next = if pairs == 0 {
            0
        } else {
            rng.random_range(0..pairs)
        };
        Self {
            bind,
            first,
            taken: Mutex::new(Taken {
                pairs: vec![false; pairs],
                next,
                count: 0,
            }),
        }
    }

    /// Ports in use.
    pub(crate) fn in_use(&self) -> usize {
        2 * self
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count
    }

    /// Binds the next free pair. A pair that somebody else on this machine uses is passed over.
    pub(crate) fn open(self: &Arc<Self>) -> Result<PhoneSockets, MediaError> {
        let attempts = self
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pairs
            .len();
        for _ in 0..attempts {
            let lease = self.lease().ok_or(MediaError::PortsExhausted)?;
            match lease.bind() {
                Ok((rtp, rtcp)) => return Ok(PhoneSockets { rtp, rtcp, lease }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(MediaError::Socket(error.kind())),
            }
        }
        Err(MediaError::PortsExhausted)
    }

    fn lease(self: &Arc<Self>) -> Option<PortLease> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = taken.pairs.len();
        let index = (0..pairs)
            .map(|step| (taken.next + step) % pairs)
            .find(|at| !taken.pairs[*at])?;
        taken.pairs[index] = true;
        taken.next = (index + 1) % pairs;
        taken.count += 1;
        Some(PortLease {
            pool: self.clone(),
            index,
        })
    }
}

impl PortLease {
    fn rtp_port(&self) -> u16 {
        self.pool.first + 2 * self.index as u16
    }

    fn bind(&self) -> io::Result<(UdpSocket, UdpSocket)> {
        let at = |port| SocketAddr::new(self.pool.bind, port);
        let rtp = bind_udp(at(self.rtp_port()), Families::Both)?;
        let rtcp = bind_udp(at(self.rtp_port() + 1), Families::Both)?;
        Ok((rtp, rtcp))
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        let mut taken = self
            .pool
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.pairs[self.index] = false;
        taken.count -= 1;
    }
}

impl PhoneSockets {
    /// Whether they are IPv6 sockets, which name IPv4 peers in IPv6 form.
    pub(crate) fn is_ipv6(&self) -> bool {
        self.lease.pool.bind.is_ipv6()
    }

    /// The even port.
    pub(crate) fn rtp_port(&self) -> u16 {
        self.lease.rtp_port()
    }
}

/// Which peers an IPv6 socket hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    /// IPv4 peers too, when it is bound to all interfaces.
    Both,
    /// Those of its own family: another socket has the others.
    Own,
}

/// Connections the system keeps until they are taken.
const BACKLOG: i32 = 256;

/// A non-blocking TCP listener.
pub(crate) fn bind_tcp(address: SocketAddr, families: Families) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(families == Families::Own)?;
    }
    // The connections of a daemon that ended a moment ago do not stand in the way.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// A non-blocking UDP socket with a large receive buffer (as large as the system allows).
pub(crate) fn bind_udp(address: SocketAddr, families: Families) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(families == Families::Own)?;
    }
    // The system may grant less; that is no reason to refuse the call.
    let _granted_or_not = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    Ok(UdpSocket::from_std(socket.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::net::Ipv4Addr;

    fn pool(ports: RangeInclusive<u16>) -> Arc<PortPool> {
        let mut rng = StdRng::from_seed([1; 32]);
        Arc::new(PortPool::new(Ipv4Addr::LOCALHOST.into(), &ports, &mut rng))
    }

    #[test]
    fn rtp_is_even_rtcp_the_next_and_an_exhausted_range_says_so() {
        let pool = pool(21_001..=21_007);
        let pairs: Vec<_> = (0..3).map(|_| pool.open().expect("free")).collect();
        for pair in &pairs {
            let rtp = pair.rtp.local_addr().expect("bound").port();
            assert_eq!(rtp % 2, 0);
            assert!((21_002..=21_006).contains(&rtp));
            assert_eq!(pair.rtcp.local_addr().expect("bound").port(), rtp + 1);
        }
        assert_eq!(pool.in_use(), 6);
        assert_eq!(pool.open().err(), Some(MediaError::PortsExhausted));
        drop(pairs);
        assert_eq!(pool.in_use(), 0);
        assert!(pool.open().is_ok());
    }

    #[test]
    fn a_port_taken_by_somebody_else_is_passed_over() {
        let taken = std::net::UdpSocket::bind("127.0.0.1:21020").expect("free for the test");
        let pool = pool(21_020..=21_023);
        let pair = pool.open().expect("the other pair");
        assert_eq!(pair.rtp_port(), 21_022);
        assert_eq!(pool.open().err(), Some(MediaError::PortsExhausted));
        assert_eq!(pool.in_use(), 2);
        drop(taken);
    }

    #[test]
    fn an_empty_range_has_no_ports() {
        assert_eq!(
            pool(21_031..=21_031).open().err(),
            Some(MediaError::PortsExhausted)
        );
    }

    #[test]
    fn ports_rest_until_the_circle_comes_round() {
        let pool = pool(21_040..=21_047);
        let first = pool.open().expect("free").rtp_port();
        let second = pool.open().expect("free").rtp_port();
        assert_ne!(first, second);
    }
}
