//! Text frames of `sylkRTC-1` pages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sylkrtc_protocol::{Dialect, fuzz};

fuzz_target!(|bytes: &[u8]| fuzz::decode_and_answer(Dialect::V1, bytes));
