//! Any bytes as a request on the link: no panic, no slice out of place.
//!
//! `cargo +nightly fuzz run payload`
#![no_main]

#[path = "../../crates/wire/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::laws;

fuzz_target!(|bytes: &[u8]| {
    laws::payload(bytes);
});
