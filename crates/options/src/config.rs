//! What a configuration comes down to: plain typed values in small groups, ready for the rooms
//! that use them. Nothing here reads or decides; `resolve` fills it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::address::Address;
use crate::entry::Entry;
use crate::origin::Origin;

/// Everything the server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether a uWSGI configuration is in play (a `[uwsgi]` section or `UWSGI_*` variables). It
    /// decides defaults that a uWSGI user relies on: one thread, uWSGI's log line.
    pub from_uwsgi_config: bool,
    /// Where requests come in.
    pub sockets: Sockets,
    /// Which application is served.
    pub app: App,
    /// Who runs it.
    pub workers: Workers,
    /// The gevent engine, if it was asked for; then `workers.threads` does not count.
    pub gevent: Option<Gevent>,
    /// Sizes and counts a client may not exceed.
    pub limits: Limits,
    /// Times a client may not exceed.
    pub timeouts: Timeouts,
    /// Times the application may not exceed.
    pub deadlines: Deadlines,
    /// What is written down.
    pub logging: Logging,
    /// The server as a process.
    pub process: Process,
    /// Stopping.
    pub stop: Stop,
    /// Replacing what runs.
    pub renewal: Renewal,
    /// The configuration files that were read, in order.
    pub files: Vec<PathBuf>,
    /// Everything that was written, in order, with all references replaced.
    pub entries: Vec<Entry>,
    /// Where each option that was given was written; ask with [`Config::origin`].
    pub(crate) origins: HashMap<&'static str, Origin>,
}

impl Config {
    /// Where an option's value was written, by the option's main name.
    pub fn origin(&self, option: &str) -> &Origin {
        self.origins.get(option).unwrap_or(&Origin::Default)
    }
}

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// HTTP, asked for by `http-socket`.
    HttpSocket,
    /// HTTP, asked for by `http`.
    Http,
    /// The uwsgi protocol.
    Uwsgi,
}

/// One place where requests come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Where it listens.
    pub address: Address,
    /// What it speaks.
    pub door: Door,
    /// The option that asked for it, as the person named it.
    pub option: &'static str,
    /// Where it was written.
    pub origin: Origin,
}

/// Where requests come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sockets {
    /// The sockets in the order they were written.
    pub list: Vec<Socket>,
    /// Length of the accept queue; `None` is the kernel's limit.
    pub backlog: Option<u32>,
    /// Mode of unix sockets; `None` leaves it to the umask.
    pub mode: Option<u32>,
    /// Owner of unix sockets.
    pub owner: Option<Owner>,
    /// Remove unix sockets and pid files at the end.
    pub vacuum: bool,
    /// SO_KEEPALIVE on connections.
    pub keepalive_probes: bool,
    /// SO_REUSEPORT on listeners.
    pub reuse_port: bool,
    /// IP_FREEBIND on listeners.
    pub freebind: bool,
    /// SO_SNDBUF.
    pub send_buffer: Option<u32>,
    /// SO_RCVBUF.
    pub receive_buffer: Option<u32>,
}

/// A user or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// By name; the system looks it up.
    Name(String),
    /// By number.
    Number(u32),
}

/// Who shall own a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user; `None` leaves it.
    pub user: Option<Account>,
    /// The group; `None` leaves it.
    pub group: Option<Account>,
}

/// Which application is served, and how Python is set up for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// `module` or `module:callable` or `module:factory(…)`.
    pub module: Option<String>,
    /// A Python file instead of a module.
    pub wsgi_file: Option<PathBuf>,
    /// The callable's name if it was given.
    pub callable: Option<String>,
    /// Apps below paths: mountpoint, and module or file.
    pub mounts: Vec<(String, String)>,
    /// Find the app of a request by its path.
    pub manage_script_name: bool,
    /// Nobody answers where no app is mounted.
    pub no_default_app: bool,
    /// SCRIPT_NAME does not choose the app.
    pub ignore_script_name: bool,
    /// Requests of the uwsgi protocol may name the app that they are for.
    pub dynamic: bool,
    /// The apps of a site are found by its name, taken from here.
    pub site_name: Option<SiteName>,
    /// Directory to change to before loading.
    pub chdir: Option<PathBuf>,
    /// Directory to change to after loading.
    pub chdir2: Option<PathBuf>,
    /// Entries for the front of sys.path, in the order they were written.
    pub python_path: Vec<String>,
    /// The virtual environment.
    pub home: Option<PathBuf>,
    /// The Python executable to use when there is no virtual environment.
    pub interpreter: Option<PathBuf>,
    /// Environment variables to set.
    pub env: Vec<(String, String)>,
    /// Environment variables to remove.
    pub unenv: Vec<String>,
    /// The text behind `sys.argv`, still to be split at blanks.
    pub pyargv: Option<String>,
    /// Stop when the app cannot be loaded.
    pub need_app: bool,
    /// Load the app in each worker.
    pub lazy_apps: bool,

    /// Modules to import in the first worker.
    pub imports: Vec<String>,
    /// Modules to import in every process.
    pub shared_imports: Vec<String>,
    /// Show tracebacks to clients.
    pub catch_exceptions: bool,
    /// Put Werkzeug's interactive debugger around the app.
    pub debugger: bool,

    /// Start Python without the site module.
    pub no_site: bool,
    /// How far Python optimises: 1 leaves assertions out, 2 documentation strings too.
    pub optimize: u32,
    /// Other names for modules: the name, and the module or file.
    pub module_aliases: Vec<(String, String)>,
    /// The same after the app was loaded.
    pub late_module_aliases: Vec<(String, String)>,
    /// The app may answer with anything that has the bytes of a buffer.
    pub accept_buffers: bool,
    /// An app that a PasteDeploy configuration describes.
    pub paste: Option<Paste>,
}

/// An app that a PasteDeploy configuration describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paste {
    /// Where the configuration is: `config:/path/to/file.ini`.
    pub uri: String,
    /// Which of its apps.
    pub name: Option<String>,
    /// Set up logging as the same file says.
    pub logging: bool,
}

/// Where the name of the site stands that a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteName {
    /// In SERVER_NAME, which the web server in front decides.
    ServerName,
    /// In the Host field, which the client writes.
    HostField,
}

impl SiteName {
    /// The variable that has it.
    pub fn variable(self) -> &'static str {
        match self {
            Self::ServerName => "SERVER_NAME",
            Self::HostField => "HTTP_HOST",
        }
    }
}

/// How many threads a worker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// Exactly this many.
    Count(u32),
    /// As many as it takes, up to `most`.
    Auto {
        /// The highest number.
        most: u32,
    },
}

/// Requests in greenlets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gevent {
    /// How many requests a worker runs at once.
    pub greenlets: u32,
    /// What of the standard library is patched: `all`, `none` or a list.
    pub patch: String,
    /// Whether a worker waits for all of its greenlets before it ends.
    pub wait_for_hub: bool,
}

/// Who runs the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workers {
    /// Number of worker processes.
    pub processes: u32,
    /// Threads in each.
    pub threads: Threads,
}

/// Sizes and counts a client may not exceed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest head of a request, in bytes.
    pub head_bytes: usize,
    /// Most header fields of a request.
    pub fields: usize,
    /// Let header names with underscores through.
    pub underscores: bool,
    /// Largest body of a request; `None` is any.
    pub body_bytes: Option<u64>,
    /// Bodies are collected before the app runs; those of at least this many bytes on disk.
    pub post_buffering: Option<u64>,
    /// What a slow client may leave unread before the app has to wait.
    pub response_buffer: usize,
    /// Most connections at the same time; `None` is as many as descriptors allow.
    pub connections: Option<u32>,
    /// Most requests waiting for a worker.
    pub waiting_requests: u32,
}

/// Times a client may not exceed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the head of a request is there.
    pub head: Duration,
    /// Longest silence while a body is due, on `http-socket` and `socket`.
    pub socket: Duration,
    /// Longest silence while a body is due, on `http`.
    pub http: Duration,
    /// Longest silence of a client that reads an answer; `None` is the same as when it sends.
    pub send: Option<Duration>,
    /// How long an idle connection is kept; `None` closes after each answer.
    pub idle: Option<Duration>,
    /// Longest wait for a worker; `None` is any.
    pub waiting_request: Option<Duration>,
}

impl Timeouts {
    /// Longest silence while a request body is due.
    pub fn receive(&self, door: Door) -> Duration {
        match door {
            Door::Http => self.http,
            Door::HttpSocket | Door::Uwsgi => self.socket,
        }
    }

    /// Longest silence of a client that reads an answer.
    pub fn send(&self, door: Door) -> Duration {
        self.send.unwrap_or_else(|| self.receive(door))
    }
}

/// Times the application may not exceed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines {
    /// Longest time of a request in a worker; `None` is any.
    pub request: Option<Duration>,
    /// Time to give up a request that took too long, before the worker is replaced.
    pub grace: Duration,
    /// Longest time for which a worker's loop may stand still without being told of; `None` is any.
    pub blocked: Option<Duration>,
}

/// How a request line looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineStyle {
    /// uWSGI's default line.
    Uwsgi,
    /// Ours, made for reading.
    Readable,
    /// The person's own template.
    Format {
        /// The template with `%(names)`.
        template: String,
        /// Put the result through strftime as well.
        strftime: bool,
    },
}

/// The date in front of server lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDate {
    /// None.
    Off,
    /// The default form.
    Plain,
    /// A strftime form.
    Format(String),
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// A line for every request.
    pub requests: bool,
    /// How it looks.
    pub style: LineStyle,
    /// Lines for 4xx answers even without `requests`.
    pub status_4xx: bool,
    /// Lines for 5xx answers even without `requests`.
    pub status_5xx: bool,
    /// Lines for requests that take at least this long even without `requests`.
    pub slow: Option<Duration>,
    /// Lines for answers of at least this many bytes even without `requests`.
    pub big: Option<u64>,
    /// Lines for answers without a body even without `requests`.
    pub zero: bool,
    /// Microseconds instead of milliseconds.
    pub micros: bool,
    /// X-Forwarded-For counts as the client's address.
    pub x_forwarded_for: bool,
    /// The date in front of server lines.
    pub date: LogDate,
    /// The log file; `None` is standard error.
    pub file: Option<PathBuf>,
    /// The log file to switch to after privileges were dropped.
    pub file_after_drop: Option<PathBuf>,
    /// Mode of the log file.
    pub file_mode: Option<u32>,
    /// Empty the log file at start.
    pub truncate: bool,
}

/// When to go to the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemonize {
    /// Where the log goes from then on.
    pub log: PathBuf,
    /// Only once the app is loaded.
    pub after_loading: bool,
}

/// A file with the server's pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PidFile {
    /// Its path.
    pub path: PathBuf,
    /// Written after privileges were dropped.
    pub after_drop: bool,
    /// Written only once the server serves.
    pub when_ready: bool,
}

/// Names of processes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcessNames {
    /// Give each process a telling name.
    pub auto: bool,
    /// A name for all processes.
    pub name: Option<String>,
    /// A name for the server only.
    pub server: Option<String>,
    /// Text in front.
    pub prefix: String,
    /// Text behind.
    pub suffix: String,
}

/// The server as a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// User to run as.
    pub uid: Option<Account>,
    /// Group to run as.
    pub gid: Option<Account>,
    /// Supplementary groups to add.
    pub additional_gids: Vec<Account>,
    /// Take the user's own supplementary groups.
    pub initgroups: bool,
    /// The umask to set.
    pub umask: Option<u32>,
    /// Files with the server's pid.
    pub pid_files: Vec<PidFile>,
    /// Going to the background.
    pub daemonize: Option<Daemonize>,
    /// Names of processes.
    pub names: ProcessNames,
    /// Limit of open files to ask for.
    pub open_files: Option<u64>,
    /// Limit of the address space of the app's processes, in bytes.
    pub address_space: Option<u64>,
}

/// Stopping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Longest wait for running requests.
    pub drain_timeout: Duration,
    /// Keep accepting this long after the stop was asked for.
    pub drain_delay: Duration,
}

/// An uncaught exception that a worker does not outlive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExceptionRule {
    /// Any.
    Any,
    /// Of the class with this name.
    Type(String),
    /// With this text.
    Value(String),
    /// With this `Class:text`.
    Repr(String),
}

/// When what runs is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewal {
    /// A change of these loads the app anew.
    pub touch_reload: Vec<PathBuf>,
    /// A change of these replaces the workers.
    pub touch_workers_reload: Vec<PathBuf>,
    /// A change of these replaces the workers one by one.
    pub touch_chain_reload: Vec<PathBuf>,
    /// Named pipes that take one-letter commands.
    pub fifos: Vec<PathBuf>,
    /// How often to look for changed code; `None` is never.
    pub code_changes: Option<Duration>,
    /// End instead of reloading.
    pub exit_on_reload: bool,
    /// Requests after which a worker is replaced.
    pub requests: Option<u64>,
    /// So many more for each further worker.
    pub requests_delta: u64,
    /// Age at which a worker is replaced.
    pub lifetime: Option<Duration>,
    /// So much more for each further worker.
    pub lifetime_delta: Duration,
    /// A worker is not replaced sooner, whatever it has done.
    pub least_lifetime: Duration,
    /// Resident memory, in bytes, at which a worker is replaced.
    pub resident: Option<u64>,
    /// Address space, in bytes, at which a worker is replaced.
    pub address_space: Option<u64>,
    /// Resident memory, in bytes, at which a worker is killed.
    pub resident_at_most: Option<u64>,
    /// Address space, in bytes, at which a worker is killed.
    pub address_space_at_most: Option<u64>,
    /// Uncaught exceptions that a worker does not outlive.
    pub exceptions: Vec<ExceptionRule>,
}
