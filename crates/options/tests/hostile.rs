//! Whatever bytes come in, the answer is an answer: no panic, no endless loop, and every problem
//! names a place.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use options::fake::Fake;
use options::{Outcome, render_notices, render_problems};
use proptest::prelude::*;

fn load(arguments: Vec<OsString>, environment: &[(OsString, OsString)], machine: &Fake) -> String {
    match options::load(arguments.into_iter(), environment, machine) {
        Outcome::Run(config, notices) => format!("{config:?}{}", render_notices(&notices, true)),
        Outcome::Problems(problems, notices) | Outcome::Check(problems, notices) => {
            let complete =
                |problem: &options::Problem| !problem.what.is_empty() && problem.hint.is_some();
            assert!(problems.iter().all(complete), "{problems:?}");
            render_problems(&problems, true) + &render_notices(&notices, true)
        }
        Outcome::Help(text) => text,
        Outcome::Exit(code, _) => code.to_string(),
        Outcome::Version => String::new(),
    }
}

/// Pieces of which real and broken configurations are made.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "[uwsgi]\n",
        "[verdigris]\n",
        "[",
        "]",
        "\n",
        "=",
        " = ",
        "%",
        "%(",
        "%k",
        "%%",
        ")",
        "$(",
        "@(",
        "module",
        "http-socket",
        "processes",
        "threads",
        "if-env",
        "if-opt",
        "for",
        "for-times",
        "for-glob",
        "for-readline",
        "endif",
        "endfor",
        "include",
        "ini",
        "inherit",
        "set",
        "set-ph",
        "strict",
        "log-date",
        "chmod-socket",
        "a.ini",
        ":uwsgi",
        "-",
        "exec://x",
        "/*",
        "*",
        "+",
        "++",
        "9999999999999999999",
        ":80",
        "A",
        "true",
        " ;x",
        "uwsgi:",
        ": ",
        "- ",
        "\"",
        "{\"uwsgi\": {",
        "}}",
        "<uwsgi>",
        "</uwsgi>",
        "<a/>",
        "&amp;",
        "declare-option",
        "a=b=$1;a=$1",
        "|",
    ]);
    prop_oneof![4 => words.prop_map(str::to_owned), 1 => ".{0,6}".prop_map(|text| text)]
}

fn format() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["ini", "yaml", "json", "xml", "toml", "py"])
}

/// Every explanation renders in all forms, and its own configuration can be read back.
fn explained(name: &str, machine: &Fake) {
    if let Ok(explanation) = options::explain::explain(name, &[], machine) {
        explanation.text(true);
        explanation.json();
        let machine = Fake::default().file("native.ini", &explanation.native);
        load(vec!["native.ini".into()], &[], &machine);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_as_a_file(content in prop::collection::vec(any::<u8>(), 0..400)) {
        let machine = Fake::default().file("a.ini", content);
        load(vec!["a.ini".into()], &[], &machine);
    }

    #[test]
    fn broken_configurations(pieces in prop::collection::vec(piece(), 0..60)) {
        let machine = Fake::default().file("a.ini", format!("[uwsgi]\n{}", pieces.concat()));
        load(vec!["a.ini".into()], &[("A".into(), "1".into())], &machine);
    }

    #[test]
    fn any_bytes_in_every_format(content in prop::collection::vec(any::<u8>(), 0..200), format in format()) {
        let name = format!("a.{format}");
        let machine = Fake::default().file(&name, content);
        load(vec![name.clone().into()], &[], &machine);
        explained(&name, &machine);
    }

    #[test]
    fn broken_files_in_every_format(pieces in prop::collection::vec(piece(), 0..40), format in format(), opened in any::<bool>()) {
        let name = format!("a.{format}");
        let start = match (opened, format) {
            (false, _) => "",
            (_, "yaml") => "uwsgi:\n  ",
            (_, "json") => "{\"uwsgi\": {\"module\": \"a\"",
            (_, "xml") => "<uwsgi>",
            (_, "py") => "bind = [",
            _ => "[uwsgi]\n",
        };
        let machine = Fake::default().file(&name, format!("{start}{}", pieces.concat()));
        load(vec![name.clone().into()], &[], &machine);
        explained(&name, &machine);
    }

    #[test]
    fn any_arguments(arguments in prop::collection::vec(prop::collection::vec(1_u8..=255, 0..12), 0..8)) {
        let arguments = arguments.into_iter().map(OsString::from_vec).collect();
        load(arguments, &[], &Fake::default());
    }

    #[test]
    fn likely_arguments(arguments in prop::collection::vec(piece(), 0..8), dashes in 0_usize..3) {
        let dashes = "--".get(..dashes).unwrap_or("-");
        let arguments = arguments.into_iter().map(|word| OsString::from(format!("{dashes}{word}"))).collect();
        load(arguments, &[], &Fake::default());
    }

    #[test]
    fn any_environment(name in "UWSGI_.{0,20}", value in prop::collection::vec(1_u8..=255, 0..20)) {
        load(Vec::new(), &[(name.into(), OsString::from_vec(value))], &Fake::default());
    }
}

#[test]
fn large_files_take_no_time() {
    use std::fmt::Write as _;
    let mut text = String::from("[uwsgi]\nmodule = app\nhttp-socket = :1\n");
    for line in 0..2000 {
        let _ = writeln!(text, "key{line} = %(key{})", line + 1);
    }
    let machine = Fake::default().file("a.ini", text);
    let start = std::time::Instant::now();
    load(vec!["a.ini".into()], &[], &machine);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn ten_megabytes_are_read_in_any_format() {
    let (big, many) = (10 << 20, 1 << 18);
    let many_names = (0..many / 16).fold("[uwsgi]\n".to_owned(), |mut text, number| {
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("vacuu{number} = 1\n"));
        text
    });
    let texts = [
        (
            "c.ini",
            format!("[uwsgi]\n{}", "mount = /=a.py\n".repeat(many / 15)),
        ),
        (
            "d.ini",
            format!("[uwsgi]\n{}", "processes = 4x\n".repeat(many / 15)),
        ),
        ("e.ini", many_names),
        (
            "a.ini",
            format!("[uwsgi]\n{}", "key = value\n".repeat(big / 12)),
        ),
        ("b.ini", format!("[uwsgi]\nmodule = {}", "x".repeat(big))),
        (
            "a.yaml",
            format!("uwsgi:\n{}", "  key: value\n".repeat(many / 13)),
        ),
        (
            "a.json",
            format!("{{\"uwsgi\": {{\"a\": [{}1]}}}}", "1,".repeat(many / 2)),
        ),
        ("b.json", "[".repeat(big)),
        (
            "a.xml",
            format!("<uwsgi>{}</uwsgi>", "<a>1</a>".repeat(many / 8)),
        ),
        ("b.xml", "<uwsgi>".repeat(big / 7)),
        (
            "a.toml",
            format!("[uwsgi]\na = [{}]", "1,".repeat(many / 2)),
        ),
        ("b.toml", "[".repeat(many)),
        ("a.yml", "[".repeat(big)),
    ];
    for (name, text) in texts {
        let machine = Fake::default().file(name, text);
        let start = std::time::Instant::now();
        load(vec![name.into()], &[], &machine);
        assert!(
            start.elapsed().as_secs() < 60,
            "{name}: {:?}",
            start.elapsed()
        );
        println!("{name}: {:?}", start.elapsed());
    }
}

fn numbered(count: usize, before: &str, behind: &str) -> String {
    let names: Vec<String> = (0..count)
        .map(|number| format!("{before}{number}{behind}"))
        .collect();
    names.concat()
}

/// What is said about some of them.
fn said_of(bomb: &str) -> &'static str {
    match bomb {
        "doubling" | "in one line" | "declared" | "variables" => "make more than 64 MiB of text",
        "turns" | "readline" => "more than 100000 options",
        "set" => "it sets itself without end",
        "doubling ahead" | "nothing, often" => "replaced more than 1000000 times",
        "circle" | "two circles" | "file circle" | "variable circle" => {
            "holds references again, without end"
        }
        _ => "",
    }
}

/// References that lead to references.
fn circles() -> Vec<(&'static str, String)> {
    let ahead = |last: &str| {
        let lines = (0..60).map(|number| format!("k{number} = x%(k{0})%(k{0})\n", number + 1));
        lines.chain([format!("k60 = {last}\n")]).collect()
    };
    vec![
        ("doubling ahead", ahead("x")),
        ("nothing, often", ahead("")),
        ("circle", "path = /opt:%(path)\n".to_owned()),
        ("two circles", "a = x%(b)%(b)\nb = y%(a)%(a)\n".to_owned()),
        ("file circle", "env = A=@(word)\n".to_owned()),
        ("variable circle", "env = A=$(ROUND)\n".to_owned()),
        ("circle at the start", "path = %(path):/opt\n".to_owned()),
    ]
}

/// Small texts that would become gigabytes if they were taken at their word.
fn bombs() -> Vec<(&'static str, String)> {
    let doubling = (1..60).fold("k0 = 0123456789\n".to_owned(), |text, number| {
        format!("{text}k{number} = %(k{0})%(k{0})\n", number - 1)
    });
    let in_one_line = format!(
        "a = {}\nb = %({})\n",
        "x".repeat(1 << 20),
        "a ".repeat(1 << 20)
    );
    let sums = format!(
        "a = {}\nb = %({})\n",
        "9".repeat(1 << 20),
        "a + ".repeat(1 << 18)
    );
    let turns = format!("for-times = 100000\n{}", "env = A=%(_)\n".repeat(50));
    let long_turns = format!(
        "for = {}\nenv = {}\n",
        "w".repeat(1 << 20),
        "%(_)".repeat(1 << 20)
    );
    let readline = format!("for-readline = a.ini\n{}", "env = A\n".repeat(3000));
    let declared = format!(
        "declare-option = a=b={0}\ndeclare-option = b=c={0}\ndeclare-option = c=d={0}\na = {1}\n",
        "$1".repeat(10_000),
        "w".repeat(10_000)
    );
    vec![
        ("doubling", doubling),
        ("in one line", in_one_line),
        ("sums", sums),
        ("turns", turns),
        ("long turns", long_turns),
        ("readline", readline),
        ("declared", declared),
        ("set", format!("set = {}a=b\n", "set=".repeat(1 << 20))),
        ("variables", "env = $(LONG)\n".repeat(20_000)),
        ("magic", "%p%p%p%p\n".repeat(3 << 19)),
        (
            "unknown references",
            format!("env = {}\n", "%(x)".repeat(1 << 16)),
        ),
        ("eaten", format!("env = {}\n", "%Y".repeat(1 << 17))),
        ("sections", numbered(20_000, "[s", "]\n")),
        ("closing brackets", ")".repeat(1 << 20)),
        (
            "a number",
            format!("processes = {}x\n", "9".repeat(1 << 20)),
        ),
        ("a key", format!("{} = 1\n", "k".repeat(1 << 20))),
    ]
}

#[test]
fn nothing_grows_without_end() {
    let variable = [
        ("LONG".into(), "x".repeat(100_000).into()),
        ("ROUND".into(), "x$(ROUND)$(ROUND)".into()),
    ];
    for (name, text) in bombs().into_iter().chain(circles()) {
        let machine = Fake::default()
            .file("a.ini", format!("[uwsgi]\n{text}"))
            .file("word", "x@(word)@(word)");
        let start = std::time::Instant::now();
        let said = load(vec!["a.ini".into()], &variable, &machine);
        assert!(said.len() < 1 << 20, "{name}: {} bytes", said.len());
        assert!(said.contains(said_of(name)), "{name}: {said}");
        if text.len() < 1 << 14 {
            explained("a.ini", &machine);
        }
        println!("{name}: {:?}", start.elapsed());
        assert!(
            start.elapsed().as_secs() < 30,
            "{name}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn files_that_multiply_are_stopped() {
    let twice = |name: &str| format!("[uwsgi]\nini = {name}\nini = {name}\n");
    let machine = (0..30).fold(Fake::default(), |machine, number| {
        machine.file(
            &format!("{number}.ini"),
            twice(&format!("{}.ini", number + 1)),
        )
    });
    let said = load(vec!["0.ini".into()], &[], &machine);
    assert!(said.contains("more than 256 files"), "{said}");
}

#[test]
fn files_that_inherit_each_other_are_stopped() {
    let machine = Fake::default()
        .file("a.ini", "[uwsgi]\ninherit = b.ini\n")
        .file("b.ini", "[uwsgi]\ninherit = b.ini\ninherit = a.ini\n");
    let said = load(vec!["a.ini".into()], &[], &machine);
    assert!(said.contains("more than 256 files"), "{said}");
    assert!(said.len() < 10_000, "{said}");
}
