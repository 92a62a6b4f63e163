//! Sockets are opened for real, each test in a directory of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A directory that is gone when the test is over.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("verdigris-net-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn wanted(address: Address) -> Wanted {
    Wanted {
        address,
        protocol: Protocol::HttpSocket,
        option: "http-socket".into(),
    }
}

fn tcp(host: Option<&str>, port: u16) -> Wanted {
    wanted(Address::Tcp {
        host: host.map(str::to_owned),
        port,
    })
}

fn open(
    wanted: &[Wanted],
    settings: &ListenSettings,
    inherited: Inherited,
) -> Result<(Vec<Listener>, Vec<String>), BindError> {
    open_all(wanted, settings, inherited, (Protocol::Uwsgi, "socket"))
}

fn open_one(one: Wanted, settings: &ListenSettings) -> Result<Listener, BindError> {
    open(&[one], settings, Inherited::default()).map(|(mut listeners, _)| listeners.remove(0))
}

#[test]
fn a_port_of_the_kernels_choice_is_shown() {
    let listener = open_one(tcp(Some("127.0.0.1"), 0), &ListenSettings::default()).unwrap();
    assert_ne!(listener.server_port, "0");
    assert_eq!(
        listener.shown,
        format!("http://127.0.0.1:{} (http-socket)", listener.server_port)
    );
    std::net::TcpStream::connect(("127.0.0.1", listener.server_port.parse().unwrap())).unwrap();
}

#[test]
fn no_host_is_every_v4_address_and_v6_has_brackets() {
    let listener = open_one(tcp(None, 0), &ListenSettings::default()).unwrap();
    assert!(
        listener.shown.starts_with("http://0.0.0.0:"),
        "{}",
        listener.shown
    );
    let listener = open_one(tcp(Some("::1"), 0), &ListenSettings::default()).unwrap();
    assert!(
        listener.shown.starts_with("http://[::1]:"),
        "{}",
        listener.shown
    );
}

#[test]
fn both_wildcards_share_a_port() {
    let first = open_one(tcp(None, 0), &ListenSettings::default()).unwrap();
    let port: u16 = first.server_port.parse().unwrap();
    drop(first);
    let both = [tcp(Some("::"), port), tcp(None, port)];
    let (listeners, _) = open(&both, &ListenSettings::default(), Inherited::default()).unwrap();
    assert_eq!(listeners.len(), 2);
}

#[test]
fn a_taken_port_names_its_holder() {
    let first = open_one(tcp(Some("127.0.0.1"), 0), &ListenSettings::default()).unwrap();
    let port = first.server_port.parse().unwrap();
    let error = open_one(tcp(Some("127.0.0.1"), port), &ListenSettings::default()).unwrap_err();
    let pid = std::process::id();
    assert!(
        error.to_string().contains(&format!("(pid {pid})")),
        "{error}"
    );
    assert!(
        error.to_string().starts_with(&format!(
            "cannot listen on http://127.0.0.1:{port} (http-socket): "
        )),
        "{error}"
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("another option of this configuration"),
        "nobody should kill this very process: {hint}"
    );
}

#[test]
fn strange_hosts_and_addresses_are_told_apart() {
    let error = open_one(tcp(Some("192.0.2.1"), 0), &ListenSettings::default()).unwrap_err();
    assert!(
        matches!(error.trouble, Trouble::NotOurAddress(_)),
        "{error}"
    );
    let error = open_one(
        tcp(Some("no-such-host.invalid"), 0),
        &ListenSettings::default(),
    )
    .unwrap_err();
    assert!(
        matches!(error.trouble, Trouble::UnknownHost { .. }),
        "{error}"
    );
}

#[test]
fn a_unix_socket_has_its_mode_and_goes_with_its_maker_only() {
    let directory = Directory::new();
    let path = directory.0.join("app.sock");
    let settings = ListenSettings {
        mode: Some(0o660),
        ..ListenSettings::default()
    };
    let listener = open_one(wanted(Address::Unix(path.clone())), &settings).unwrap();
    assert_eq!(
        listener.shown,
        format!("unix:{} (http-socket)", path.display())
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o660
    );
    UnixStream::connect(&path).unwrap();
    let file = listener.file.clone().unwrap();
    fs::rename(&path, directory.0.join("kept")).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    file.remove().unwrap();
    assert!(path.exists(), "another server's socket was removed");
    fs::rename(directory.0.join("kept"), &path).unwrap();
    file.remove().unwrap();
    assert!(!path.exists());
    file.remove().unwrap();
}

#[test]
fn a_stale_socket_makes_way_and_a_live_one_does_not() {
    let directory = Directory::new();
    let path = directory.0.join("app.sock");
    let other = UnixListener::bind(&path).unwrap();
    let error = open_one(
        wanted(Address::Unix(path.clone())),
        &ListenSettings::default(),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("(pid {})", std::process::id())),
        "{error}"
    );
    drop(other);
    open_one(wanted(Address::Unix(path)), &ListenSettings::default()).unwrap();
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let directory = Directory::new();
    let path = directory.0.join("precious");
    fs::write(&path, "data").unwrap();
    let error = open_one(
        wanted(Address::Unix(path.clone())),
        &ListenSettings::default(),
    )
    .unwrap_err();
    assert!(matches!(error.trouble, Trouble::NotASocket(_)), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"data");
}

#[test]
fn a_missing_directory_is_named() {
    let directory = Directory::new();
    let path = directory.0.join("no/app.sock");
    let error = open_one(wanted(Address::Unix(path)), &ListenSettings::default()).unwrap_err();
    assert!(error.hint().unwrap().starts_with("mkdir -p"), "{error}");
}

#[test]
fn a_failure_leaves_no_file_of_the_others() {
    let directory = Directory::new();
    let path = directory.0.join("app.sock");
    let both = [
        wanted(Address::Unix(path.clone())),
        wanted(Address::Unix(directory.0.join("no/app.sock"))),
    ];
    open(&both, &ListenSettings::default(), Inherited::default()).unwrap_err();
    assert!(!path.exists());
}

#[test]
fn descriptors_that_were_not_passed_are_refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let own = std::os::fd::AsRawFd::as_raw_fd(&listener);
    for number in [0, own, 999] {
        let error = open_one(
            wanted(Address::Inherited(number)),
            &ListenSettings::default(),
        )
        .unwrap_err();
        assert!(matches!(error.trouble, Trouble::NotPassed(_)), "{error}");
    }
}

#[test]
fn a_passed_socket_goes_to_who_wants_its_address() {
    let passed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = passed.local_addr().unwrap().port();
    let inherited = Inherited {
        sockets: vec![passed.into()],
    };
    let both = [tcp(Some("127.0.0.1"), 0), tcp(Some("127.0.0.1"), port)];
    let (listeners, notices) = open(&both, &ListenSettings::default(), inherited).unwrap();
    assert_eq!(listeners[1].server_port, port.to_string());
    assert_ne!(listeners[0].server_port, port.to_string());
    assert_eq!(notices, [""; 0]);
}

#[test]
fn a_passed_socket_that_fits_nowhere_is_used_first() {
    let passed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = passed.local_addr().unwrap().port();
    let more = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let inherited = Inherited {
        sockets: vec![passed.into(), more.into()],
    };
    let (listeners, notices) = open(
        &[tcp(Some("127.0.0.1"), 1)],
        &ListenSettings::default(),
        inherited,
    )
    .unwrap();
    assert_eq!(listeners[0].server_port, port.to_string());
    assert_eq!((listeners.len(), notices.len()), (2, 1));
}

#[test]
fn a_passed_socket_needs_no_option() {
    let passed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = passed.local_addr().unwrap().port();
    let inherited = Inherited {
        sockets: vec![passed.into()],
    };
    let (listeners, _) = open(&[], &ListenSettings::default(), inherited).unwrap();
    assert_eq!(
        listeners[0].shown,
        format!("uwsgi://127.0.0.1:{port} (socket)")
    );
}

#[test]
fn variables_of_another_process_are_ignored() {
    assert!(
        Inherited::from_environment(Some("1"), Some("3"))
            .sockets
            .is_empty()
    );
    assert!(
        Inherited::from_environment(None, Some("3"))
            .sockets
            .is_empty()
    );
}

#[test]
fn a_backlog_above_the_kernels_limit_is_said() {
    let (length, notices) = backlog(Some(u32::MAX));
    assert!(length < i32::MAX);
    assert_eq!(notices.len(), 1);
    assert_eq!(backlog(Some(1)), (1, Vec::new()));
}
