//! Whole user agents in conversations that somebody meddles with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip_stack::simulate::{Trace, meddled};

fuzz_target!(|bytes: &[u8]| drop(meddled(bytes, Trace::Silent)));
