//! The password of an account as sylkRTC carries it.

use std::fmt;

/// HA1 of digest authentication (RFC 2617 §3.2.2.2): the MD5 of `user:realm:secret`.
///
/// It is as good as the secret itself, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1([u8; 16]);

impl Ha1 {
    /// Reads 32 hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`NotAnHa1`] for anything else, a plain secret for instance.
    pub fn from_hex(text: &str) -> Result<Self, NotAnHa1> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(NotAnHa1);
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
        }
        Ok(Self(bytes))
    }

    /// The sixteen bytes of the MD5.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// 32 lower-case hexadecimal digits, as digest authentication computes with them.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(…)")
    }
}

/// The text is not 32 hexadecimal digits. The text itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnHa1;

impl fmt::Display for NotAnHa1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the password must be an HA1: 32 hexadecimal digits, the MD5 of user:realm:secret",
        )
    }
}

impl std::error::Error for NotAnHa1 {}

fn hex_value(digit: u8) -> Result<u8, NotAnHa1> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(NotAnHa1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_of_any_case_are_the_same_password() {
        let lower = Ha1::from_hex("884edfee38ed471b8a15006700139485").unwrap();
        let upper = Ha1::from_hex("884EDFEE38ED471B8A15006700139485").unwrap();
        assert_eq!(lower, upper);
        assert_eq!(upper.to_hex(), "884edfee38ed471b8a15006700139485");
        assert_eq!(lower.as_bytes()[..2], [0x88, 0x4e]);
    }

    #[test]
    fn a_plain_secret_is_refused() {
        let almost = "884edfee38ed471b8a1500670013948";
        for text in [
            "",
            "secret",
            almost,
            &format!("{almost}g"),
            &format!("{almost}55"),
            &"é".repeat(16),
        ] {
            assert_eq!(Ha1::from_hex(text), Err(NotAnHa1), "{text}");
        }
    }

    #[test]
    fn debug_output_does_not_show_it() {
        let ha1 = Ha1::from_hex("884edfee38ed471b8a15006700139485").unwrap();
        assert_eq!(format!("{ha1:?}"), "Ha1(…)");
    }
}
