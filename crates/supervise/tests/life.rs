//! Whole lives of a server, with real processes: a mold that speaks the protocol but has no app, and
//! a serving thread that has no requests. Each life ends with all processes gone.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails is a test that panics"
)]

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use os::event::EventFd;
use os::process::send_signal;
use os::signals::{Signal, SignalFd};
use serde_json::{Value, json};
use supervise::{
    Attachment, Capacity, ClientSaw, Control, Delayed, Ended, Fresh, Host, Launch, Level,
    MoldCommand, Network, Order, Outcome, Plan, Report, SIGNALS, Settings, Totals, WorkerId,
};

/// What the test does when a worker has become ready, or the log says something.
type Script = Box<dyn FnMut(&Moment<'_>)>;

/// What a script is told.
enum Moment<'a> {
    Ready { number: usize, pid: u32 },
    Gone { how: &'a str },
    Said(&'a str),
}

/// A serving thread without requests: every worker that is forked and can load is ready at once.
struct Stage {
    bell: EventFd,
    reports: Vec<Report>,
    attached: BTreeMap<WorkerId, Attachment>,
    ready: usize,
    can_load: bool,
    /// Whether it finds every worker slow at once.
    finds_slow: bool,
    script: std::rc::Rc<std::cell::RefCell<Script>>,
}

impl Stage {
    fn report(&mut self, report: Report) {
        self.reports.push(report);
        self.bell.raise().unwrap();
    }

    fn find_slow(&mut self, id: WorkerId, pid: u32) {
        for _ in 0..2 {
            self.report(Report::Blocked {
                id,
                time: Duration::from_millis(250),
                requests: 3,
            });
        }
        self.report(Report::Delayed(Delayed {
            id,
            thread: Some(pid),
            request: Some("GET /login".into()),
            client: "10.0.0.7".into(),
            age: Duration::from_secs(30),
            end: Some(ClientSaw::Timeout),
        }));
    }
}

impl Network for Stage {
    fn order(&mut self, order: Order) {
        match order {
            Order::Attach(attachment) => {
                self.attached.insert(attachment.id, *attachment);
            }
            Order::Forked { id, pid } if self.can_load => {
                self.ready += 1;
                self.report(Report::Ready(id));
                if self.finds_slow {
                    self.find_slow(id, pid);
                }
                (self.script.borrow_mut())(&Moment::Ready {
                    number: self.ready,
                    pid,
                });
            }
            Order::Forked { .. } => {}
            Order::Gone { id, how } => {
                self.attached.remove(&id);
                (self.script.borrow_mut())(&Moment::Gone { how: &how });
            }
            // The fake workers leave when they are woken.
            Order::Retire(id) => self.attached[&id].outgoing.nudge(),
            Order::Drain => {
                self.attached
                    .values()
                    .for_each(|worker| worker.outgoing.nudge());
                self.report(Report::Drained(Totals {
                    finished: 41,
                    ..Totals::default()
                }));
            }
            Order::Stop => self.report(Report::Drained(Totals {
                killed: 1,
                ..Totals::default()
            })),
        }
    }

    fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn quiet(&mut self) {
        self.bell.wait_at_most(0).unwrap();
    }

    fn report(&mut self) -> Option<Report> {
        (!self.reports.is_empty()).then(|| self.reports.remove(0))
    }
}

/// Collects the log and passes it on to the script.
struct Audience {
    said: Vec<String>,
    script: std::rc::Rc<std::cell::RefCell<Script>>,
}

impl Host for Audience {
    fn say(&mut self, _level: Level, text: &str) {
        self.said.push(text.to_owned());
        (self.script.borrow_mut())(&Moment::Said(text));
    }

    fn serving(&mut self) {}

    fn reopen_logs(&mut self) {}

    fn write_pid_files(&mut self) {}

    fn read_again(&mut self) -> Result<Option<Fresh>, String> {
        Ok(None)
    }
}

fn live(
    workers: u32,
    settings: Value,
    script: impl FnMut(&Moment<'_>) + 'static,
) -> (Ended, Vec<String>) {
    let script: Script = Box::new(script);
    let script = std::rc::Rc::new(std::cell::RefCell::new(script));
    let stage = Stage {
        bell: EventFd::new().unwrap(),
        reports: Vec::new(),
        attached: BTreeMap::new(),
        ready: 0,
        can_load: settings["lazy_fail"].is_null(),
        finds_slow: !settings["view"].is_null(),
        script: script.clone(),
    };
    let mut audience = Audience {
        said: Vec::new(),
        script,
    };
    let mold = MoldCommand {
        interpreter: PathBuf::from("python3"),
        options: Vec::new(),
        script: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fake_mold.py"),
        hidden: Vec::new(),
        open_files: None,
        settings,
    };
    let plan = Plan {
        workers,
        shape: "fake".into(),
        drain_timeout: Duration::from_secs(20),
        exit_on_reload: false,
        wear: supervise::Wear::default(),
        drain_delay: Duration::ZERO,
    };
    let geometry = link::Geometry {
        slots: 4,
        to_worker: 4096,
        to_server: 4096,
    };
    let settings = Settings {
        touches: Vec::new(),
        fifos: Vec::new(),
        plan,
        launch: Launch {
            mold,
            geometry,
            capacity: Capacity::Fixed(1),
        },
        started: Instant::now(),
    };
    let signals = SignalFd::block(&SIGNALS).unwrap();
    let ended = Control::new(settings, signals, stage, &mut audience)
        .unwrap()
        .run()
        .unwrap();
    assert!(
        os::process::reap().unwrap().is_none(),
        "a dead child was not reaped"
    );
    let children = format!("/proc/self/task/{}/children", std::process::id());
    assert_eq!(
        std::fs::read_to_string(children).unwrap(),
        "",
        "a child is left"
    );
    (ended, audience.said)
}

fn to_ourselves(signal: Signal) {
    send_signal(std::process::id(), signal).unwrap();
}

fn a_killed_worker_is_replaced_and_a_stop_waits() {
    let (ended, said) = live(2, json!({}), |moment| match moment {
        Moment::Ready { number: 2, pid } => send_signal(*pid, Signal::Kill).unwrap(),
        Moment::Ready { number: 3, .. } => to_ourselves(Signal::Terminate),
        Moment::Gone { how } => assert!(
            matches!(*how, "killed by signal 9 (SIGKILL)" | "exit code 0"),
            "{how}"
        ),
        _ => {}
    });
    assert_eq!(
        ended,
        Ended {
            outcome: Outcome::Stopped,
            totals: Some(Totals {
                finished: 41,
                ..Totals::default()
            })
        }
    );
    assert!(
        said[0].starts_with("app app:app (WSGI) loaded in 0.50s by Python 3 ("),
        "{said:?}"
    );
    assert!(
        said.iter().any(
            |said| said.contains("died, killed by signal 9 (SIGKILL); another takes its place")
        )
    );
}

fn quit_ends_at_once() {
    let (ended, _) = live(2, json!({}), |moment| {
        if let Moment::Ready { number: 2, .. } = moment {
            to_ourselves(Signal::Quit);
        }
    });
    assert_eq!(ended.outcome, Outcome::Stopped);
    assert_eq!(ended.totals.map(|totals| totals.killed), Some(1));
}

fn an_app_that_cannot_be_loaded_is_explained() {
    let (ended, said) = live(1, json!({"fail": true}), |_| {});
    assert_eq!(ended.outcome, Outcome::AppFailed);
    assert_eq!(
        said,
        ["cannot load the app: there is no module `ap`\nlooked in:\n  /srv\n\nhint: app"]
    );
}

fn a_lazy_app_that_cannot_be_loaded_is_explained() {
    let (ended, said) = live(1, json!({"lazy_fail": true}), |_| {});
    assert_eq!(ended.outcome, Outcome::AppFailed);
    assert_eq!(said.last().unwrap(), "cannot load the app: nothing to load");
}

fn a_dead_mold_is_replaced() {
    let mut killed = false;
    let (ended, said) = live(1, json!({}), move |moment| match moment {
        Moment::Ready { number: 1, pid } if !killed => {
            killed = true;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            let parent = stat
                .rsplit(')')
                .next()
                .unwrap()
                .split_whitespace()
                .nth(1)
                .unwrap();
            send_signal(parent.parse().unwrap(), Signal::Kill).unwrap();
        }
        Moment::Said(text) if text.starts_with("app ") && killed => to_ourselves(Signal::Terminate),
        _ => {}
    });
    assert_eq!(ended.outcome, Outcome::Stopped);
    assert!(
        said.iter()
            .any(|said| said.starts_with("the mold died: killed by signal 9")),
        "{said:?}"
    );
}

fn a_reload_replaces_everything() {
    let mut reloaded = false;
    let (ended, said) = live(2, json!({}), move |moment| match moment {
        Moment::Said(text) if text.starts_with("ready: ") => to_ourselves(Signal::Hangup),
        Moment::Said(text) if text.starts_with("reloaded: ") => reloaded = true,
        Moment::Gone { how } if reloaded => {
            assert_eq!(*how, "exit code 0");
            reloaded = false;
            to_ourselves(Signal::Terminate);
        }
        _ => {}
    });
    assert_eq!(ended.outcome, Outcome::Stopped);
    assert!(
        said.iter()
            .any(|said| said.starts_with("reloaded: 2 workers")),
        "{said:?}"
    );
}

fn a_blocked_loop_is_seen_through() {
    let view = "def login():\n    os.read(wake_up, 8)\nlogin()";
    let mut blocked = 0;
    let (ended, said) = live(1, json!({ "view": view }), move |moment| match moment {
        Moment::Said(text) if text.starts_with("hub blocked ") => {
            blocked += 1;
            assert_eq!(blocked, 1, "the second time is only counted");
        }
        Moment::Said(text) if text.starts_with("HARAKIRI ") => to_ourselves(Signal::Terminate),
        _ => {}
    });
    assert_eq!(ended.outcome, Outcome::Stopped);
    let block = said.iter().find(|said| said.starts_with("hub blocked "));
    let block = block.unwrap_or_else(|| panic!("{said:?}"));
    let (first, stack) = block.split_once('\n').unwrap();
    assert!(
        first.starts_with("hub blocked 250 ms by shop/views.py:2 in login (read fd "),
        "{first}"
    );
    assert!(
        first.contains("); 3 requests wait in worker 1 (pid "),
        "{first}"
    );
    assert!(stack.contains("line 2 in login"), "{stack}");
    let late = said.iter().find(|said| said.starts_with("HARAKIRI "));
    assert!(
        late.unwrap()
            .contains(", at shop/views.py:2 in login (read fd ")
    );
}

fn main() {
    let lives: [(&str, fn()); 7] = [
        (
            "a_killed_worker_is_replaced_and_a_stop_waits",
            a_killed_worker_is_replaced_and_a_stop_waits,
        ),
        ("quit_ends_at_once", quit_ends_at_once),
        (
            "a_blocked_loop_is_seen_through",
            a_blocked_loop_is_seen_through,
        ),
        (
            "an_app_that_cannot_be_loaded_is_explained",
            an_app_that_cannot_be_loaded_is_explained,
        ),
        (
            "a_lazy_app_that_cannot_be_loaded_is_explained",
            a_lazy_app_that_cannot_be_loaded_is_explained,
        ),
        ("a_dead_mold_is_replaced", a_dead_mold_is_replaced),
        ("a_reload_replaces_everything", a_reload_replaces_everything),
    ];
    println!("\nrunning {} tests", lives.len());
    for (name, life) in lives {
        life();
        println!("test {name} ... ok");
    }
    println!(
        "\ntest result: ok. {} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
        lives.len()
    );
}
