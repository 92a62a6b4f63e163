//! Any bytes as a configuration file of any format: no panic, an answer in bounded time, and the
//! explanation renders and proposes a file that can be read.
//!
//! `cargo +nightly fuzz run config`
#![no_main]

use libfuzzer_sys::fuzz_target;
use options::explain::explain;
use options::fake::Fake;
use options::look_at;

const NAMES: [&str; 6] = ["a.ini", "a.yaml", "a.json", "a.xml", "a.toml", "a.py"];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, content)) = bytes.split_first() else {
        return;
    };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let machine = Fake::default().file(name, content);
    look_at([name.into()].into_iter(), &[], &machine).as_uwsgi_shows_it();
    if let Ok(explanation) = explain(name, &[], &machine) {
        explanation.text(true);
        explanation.json();
        let machine = Fake::default().file("native.ini", &explanation.native);
        look_at(["native.ini".into()].into_iter(), &[], &machine);
    }
});
