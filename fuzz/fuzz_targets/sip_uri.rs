//! URIs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip_stack::message::fuzz;

fuzz_target!(|bytes: &[u8]| fuzz::uri(bytes));
