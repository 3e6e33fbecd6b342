//! What networks and senders do: loss, disorder, bursts, silence, drift, garbage.

use std::time::Duration;

use proptest::prelude::{any, prop, proptest};

use super::{AMPLITUDE, HERTZ, Source, Way, format, ms, regular, tone};
use crate::codec::AudioCodec;
use crate::rtp::{Header, Pt, RtpTimestamp, SeqNo, Ssrc};
use crate::transcode::sample_rate;

type Packets = Vec<(Duration, Header, Vec<u8>)>;

/// The same figures each time.
fn chance(state: &mut u32) -> u32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*state >> 16) % 100
}

fn heard_after(from: AudioCodec, to: AudioCodec, network: impl FnOnce(Packets) -> Packets) -> Way {
    let (from, to) = (format(from, 20), format(to, 20));
    let mut way = Way::new(from, to);
    let packets = network(regular(&mut Source::new(from), 500));
    way.run(packets, ms(0));
    way.assert_continuous();
    way
}

fn delay(way: &Way) -> usize {
    (way.transcoder.playout.delay()) * 1000 / sample_rate(way.to.codec).min(8_000) as usize
}

#[test]
fn ten_per_cent_loss_leaves_the_tone() {
    for (from, to) in [
        (AudioCodec::Opus, AudioCodec::Pcmu),
        (AudioCodec::Pcma, AudioCodec::Opus),
        (AudioCodec::G722, AudioCodec::Pcmu),
    ] {
        let way = heard_after(from, to, |mut packets| {
            let mut state = 1;
            packets.retain(|_| chance(&mut state) >= 10);
            packets
        });
        assert!((490..=501).contains(&way.left.len()));
        let rate = sample_rate(to);
        let (amplitude, other) = tone(&way.heard()[rate as usize / 5..], rate, HERTZ, 100);
        let what = format!("{from} to {to}: {amplitude} {other}");
        assert!(amplitude > 0.6 * AMPLITUDE, "{what}");
        assert!(other < 0.1, "10 dB in half of all windows: {what}");
    }
}

#[test]
fn jitter_of_60_ms_disorder_and_doubles_are_not_heard_once_they_are_known() {
    for (from, to) in [
        (AudioCodec::Opus, AudioCodec::Pcmu),
        (AudioCodec::Pcmu, AudioCodec::Opus),
    ] {
        let way = heard_after(from, to, |packets| {
            let mut state = 5;
            let mut sent = Vec::new();
            for (at, header, payload) in packets {
                let late = ms(u64::from(chance(&mut state)) * 60 / 100);
                if chance(&mut state) < 10 {
                    sent.push((at + late + ms(5), header.clone(), payload.clone()));
                }
                sent.push((at + late, header, payload));
            }
            sent
        });
        let rate = sample_rate(to);
        let heard = &way.heard()[2 * rate as usize..];
        let (amplitude, other) = tone(heard, rate, HERTZ, 10);
        let what = format!("{from} to {to}: {amplitude} {other}");
        assert!(amplitude > 0.7 * AMPLITUDE, "{what}");
        assert!(other < 0.05, "13 dB: {what}");
        assert!(delay(&way) <= 120, "{} ms", delay(&way));
    }
}

#[test]
fn packets_that_overtake_each_other_all_the_time_are_waited_for() {
    for (from, to) in [
        (AudioCodec::Pcmu, AudioCodec::Opus),
        (AudioCodec::Opus, AudioCodec::Pcmu),
    ] {
        let way = heard_after(from, to, |mut packets| {
            for pair in packets.chunks_exact_mut(2) {
                let (one, other) = (pair[0].0, pair[1].0);
                (pair[0].0, pair[1].0) = (other, one);
            }
            packets
        });
        let rate = sample_rate(to);
        let (amplitude, other) = tone(&way.heard()[rate as usize..], rate, HERTZ, 2);
        let what = format!("{from} to {to}: {amplitude} {other}");
        assert!(amplitude > 0.8 * AMPLITUDE && other < 0.05, "{what}");
        assert!(delay(&way) <= 80, "{} ms", delay(&way));
    }
}

#[test]
fn jitter_of_200_ms_is_waited_for() {
    for (from, to) in [
        (AudioCodec::Opus, AudioCodec::Pcmu),
        (AudioCodec::Pcmu, AudioCodec::Opus),
    ] {
        let way = heard_after(from, to, |packets| {
            let mut state = 5;
            let late = |at: Duration, state: &mut u32| at + ms(u64::from(chance(state)) * 2);
            packets
                .into_iter()
                .map(|(at, header, payload)| (late(at, &mut state), header, payload))
                .collect()
        });
        let rate = sample_rate(to);
        let (amplitude, other) = tone(&way.heard()[2 * rate as usize..], rate, HERTZ, 10);
        let what = format!("{from} to {to}: {amplitude} {other}");
        assert!(amplitude > 0.7 * AMPLITUDE && other < 0.05, "{what}");
        assert!(delay(&way) <= 260, "{} ms", delay(&way));
    }
}

#[test]
fn a_stall_of_a_second_does_not_delay_the_call_for_good() {
    let way = heard_after(AudioCodec::Opus, AudioCodec::Pcmu, |packets| {
        packets
            .into_iter()
            .map(|(at, header, payload)| {
                let stalled = (ms(3_000)..ms(3_800)).contains(&at);
                (if stalled { ms(3_800) } else { at }, header, payload)
            })
            .collect()
    });
    assert!(delay(&way) <= 160, "{} ms", delay(&way));
    let heard = way.heard();
    let (amplitude, other) = tone(&heard[heard.len() - 8_000..], 8_000, HERTZ, 2);
    assert!(amplitude > 0.8 * AMPLITUDE && other < 0.05);
}

#[test]
fn clocks_that_drift_by_half_a_per_cent_are_followed() {
    for permille in [995u64, 1005] {
        let way = heard_after(AudioCodec::Pcmu, AudioCodec::Opus, |packets| {
            let drifted = |at: Duration| at * permille as u32 / 1000;
            packets
                .into_iter()
                .map(|(at, header, payload)| (drifted(at), header, payload))
                .collect()
        });
        assert!(delay(&way) <= 60, "{permille}: {} ms", delay(&way));
        let heard = &way.heard()[4_800..];
        let (amplitude, other) = tone(heard, 48_000, HERTZ, 12);
        assert!(
            amplitude > 0.7 * AMPLITUDE && other < 0.05,
            "{permille}: {amplitude} {other}"
        );
    }
}

#[test]
fn silence_suppression_lasts_as_long_as_it_says() {
    let (from, to) = (format(AudioCodec::Opus, 20), format(AudioCodec::Pcmu, 20));
    let mut source = Source::new(from);
    let mut way = Way::new(from, to);
    let mut packets = regular(&mut source, 50);
    // 400 ms unsaid, as Opus does it; then 5 s.
    source.pass(48 * 400);
    let shifted = |packets: Packets, by| -> Packets {
        packets
            .into_iter()
            .map(|(at, header, payload)| (at + by, header, payload))
            .collect()
    };
    packets.extend(shifted(regular(&mut source, 50), ms(1_400)));
    source.pass(48 * 5_000);
    packets.extend(shifted(regular(&mut source, 50), ms(7_400)));
    way.run(packets, ms(0));
    way.assert_continuous();
    let markers: Vec<usize> = way
        .left
        .iter()
        .enumerate()
        .filter_map(|(at, (_, encoded, _))| encoded.marker.then_some(at))
        .collect();
    assert_eq!(
        markers.len(),
        2,
        "only behind the long silence: {markers:?}"
    );
    let (first, last) = (&way.left[0], &way.left[way.left.len() - 1]);
    let units = last.1.timestamp.since(first.1.timestamp);
    let passed = last.0.duration_since(first.0).as_millis() as i64 * 8;
    assert!((units - passed).abs() <= 160, "{units} {passed}");
    assert!(delay(&way) <= 40, "{} ms", delay(&way));
}

#[test]
fn a_source_that_ends_is_sent_on_for_half_a_second_and_no_longer() {
    let mut way = heard_after(AudioCodec::Opus, AudioCodec::Pcmu, |packets| packets);
    let before = way.left.len();
    way.run(Vec::new(), ms(60_000));
    assert!(way.left.len() - before <= 27);
    assert_eq!(way.transcoder.poll_timeout(), None);
}

#[test]
fn another_source_takes_over_without_a_break() {
    let (from, to) = (format(AudioCodec::Pcma, 20), format(AudioCodec::Opus, 20));
    let mut way = Way::new(from, to);
    let mut first = Source::new(from);
    let mut second = Source::new(from);
    second.header.ssrc = Ssrc(8);
    second.header.sequence = SeqNo(3);
    second.header.timestamp = RtpTimestamp(99);
    let mut packets = regular(&mut first, 100);
    packets.extend(
        regular(&mut second, 100)
            .into_iter()
            .map(|(at, header, payload)| (at + ms(2_000), header, payload)),
    );
    way.run(packets, ms(0));
    way.assert_continuous();
    assert_eq!(way.left.iter().filter(|left| left.1.marker).count(), 1);
    let (amplitude, other) = tone(&way.heard()[4_800..], 48_000, HERTZ, 4);
    assert!(amplitude > 0.8 * AMPLITUDE && other < 0.05);
}

#[test]
fn a_stray_packet_of_another_place_changes_nothing_also_when_it_is_doubled() {
    let with_strays = |copies: usize| {
        heard_after(AudioCodec::Pcmu, AudioCodec::Opus, |packets| {
            let mut sent = Vec::new();
            for (at, (time, header, payload)) in packets.into_iter().enumerate() {
                if at % 25 == 24 {
                    let mut stray = header.clone();
                    stray.sequence = header.sequence.plus(20_000);
                    stray.timestamp = header.timestamp.plus(9_000_000);
                    let stray = (time, stray, vec![0x80; 160]);
                    sent.extend(std::iter::repeat_n(stray, copies));
                }
                sent.push((time, header, payload));
            }
            sent
        })
        .heard()
    };
    let undisturbed = with_strays(0);
    assert!(with_strays(1) == undisturbed);
    assert!(with_strays(2) == undisturbed);
}

#[test]
fn a_source_whose_numbers_jump_is_followed_also_where_packets_overtake_each_other() {
    for overtaking in [false, true] {
        let way = heard_after(AudioCodec::Pcmu, AudioCodec::Opus, |mut packets| {
            for (at, (_, header, _)) in packets.iter_mut().enumerate() {
                if at >= 250 {
                    header.sequence = header.sequence.plus(20_000);
                    header.timestamp = header.timestamp.plus(9_000_000);
                }
            }
            if overtaking {
                for pair in packets.chunks_exact_mut(2) {
                    let (one, other) = (pair[0].0, pair[1].0);
                    (pair[0].0, pair[1].0) = (other, one);
                }
            }
            packets
        });
        let (amplitude, other) = tone(&way.heard()[48_000..], 48_000, HERTZ, 4);
        let what = format!("{overtaking}: {amplitude} {other}");
        assert!(amplitude > 0.8 * AMPLITUDE && other < 0.05, "{what}");
    }
}

#[test]
fn a_lost_opus_packet_is_in_the_next_one() {
    // Speech-like: in-band redundancy is made for voice alone.
    let mut source = Source::new(format(AudioCodec::Opus, 20));
    source.hertz = 200.0;
    let packets = regular(&mut source, 100);
    let mut repaired = 0;
    for (_, _, payload) in &packets {
        // It has heard nothing before that it could go on with.
        let mut decoder = super::Decoder::new(AudioCodec::Opus, 8_000).expect("a rate of Opus");
        if !decoder.holds_previous(payload) {
            continue;
        }
        let mut pcm = Vec::new();
        decoder.decode_previous(payload, &mut pcm);
        assert_eq!(pcm.len(), 160);
        let loudest = pcm.iter().map(|sample| sample.unsigned_abs()).max();
        repaired += usize::from(f64::from(loudest.unwrap_or(0)) > 0.2 * AMPLITUDE);
    }
    assert!(repaired >= 10, "{repaired}");
}

proptest! {
    #[test]
    fn nothing_that_arrives_breaks_it(
        packets in prop::collection::vec(
            (0..3_000u64, any::<u16>(), any::<u32>(), 0..3u32,
             prop::collection::vec(any::<u8>(), 0..200)),
            0..80,
        ),
        codecs in (0..4usize, 0..4usize),
        ptimes in (0..130u16, 0..130u16),
    ) {
        let from = format(AudioCodec::ALL[codecs.0], ptimes.0);
        let to = format(AudioCodec::ALL[codecs.1], ptimes.1);
        let mut way = Way::new(from, to);
        let packets = packets
            .into_iter()
            .map(|(at, sequence, timestamp, ssrc, payload)| {
                let header = Header {
                    marker: false,
                    payload_type: Pt::PCMU,
                    // Near enough to be believed now and then.
                    sequence: SeqNo(sequence % 40),
                    timestamp: RtpTimestamp(timestamp % 400_000),
                    ssrc: Ssrc(ssrc / 2),
                    payload: 0..0,
                };
                (ms(at), header, payload)
            })
            .collect();
        way.run(packets, ms(1_500));
        way.assert_continuous();
        way.heard();
    }
}
