//! Feedback on video (RFC 4585, RFC 5104, REMB): what receivers ask of senders.
//!
//! Read out of packets that may hold anything, and only where it is about the source asked for;
//! what is unknown or cut short is passed over. Written as the tail of a compound packet.

use super::read::{Report, packets, reports, word};
use crate::rtp::{SeqNo, Ssrc};

/// Of RFC 2032 §5.2.1, which some phones still send: a keyframe, without any details.
const OLD_FIR: u8 = 192;
const TRANSPORT: u8 = 205;
const PAYLOAD: u8 = 206;
const NACK: usize = 1;
const TMMBR: usize = 3;
const TMMBN: usize = 4;
const PLI: usize = 1;
const FIR: usize = 4;
const APPLICATION: usize = 15;
/// Lost packets that one compound packet may name.
const MAX_LOST: usize = 256;

/// What a receiver says of our stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// It needs a keyframe (PLI or FIR).
    pub(crate) keyframe: bool,
    /// It misses these packets (NACK).
    pub(crate) lost: Vec<SeqNo>,
    /// It wants no more bits per second than this (REMB or TMMBR).
    pub(crate) rate: Option<u64>,
    /// It was a TMMBR, which wants an answer.
    pub(crate) tmmbr: Option<Bound>,
    /// It lost this part of what was sent since its last report, in 256ths.
    pub(crate) lost_part: Option<u8>,
}

/// An upper bound of the rate, as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    owner: Ssrc,
    /// Exponent, mantissa and overhead (RFC 5104 §4.2.1.2).
    word: u32,
}

/// What a compound packet says of `ours`. `last_fir`: the number of the last FIR of whoever sent
/// it, for one that is repeated is no new wish (RFC 5104 §4.3.1.1).
pub(crate) fn wishes(compound: &[u8], ours: Ssrc, last_fir: &mut Option<u8>) -> Wishes {
    let mut wishes = Wishes::default();
    for report in reports(compound) {
        if let Report::Block(block) = report
            && block.ssrc == ours
        {
            wishes.lost_part = Some(block.lost_part);
        }
    }
    for (kind, format, body) in packets(compound) {
        if kind == OLD_FIR && !body.is_empty() {
            wishes.keyframe = true;
            continue;
        }
        let (Some(media), Some(rest)) = (word(body, 4).map(Ssrc), body.get(8..)) else {
            continue;
        };
        match (kind, format) {
            (PAYLOAD, PLI) if media == ours => wishes.keyframe = true,
            (PAYLOAD, FIR) => {
                for entry in rest.chunks_exact(8) {
                    if word(entry, 0).map(Ssrc) == Some(ours)
                        && last_fir.replace(entry[4]) != Some(entry[4])
                    {
                        wishes.keyframe = true;
                    }
                }
            }
            (TRANSPORT, NACK) if media == ours => lost(rest, &mut wishes.lost),
            (TRANSPORT, TMMBR) => {
                for entry in rest.chunks_exact(8) {
                    if word(entry, 0).map(Ssrc) == Some(ours) {
                        let rate = word(entry, 4).unwrap_or(0);
                        let mantissa = u64::from((rate >> 9) & 0x1_ffff);
                        wishes.rate = Some(scaled(mantissa, rate >> 26));
                        wishes.tmmbr = word(body, 0).map(|owner| Bound {
                            owner: Ssrc(owner),
                            word: rate,
                        });
                    }
                }
            }
            (PAYLOAD, APPLICATION) => {
                if let Some(rate) = remb(rest, ours) {
                    wishes.rate = Some(rate);
                }
            }
            _ => {}
        }
    }
    wishes
}

/// Each entry names a packet and, by a mask, up to sixteen behind it (RFC 4585 §6.2.1).
fn lost(entries: &[u8], lost: &mut Vec<SeqNo>) {
    for entry in entries.chunks_exact(4) {
        let first = SeqNo(u16::from_be_bytes([entry[0], entry[1]]));
        let mask = u16::from_be_bytes([entry[2], entry[3]]);
        let behind = (0..16_u16).filter(|bit| mask & (1 << bit) != 0);
        let all = [first]
            .into_iter()
            .chain(behind.map(|bit| first.plus(bit + 1)));
        lost.extend(all.take(MAX_LOST.saturating_sub(lost.len())));
    }
}

fn remb(body: &[u8], ours: Ssrc) -> Option<u64> {
    let &[b'R', b'E', b'M', b'B', count, high, middle, low, ..] = body else {
        return None;
    };
    let mut sources = body.get(8..)?.chunks_exact(4).take(usize::from(count));
    let about_ours = sources.any(|source| word(source, 0).map(Ssrc) == Some(ours));
    let mantissa = u64::from(high & 0x03) << 16 | u64::from(middle) << 8 | u64::from(low);
    about_ours.then(|| scaled(mantissa, u32::from(high >> 2)))
}

fn scaled(mantissa: u64, exponent: u32) -> u64 {
    mantissa
        .checked_shl(exponent)
        .filter(|scaled| scaled >> exponent == mantissa)
        .unwrap_or(u64::MAX)
}

/// A rate as mantissa of that many bits and exponent.
fn mantissa(rate: u64, bits: u32) -> (u32, u32) {
    let exponent = (u64::BITS - rate.leading_zeros()).saturating_sub(bits);
    ((rate >> exponent) as u32, exponent)
}

/// Picture loss indication (RFC 4585 §6.3.1).
pub(crate) fn pli(ours: Ssrc, theirs: Ssrc) -> Vec<u8> {
    packet(PAYLOAD, PLI, ours, theirs, &[])
}

/// Full intra request, the `number`th (RFC 5104 §4.3.1).
pub(crate) fn fir(ours: Ssrc, theirs: Ssrc, number: u8) -> Vec<u8> {
    let [s0, s1, s2, s3] = theirs.0.to_be_bytes();
    packet(
        PAYLOAD,
        FIR,
        ours,
        Ssrc(0),
        &[s0, s1, s2, s3, number, 0, 0, 0],
    )
}

/// Generic NACK of packets in rising order (RFC 4585 §6.2.1).
pub(crate) fn nack(ours: Ssrc, theirs: Ssrc, lost: &[SeqNo]) -> Vec<u8> {
    let mut entries: Vec<(SeqNo, u16)> = Vec::new();
    for packet in lost {
        match entries.last_mut() {
            Some((first, mask)) if (1..=16).contains(&packet.since(*first)) => {
                *mask |= 1 << (packet.since(*first) - 1);
            }
            Some(_) | None => entries.push((*packet, 0)),
        }
    }
    let entries = entries.iter().flat_map(|(first, mask)| {
        let ([f0, f1], [m0, m1]) = (first.0.to_be_bytes(), mask.to_be_bytes());
        [f0, f1, m0, m1]
    });
    packet(TRANSPORT, NACK, ours, theirs, &entries.collect::<Vec<_>>())
}

/// Receiver's estimate of the rate, in bits per second (draft-alvestrand-rmcat-remb-03).
pub(crate) fn remb_of(ours: Ssrc, theirs: Ssrc, rate: u64) -> Vec<u8> {
    let (mantissa, exponent) = mantissa(rate, 18);
    let [_, high, middle, low] = mantissa.to_be_bytes();
    let [s0, s1, s2, s3] = theirs.0.to_be_bytes();
    let high = (exponent as u8) << 2 | high;
    let body = [b'R', b'E', b'M', b'B', 1, high, middle, low, s0, s1, s2, s3];
    packet(PAYLOAD, APPLICATION, ours, Ssrc(0), &body)
}

/// Temporary maximum of the rate, in bits per second (RFC 5104 §4.2.1), with 40 bytes of headers
/// to each packet.
pub(crate) fn tmmbr(ours: Ssrc, theirs: Ssrc, rate: u64) -> Vec<u8> {
    let (mantissa, exponent) = mantissa(rate, 17);
    let [r0, r1, r2, r3] = (exponent << 26 | mantissa << 9 | 40).to_be_bytes();
    let [s0, s1, s2, s3] = theirs.0.to_be_bytes();
    packet(
        TRANSPORT,
        TMMBR,
        ours,
        Ssrc(0),
        &[s0, s1, s2, s3, r0, r1, r2, r3],
    )
}

/// The answer to a TMMBR: the bound that holds, and whose it is (RFC 5104 §4.2.2).
pub(crate) fn tmmbn(ours: Ssrc, bound: Bound) -> Vec<u8> {
    let [s0, s1, s2, s3] = bound.owner.0.to_be_bytes();
    let [r0, r1, r2, r3] = bound.word.to_be_bytes();
    packet(
        TRANSPORT,
        TMMBN,
        ours,
        Ssrc(0),
        &[s0, s1, s2, s3, r0, r1, r2, r3],
    )
}

fn packet(kind: u8, format: usize, ours: Ssrc, theirs: Ssrc, body: &[u8]) -> Vec<u8> {
    let words = 2 + body.len() / 4;
    let mut packet = vec![0x80 | format as u8, kind, (words >> 8) as u8, words as u8];
    packet.extend(ours.0.to_be_bytes());
    packet.extend(theirs.0.to_be_bytes());
    packet.extend(body);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Ssrc = Ssrc(0x0102_0304);
    const THEIRS: Ssrc = Ssrc(0x0506_0708);

    fn read(packet: &[u8]) -> Wishes {
        wishes(packet, THEIRS, &mut None)
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert!(read(&pli(OURS, THEIRS)).keyframe);
        assert!(read(&fir(OURS, THEIRS, 7)).keyframe);
        let lost = [65_534, 65_535, 3, 14, 15, 400].map(SeqNo);
        assert_eq!(read(&nack(OURS, THEIRS, &lost)).lost, lost);
        for rate in [0, 1, 30_000, 262_143, 262_144, 2_500_000] {
            let exact = |read: Wishes, bits: u32| {
                let read = read.rate.expect("a rate");
                assert!(
                    read <= rate && rate - read <= rate >> (bits - 1),
                    "{rate}: {read}"
                );
            };
            exact(read(&remb_of(OURS, THEIRS, rate)), 18);
            exact(read(&tmmbr(OURS, THEIRS, rate)), 17);
        }
    }

    #[test]
    fn feedback_on_another_source_is_not_for_us() {
        let mut all = pli(OURS, OURS);
        all.extend(fir(OURS, OURS, 1));
        all.extend(nack(OURS, OURS, &[SeqNo(1)]));
        all.extend(remb_of(OURS, OURS, 1));
        all.extend(tmmbr(OURS, OURS, 1));
        assert_eq!(read(&all), Wishes::default());
    }

    #[test]
    fn a_bound_is_answered_with_itself_and_its_owner() {
        let asked = tmmbr(OURS, THEIRS, 384_000);
        let bound = read(&asked).tmmbr.expect("a bound");
        let answer = tmmbn(THEIRS, bound);
        assert_eq!(answer[..4], [0x84, 205, 0, 4]);
        assert_eq!(answer[4..8], THEIRS.0.to_be_bytes());
        assert_eq!(answer[12..16], OURS.0.to_be_bytes());
        assert_eq!(answer[16..], asked[16..]);
    }

    #[test]
    fn losses_of_our_stream_and_old_requests_are_read() {
        let mut compound = vec![0x81, 201, 0, 7];
        compound.extend(OURS.0.to_be_bytes());
        compound.extend(THEIRS.0.to_be_bytes());
        compound.extend([64, 0, 0, 9]);
        compound.extend([0; 16]);
        assert_eq!(read(&compound).lost_part, Some(64));
        compound.extend([0x80, 192, 0, 1, 1, 2, 3, 4]);
        assert!(read(&compound).keyframe);
        assert_eq!(wishes(&compound, OURS, &mut None).lost_part, None);
    }

    #[test]
    fn a_repeated_fir_is_one_wish() {
        let mut last = None;
        for (number, new) in [(1, true), (1, false), (2, true), (1, true)] {
            let read = wishes(&fir(OURS, THEIRS, number), THEIRS, &mut last);
            assert_eq!(read.keyframe, new, "{number}");
        }
    }

    #[test]
    fn what_is_cut_short_or_boundless_is_passed_over() {
        for packet in [
            pli(OURS, THEIRS),
            fir(OURS, THEIRS, 1),
            remb_of(OURS, THEIRS, 9),
        ] {
            for length in 0..packet.len() {
                assert_eq!(read(&packet[..length]), Wishes::default());
            }
        }
        let many: Vec<SeqNo> = (0..2_000).map(SeqNo).collect();
        assert_eq!(read(&nack(OURS, THEIRS, &many)).lost.len(), MAX_LOST);
        let huge = [
            0x8f, 206, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0xff, 0xff, 0xff,
            5, 6, 7, 8,
        ];
        assert_eq!(read(&huge).rate, Some(u64::MAX));
    }
}
