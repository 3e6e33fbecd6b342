//! `[media]`: the addresses and ports audio and video flow through.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use media::music::HoldMusic;
use serde::Deserialize;

use super::Problem;
use super::audio::{Audio, Codec, DtmfRule, TranscodingRule};

mod browser;

pub use browser::{Addresses, BrowserMedia};

/// The media side of the daemon.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Towards browsers.
    pub browser: BrowserMedia,
    /// Towards phones.
    pub phone: PhoneMedia,
    /// Threads that relay packets.
    #[serde(default = "one")]
    pub workers: usize,
    /// A call without any packet from one side for this long is ended, in seconds; 0 never ends it.
    #[serde(default = "inactivity_seconds")]
    pub inactivity_seconds: u64,
    /// Whether media may be sent to loopback addresses that a phone's SDP names. Off unless testing.
    #[serde(default)]
    pub allow_loopback: bool,
    /// Codecs towards phones; empty: all.
    #[serde(default)]
    pub codecs: Vec<Codec>,
    /// Whether audio may be transcoded, and when.
    #[serde(default = "last_resort")]
    pub transcoding: TranscodingRule,
    /// Milliseconds of audio per packet towards phones.
    pub ptime: Option<u16>,
    /// Whether calls may have video: each takes a second port pair towards the phone.
    #[serde(default = "yes")]
    pub video: bool,
    /// How keys reach phones.
    pub dtmf: Option<DtmfRule>,
    /// WAV file that is played to who is put on hold.
    pub hold_music: Option<PathBuf>,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            browser: BrowserMedia::default(),
            phone: PhoneMedia::default(),
            workers: one(),
            inactivity_seconds: inactivity_seconds(),
            allow_loopback: false,
            codecs: Vec::new(),
            transcoding: last_resort(),
            ptime: None,
            video: yes(),
            dtmf: None,
            hold_music: None,
        }
    }
}

/// The phone side of media: two ports of a range for each call, four for one with video.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhoneMedia {
    /// The address to bind.
    pub address: IpAddr,
    /// The address phones are told, when it differs from the bound one; one of each family where
    /// both are bound.
    pub advertised: Option<Addresses>,
    /// First and last port of the range.
    #[serde(default = "phone_ports")]
    pub ports: [u16; 2],
}

impl Default for PhoneMedia {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertised: None,
            ports: phone_ports(),
        }
    }
}

impl Media {
    /// What is said of codecs for all calls.
    #[must_use]
    pub fn audio(&self) -> Audio<'_> {
        Audio {
            codecs: Some(&self.codecs),
            transcoding: Some(self.transcoding),
            ptime: self.ptime,
            dtmf: self.dtmf,
        }
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if !(1..=256).contains(&self.workers) {
            problems.push(Problem::new("media.workers", "must be between 1 and 256"));
        }
        if self.inactivity_seconds > 86_400 {
            let text = "must be between 0 (never) and 86400";
            problems.push(Problem::new("media.inactivity_seconds", text));
        }
        self.audio().check("media", problems);
        check_music("media", self.hold_music.as_ref(), problems);
        self.browser.check(self.workers, problems);
        let [first, last] = self.phone.ports;
        if first < 1024 || last <= first {
            let text = "must be two rising ports, the first at least 1024";
            problems.push(Problem::new("media.phone.ports", text));
        }
        self.phone.check(problems);
    }
}

impl PhoneMedia {
    /// The addresses phones are told in place of the bound one, the preferred one first.
    pub fn told(&self) -> &[IpAddr] {
        self.advertised.as_ref().map_or(&[], Addresses::all)
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        let mut problem = |text: &str| {
            problems.push(Problem::new("media.phone.advertised", text));
        };
        match self.told() {
            [] if self.advertised.is_some() => {
                problem("must be one address, or one of each family");
            }
            [] | [_] => {}
            [one, other] if one.is_ipv4() != other.is_ipv4() => {
                if self.address != IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
                    problem("may be of both families only with `address = \"::\"`");
                }
            }
            [_, _, ..] => problem("must be one address, or one of each family"),
        }
        match self.told() {
            [] => check_address("media.phone", (self.address, None), problems),
            told => {
                for told in told {
                    check_address("media.phone", (self.address, Some(*told)), problems);
                }
            }
        }
    }
}

/// The file's header says that it can be played.
pub(super) fn check_music(key: &str, path: Option<&PathBuf>, problems: &mut Vec<Problem>) {
    if let Some(path) = path.filter(|path| !path.as_os_str().is_empty())
        && let Err(why) = HoldMusic::probe(path)
    {
        let text = format!("{}: {why}", path.display());
        problems.push(Problem::new(format!("{key}.hold_music"), text));
    }
}

/// Peers must be able to reach what they are told.
fn check_address(
    key: &str,
    (address, advertised): (IpAddr, Option<IpAddr>),
    problems: &mut Vec<Problem>,
) {
    if address.is_unspecified() && advertised.is_none() {
        let text = "an address for all interfaces needs an `advertised` one that peers can reach";
        problems.push(Problem::new(format!("{key}.address"), text));
    }
    if advertised.is_some_and(|advertised| advertised.is_unspecified()) {
        let text = "must be an address that peers can reach";
        problems.push(Problem::new(format!("{key}.advertised"), text));
    }
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

fn last_resort() -> TranscodingRule {
    TranscodingRule::LastResort
}

fn inactivity_seconds() -> u64 {
    60
}

fn phone_ports() -> [u16; 2] {
    [20000, 29999]
}
