//! Many datagrams of a socket for one question to the kernel (recvmmsg(2)).
//!
//! Fewer than were asked for means that the socket is empty: the question that would only be
//! told so is saved, one for every packet of a phone.

use std::fmt;
use std::io::IoSliceMut;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;

use mio::net::UdpSocket;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};

/// Datagrams at a time.
pub(super) const BATCH: usize = 32;
/// Larger than any datagram that can be media; longer ones are cut and fail their checks.
const DATAGRAM: usize = 2048;

/// Room for a batch, used again and again. Not to be sent between threads.
pub(super) struct Batch {
    /// Those for IPv4 and those for IPv6: the kernel writes the length of an address over the room
    /// that there was for it, and into what an IPv4 source has left no IPv6 one fits.
    headers: [MultiHeaders<SockaddrStorage>; 2],
    room: Vec<[u8; DATAGRAM]>,
    /// Length and source of what has come, in the order of `room`.
    came: Vec<(usize, SocketAddr)>,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            headers: std::array::from_fn(|_| MultiHeaders::preallocate(BATCH, None)),
            room: vec![[0; DATAGRAM]; BATCH],
            came: Vec::with_capacity(BATCH),
        }
    }

    /// Takes up to `most` datagrams; whether there may be more. `ipv6`: the socket's family.
    pub(super) fn receive(&mut self, socket: &UdpSocket, ipv6: bool, most: usize) -> bool {
        self.came.clear();
        let most = most.min(BATCH);
        let mut room = self.room.iter_mut();
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
            let room: &mut [u8] = room.next().map_or(&mut [], |room| room);
            [IoSliceMut::new(room)]
        });
        let (socket, slices) = (socket.as_raw_fd(), slices.iter_mut().take(most));
        let flags = MsgFlags::MSG_DONTWAIT;
        let [v4, v6] = &mut self.headers;
        let headers = if ipv6 { v6 } else { v4 };
        match recvmmsg(socket, headers, slices, flags, None) {
            Ok(messages) => {
                for message in messages {
                    let from = message.address.and_then(source);
                    // A source of another family than the socket's cannot be: dropped if it is.
                    self.came
                        .push(from.map_or((0, UNKNOWN), |from| (message.bytes, from)));
                }
                self.came.len() == most
            }
            Err(Errno::EINTR) => true,
            Err(_) => false,
        }
    }

    /// What has come.
    pub(super) fn datagrams(&mut self) -> impl Iterator<Item = (&mut [u8], SocketAddr)> {
        let came = self.room.iter_mut().zip(&self.came);
        came.filter(|(_, (_, from))| *from != UNKNOWN)
            .map(|(room, (length, from))| (&mut room[..*length], *from))
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("came", &self.came)
            .finish_non_exhaustive()
    }
}

const UNKNOWN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0));

fn source(address: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in();
    let v6 = address.as_sockaddr_in6();
    let v4 = v4.map(|v4| SocketAddrV4::new(v4.ip(), v4.port()).into());
    v4.or_else(|| {
        v6.map(|v6| SocketAddrV6::new(v6.ip(), v6.port(), v6.flowinfo(), v6.scope_id()).into())
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket as StdSocket};

    use super::*;

    #[test]
    fn what_came_is_there_in_order_with_its_source_and_no_more_is_expected() {
        let mut batch = Batch::new();
        for address in [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ] {
            let ipv6 = address.is_ipv6();
            let Ok(theirs) = StdSocket::bind(address) else {
                continue;
            };
            let ours = UdpSocket::bind(address).expect("loopback");
            let to = ours.local_addr().expect("bound");
            let from = theirs.local_addr().expect("bound");
            assert!(!batch.receive(&ours, ipv6, BATCH), "nothing has come");
            for number in 0..3_u8 {
                theirs.send_to(&[number; 7], to).expect("loopback");
            }
            assert!(batch.receive(&ours, ipv6, 2), "one is left");
            let first: Vec<_> = batch.datagrams().map(|(data, _)| data.to_vec()).collect();
            assert_eq!(first, [vec![0; 7], vec![1; 7]]);
            assert!(!batch.receive(&ours, ipv6, 2));
            let mut last = batch.datagrams();
            assert_eq!(last.next(), Some((&mut [2; 7][..], from)));
            assert_eq!(last.next(), None);
        }
    }
}
