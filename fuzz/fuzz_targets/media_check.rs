//! Connectivity checks, unsigned and signed, at the lite end of ICE.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::fuzz;

fuzz_target!(|bytes: &[u8]| fuzz::check(bytes));
