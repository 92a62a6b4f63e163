//! The sockets of the configuration, in the words of the room that opens them.

use net::{BindError, ListenSettings, Protocol, Wanted};
use options::config::{Door, Socket};
use options::{Address, Config, Problem};
use os::users::Identity;

use crate::accounts;

/// The sockets to open.
pub(crate) fn wanted(config: &Config) -> Vec<Wanted> {
    config.sockets.list.iter().map(one).collect()
}

fn one(socket: &Socket) -> Wanted {
    Wanted {
        address: match &socket.address {
            Address::Tcp { host, port } => net::Address::Tcp {
                host: host.clone(),
                port: *port,
            },
            Address::Unix(path) => net::Address::Unix(path.clone()),
            Address::Abstract(name) => net::Address::Abstract(name.clone()),
            Address::Fd(number) => net::Address::Inherited(*number),
        },
        protocol: match socket.door {
            Door::HttpSocket => Protocol::HttpSocket,
            Door::Http => Protocol::Http,
            Door::Uwsgi => Protocol::Uwsgi,
        },
        option: socket.option.to_owned(),
    }
}

/// What sockets speak that were passed on and that no option names, and which option says so:
/// what the configuration's own people are used to.
pub(crate) fn usual(config: &Config) -> (Protocol, &'static str) {
    if config.from_uwsgi_config {
        (Protocol::Uwsgi, "socket")
    } else {
        (Protocol::HttpSocket, "http-socket")
    }
}

/// What all of them have in common.
pub(crate) fn settings(
    config: &Config,
    identity: Option<&Identity>,
) -> Result<ListenSettings, Problem> {
    let sockets = &config.sockets;
    let owner = accounts::socket_owner(sockets.owner.as_ref(), identity)
        .map_err(|problem| problem.at(config.origin("chown-socket")))?;
    Ok(ListenSettings {
        backlog: sockets.backlog,
        mode: sockets.mode,
        owner,
        keepalive: sockets.keepalive_probes,
        reuse_port: sockets.reuse_port,
        free_bind: sockets.freebind,
        send_buffer: sockets.send_buffer,
        receive_buffer: sockets.receive_buffer,
    })
}

/// A failure to open one, pointing at where the socket was asked for.
pub(crate) fn problem(config: &Config, error: &BindError) -> Problem {
    let mut problem = Problem::new(error.to_string());
    if let Some(hint) = error.hint() {
        problem = problem.hint(hint);
    }
    match config
        .sockets
        .list
        .iter()
        .find(|socket| socket.option == error.option)
    {
        Some(socket) => problem.at(&socket.origin),
        None => problem,
    }
}
