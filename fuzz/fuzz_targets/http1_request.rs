//! Any bytes as an HTTP/1 connection: no panic, the same meaning under any split, httparse agrees.
//!
//! `cargo +nightly fuzz run http1_request fuzz/corpus/http1_request corpus/http1/good corpus/http1/bad`
#![no_main]

#[path = "../../crates/wire/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::laws;

fuzz_target!(|bytes: &[u8]| {
    laws::http1(bytes, laws::seed_from(bytes));
});
