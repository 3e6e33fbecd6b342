//! Takes a little time out of audio without a click: where it resembles itself a few
//! milliseconds later, it is faded over to there.

use super::conceal::{clamp, likeness, samples};

/// What is taken out, and over how much is faded, in 1/10,000 s.
const SHORTEST: usize = 25;
const LONGEST: usize = 125;
const FADE: usize = 50;
/// Less alike than this is left alone, unless it is quiet.
const ALIKE: f32 = 0.8;
const QUIET: i16 = 200;

/// Samples that have to wait so that something can be taken out.
pub(super) fn wanted(rate: u32) -> usize {
    samples(rate as usize, LONGEST + FADE)
}

/// Takes out at most `most` samples near the beginning of `pcm`, and says how many.
pub(super) fn shorten(pcm: &mut Vec<i16>, rate: u32, most: usize) -> usize {
    let fade = samples(rate as usize, FADE);
    let shortest = samples(rate as usize, SHORTEST);
    let longest = samples(rate as usize, LONGEST)
        .min(most)
        .min(pcm.len().saturating_sub(fade));
    let alike = |lag: &usize| likeness(&pcm[..fade], &pcm[*lag..*lag + fade]);
    let best = (shortest..=longest)
        .map(|lag| (lag, alike(&lag)))
        .max_by(|left, right| left.1.total_cmp(&right.1));
    let Some((mut lag, likeness)) = best else {
        return 0;
    };
    let is_quiet = pcm[..longest + fade]
        .iter()
        .all(|sample| sample.unsigned_abs() < QUIET.unsigned_abs());
    if is_quiet {
        lag = longest;
    } else if likeness < ALIKE {
        return 0;
    }
    for at in 0..fade {
        let (weight, whole) = (at as i32, fade as i32);
        let (old, new) = (i32::from(pcm[at]), i32::from(pcm[at + lag]));
        pcm[at + lag] = clamp((new * weight + old * (whole - weight)) / whole);
    }
    pcm.drain(..lag);
    lag
}
