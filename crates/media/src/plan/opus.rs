//! Opus format parameters (RFC 7587 §6.1) carried from one leg to the other.
//!
//! They say what their writer wants to *receive*. Since the audio is relayed untouched, what one
//! end wants is what the other has to send, so the parameters cross over as they are. Only known
//! names with a plain number get through.

/// The parameters that mean the same on both legs.
const CARRIED: [&str; 10] = [
    "maxplaybackrate",
    "sprop-maxcapturerate",
    "minptime",
    "maxaveragebitrate",
    "stereo",
    "sprop-stereo",
    "cbr",
    "useinbandfec",
    "usedtx",
    "ptime",
];

/// The carried part of an `a=fmtp` value; `None` when nothing is left.
pub(super) fn carried(fmtp: &str) -> Option<String> {
    let mut kept: Vec<String> = Vec::new();
    for parameter in fmtp.split(';') {
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        let number = (1..=9).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
        let prefix = format!("{name}=");
        let repeated = kept.iter().any(|known| known.starts_with(&prefix));
        if number && !repeated && CARRIED.contains(&name.as_str()) {
            kept.push(prefix + value);
        }
    }
    (!kept.is_empty()).then(|| kept.join(";"))
}

#[cfg(test)]
mod tests {
    use super::carried;

    #[test]
    fn only_known_parameters_with_a_number_cross_over() {
        for (fmtp, expected) in [
            (
                "minptime=10;useinbandfec=1",
                Some("minptime=10;useinbandfec=1"),
            ),
            (
                "maxplaybackrate=48000; stereo=1 ;x-own=3",
                Some("maxplaybackrate=48000;stereo=1"),
            ),
            ("Stereo=1;stereo=0", Some("stereo=1")),
            ("usedtx=on", None),
            ("useinbandfec=", None),
            ("", None),
            ("111", None),
        ] {
            assert_eq!(carried(fmtp).as_deref(), expected, "{fmtp}");
        }
    }
}
