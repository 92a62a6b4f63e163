//! What runs beside the app: daemons, cron jobs, timers, mules, the spooler.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Services, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "attach-daemon",
        Takes::Text,
        "run a command beside the server and keep it running",
    )
    .many()
    .example("celery -A app worker")
    .planned("services"),
    row(
        "smart-attach-daemon",
        Takes::Text,
        "the same for one in the background: pidfile command",
    )
    .aliases(&["smart-attach-daemon2"])
    .many()
    .example("/run/celery.pid celery -A app worker")
    .planned("services"),
    row("cron", Takes::Text, "minute hour day month weekday command")
        .many()
        .example("0 3 -1 -1 -1 ./nightly")
        .planned("cron"),
    row("cron2", Takes::Text, "key=value,… command")
        .many()
        .example("minute=0,unique=1 ./hourly")
        .planned("cron"),
    row(
        "unique-cron",
        Takes::Text,
        "a cron job that never runs twice at once",
    )
    .many()
    .example("0 3 -1 -1 -1 ./nightly")
    .planned("cron"),
    row(
        "mule",
        Takes::Path,
        "a process beside the workers, with a script of its own",
    )
    .optional()
    .many()
    .example("worker.py")
    .planned("mules"),
    row("spooler", Takes::Path, "directory of tasks to work off")
        .short('Q')
        .many()
        .example("/srv/app/tasks")
        .planned("tasks"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Services, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "further daemons",
        Verdict::Planned("services"),
        &["attach-control-daemon", "attach-daemon2"],
    )
    .flags(&["daemons-honour-stdin"]),
    family(
        "details of cron jobs",
        Verdict::Planned("cron"),
        &["cron-harakiri", "cron-curl", "curl-cron"],
    ),
    family(
        "further mules",
        Verdict::Planned("mules"),
        &["mules", "farm", "mule-harakiri", "mule-msg-recv-size"],
    )
    .optional(&["mule-msg-size"]),
    family(
        "details of the spooler",
        Verdict::Planned("tasks"),
        &[
            "spooler-chdir",
            "spooler-external",
            "spooler-freq",
            "spooler-frequency",
            "spooler-harakiri",
            "spooler-import",
            "spooler-max-tasks",
            "spooler-processes",
            "spooler-py-import",
            "spooler-pyimport",
            "spooler-python-import",
        ],
    )
    .flags(&[
        "spooler-cheap",
        "spooler-ordered",
        "spooler-quiet",
        "spooler-signal-as-task",
    ]),
    family(
        "timers and signals between processes",
        Verdict::Planned("timers and signals"),
        &[
            "timer",
            "rbtimer",
            "signal-timer",
            "signal-rbtimer",
            "signal-bufsize",
            "signals-bufsize",
        ],
    ),
];
