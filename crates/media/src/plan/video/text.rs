//! Video sections of ours as text: the formats, which both kinds of legs write alike.

use std::fmt::Write as _;

use super::VideoContent;

impl VideoContent {
    /// The media line.
    pub(in crate::plan) fn write_media_line(&self, text: &mut String, port: u16, protocol: &str) {
        write!(text, "m=video {port} {protocol}").expect("writing to a String does not fail");
        for format in &self.formats {
            write!(text, " {}", format.pt).expect("writing to a String does not fail");
        }
        text.push_str("\r\n");
    }

    /// The limit of the rate, as older and newer readers know it (RFC 8866 §5.8, RFC 3890).
    pub(in crate::plan) fn write_bandwidth(&self, text: &mut String) {
        if let Some(bits) = self.bandwidth {
            let kilobits = bits.div_ceil(1_000);
            write!(text, "b=AS:{kilobits}\r\nb=TIAS:{bits}\r\n")
                .expect("writing to a String does not fail");
        }
    }

    /// The formats with their parameters.
    pub(in crate::plan) fn write_formats(&self, text: &mut String) {
        for format in &self.formats {
            let (pt, codec) = (format.pt, format.codec);
            write!(
                text,
                "a=rtpmap:{pt} {codec}/{}\r\n",
                crate::video::CLOCK_RATE
            )
            .expect("writing to a String does not fail");
            if let Some(fmtp) = &format.fmtp {
                write!(text, "a=fmtp:{pt} {fmtp}\r\n").expect("writing to a String does not fail");
            }
        }
    }

    /// The feedback of each format; where it is the same for all, in one line each.
    pub(in crate::plan) fn write_feedback(&self, text: &mut String) {
        let [first, rest @ ..] = &self.formats[..] else {
            return;
        };
        if !rest.is_empty() && rest.iter().all(|format| format.feedback == first.feedback) {
            for value in first.feedback.values() {
                write!(text, "a=rtcp-fb:* {value}\r\n").expect("writing to a String does not fail");
            }
            return;
        }
        for format in &self.formats {
            for value in format.feedback.values() {
                write!(text, "a=rtcp-fb:{} {value}\r\n", format.pt)
                    .expect("writing to a String does not fail");
            }
        }
    }
}
