//! Packets at an SRTP session.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::fuzz;

fuzz_target!(|bytes: &[u8]| fuzz::srtp(bytes));
