//! Where requests come in.

use super::reader::{Reader, account, is_uwsgi};
use crate::address::Address;
use crate::config::{Door, Owner, Socket, Sockets};
use crate::entry::Given;
use crate::origin::Origin;
use crate::report::{Notice, Problem};
use crate::value::{self, Read, ValueError};

/// Where `verdigris app:app` listens when nothing is said.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8000";

pub(super) fn sockets(reader: &mut Reader<'_>, from_systemd: bool) -> Sockets {
    let mut list = listed(reader);
    let needed = !from_systemd && !reader.something_is_missing && !socket_was_asked_for(reader);
    if list.is_empty() && needed {
        list.extend(default_socket(reader));
    }
    Sockets {
        list,
        backlog: reader.count("listen"),
        mode: reader.mode("chmod-socket"),
        owner: owner(reader),
        vacuum: reader.flag("vacuum").unwrap_or(true),
        keepalive_probes: reader.is_on("so-keepalive"),
        reuse_port: reader.is_on("reuse-port"),
        freebind: reader.is_on("freebind"),
        send_buffer: reader
            .size("socket-sndbuf")
            .map(|size| u32::try_from(size).unwrap_or(u32::MAX)),
        receive_buffer: reader
            .size("socket-rcvbuf")
            .map(|size| u32::try_from(size).unwrap_or(u32::MAX)),
    }
}

/// The sockets that were named and can be used, in the order they were written.
fn listed(reader: &mut Reader<'_>) -> Vec<Socket> {
    let plain = match reader.choice("protocol") {
        Some("http") => Door::HttpSocket,
        _ => Door::Uwsgi,
    };
    let abstract_names = reader.is_on("abstract-socket");
    let asked: Vec<(Given<'_>, Door)> = reader
        .values()
        .all()
        .filter_map(|given| Some((given, door(given, plain)?)))
        .collect();
    let mut list: Vec<Socket> = Vec::new();
    for (given, door) in asked {
        let Some(mut address) = address(reader, given) else {
            continue;
        };
        if let (Address::Unix(path), true) = (&address, abstract_names) {
            address = Address::Abstract(path.to_string_lossy().into_owned().into_bytes());
        }
        let origin = given.entry.origin.clone();
        let before = list
            .iter()
            .find(|other| other.address == address && !is_free_port(&address));
        if let Some(before) = before.filter(|before| before.door != door) {
            let text = format!(
                "{}: {address} is taken already by {}, and one address speaks one protocol",
                given.name, before.option
            );
            let hint = format!("give {} another port or path", given.name);
            reader.problem(Problem::new(text).hint(hint).at(&origin));
            continue;
        }
        if before.is_some() {
            let notice = Notice::warning(format!(
                "{}: {address} is named twice; it is opened once",
                given.name
            ));
            reader.notice(notice.at(&origin));
            continue;
        }
        list.push(Socket {
            address,
            door,
            option: given.name,
            origin,
        });
    }
    list
}

fn door(given: Given<'_>, plain: Door) -> Option<Door> {
    match given.row.name {
        "http-socket" | "http11-socket" => Some(Door::HttpSocket),
        "http" => Some(Door::Http),
        "socket" => Some(plain),
        "uwsgi-socket" => Some(Door::Uwsgi),
        _ => None,
    }
}

fn is_free_port(address: &Address) -> bool {
    matches!(address, Address::Tcp { port: 0, .. })
}

/// Reads the address of one socket; `=N` is the N-th shared socket.
fn address(reader: &mut Reader<'_>, given: Given<'_>) -> Option<Address> {
    let text = given.entry.value.as_str();
    if let Some(number) = text.strip_prefix('=') {
        return shared(reader, given, number);
    }
    let outcome = if given.name == "bind" && Address::parse_bind(text).is_ok() {
        Address::parse_bind(text)
            .map_err(ValueError::Address)
            .map(|value| Read {
                value,
                oddity: None,
            })
    } else {
        value::address(text, given.entry.dialect)
    };
    let address = reader.take(given, outcome)?;
    if matches!(address, Address::Unix(_) | Address::Abstract(_)) {
        reader.mind_comment(given);
    }
    let looks_like_port = text.parse::<u16>().is_ok();
    if looks_like_port && given.name != "bind" {
        let what = format!(
            "{}: `{text}` is the path of a unix socket, not a port",
            given.name
        );
        let hint = format!("write `{}`", given.spelled(&format!(":{text}")));
        if is_uwsgi(given) {
            reader.notice(Notice::warning(what).hint(hint).at(&given.entry.origin));
        } else {
            reader.problem(Problem::new(what).hint(hint).at(&given.entry.origin));
            return None;
        }
    }
    Some(address)
}

fn shared(reader: &mut Reader<'_>, given: Given<'_>, number: &str) -> Option<Address> {
    let shared = number
        .parse::<usize>()
        .ok()
        .and_then(|index| reader.values().of("shared-socket").nth(index));
    if let Some(shared) = shared {
        let outcome = value::address(&shared.entry.value, shared.entry.dialect);
        return reader.take(shared, outcome);
    }
    let problem = Problem::new(format!(
        "{}: there is no shared socket {number}",
        given.name
    ))
    .hint("`shared-socket` addresses are counted from 0");
    reader.problem(problem.at(&given.entry.origin));
    None
}

/// Doors that are not built yet. Whoever names one does not want another one instead.
const PLANNED_DOORS: [&str; 8] = [
    "https",
    "https2",
    "https-socket",
    "suwsgi-socket",
    "fastcgi-socket",
    "scgi-socket",
    "fastrouter",
    "http-to-https",
];

/// Somebody named a socket, even if it turned out to be wrong; a default would only confuse.
fn socket_was_asked_for(reader: &mut Reader<'_>) -> bool {
    if reader
        .values()
        .all()
        .any(|given| door(given, Door::Uwsgi).is_some())
    {
        return true;
    }
    let planned = reader
        .values()
        .all()
        .find(|given| PLANNED_DOORS.contains(&given.row.name));
    if let Some(given) = planned {
        let problem = Problem::new(format!(
            "{} is the only socket, and it is not active yet",
            given.name
        ));
        let hint = format!("add `http-socket = {DEFAULT_ADDRESS}`");
        reader.problem(problem.hint(hint).at(&given.entry.origin));
    }
    planned.is_some()
}

fn default_socket(reader: &mut Reader<'_>) -> Option<Socket> {
    if reader.uwsgi {
        let hint = format!(
            "add `http-socket = {DEFAULT_ADDRESS}`, or `socket = /run/app.sock` behind nginx"
        );
        reader.problem(
            Problem::new("no socket was named, so nobody could reach the server").hint(hint),
        );
        return None;
    }
    reader.notice(Notice::info(format!(
        "no socket was named; serving HTTP on {DEFAULT_ADDRESS}"
    )));
    let address = Address::parse(DEFAULT_ADDRESS).ok()?;
    Some(Socket {
        address,
        door: Door::HttpSocket,
        option: "http-socket",
        origin: Origin::Default,
    })
}

fn owner(reader: &mut Reader<'_>) -> Option<Owner> {
    let text = reader.text("chown-socket")?;
    let (user, group) = text
        .split_once(':')
        .map_or((text.as_str(), ""), |(user, group)| (user, group));
    let named = |part: &str| (!part.is_empty()).then(|| account(part));
    Some(Owner {
        user: named(user),
        group: named(group),
    })
}
