//! The names the gateway gives to incoming calls.
//!
//! They are made of the Call-ID, so that a push notification, which carries it, can be matched to
//! the session. They name a call on one connection and prove nothing.

/// MD5 of the Call-ID in the shape of a UUID.
#[must_use]
pub fn dashed_session_id(call_id: &str) -> String {
    let hex = plain_session_id(call_id);
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// MD5 of the Call-ID as 32 digits, the shape older clients know.
#[must_use]
pub fn plain_session_id(call_id: &str) -> String {
    format!("{:x}", md5::compute(call_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_carry_the_md5_of_the_call_id() {
        assert_eq!(plain_session_id("abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            dashed_session_id("abc"),
            "90015098-3cd2-4fb0-d696-3f7d28e17f72"
        );
    }
}
