//! Tones that a page wants the phone to get, in whatever form that takes them.

use crate::limits::MAX_TONES;

/// One or more DTMF tones: `0` to `9`, `*`, `#`, `A` to `D` (capitals).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tones(String);

impl Tones {
    /// Reads 1 to [`MAX_TONES`] tones; small letters are made capitals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let tones = text.to_ascii_uppercase();
        let valid = (1..=MAX_TONES).contains(&tones.len())
            && tones
                .chars()
                .all(|tone| matches!(tone, '0'..='9' | '*' | '#' | 'A'..='D'));
        valid.then_some(Self(tones))
    }

    /// The tones, one per character.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sixteen_tones_are_known() {
        assert_eq!(
            Tones::parse("0123456789*#ABCDabcd").unwrap().as_str(),
            "0123456789*#ABCDABCD"
        );
        for text in ["", "E", " 1", "1,2", "１", &"1".repeat(MAX_TONES + 1)] {
            assert_eq!(Tones::parse(text), None, "{text}");
        }
    }
}
