//! Offer and answer between browsers and phones, on descriptions as the field writes them.

mod decide;
mod encryption;
mod far_ends;
mod incoming;
mod keys;
mod outgoing;
mod properties;
mod reoffer;
mod seeds;
mod strict;
mod told;
mod transcoding;
mod transfer;
mod unsafe_addresses;
mod update;
mod video;
