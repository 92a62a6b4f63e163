//! The order in which a server comes up, and goes down.
//!
//! uWSGI's order, as far as it shows: umask, log file and background, pid file, sockets, the other
//! user, second log file and pid file, then the app. Sockets are opened before privileges are
//! dropped, so that low ports and root's directories work. Threads come last.

use std::env;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use net::{Inherited, Listener};
use observe::{LogSettings, LogWriter, ServerLog, Target};
use options::config::{Daemonize, ProcessNames};
use options::{Config, Notice, Problem};
use os::background::{Foreground, Side, close_input, go_to_background};
use os::process::OpenFiles;
use os::signals::SignalFd;
use os::users::{Identity, become_identity, effective_user, set_umask};
use supervise::{Control, Outcome};

use crate::again::Source;
use crate::exit_codes::Exit;
use crate::front_settings::{front_settings, server_log};
use crate::host::Program;
use crate::left_behind::LeftBehind;
use crate::log_file::LogFile;
use crate::plan::{launch, plan, touches};
use crate::serving_thread::ServingThread;
use crate::{accounts, mold_settings, person, python, sockets};

/// How long the last log lines may take.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Everything that has to be there before the first thread.
struct Ready {
    listeners: Vec<Listener>,
    notices: Vec<String>,
    log_file: Option<LogFile>,
    foreground: Option<Foreground>,
    interpreter: PathBuf,
    script: PathBuf,
    open_files: OpenFiles,
    signals: SignalFd,
}

/// Serves until told to stop. The notices are those of the configuration; a log file gets them too.
pub(crate) fn serve(config: &Config, notices: &[Notice], source: &Source) -> Exit {
    let started = Instant::now();
    person::tell_notices(notices);
    // Meant for the process that was started, so before it becomes another one.
    let passed = |name: &str| env::var(name).ok();
    let inherited = Inherited::from_environment(
        passed("LISTEN_PID").as_deref(),
        passed("LISTEN_FDS").as_deref(),
    );
    let foreground = match background(config) {
        Ok(None) => None,
        Ok(Some(Side::Background(foreground))) => Some(foreground),
        Ok(Some(Side::Foreground(code))) => return in_foreground(config, code),
        Err(problem) => return give_up(problem, None),
    };
    let mut left_behind = LeftBehind::new(config.sockets.vacuum);
    match prepare(config, inherited, &mut left_behind) {
        Ok(mut ready) => {
            ready.foreground = foreground;
            if ready.log_file.is_some() {
                let lines = notices
                    .iter()
                    .filter(|notice| notice.level == options::Level::Warning);
                ready.notices.splice(0..0, lines.map(Notice::line));
            }
            run(config, source, ready, &mut left_behind, started)
        }
        Err(problem) => give_up(problem, foreground),
    }
}

fn give_up(problem: Problem, foreground: Option<Foreground>) -> Exit {
    person::tell_problems(&[problem]);
    if let Some(foreground) = foreground {
        foreground.release(Exit::CannotStart.number());
    }
    Exit::CannotStart
}

fn background(config: &Config) -> Result<Option<Side>, Problem> {
    if config.process.daemonize.is_none() {
        return Ok(None);
    }
    go_to_background()
        .map(Some)
        .map_err(|error| other("go to the background", &error))
}

/// The process that was started ends when the one in the background serves, or has failed to.
fn in_foreground(config: &Config, code: u8) -> Exit {
    let exits = [Exit::Success, Exit::CannotStart, Exit::AppFailed];
    let exit = exits
        .into_iter()
        .find(|exit| exit.number() == code)
        .unwrap_or(Exit::Broken);
    if let (Exit::AppFailed | Exit::Broken, Some(Daemonize { log, .. })) =
        (exit, &config.process.daemonize)
    {
        let what = format!(
            "the server did not start; its log {} says why",
            log.display()
        );
        person::tell_problems(&[Problem::new(what)]);
    }
    exit
}

fn prepare(
    config: &Config,
    inherited: Inherited,
    left_behind: &mut LeftBehind,
) -> Result<Ready, Problem> {
    if let Some(mask) = config.process.umask {
        set_umask(mask);
    }
    let interpreter = python::interpreter(config)?;
    let script = python::mold_script()?;
    let identity = accounts::identity(config)?;
    let settings = sockets::settings(config, identity.as_ref())?;
    // As many connections as the system allows; nothing is set aside for them.
    let open_files = os::process::raise_open_files(config.process.open_files).map_err(|error| {
        other("raise the limit of open files", &error).at(config.origin("max-fd"))
    })?;
    let (listeners, mut notices) = net::open_all(
        &sockets::wanted(config),
        &settings,
        inherited,
        sockets::usual(config),
    )
    .map_err(|error| sockets::problem(config, &error))?;
    left_behind.add_sockets(&listeners);
    if listeners.is_empty() {
        return Err(Problem::new(
            "there is no socket to listen on, although LISTEN_FDS promised one",
        )
        .hint("name one: --http-socket 127.0.0.1:8000"));
    }
    // Not earlier: a second start that finds its port taken must not overwrite the first one's.
    left_behind.write_pid_files(config, |file| !file.after_drop && !file.when_ready)?;
    let first_log = config
        .process
        .daemonize
        .as_ref()
        .map(|daemonize| (&daemonize.log, "daemonize"));
    let first_log = first_log.or(config.logging.file.as_ref().map(|path| (path, "logto")));
    let mut log_file = first_log
        .map(|(path, option)| LogFile::take_over(path, option, config))
        .transpose()?;
    notices.extend(drop_privileges(config, identity.as_ref())?);
    if let Some(path) = &config.logging.file_after_drop {
        log_file = Some(LogFile::take_over(path, "logto2", config)?);
    }
    left_behind.write_pid_files(config, |file| file.after_drop && !file.when_ready)?;
    os::process::seal_inherited().map_err(|error| other("close inherited descriptors", &error))?;
    os::signals::ignore_broken_pipes();
    let signals =
        SignalFd::block(&supervise::SIGNALS).map_err(|error| other("take over signals", &error))?;
    if let Some(title) = server_title(&config.process.names) {
        // A title is for people; a process without one works as well.
        let _ = os::title::set(&title);
    }
    Ok(Ready {
        listeners,
        notices,
        log_file,
        foreground: None,
        interpreter,
        script,
        open_files,
        signals,
    })
}

/// The server's own title in the process list. Without a wish it keeps its command line, which
/// says most; the Python processes always have titles.
fn server_title(names: &ProcessNames) -> Option<String> {
    let name = names.server.as_deref().or(names.name.as_deref());
    let wanted = names.auto || name.is_some();
    wanted.then(|| match (&names.server, name) {
        (Some(server), _) => format!("{}{server}{}", names.prefix, names.suffix),
        (None, name) => format!(
            "{}{}{} server",
            names.prefix,
            name.unwrap_or("verdigris"),
            names.suffix
        ),
    })
}

/// Becomes the configured user. What is to be said about it, if anything.
pub(crate) fn drop_privileges(
    config: &Config,
    identity: Option<&Identity>,
) -> Result<Option<String>, Problem> {
    let Some(identity) = identity else {
        let root = effective_user() == 0 && std::process::id() != 1;
        return Ok(
            root.then(|| "running as root; name another user with --uid and --gid".to_owned())
        );
    };
    if effective_user() != 0 {
        // As uWSGI: a file written for root's start also works for the user's own.
        let same = identity.user.is_none_or(|user| user == effective_user());
        return Ok((!same)
            .then(|| "uid and gid are not changed, because only root may do that".to_owned()));
    }
    become_identity(identity).map(|()| None).map_err(|error| {
        Problem::new(format!("cannot become the configured user: {error}")).at(config.origin("uid"))
    })
}

fn run(
    config: &Config,
    source: &Source,
    ready: Ready,
    left_behind: &mut LeftBehind,
    started: Instant,
) -> Exit {
    let Ready {
        listeners,
        notices,
        log_file,
        foreground,
        interpreter,
        script,
        open_files,
        signals,
    } = ready;
    let target = log_file
        .as_ref()
        .map_or(Target::Stderr, |file| Target::File(file.path().to_owned()));
    let writer = match LogWriter::start(LogSettings::new(target)) {
        Ok(writer) => writer,
        Err(error) => return give_up(Problem::new(error.to_string()), foreground),
    };
    let log = server_log(&config.logging, writer.handle());
    introduce(&log, &listeners, &notices);
    let foreground = release_early(config, foreground);
    let settings = supervise::Settings {
        plan: plan(config),
        launch: launch(
            config,
            mold_settings::command(config, &interpreter, &script, open_files),
        ),
        started,
        touches: touches(&config.renewal),
        fifos: config.renewal.fifos.clone(),
    };
    let serving = ServingThread::start(
        listeners,
        front_settings(config, log.clone(), open_files.now),
    );
    let mut program = Program {
        log: log.clone(),
        log_file,
        foreground,
        left_behind,
        config,
        source,
        open_files,
    };
    let ended =
        serving.and_then(|serving| Control::new(settings, signals, serving, &mut program)?.run());
    let exit = match ended {
        Ok(ended) => farewell(&log, ended),
        Err(error) => {
            log.error(&format!("the server cannot go on: {error}"), &[]);
            Exit::Broken
        }
    };
    if let Some(foreground) = program.foreground.take() {
        foreground.release(exit.number());
    }
    writer.finish(LAST_LINES);
    exit
}

fn introduce(log: &ServerLog, listeners: &[Listener], notices: &[String]) {
    log.info(
        &format!(
            "verdigris {} (pid {})",
            env!("CARGO_PKG_VERSION"),
            std::process::id()
        ),
        &[],
    );
    for notice in notices {
        log.warning(notice, &[]);
    }
    for listener in listeners {
        log.info(&format!("listening on {}", listener.shown), &[]);
    }
}

/// With `daemonize` the terminal is free as soon as the sockets are open, as in uWSGI; with
/// `daemonize2` once the app is loaded.
fn release_early(config: &Config, foreground: Option<Foreground>) -> Option<Foreground> {
    let foreground = foreground?;
    let _ = close_input();
    if config
        .process
        .daemonize
        .as_ref()
        .is_some_and(|daemonize| daemonize.after_loading)
    {
        return Some(foreground);
    }
    foreground.release(Exit::Success.number());
    None
}

fn farewell(log: &ServerLog, ended: supervise::Ended) -> Exit {
    if let Some(totals) = ended.totals.filter(|_| ended.outcome == Outcome::Stopped) {
        log.info(
            &observe::drained(totals.finished, totals.dropped, totals.killed),
            &[],
        );
    }
    match ended.outcome {
        Outcome::Stopped => Exit::Success,
        Outcome::AppFailed => Exit::AppFailed,
        Outcome::NetworkFailed => Exit::Broken,
    }
}

fn other(what: &str, error: &std::io::Error) -> Problem {
    Problem::new(format!("cannot {what}: {error}"))
}
