//! Any bytes as a uwsgi packet: no panic, never understood before it is whole.
//!
//! `cargo +nightly fuzz run uwsgi_packet fuzz/corpus/uwsgi_packet corpus/uwsgi/good corpus/uwsgi/bad`
#![no_main]

#[path = "../../crates/wire/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::laws;

fuzz_target!(|bytes: &[u8]| {
    laws::uwsgi_packet(bytes, laws::seed_from(bytes));
});
