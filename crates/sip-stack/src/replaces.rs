//! The Replaces header (RFC 3891): a dialog, named by its three parts as the side that is to be
//! called sees it.

use std::fmt;

use crate::account::SessionId;
use crate::dialog::DialogId;
use crate::message::{Params, Uri};

/// The option tag of RFC 3891.
pub(crate) const TAG: &str = "replaces";

/// A dialog that a call takes the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The tag of the side that receives the INVITE.
    pub to_tag: String,
    /// The tag of the side that is to be left.
    pub from_tag: String,
    /// Only if that call has not been answered (RFC 3891 §3).
    pub early_only: bool,
}

/// The call that a new one takes the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) session: SessionId,
    /// Only if it has not been answered.
    pub(crate) early_only: bool,
}

impl Replaces {
    /// Reads the value of a Replaces header; `None` if a part is missing or unreadable.
    pub fn parse(value: &str) -> Option<Self> {
        let (call_id, params) = value.split_at(value.find(';')?);
        let call_id = call_id.trim();
        let params = Params::parse(params).ok()?;
        let is_word = |text: &str| {
            !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        let tag = |name| {
            let tag = params.get(name)?.into_owned();
            is_word(&tag).then_some(tag)
        };
        is_word(call_id).then_some(())?;
        Some(Self {
            call_id: call_id.to_owned(),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: params.contains("early-only"),
        })
    }

    /// The dialog as the far end of it sees it: that is who will receive the INVITE.
    pub(crate) fn of_far_end(dialog: &DialogId) -> Self {
        Self {
            call_id: dialog.call_id.to_string(),
            to_tag: tag_or_null(&dialog.remote_tag),
            from_tag: tag_or_null(&dialog.local_tag),
            early_only: false,
        }
    }

    /// The dialog, where we are who receives the INVITE. A peer of RFC 2543 has no tag, which
    /// is written as `0` (RFC 3891 §3).
    pub(crate) fn dialogs(&self) -> impl Iterator<Item = DialogId> {
        let named = DialogId::new(&self.call_id, &self.to_tag, &self.from_tag);
        let untagged = DialogId::new(&self.call_id, &self.to_tag, "");
        [named]
            .into_iter()
            .chain((self.from_tag == "0").then_some(untagged))
    }

    /// This URI with the header behind `?`, for Refer-To. `None` if it is no SIP URI.
    pub(crate) fn within(&self, uri: &Uri) -> Option<Uri> {
        uri.without_headers()
            .with_header("Replaces", &self.to_string())
            .ok()
    }
}

fn tag_or_null(tag: &str) -> String {
    if tag.is_empty() { "0" } else { tag }.to_owned()
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call_id,
            to_tag,
            from_tag,
            early_only,
        } = self;
        write!(f, "{call_id};to-tag={to_tag};from-tag={from_tag}")?;
        if *early_only {
            f.write_str(";early-only")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_parts_are_read_in_any_order() {
        let value = "425928@bobster.example.org ;from-tag=6472;early-only; to-tag=7743";
        let replaces = Replaces::parse(value).expect("valid");
        assert_eq!(
            replaces,
            Replaces {
                call_id: "425928@bobster.example.org".to_owned(),
                to_tag: "7743".to_owned(),
                from_tag: "6472".to_owned(),
                early_only: true,
            }
        );
        assert_eq!(Replaces::parse(&replaces.to_string()), Some(replaces));
    }

    #[test]
    fn a_missing_part_makes_it_unreadable() {
        for value in [
            "",
            "id",
            "id;to-tag=a",
            "id;from-tag=a",
            ";to-tag=a;from-tag=b",
            "id;to-tag=;from-tag=b",
            "id;to-tag=a;from-tag=\"b c\"",
        ] {
            assert_eq!(Replaces::parse(value), None, "{value}");
        }
    }

    #[test]
    fn behind_a_uri_it_is_escaped_and_read_back() {
        let dialog = DialogId::new("a&b=c?@h", "ours", "theirs");
        let replaces = Replaces::of_far_end(&dialog);
        let uri = Uri::parse("sip:bob@example.org;transport=tcp?Subject=x").expect("valid");
        let uri = replaces.within(&uri).expect("a SIP URI");
        assert_eq!(
            uri.as_str(),
            "sip:bob@example.org;transport=tcp?\
             Replaces=a%26b%3Dc?%40h%3Bto-tag%3Dtheirs%3Bfrom-tag%3Dours"
        );
        let read = uri.header("Replaces").expect("there");
        assert_eq!(Replaces::parse(&read), Some(replaces));
    }

    #[test]
    fn a_null_tag_stands_for_a_peer_without_one() {
        let dialog = DialogId::new("id", "ours", "");
        let replaces = Replaces::of_far_end(&dialog);
        assert_eq!(replaces.to_string(), "id;to-tag=0;from-tag=ours");
        let seen = Replaces::parse("id;to-tag=ours;from-tag=0").expect("valid");
        assert!(seen.dialogs().any(|named| named == dialog));
    }
}
