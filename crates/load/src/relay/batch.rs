//! Many datagrams of a socket for one question to the kernel (recvmmsg(2)), over IPv4.
//!
//! Fewer than were asked for means that the socket is empty.

use std::io::IoSliceMut;
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;

use mio::net::UdpSocket;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg};

/// Datagrams at a time.
const BATCH: usize = 32;
const DATAGRAM: usize = 2048;

/// Room for a batch, used again and again.
pub(super) struct Batch {
    headers: MultiHeaders<SockaddrIn>,
    room: Vec<[u8; DATAGRAM]>,
    /// Length and source of what has come, in the order of `room`.
    came: Vec<(usize, Option<SocketAddrV4>)>,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(BATCH, None),
            room: vec![[0; DATAGRAM]; BATCH],
            came: Vec::with_capacity(BATCH),
        }
    }

    /// Takes what has come; whether there may be more.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> bool {
        self.came.clear();
        let mut room = self.room.iter_mut();
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
            let room: &mut [u8] = room.next().map_or(&mut [], |room| room);
            [IoSliceMut::new(room)]
        });
        let flags = MsgFlags::MSG_DONTWAIT;
        let headers = &mut self.headers;
        match recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), flags, None) {
            Ok(messages) => {
                for message in messages {
                    let from = message.address.map(SocketAddrV4::from);
                    self.came.push((message.bytes, from));
                }
                self.came.len() == BATCH
            }
            Err(error) => error == Errno::EINTR,
        }
    }

    /// What has come, and from where.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (&[u8], SocketAddrV4)> {
        let came = self.room.iter().zip(&self.came);
        came.filter_map(|(room, (length, from))| Some((&room[..*length], (*from)?)))
    }
}
