//! Offers within a call that change the browser's side (RFC 8829 §5.2.2, RFC 8839 §4.4).
//!
//! The page's: direction, codecs, ICE restart, added media. Media lines are never reordered or
//! removed; one audio and one video are carried, and what is added beyond them is refused in its
//! place. Whether the phone has to be asked is decided here. The phone's: another codec, or video
//! that comes, which the page has to take up before the phone can be answered. What it only hears of is in `told`.

use super::abilities::Abilities;
use super::decide::{Party, packet_time};
use super::incoming::{answer_phone, chosen, ptime_for_browser};
use super::outgoing::answer_browser;
use super::reoffer::{Terms, later_offer};
use super::side::{OwnFormat, Side};
use super::text::{BrowserContent, BrowserText};
use super::video::{VideoContent, VideoSide};
use super::{
    Agreed, BrowserExchange, BrowserOffer, PhoneOffer, Policy, Refusal, accept_phone_answer, own,
};
use crate::codec::AudioCodec;
use crate::endpoints::{BrowserLocal, BrowserRemote, DtlsRole, PhoneLocal};
use crate::rtp::Pt;
use crate::sdp::{BrowserDescription, MediaLine, PhoneDescription, Setup, VideoSection};

/// A browser's later offer, found to be one of the same session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserUpdate {
    offer: BrowserDescription,
    remote: BrowserRemote,
    restarts_ice: bool,
}

/// What a browser's later offer means for the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneSide {
    /// Nothing: this plan holds at once.
    Unchanged(Box<Agreed>),
    /// It has to agree to this offer; its answer goes to [`BrowserUpdate::accept_phone_answer`].
    Offer(PhoneOffer),
}

impl BrowserExchange {
    /// Takes a later offer of the browser.
    ///
    /// # Errors
    /// [`Refusal::OtherSession`].
    pub fn reoffered(&self, offer: BrowserDescription) -> Result<BrowserUpdate, Refusal> {
        let remote = BrowserRemote {
            role: self.remote.role,
            ..offer.remote()
        };
        let same = offer.audio == self.audio
            && offer.media.len() >= self.media.len()
            && self.keeps_its_place(&offer)
            && remote.fingerprint == self.remote.fingerprint
            && fits(offer.setup, self.remote.role);
        if !same {
            return Err(Refusal::OtherSession);
        }
        let restarts_ice = (&remote.ufrag, &remote.pwd) != (&self.remote.ufrag, &self.remote.pwd);
        Ok(BrowserUpdate {
            offer,
            remote,
            restarts_ice,
        })
    }

    /// Whether an answer is the same browser's.
    pub(super) fn goes_on(&self, answer: &BrowserDescription) -> Result<(), Refusal> {
        let BrowserRemote {
            fingerprint, role, ..
        } = answer.remote();
        match (fingerprint, role) == (self.remote.fingerprint, self.remote.role) {
            true => Ok(()),
            false => Err(Refusal::OtherSession),
        }
    }

    /// Lines that we have refused may be used again for something else (RFC 8829 §5.2.2).
    fn keeps_its_place(&self, offer: &BrowserDescription) -> bool {
        let audio =
            |media: &[(_, Option<String>)]| media.get(self.audio).map(|(_, mid)| mid.clone());
        audio(&self.media) == audio(&offer.media)
    }
}

/// Whether an offer with this `a=setup` leaves us the role we have.
fn fits(setup: Setup, ours: DtlsRole) -> bool {
    match (setup, ours) {
        (Setup::Actpass, _)
        | (Setup::Active, DtlsRole::Server)
        | (Setup::Passive, DtlsRole::Client) => true,
        (Setup::Active, DtlsRole::Client) | (Setup::Passive, DtlsRole::Server) => false,
    }
}

impl BrowserUpdate {
    /// Whether the browser has new ICE credentials: our answer must have new ones, too
    /// (RFC 8839 §4.4.1.1.1).
    #[must_use]
    pub fn restarts_ice(&self) -> bool {
        self.restarts_ice
    }

    /// Whether it says that the DTLS roles are settled, which browsers do in answers alone
    /// (RFC 8829 §5.2.1, §5.3.1).
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        self.offer.setup != Setup::Actpass
    }

    /// The browser leg's far end.
    #[must_use]
    pub fn remote(&self) -> &BrowserRemote {
        &self.remote
    }

    /// What the phone has to be asked. As long as the browser offers the codec of the call, it
    /// stays, in whatever place.
    ///
    /// # Errors
    /// [`Refusal::NoCommonCodec`] when browser and policy share none.
    pub fn phone_side(
        &self,
        current: &Agreed,
        policy: &Policy,
        local: &PhoneLocal,
    ) -> Result<PhoneSide, Refusal> {
        let offer = &self.offer;
        let times = (offer.ptime, offer.maxptime);
        let side = Side::new(current.codec(), &offer.formats, &[], offer.direction, times);
        let video = offer.video.as_ref().filter(|_| local.video.is_some());
        let video =
            video.map(|section| VideoSide::reoffered(current.browser.video.as_ref(), section));
        let side = side.map(|side| side.with_video(video.clone()));
        let phone = current.phone.abilities();
        let fits = |side: &Side| policy.pair(&side.abilities(), &phone, Party::Phone).is_ok();
        if let Some(browser) = side.filter(fits) {
            let candidate = current.with_browser(browser);
            if candidate.asks_the_same(current) {
                return Ok(PhoneSide::Unchanged(Box::new(candidate)));
            }
            let offer = super::current_offer(&candidate, local);
            return Ok(PhoneSide::Offer(offer));
        }
        // Asked for what can be relayed; but what the phone speaks now it may keep, if the browser
        // has something that it can be transcoded to.
        let mut listed = policy.codecs_of(&offer.formats);
        let keeps = Abilities::new(&offer.formats, times);
        if policy.pair(&keeps, &phone, Party::Phone).is_ok()
            && !listed.contains(&current.phone_codec())
        {
            listed.push(current.phone_codec());
        }
        if listed.is_empty() {
            return Err(Refusal::NoCommonCodec);
        }
        let browser = Side {
            direction: offer.direction,
            video,
            ..current.browser.clone()
        };
        let candidate = current.with_browser(browser);
        let terms = Terms {
            formats: own::for_phone(&listed, &offer.formats),
            direction: candidate.offered_direction(current.hold),
            ptime: Some(policy.ptime_for_phone(offer)),
            maxptime: offer.maxptime,
            hold: current.hold,
        };
        Ok(PhoneSide::Offer(later_offer(&candidate, terms, local)))
    }

    /// Takes the phone's answer to the offer of [`Self::phone_side`].
    ///
    /// # Errors
    /// The phone accepted nothing that can be relayed.
    pub fn accept_phone_answer(
        &self,
        offer: &PhoneOffer,
        answer: &PhoneDescription,
        policy: &Policy,
    ) -> Result<Agreed, Refusal> {
        accept_phone_answer(&self.offer, offer, answer, policy)
    }

    /// The answer to the browser. `local` has new ICE credentials if [`Self::restarts_ice`].
    #[must_use]
    pub fn answer(
        &self,
        before: &BrowserExchange,
        agreed: &Agreed,
        local: &BrowserLocal,
    ) -> BrowserExchange {
        let previous = Some(&before.text);
        answer_browser(&self.offer, self.remote.clone(), agreed, local, previous)
    }
}

impl Agreed {
    pub(super) fn with_browser(&self, browser: Side) -> Self {
        Self::new(
            browser,
            self.phone.clone(),
            self.phone_remote,
            self.exchange.clone(),
            self.hold,
        )
    }

    /// Whether the phone would be told nothing new. What it was told and did not take up itself,
    /// such as a direction that its own hold forbids, is nothing new.
    fn asks_the_same(&self, before: &Self) -> bool {
        fn asked(agreed: &Agreed) -> impl PartialEq + '_ {
            let Side {
                direction,
                ptime,
                maxptime,
                video,
                ..
            } = &agreed.browser;
            let relayed = agreed.is_relayed();
            (
                agreed.hold.wish(*direction),
                agreed.browser.fmtp_for(agreed.phone_codec()),
                ptime.filter(|_| relayed),
                maxptime.filter(|_| relayed),
                video.as_ref().map(VideoSide::asks),
            )
        }
        asked(self) == asked(before)
    }
}

/// The offer to the browser when the phone wants another codec in mid-call, or adds video. Everything else stays as it is: of other media that the phone adds the page is not
/// told.
///
/// # Errors
/// [`Refusal::NoCommonCodec`].
pub fn browser_reoffer(
    phone: &PhoneDescription,
    before: &BrowserExchange,
    current: &Agreed,
    policy: &Policy,
    local: &BrowserLocal,
) -> Result<BrowserOffer, Refusal> {
    let codecs = policy.codecs_of(&phone.formats);
    if codecs.is_empty() {
        return Err(Refusal::NoCommonCodec);
    }
    Ok(offer_of(&codecs, phone, before, current, policy, local))
}

fn offer_of(
    codecs: &[AudioCodec],
    phone: &PhoneDescription,
    before: &BrowserExchange,
    current: &Agreed,
    policy: &Policy,
    local: &BrowserLocal,
) -> BrowserOffer {
    let formats = own::for_browser(codecs, &phone.formats);
    let mut media = before.media.clone();
    let taken: Vec<_> = formats.iter().map(|format| format.pt).collect();
    let video = phone
        .video
        .as_ref()
        .map(|section| video_for(section, current, &mut media, &taken));
    let again = Again {
        media,
        formats,
        video,
        times: (ptime_for_browser(Some(phone), policy), phone.maxptime),
    };
    again.offer(before, current, local)
}

/// What a later offer to the browser says beside what has to stay.
pub(super) struct Again {
    pub(super) media: Vec<(MediaLine, Option<String>)>,
    pub(super) formats: Vec<OwnFormat>,
    pub(super) video: Option<VideoContent>,
    /// `a=ptime` and `a=maxptime`.
    pub(super) times: (Option<u16>, Option<u16>),
}

impl Again {
    pub(super) fn offer(
        self,
        before: &BrowserExchange,
        current: &Agreed,
        local: &BrowserLocal,
    ) -> BrowserOffer {
        let audio = before.media.get(before.audio);
        let (ptime, maxptime) = self.times;
        let content = BrowserContent {
            local,
            media: &self.media,
            audio: before.audio,
            video: self.video.as_ref(),
            bundle: audio.is_some_and(|(_, mid)| mid.is_some()),
            setup: Setup::Actpass,
            formats: &self.formats,
            // What the browser does, seen from our end: its own hold is for the page to end.
            direction: current.browser.direction.reversed(),
            ptime,
            maxptime,
            audio_level: before.remote.audio_level,
        };
        BrowserOffer {
            text: BrowserText::next(Some(&before.text), &content),
            formats: self.formats,
            video: self.video,
            media: self.media,
            audio: before.audio,
            ptime: packet_time(ptime, maxptime),
        }
    }
}

/// The phone's video for the browser: in the line that video has, or had before it was refused,
/// or in a new one.
fn video_for(
    section: &VideoSection,
    current: &Agreed,
    media: &mut Vec<(MediaLine, Option<String>)>,
    taken: &[Pt],
) -> VideoContent {
    let known = media
        .iter()
        .position(|(line, mid)| line.media == "video" && mid.is_some());
    let video = VideoContent::for_browser(section, known.unwrap_or(media.len()), taken);
    if known.is_none() || current.browser.video.is_none() {
        // A mid that no other line has, nor had this one (RFC 8829 §5.2.2).
        let free = (media.len()..)
            .map(|number| number.to_string())
            .find(|mid| {
                let taken = |(_, known): &(MediaLine, Option<String>)| known.as_ref() == Some(mid);
                !media.iter().any(taken)
            });
        let line = (video.media_line(9, "UDP/TLS/RTP/SAVPF"), free);
        match known.and_then(|known| media.get_mut(known)) {
            Some(refused) => *refused = line,
            None => media.push(line),
        }
    }
    video
}

/// Takes the browser's answer to [`browser_reoffer`]. [`Agreed::phone_sdp`] is the answer to the
/// phone.
///
/// # Errors
/// The browser accepted nothing of the phone's, is not the same any more, or the phone's address
/// is unusable.
pub fn accept_browser_change(
    current: &Agreed,
    before: &BrowserExchange,
    phone: &PhoneDescription,
    offer: &BrowserOffer,
    answer: &BrowserDescription,
    policy: &Policy,
    local: &PhoneLocal,
) -> Result<(Agreed, BrowserExchange), Refusal> {
    before.goes_on(answer)?;
    let (pair, browser) = chosen(phone, offer, answer, policy)?;
    let agreed = answer_phone(pair, browser, phone, policy, local, current.before())?;
    Ok((agreed, offer.answered(answer)))
}
