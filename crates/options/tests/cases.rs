//! Runs every `cases/*.case`: configurations above the dashes, what they come to below.
//!
//! A case is a few blocks. `$ verdigris …` is the command line (`FOO=bar` words in front are the
//! environment); `--- NAME` opens a file that stands in `/start`. Below `-----` stands what `load`
//! answers, with the parts of the configuration that the case names in its `show` line.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

use options::fake::Fake;
use options::{Config, Outcome, render_notices, render_problems};

struct Case {
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    show: Vec<String>,
    machine: Fake,
    expected: String,
}

fn read(text: &str) -> Case {
    let (above, expected) = text
        .split_once("\n-----\n")
        .expect("a case has a line of five dashes");
    let mut case = Case {
        arguments: Vec::new(),
        environment: Vec::new(),
        show: Vec::new(),
        machine: Fake::default(),
        expected: expected.to_owned(),
    };
    let (head, files) = above.split_once("\n--- ").unwrap_or((above, ""));
    for line in head.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let (environment, arguments) = command.split_once("verdigris").expect("a command");
            case.arguments = arguments.split_whitespace().map(OsString::from).collect();
            case.environment = environment
                .split_whitespace()
                .map(|word| word.split_once('=').expect("NAME=value"))
                .map(|(name, value)| (name.into(), value.into()))
                .collect();
        } else if let Some(names) = line.strip_prefix("show ") {
            case.show = names.split_whitespace().map(str::to_owned).collect();
        }
    }
    if !files.is_empty() {
        for file in files.split("\n--- ") {
            let (name, content) = file.split_once('\n').unwrap_or((file, ""));
            case.machine = case.machine.file(name, content);
        }
    }
    case
}

/// The value behind a name like `workers.threads`, printed as Rust prints it.
fn shown(config: &Config, name: &str) -> String {
    match name {
        "uwsgi" => format!("{:?}", config.from_uwsgi_config),
        "sockets" => {
            let list: Vec<String> = config
                .sockets
                .list
                .iter()
                .map(|socket| format!("{:?} {} ({})", socket.door, socket.address, socket.option))
                .collect();
            list.join(", ")
        }
        "listeners" => format!(
            "{:?}",
            options::config::Sockets {
                list: Vec::new(),
                ..config.sockets.clone()
            }
        ),
        "app" => format!("{:?}", config.app),
        "module" => format!("{:?}", config.app.module),
        "mounts" => format!("{:?}", config.app.mounts),
        "dynamic" => format!("{:?} {:?}", config.app.dynamic, config.app.site_name),
        "renewal" => format!("{:?}", config.renewal),
        "wsgi-file" => format!("{:?}", config.app.wsgi_file),
        "env" => format!("{:?}", config.app.env),
        "unenv" => format!("{:?}", config.app.unenv),
        "path" => format!("{:?}", config.app.python_path),
        "chdir" => format!("{:?}", config.app.chdir),
        "workers" => format!("{:?}", config.workers),
        "gevent" => format!("{:?}", config.gevent),
        "limits" => format!("{:?}", config.limits),
        "timeouts" => format!("{:?}", config.timeouts),
        "logging" => format!("{:?}", config.logging),
        "process" => format!("{:?}", config.process),
        "stop" => format!("{:?}", config.stop),
        "files" => format!("{:?}", config.files),
        _ => panic!("no such part: {name}"),
    }
}

fn answer(case: &Case) -> String {
    let outcome = options::load(
        case.arguments.clone().into_iter(),
        &case.environment,
        &case.machine,
    );
    let mut text = String::new();
    match outcome {
        Outcome::Run(config, notices) => {
            text.push_str(&render_notices(&notices, false));
            for name in &case.show {
                let _ = writeln!(text, "{name}: {}", shown(&config, name));
            }
        }
        Outcome::Problems(problems, notices) => {
            text.push_str(&render_notices(&notices, false));
            text.push_str(&render_problems(&problems, false));
        }
        Outcome::Check(problems, notices) => {
            let _ = writeln!(text, "check: {} problems", problems.len());
            text.push_str(&render_notices(&notices, false));
            text.push_str(&render_problems(&problems, false));
        }
        Outcome::Help(help) => text.push_str(&help),
        Outcome::Version => text.push_str("version\n"),
        Outcome::Exit(code, notices) => {
            text.push_str(&render_notices(&notices, false));
            let _ = writeln!(text, "exit code {code}");
        }
    }
    text
}

/// With `BLESS=1` in the environment the answers are written into the files; read them before
/// you keep them.
#[test]
fn cases() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let bless = std::env::var_os("BLESS").is_some();
    let mut count = 0;
    let mut wrong = String::new();
    for entry in std::fs::read_dir(&directory).expect("the cases") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "case") {
            continue;
        }
        count += 1;
        let text = std::fs::read_to_string(&path).expect("a text");
        let case = read(&text);
        let got = answer(&case);
        if got == case.expected {
            continue;
        }
        if bless {
            let (above, _) = text.split_once("\n-----\n").expect("dashes");
            std::fs::write(&path, format!("{above}\n-----\n{got}")).expect("write");
        }
        let _ = write!(
            wrong,
            "\n== {}\n-- expected\n{}-- got\n{got}",
            path.display(),
            case.expected
        );
    }
    assert!(count > 20, "only {count} cases were found");
    assert!(wrong.is_empty(), "{wrong}");
}
