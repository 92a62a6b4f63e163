//! Any bytes as the header fields of a response: what passes cannot split a response.
//!
//! `cargo +nightly fuzz run response_block`
#![no_main]

#[path = "../../crates/wire/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::laws;

fuzz_target!(|bytes: &[u8]| {
    laws::response_block(bytes);
});
