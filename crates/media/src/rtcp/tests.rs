//! Two ends that report to each other, and one that hears nonsense.

use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::*;
use crate::rtp::{PacketKind, Pt, SeqNo, packet_kind};

const HERE: Ssrc = Ssrc(1);
const THERE: Ssrc = Ssrc(2);

fn origin() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "the origin of a test's virtual time"
    )]
    Instant::now()
}

fn end(ssrc: Ssrc, origin: Instant, unix: u64) -> RtcpSession {
    let clock = NtpClock::new(origin, Duration::from_secs(unix));
    RtcpSession::new(ssrc, "cname".to_owned(), 8_000, clock, 99)
}

fn packet(ssrc: Ssrc, sequence: u16, timestamp: u32) -> Header {
    Header {
        marker: false,
        payload_type: Pt::PCMU,
        sequence: SeqNo(sequence),
        timestamp: RtpTimestamp(timestamp),
        ssrc,
        payload: 12..172,
    }
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The report that is due next.
fn next_report(end: &mut RtcpSession) -> (Instant, Bytes) {
    let due = end.poll_timeout().expect("a report is planned");
    assert_eq!(end.handle_timeout(due - ms(1)), None, "not before its time");
    (due, end.handle_timeout(due).expect("due"))
}

#[test]
fn nothing_is_reported_before_there_is_media() {
    let end = end(HERE, origin(), 0);
    assert_eq!(end.poll_timeout(), None);
}

#[test]
fn a_receiver_tells_losses_over_a_roll_over() {
    let origin = origin();
    let mut end = end(HERE, origin, 1_800_000_000);
    for count in 0..100_u16 {
        if count % 10 != 3 {
            let header = packet(
                THERE,
                65_500_u16.wrapping_add(count),
                u32::from(count) * 160,
            );
            end.handle_rtp(&header, origin + ms(u64::from(count) * 20));
        }
    }
    let (_, report) = next_report(&mut end);
    assert_eq!(packet_kind(&report), PacketKind::Rtcp);
    assert_eq!(report[1], 201, "a receiver report");
    assert_eq!(report.len() % 4, 0);
    let block = &report[8..32];
    assert_eq!(block[..4], THERE.0.to_be_bytes());
    assert_eq!(block[4], 25, "a tenth of 256");
    assert_eq!(block[5..8], [0, 0, 10]);
    assert_eq!(block[8..12], (65_500_u32 + 99).to_be_bytes());
    let statistics = end.statistics();
    assert_eq!((statistics.received, statistics.lost), (90, 10));
    assert_eq!(statistics.jitter, Duration::ZERO);

    // Nothing new was lost since.
    end.handle_rtp(&packet(THERE, 64, 16_000), origin + ms(2_000));
    let (_, report) = next_report(&mut end);
    assert_eq!(report[12], 0);
    assert_eq!(report[13..16], [0, 0, 10]);
}

#[test]
fn reports_come_about_every_five_seconds() {
    let origin = origin();
    let mut end = end(HERE, origin, 0);
    end.handle_sent(RtpTimestamp(0), 160, origin);
    let (mut last, _) = next_report(&mut end);
    assert_eq!(last - origin, FIRST);
    for _ in 0..100 {
        let (due, _) = next_report(&mut end);
        assert!((INTERVAL / 2..INTERVAL * 3 / 2).contains(&(due - last)));
        last = due;
    }
}

#[test]
fn the_round_trip_is_known_from_the_answer_to_our_report() {
    let origin = origin();
    // Their clocks are years apart: only our own counts.
    let (mut here, mut there) = (end(HERE, origin, 1_800_000_000), end(THERE, origin, 7));
    here.handle_sent(RtpTimestamp(1_000), 160, origin);
    there.handle_rtp(&packet(HERE, 1, 1_000), origin + ms(40));
    let (sent, report) = next_report(&mut here);
    assert_eq!(report[1], 200, "a sender report");
    assert_eq!(
        report[16..20],
        (1_000_u32 + 8_000).to_be_bytes(),
        "its clock at that moment"
    );
    assert_eq!(report[20..28], [0, 0, 0, 1, 0, 0, 0, 160]);
    there.handle_rtcp(&report, sent + ms(30));
    let (answered, answer) = next_report(&mut there);
    here.handle_rtcp(&answer, answered + ms(50));
    let trip = here.statistics().round_trip.expect("known");
    assert!(trip >= ms(79) && trip <= ms(81), "{trip:?}");
    assert_eq!(here.statistics().remote_lost, 0);
}

#[test]
fn an_idle_sender_becomes_a_receiver_again() {
    let origin = origin();
    let mut end = end(HERE, origin, 0);
    end.handle_sent(RtpTimestamp(0), 160, origin);
    assert_eq!(next_report(&mut end).1[1], 200);
    assert_eq!(next_report(&mut end).1[1], 201);
}

#[test]
fn a_farewell_names_us() {
    let origin = origin();
    let mut end = end(HERE, origin, 0);
    let bye = end.bye(origin);
    assert_eq!(bye[1], 201);
    let tail = &bye[bye.len() - 8..];
    assert_eq!(tail, [0x81, 203, 0, 1, 0, 0, 0, 1]);
}

#[test]
fn whatever_its_name_a_report_is_a_legal_compound_packet() {
    let origin = origin();
    for length in 0..300 {
        let clock = NtpClock::new(origin, Duration::ZERO);
        let mut end = RtcpSession::new(HERE, "x".repeat(length), 8_000, clock, 0);
        let bye = end.bye(origin);
        let mut kinds = Vec::new();
        let mut rest = &bye[..];
        while let &[first, kind, high, low, ..] = rest {
            assert_eq!(first & 0xe0, 0x80, "version 2, no padding");
            kinds.push(kind);
            rest = &rest[4 * (usize::from(u16::from_be_bytes([high, low])) + 1)..];
        }
        assert_eq!((kinds, rest.len()), (vec![201, 202, 203], 0), "{length}");
    }
}

#[test]
fn a_new_source_or_numbering_does_not_count_as_loss() {
    let origin = origin();
    let mut end = end(HERE, origin, 0);
    for (ssrc, sequence) in [
        (THERE, 10),
        (THERE, 12),
        (Ssrc(3), 50_000),
        (Ssrc(3), 50_001),
        // Counts anew: the first is not believed yet.
        (Ssrc(3), 7),
        (Ssrc(3), 8),
        (Ssrc(3), 9),
    ] {
        end.handle_rtp(&packet(ssrc, sequence, 0), origin);
    }
    let statistics = end.statistics();
    assert_eq!((statistics.received, statistics.lost), (7, 1));
}

#[test]
fn jitter_is_that_of_the_network() {
    let origin = origin();
    let mut end = end(HERE, origin, 0);
    for count in 0..1_000_u32 {
        // Every other packet 10 ms late: successive transits differ by 10 ms.
        let late = ms(if count % 2 == 0 { 10 } else { 0 });
        let header = packet(THERE, count as u16, count * 160);
        end.handle_rtp(&header, origin + ms(u64::from(count) * 20) + late);
    }
    let jitter = end.statistics().jitter;
    assert!(jitter >= ms(9) && jitter <= ms(10), "{jitter:?}");
    // A telephone event repeats its timestamp, a jump of the clock is none of the network's.
    for count in 0..50_u16 {
        let header = packet(THERE, 1_000 + count, 160_000);
        end.handle_rtp(&header, origin + ms(20_000 + u64::from(count) * 20));
    }
    end.handle_rtp(&packet(THERE, 1_050, 3_000_000_000), origin + ms(21_000));
    assert!(
        end.statistics().jitter <= ms(70),
        "{:?}",
        end.statistics().jitter
    );
}

#[test]
fn what_the_far_end_says_of_others_or_wrongly_is_not_believed() {
    let origin = origin();
    let mut end = end(HERE, origin, 1_800_000_000);
    // A receiver report about a stranger, then one about us with a round trip of hours and a
    // negative loss.
    let mut report = vec![0x82, 201, 0, 13, 0, 0, 0, 2];
    for (ssrc, lost) in [(77_u32, 5_u32), (HERE.0, 0x00ff_fff0)] {
        report.extend(ssrc.to_be_bytes());
        report.extend(lost.to_be_bytes());
        report.extend([0; 4]);
        report.extend(800_u32.to_be_bytes());
        report.extend(12_345_u32.to_be_bytes());
        report.extend([0; 4]);
    }
    end.handle_rtcp(&report, origin);
    let statistics = end.statistics();
    assert_eq!(statistics.remote_lost, 0);
    assert_eq!(statistics.remote_jitter, ms(100));
    assert_eq!(statistics.round_trip, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(
        kind in prop::sample::select(vec![199_u8, 200, 201, 202, 203, 204, 205, 206, 207]),
        first in any::<u8>(),
        length in 0..40_u8,
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let origin = origin();
        let mut end = end(HERE, origin, 1_800_000_000);
        let mut packet = vec![first, kind, 0, length];
        packet.extend(rest);
        end.handle_rtcp(&packet, origin);
        end.handle_rtcp(&packet[..packet.len() / 2], origin);
        let _ = end.bye(origin + Duration::from_secs(1));
    }

    #[test]
    fn any_media_is_survived(
        packets in prop::collection::vec((0..3_u32, any::<u16>(), any::<u32>(), 0..5_000_u64), 1..100),
    ) {
        let origin = origin();
        let mut end = end(HERE, origin, 1_800_000_000);
        let mut now = origin;
        for (ssrc, sequence, timestamp, wait) in packets {
            now += ms(wait);
            end.handle_rtp(&packet(Ssrc(ssrc), sequence, timestamp), now);
            end.handle_sent(RtpTimestamp(timestamp), usize::from(sequence), now);
            let _ = end.handle_timeout(now);
        }
        let statistics = end.statistics();
        assert!(statistics.received <= 100 && statistics.lost <= 300_000);
    }
}
