//! A SIP header that the page wants to send, or is shown.

/// A SIP header by name and value.
///
/// From a page: the name is a token and the value holds no control character, so neither
/// can break out of its line. Whether a page may set that header is not decided here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name, in the sender's spelling.
    pub name: String,
    /// The value without surrounding blanks.
    pub value: String,
}

/// `token` of RFC 3261 §25.1.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}
