//! One call's echo: what comes to its RTP port goes back to where it came from.
//!
//! The source is made our own (RFC 3550 §8.2: a source that comes back is a loop), one for each
//! payload type; everything else stays. A call's video has the port of its audio: what comes from
//! where tells them apart. RTCP is taken and forgotten.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket as StdSocket};
use std::time::Instant;

use media::rtp::{HEADER_LENGTH, PacketKind, packet_kind};
use mio::net::UdpSocket;

/// Tries at finding an even port whose neighbour is free too.
const TRIES: usize = 100;

pub(super) struct Echo {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    ssrc: [u8; 4],
    /// When its call was answered, until the first packet after that.
    pub(super) answered: Option<Instant>,
}

impl Echo {
    pub(super) fn open(ip: IpAddr, ssrc: u32) -> io::Result<Self> {
        for _ in 0..TRIES {
            let rtp = StdSocket::bind((ip, 0))?;
            let port = rtp.local_addr()?.port();
            if port % 2 != 0 || port == u16::MAX {
                continue;
            }
            let Ok(rtcp) = StdSocket::bind((ip, port + 1)) else {
                continue;
            };
            rtp.set_nonblocking(true)?;
            rtcp.set_nonblocking(true)?;
            return Ok(Self {
                rtp: UdpSocket::from_std(rtp),
                rtcp: UdpSocket::from_std(rtcp),
                ssrc: ssrc.to_be_bytes(),
                answered: None,
            });
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.rtp.local_addr()
    }

    /// Sends back what has come; how many packets, and how many the system would not take.
    pub(super) fn serve(&self, buffer: &mut [u8]) -> (u64, u64) {
        let (mut echoed, mut failed) = (0, 0);
        while let Ok((length, from)) = self.rtp.recv_from(buffer) {
            let packet = &mut buffer[..length];
            if length < HEADER_LENGTH || packet_kind(packet) != PacketKind::Rtp {
                continue;
            }
            packet[8..12].copy_from_slice(&self.ssrc);
            packet[8] ^= packet[1] & 0x7f;
            match self.rtp.send_to(packet, from) {
                Ok(_) => echoed += 1,
                Err(_) => failed += 1,
            }
        }
        (echoed, failed)
    }

    pub(super) fn drain(&self, buffer: &mut [u8]) {
        while self.rtcp.recv_from(buffer).is_ok() {}
    }
}
