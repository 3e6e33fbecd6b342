//! Format parameters of video: what makes two formats the same, and what one end is told of the
//! other's.
//!
//! Video is relayed untouched, so both ends must mean the same bitstream: the packetization mode
//! and profile of H.264 (RFC 6184 §8.2.2), the profile of VP9 and AV1. What an end says beyond
//! that is what it wants to *receive*, which the other end is told. Only known names with a
//! harmless value cross over.

use crate::sdp::VideoFormat;
use crate::video::VideoCodec;

/// Parameters with a number that cross over, whatever the codec.
const NUMBERS: [&str; 12] = [
    "max-fr",
    "max-fs",
    "max-mbps",
    "max-smbps",
    "max-cpb",
    "max-dpb",
    "max-br",
    "max-fps",
    "profile-id",
    "profile",
    "level-idx",
    "tier",
];
/// Longest parameter sets that cross over.
const MAX_PARAMETER_SETS: usize = 512;

/// Whether both mean the same bitstream.
pub(super) fn same(one: &VideoFormat, other: &VideoFormat) -> bool {
    let equal = |name| number(one, name) == number(other, name);
    one.codec == other.codec
        && match one.codec {
            VideoCodec::Vp8 => true,
            VideoCodec::Vp9 => equal("profile-id"),
            VideoCodec::Av1 => equal("profile"),
            VideoCodec::H264 => equal("packetization-mode") && profile(one) == profile(other),
        }
}

/// Whether phones know this format best: H.264 in a baseline profile, and everything else.
pub(super) fn is_common(format: &VideoFormat) -> bool {
    match format.codec {
        VideoCodec::Vp8 => true,
        VideoCodec::Vp9 => number(format, "profile-id") == 0,
        VideoCodec::Av1 => number(format, "profile") == 0,
        VideoCodec::H264 => profile(format) == Profile::Baseline,
    }
}

/// Whether an H.264 format is of the constrained baseline profile as it is mostly written.
pub(super) fn is_constrained(format: &VideoFormat) -> bool {
    profile_level(format).is_some_and(|[_, constraints, _]| constraints & 0x40 != 0)
}

/// What the writer of `own` is told of `other`, which is the same format on the other leg.
pub(super) fn told(own: Option<&VideoFormat>, other: &VideoFormat) -> Option<String> {
    let mut told: Vec<String> = Vec::new();
    if other.codec == VideoCodec::H264 {
        let level = profile_level(other);
        let id = match (own.map(profile_level), level) {
            // The profile is that of the one who is told, the level that of the other end.
            (Some(Some([profile, constraints, _])), Some([_, _, level])) => {
                Some([profile, constraints, level])
            }
            (Some(own), None) => own,
            (Some(None) | None, other) => other,
        };
        if let Some([profile, constraints, level]) = id {
            told.push(format!(
                "profile-level-id={profile:02x}{constraints:02x}{level:02x}"
            ));
        }
        told.push(format!(
            "packetization-mode={}",
            number(own.unwrap_or(other), "packetization-mode")
        ));
        let asymmetric = |format| number(format, "level-asymmetry-allowed") == 1;
        if asymmetric(other) && own.is_none_or(asymmetric) {
            told.push("level-asymmetry-allowed=1".to_owned());
        }
        if let Some(sets) = value(other, "sprop-parameter-sets").filter(|sets| is_base64(sets)) {
            told.push(format!("sprop-parameter-sets={sets}"));
        }
    }
    for name in NUMBERS {
        if let Some(value) = value(other, name).filter(|value| is_number(value)) {
            told.push(format!("{name}={value}"));
        }
    }
    (!told.is_empty()).then(|| told.join(";"))
}

/// The profiles of H.264 that have to be told apart. Plain baseline counts as constrained: what
/// sets them apart is in no encoder of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    Baseline,
    Main,
    High,
    Other([u8; 2]),
}

fn profile(format: &VideoFormat) -> Profile {
    // RFC 6184 §8.1: without one, baseline is meant.
    let [profile, constraints, _] = profile_level(format).unwrap_or([0x42, 0, 0x0a]);
    match (profile, constraints) {
        (0x42, _) => Profile::Baseline,
        (0x4d | 0x58, constraints) if constraints & 0x80 != 0 => Profile::Baseline,
        (0x4d, _) => Profile::Main,
        (0x64, constraints) if constraints & 0x0c == 0 => Profile::High,
        (profile, constraints) => Profile::Other([profile, constraints]),
    }
}

/// The three bytes of `profile-level-id`.
fn profile_level(format: &VideoFormat) -> Option<[u8; 3]> {
    let text = value(format, "profile-level-id")?;
    if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let id = u32::from_str_radix(text, 16).ok();
    let [_, profile, constraints, level] = id?.to_be_bytes();
    Some([profile, constraints, level])
}

fn number(format: &VideoFormat, name: &str) -> u32 {
    value(format, name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

fn value<'a>(format: &'a VideoFormat, name: &str) -> Option<&'a str> {
    let parameters = format.fmtp.as_deref()?.split(';');
    let mut parameters = parameters.filter_map(|parameter| parameter.split_once('='));
    parameters
        .find(|(found, _)| found.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn is_number(value: &str) -> bool {
    (1..=9).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_base64(value: &str) -> bool {
    value.len() <= MAX_PARAMETER_SETS
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=,".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::Pt;
    use crate::video::Feedback;

    fn format(codec: VideoCodec, fmtp: &str) -> VideoFormat {
        VideoFormat {
            pt: Pt::new(96).expect("seven bits"),
            codec,
            fmtp: (!fmtp.is_empty()).then(|| fmtp.to_owned()),
            feedback: Feedback::default(),
        }
    }

    fn h264(fmtp: &str) -> VideoFormat {
        format(VideoCodec::H264, fmtp)
    }

    #[test]
    fn formats_of_another_mode_or_profile_are_not_the_same() {
        for (one, other, expected) in [
            (
                "profile-level-id=42e01f;packetization-mode=1",
                "packetization-mode=1;profile-level-id=42E00B",
                true,
            ),
            (
                "profile-level-id=42001f",
                "profile-level-id=42801e;packetization-mode=0",
                true,
            ),
            ("profile-level-id=4d801f", "profile-level-id=42e01f", true),
            ("profile-level-id=42e01f", "", true),
            (
                "profile-level-id=42e01f;packetization-mode=1",
                "profile-level-id=42e01f",
                false,
            ),
            ("profile-level-id=42e01f", "profile-level-id=4d001f", false),
            ("profile-level-id=64001f", "profile-level-id=640c1f", false),
        ] {
            assert_eq!(
                same(&h264(one), &h264(other)),
                expected,
                "{one} and {other}"
            );
        }
        let vp9 = |fmtp| format(VideoCodec::Vp9, fmtp);
        assert!(same(&vp9("profile-id=0"), &vp9("")));
        assert!(!same(&vp9("profile-id=2"), &vp9("")));
        assert!(!same(&vp9(""), &format(VideoCodec::Vp8, "")));
    }

    #[test]
    fn an_end_is_told_its_own_profile_at_the_level_of_the_other() {
        let browser =
            h264("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
        let phone = h264(
            "profile-level-id=428014;packetization-mode=1;max-fs=1620;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==;x=evil",
        );
        let told = told(Some(&browser), &phone).expect("parameters");
        assert_eq!(
            told,
            "profile-level-id=42e014;packetization-mode=1;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==;max-fs=1620"
        );
    }

    #[test]
    fn both_levels_hold_where_both_ends_allow_them_to_differ() {
        let fmtp = "level-asymmetry-allowed=1;profile-level-id=42e01f";
        let both = told(Some(&h264(fmtp)), &h264(fmtp)).expect("parameters");
        assert!(both.contains("level-asymmetry-allowed=1"), "{both}");
        let offered = told(None, &h264(fmtp)).expect("parameters");
        assert!(offered.contains("level-asymmetry-allowed=1"), "{offered}");
    }

    #[test]
    fn nothing_harmful_crosses_over() {
        let evil = format(
            VideoCodec::Vp8,
            "max-fs=3600;max-fr=30 a=b;profile-level-id=zz",
        );
        assert_eq!(told(None, &evil).as_deref(), Some("max-fs=3600"));
        let evil = h264("profile-level-id=+2e01f;sprop-parameter-sets=a b");
        assert_eq!(told(None, &evil).as_deref(), Some("packetization-mode=0"));
    }
}
