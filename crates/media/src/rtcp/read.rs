//! Reads the little of RTCP that an audio relay wants, out of packets that may hold anything.
//!
//! Every length is checked against what was received; what is unknown or cut short is passed over.

use crate::rtp::Ssrc;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const BLOCK_LENGTH: usize = 24;

/// A piece of a compound packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// Somebody sends, and said when (RFC 3550 §6.4.1).
    Sender { ssrc: Ssrc, ntp: u64 },
    /// Somebody received.
    Block(ReportBlock),
}

/// A reception report block (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReportBlock {
    /// What it received.
    pub(super) ssrc: Ssrc,
    /// Which part of them it lost since its last report, in 256ths.
    pub(super) lost_part: u8,
    /// Packets lost since the beginning; never negative here.
    pub(super) lost: u32,
    /// In units of the media's clock.
    pub(super) jitter: u32,
    /// Middle bits of the last sender report it had.
    pub(super) last_report: u32,
    /// Since then, in 65,536th of a second.
    pub(super) delay: u32,
}

/// The reports of a compound packet.
pub(super) fn reports(compound: &[u8]) -> impl Iterator<Item = Report> {
    packets(compound).flat_map(|(kind, count, body)| {
        let sender = match kind {
            SENDER_REPORT => sender(body),
            _ => None,
        };
        let blocks = match kind {
            SENDER_REPORT => body.get(24..),
            RECEIVER_REPORT => body.get(4..),
            _ => None,
        };
        let blocks = blocks
            .unwrap_or_default()
            .chunks_exact(BLOCK_LENGTH)
            .take(count);
        sender
            .into_iter()
            .chain(blocks.filter_map(block).map(Report::Block))
    })
}

/// Type, count and body of each packet.
pub(super) fn packets(mut rest: &[u8]) -> impl Iterator<Item = (u8, usize, &[u8])> {
    std::iter::from_fn(move || {
        let &[first, kind, high, low, ..] = rest else {
            return None;
        };
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        if first & 0xc0 != 0x80 || length > rest.len() {
            return None;
        }
        let (packet, behind) = rest.split_at(length);
        rest = behind;
        Some((kind, usize::from(first & 0x1f), &packet[4..]))
    })
}

fn sender(body: &[u8]) -> Option<Report> {
    let ntp = u64::from(word(body, 4)?) << 32 | u64::from(word(body, 8)?);
    Some(Report::Sender {
        ssrc: Ssrc(word(body, 0)?),
        ntp,
    })
}

fn block(block: &[u8]) -> Option<ReportBlock> {
    // A signed number of 24 bits.
    let [lost_part, ..] = word(block, 4)?.to_be_bytes();
    let lost = word(block, 4)? & 0x00ff_ffff;
    Some(ReportBlock {
        ssrc: Ssrc(word(block, 0)?),
        lost_part,
        lost: if lost & 0x0080_0000 == 0 { lost } else { 0 },
        jitter: word(block, 12)?,
        last_report: word(block, 16)?,
        delay: word(block, 20)?,
    })
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}
