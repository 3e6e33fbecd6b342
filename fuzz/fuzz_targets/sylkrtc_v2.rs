//! Text frames of `sylkRTC-2` pages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sylkrtc_protocol::{Dialect, fuzz};

fuzz_target!(|bytes: &[u8]| fuzz::decode_and_answer(Dialect::V2, bytes));
