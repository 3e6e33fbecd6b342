//! Bytes of a connection, as frames.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::fuzz;

fuzz_target!(|bytes: &[u8]| fuzz::framing(bytes));
