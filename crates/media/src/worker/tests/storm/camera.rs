//! Who films in a storm: frames under one source, kept for those who miss some.

use std::collections::HashMap;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::endpoints::Ssrc;
use crate::simulate::rtp_packet;

/// The payload type of its video.
pub(super) const NUMBER: u8 = 96;
/// Packets that an end keeps for those who miss them.
const KEPT: u16 = 512;

/// Somebody who films.
pub(super) struct Camera {
    pub(super) ssrc: Ssrc,
    pub(super) sequence: u16,
    timestamp: u32,
    /// What was sent, as it left.
    pub(super) kept: HashMap<u16, Vec<u8>>,
}

impl Camera {
    pub(super) fn new(ssrc: Ssrc, sequence: u16) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp: 0,
            kept: HashMap::new(),
        }
    }

    /// The packets of a frame, with padding here and there.
    pub(super) fn frame(&mut self, packets: usize, dice: &mut StdRng) -> Vec<(u16, Vec<u8>)> {
        self.timestamp = self.timestamp.wrapping_add(1_800);
        let frame = (0..packets).map(|_| {
            self.sequence = self.sequence.wrapping_add(1);
            let padding = dice.random_bool(0.05);
            let payload: &[u8] = if padding { &[] } else { &[0x99; 300] };
            let mut packet = rtp_packet(NUMBER, self.sequence, self.ssrc, payload);
            packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
            (self.sequence, packet)
        });
        frame.collect()
    }

    pub(super) fn keep(&mut self, sequence: u16, packet: Vec<u8>) {
        self.kept.insert(sequence, packet);
        self.kept.remove(&sequence.wrapping_sub(KEPT));
    }

    /// Goes on elsewhere: under the same source only ahead, for SRTP would refuse what is behind.
    pub(super) fn jump(&mut self, far: u16, dice: &mut StdRng) {
        self.kept.clear();
        self.sequence = self.sequence.wrapping_add(far);
        if far >= 10_000 {
            self.timestamp = dice.random();
        }
    }

    /// Another source goes on.
    pub(super) fn change(&mut self, dice: &mut StdRng) {
        self.kept.clear();
        self.ssrc = Ssrc(dice.random());
        self.sequence = dice.random();
    }
}
