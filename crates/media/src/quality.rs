//! Why is there no audio? What the legs of a call have counted, read as an answer.
//!
//! [`SoundMeter`] listens beside the packet path and keeps a few numbers; [`CallFigures`] joins what
//! both legs tell ([`crate::LegStats`]) into two ways; [`verdict`] names what is wrong with them, in
//! a word for machines and a sentence for people. Nothing here has state but the meter, and
//! nothing acts: what follows from a verdict is signalling's business.

mod figures;
mod level;
mod mos;
mod sound;
mod verdict;

pub use figures::{CallFigures, WayFigures};
pub use level::Dbov;
pub use mos::{Impairment, mos, rating};
pub use sound::Sound;
pub(crate) use sound::SoundMeter;
pub use verdict::{Cause, Toward, Verdict, verdict};
