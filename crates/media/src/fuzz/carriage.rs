//! What carries audio: transcoders, frames on connections, and reports of the far end.

use std::time::Duration;

use super::{origin, rows};
use crate::codec::AudioCodec;
use crate::event::{Flow, LegStats, Link, Way};
use crate::quality::{CallFigures, Dbov, verdict};
use crate::relay::AudioFormat;
use crate::rtcp::{NtpClock, RtcpSession};
use crate::rtp::{HEADER_LENGTH, Header, PacketKind, Pt, RtpTimestamp, SeqNo, Ssrc, packet_kind};
use crate::transcode::{MAX_PAYLOAD, Transcoder};
use crate::worker::framing::{Deframer, LONGEST_FRAME, Waiting, Wanted};

/// Payloads at a transcoder. The first byte says from what to what; each row is a packet, its own
/// byte says how far its number goes on and how late it is. What leaves is numbered one by one,
/// its time goes forward, and it has the length that its codec gives it.
pub fn transcode(bytes: &[u8]) {
    let &[formats, packet_time, ref rest @ ..] = bytes else {
        return;
    };
    let codec = |choice: u8| AudioCodec::ALL[usize::from(choice & 3)];
    let ptime = |choice: u8| [10, 20, 30, 60][usize::from(choice & 3)];
    let (from, to) = (codec(formats), codec(formats >> 2));
    let from = AudioFormat {
        codec: from,
        ptime: ptime(packet_time),
    };
    let to = AudioFormat {
        codec: to,
        ptime: ptime(packet_time >> 2),
    };
    let mut transcoder = Transcoder::new(from, to).expect("codecs that we have");
    let mut now = origin();
    let (mut sequence, mut timestamp) = (SeqNo(65_530), RtpTimestamp(u32::MAX - 2_000));
    let mut source = Ssrc(7);
    let mut last = None;
    for (own, payload) in rows(rest) {
        let step = match own & 7 {
            0..=3 => 1,
            4 => 0,
            5 => 2,
            6 => u16::MAX,
            _ => u16::from(own) << 6,
        };
        sequence = sequence.plus(step);
        let units = u32::from(from.ptime) * from.codec.clock_rate() / 1_000;
        timestamp = timestamp.plus(units.wrapping_mul(u32::from(step)));
        now += Duration::from_millis(u64::from(own >> 3 & 7) * 10);
        let header = Header {
            marker: own & 0x40 != 0,
            payload_type: Pt::PCMU,
            sequence,
            timestamp,
            ssrc: source,
            payload: HEADER_LENGTH..HEADER_LENGTH + payload.len(),
        };
        match own >> 6 {
            0 | 1 => transcoder.handle_audio(&header, payload, now),
            2 => transcoder.handle_comfort_noise(&header, payload, now),
            _ if own & 1 == 0 => transcoder.handle_other(&header),
            _ if own & 2 == 0 => transcoder.stop(),
            _ => source = Ssrc(source.0.wrapping_add(1)),
        }
        let mut packet = [0; MAX_PAYLOAD];
        let mut sent = 0;
        while let Some(encoded) = transcoder.poll_packet(&mut packet, now) {
            assert!(encoded.length <= MAX_PAYLOAD);
            match to.codec {
                AudioCodec::Opus => assert!(encoded.length > 0),
                AudioCodec::G722 | AudioCodec::Pcmu | AudioCodec::Pcma => {
                    assert_eq!(encoded.length, usize::from(to.ptime) * 8);
                }
            }
            if let Some((sequence, timestamp)) = last {
                let (sequence, timestamp): (SeqNo, RtpTimestamp) = (sequence, timestamp);
                assert_eq!(encoded.sequence, sequence.plus(1));
                let ahead = encoded.timestamp.0.wrapping_sub(timestamp.0);
                assert!((1..1 << 31).contains(&ahead));
            }
            last = Some((encoded.sequence, encoded.timestamp));
            sent += 1;
            assert!(sent < 100, "no more than time has passed");
        }
    }
}

/// Bytes of a connection, cut wherever the rows say: the same frames as in one piece, and nothing
/// longer than a frame is kept. Then each row as a frame for a slow reader.
pub fn framing(bytes: &[u8]) {
    let whole = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut deframer = Deframer::default();
        let mut frames = Vec::new();
        for piece in pieces {
            let taken = deframer.handle_bytes(piece, |frame| {
                assert!(frame.len() <= LONGEST_FRAME);
                frames.push(frame.to_vec());
                Wanted::More
            });
            if taken.is_err() {
                break;
            }
        }
        frames
    };
    let stream: Vec<u8> = rows(bytes).flat_map(|(_, piece)| piece).copied().collect();
    let at_once = whole(&mut std::iter::once(&stream[..]));
    assert_eq!(whole(&mut rows(bytes).map(|(_, piece)| piece)), at_once);
    assert_eq!(whole(&mut stream.chunks(1)), at_once);

    let mut now = origin();
    let mut waiting = Waiting::default();
    let mut read = Vec::new();
    for (own, frame) in rows(bytes) {
        let prefix = (frame.len() as u16).to_be_bytes();
        now += Duration::from_millis(u64::from(own));
        let _outcome = waiting.queue(prefix, frame, 0, now);
        let take = usize::from(own).min(waiting.bytes().len());
        read.extend_from_slice(&waiting.bytes()[..take]);
        waiting.written(take, now);
        assert!(waiting.bytes().len() <= 40 << 10);
    }
    read.extend_from_slice(waiting.bytes());
    let heard = whole(&mut std::iter::once(&read[..]));
    let mut sent = rows(bytes).map(|(_, frame)| frame);
    // Frames may be missing, and are never torn.
    assert!(heard.iter().all(|frame| sent.any(|sent| sent == frame)));
}

/// Reports of the far end, one a row, at times that its own byte says: whatever they claim, the
/// figures make sense and something is said of them.
pub fn feedback(bytes: &[u8]) {
    let mut now = origin();
    let clock = NtpClock::new(now, Duration::from_secs(1_800_000_000));
    let session = || RtcpSession::new(Ssrc(1), "cname".to_owned(), 8_000, clock, 0);
    let mut ends = [session(), session()];
    for (at, (wait, report)) in rows(bytes).enumerate() {
        now += Duration::from_millis(u64::from(wait) * 40);
        let end = &mut ends[at % 2];
        end.handle_sent(RtpTimestamp(at as u32 * 160), 160, now);
        end.handle_rtcp(report, now);
        if let Ok(header) = Header::parse(report) {
            end.handle_rtp(&header, now);
        }
        if let Some(report) = end.handle_timeout(now) {
            assert_eq!(packet_kind(&report), PacketKind::Rtcp);
        }
    }
    let packets = |packets| Flow { packets, bytes: 0 };
    let [browser, phone] = ends.map(|end| {
        let told = end.statistics();
        LegStats {
            received: packets(u64::from(bytes.first().copied().unwrap_or_default())),
            sent: packets(200),
            lost: told.lost,
            lost_at_peer: told.remote_lost,
            jitter: told.jitter,
            jitter_at_peer: told.remote_jitter,
            round_trip: told.round_trip,
            link: Link::Ready,
            way: Way::Open(Duration::from_secs(60)),
            codec: Some(AudioCodec::Opus),
            ..LegStats::default()
        }
    });
    let figures = CallFigures::new(&browser, &phone);
    for way in [figures.to_phone, figures.to_browser] {
        assert!((0.0..=1.0).contains(&way.loss()), "{way:?}");
        assert!(way.mos().is_none_or(|mos| (1.0..=4.5).contains(&mos)));
        assert!(way.level().is_none_or(|level| level <= Dbov(0)));
    }
    assert!(!verdict(&figures).text().is_empty());
    assert!(!verdict(&figures.since(&figures)).text().is_empty());
}
