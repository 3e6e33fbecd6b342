//! Datagrams of all kinds at a browser leg before it has keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::fuzz;

fuzz_target!(|bytes: &[u8]| fuzz::browser(bytes));
