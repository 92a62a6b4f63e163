//! Any bytes as a body in chunks: no panic, the same body under any split.
//!
//! `cargo +nightly fuzz run chunked`
#![no_main]

#[path = "../../crates/wire/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::laws;

fuzz_target!(|bytes: &[u8]| {
    laws::chunked(bytes, laws::seed_from(bytes));
});
