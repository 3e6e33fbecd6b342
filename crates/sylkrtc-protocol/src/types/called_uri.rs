//! What a user dialled.

use super::{InvalidAddress, without_scheme};
use crate::limits::MAX_CALLED_URI;

/// The called URI without `sip:` or `sips:`: an address, or a bare name or number.
///
/// Whether it can be called is found out later; here it only has to be safe inside a SIP message.
///
/// # Errors
///
/// [`InvalidAddress`] if it is empty, too long, or holds anything but visible ASCII
/// characters, or one of those that cannot stand in a URI.
pub(crate) fn called_uri(text: &str) -> Result<String, InvalidAddress> {
    let uri = without_scheme(text);
    let valid = (1..=MAX_CALLED_URI).contains(&uri.len())
        && uri
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte));
    if valid {
        Ok(uri.to_owned())
    } else {
        Err(InvalidAddress(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_taken_off_what_was_typed() {
        for (typed, uri) in [
            ("bob@sylk.test", "bob@sylk.test"),
            (
                "sip:bob@sylk.test;transport=tcp",
                "bob@sylk.test;transport=tcp",
            ),
            ("Sips:+4930", "+4930"),
            ("3333", "3333"),
        ] {
            assert_eq!(called_uri(typed).unwrap(), uri);
        }
    }

    #[test]
    fn what_would_break_a_sip_message_is_refused() {
        for typed in [
            "",
            "sip:",
            "a b",
            "bob@x\r\nVia: y",
            "<sip:bob@x>",
            "bob@x\u{0}",
            "jürgen@x",
        ] {
            assert_eq!(
                called_uri(typed).unwrap_err().to_string(),
                format!("invalid SIP URI: {typed}")
            );
        }
    }
}
