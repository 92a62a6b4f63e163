//! The interactive debugger: whoever uses it can run any code, so it is refused where others could come in.

use super::reader::Reader;
use crate::address::Address;
use crate::config::{Sockets, Workers};
use crate::report::Problem;

/// Whether the debugger is asked for; problems say where it cannot be.
pub(super) fn debugger(reader: &mut Reader<'_>, sockets: &Sockets, workers: &Workers) -> bool {
    if !reader.is_on("debugger") {
        return false;
    }
    let origin = reader.origin("debugger").cloned();
    let open = sockets
        .list
        .iter()
        .find(|socket| !is_private(&socket.address));
    let mut problems = Vec::new();
    if let Some(socket) = open {
        let text = format!(
            "debugger: others can reach {} ({}), and with the debugger they could run any code",
            socket.address, socket.option
        );
        problems.push(Problem::new(text).hint(
            "for development, write `http-socket = 127.0.0.1:8000`; in production, leave `debugger` out",
        ));
    }
    if workers.processes > 1 {
        let text = format!(
            "debugger: what it shows lives in one process, and there are {}",
            workers.processes
        );
        problems.push(Problem::new(text).hint(
            "write `processes = 1`; more requests at once come with `gevent = N` or `threads = N`",
        ));
    }
    for mut problem in problems {
        problem.origin.clone_from(&origin);
        reader.problem(problem);
    }
    true
}

/// Whether only programs of this machine can connect. (Of a descriptor that was handed over nobody knows.)
fn is_private(address: &Address) -> bool {
    match address {
        Address::Tcp { host, .. } => host
            .as_deref()
            .is_some_and(|host| host == "localhost" || host == "::1" || host.starts_with("127.")),
        Address::Unix(_) | Address::Abstract(_) => true,
        Address::Fd(_) => false,
    }
}
