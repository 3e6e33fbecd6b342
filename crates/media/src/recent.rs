//! A mark for each of the newest numbers of a row: what was seen, or left out.

const WORDS: usize = 8;
const BITS: u32 = u64::BITS;

/// Marks by how far a number lies behind the newest one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent([u64; WORDS]);

impl Recent {
    /// Numbers that have a mark. At 2 Mbit/s of video it is two seconds, and two keyframes.
    pub(crate) const LENGTH: u32 = WORDS as u32 * BITS;
    /// None is marked.
    pub(crate) const NONE: Self = Self([0; WORDS]);
    /// All are.
    pub(crate) const ALL: Self = Self([u64::MAX; WORDS]);

    /// The newest number is by so much a newer one; those between are not marked.
    pub(crate) fn advance(&mut self, by: u32) {
        let words = (by / BITS) as usize;
        let bits = by % BITS;
        for at in (0..WORDS).rev() {
            let word = |back: usize| at.checked_sub(back).map_or(0, |from| self.0[from]);
            let carried = word(words + 1).checked_shr(BITS - bits).unwrap_or(0);
            self.0[at] = word(words) << bits | carried;
        }
    }

    /// Whether the number so far behind is marked; beyond the length none is.
    pub(crate) fn has(&self, behind: u32) -> bool {
        let word = self.0.get((behind / BITS) as usize);
        word.is_some_and(|word| word & (1 << (behind % BITS)) != 0)
    }

    /// Marks it.
    pub(crate) fn set(&mut self, behind: u32) {
        if let Some(word) = self.0.get_mut((behind / BITS) as usize) {
            *word |= 1 << (behind % BITS);
        }
    }

    /// How many are marked that are newer than the one so far behind.
    pub(crate) fn count_newer(&self, behind: u32) -> u16 {
        let newer = (0..behind.min(Self::LENGTH)).filter(|place| self.has(*place));
        newer.fold(0, |count, _| count + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_move_with_the_newest_number_and_leave_at_the_end() {
        for by in [
            1, 2, 63, 64, 65, 127, 128, 200, 448, 510, 511, 512, 513, 2_999,
        ] {
            for place in [0, 1, 63, 64, 100, 511] {
                let mut recent = Recent::NONE;
                recent.set(place);
                recent.advance(by);
                for behind in 0..600 {
                    let marked = behind == place + by && behind < Recent::LENGTH;
                    assert_eq!(recent.has(behind), marked, "{place} by {by}: {behind}");
                }
            }
        }
        let mut recent = Recent::ALL;
        recent.advance(70);
        assert!(!recent.has(69) && recent.has(70) && recent.has(511) && !recent.has(512));
        assert_eq!((recent.count_newer(70), recent.count_newer(80)), (0, 10));
    }
}
