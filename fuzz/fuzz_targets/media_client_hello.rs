//! Pieces of a ClientHello, put together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::fuzz;

fuzz_target!(|bytes: &[u8]| fuzz::client_hello(bytes));
