//! The messages between the server and Python processes: JSON, one to a packet.

use serde_json::{Value, json};

use os::process::Ending;

use crate::failure::LoadFailure;
use crate::machine::Loaded;
use crate::talk::WorkerId;

/// The longest packet, in bytes.
pub(crate) const MAX_PACKET: usize = 128 * 1024;

/// What a mold or a worker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The app is imported (or, with lazy-apps, the mold is ready to fork).
    Loaded(Loaded),
    /// The app could not be loaded.
    Failed(LoadFailure),
    /// What a mold that was asked for a diagnosis has found.
    Diagnosed(Value),
    /// A worker was forked.
    Forked { id: WorkerId, pid: u32 },
    /// A worker has ended.
    Exited { id: WorkerId, ending: Ending },
    /// A worker was asked to leave by a signal of its own.
    Leaving { id: WorkerId },
    /// A worker finds that it should be replaced, and why.
    Worn { id: WorkerId, why: String },
    /// A file of the app's code has changed.
    CodeChanged(String),
    /// Something the user should know.
    Warning(String),
}

/// Reads a packet; None when it is none of the messages.
pub(crate) fn read(packet: &[u8]) -> Option<Message> {
    let value: Value = serde_json::from_slice(packet).ok()?;
    Some(match value.get("event")?.as_str()? {
        "loaded" => Message::Loaded(Loaded {
            milliseconds: (value.get("seconds").and_then(Value::as_f64).unwrap_or(0.0) * 1000.0)
                as u64,
            lazy: value.get("lazy").and_then(Value::as_bool).unwrap_or(false),
            app: text(&value, "app"),
            kind: text(&value, "kind"),
            python: text(&value, "python"),
            executable: text(&value, "executable"),
            warnings: texts(&value, "warnings"),
        }),
        "failed" => Message::Failed(LoadFailure {
            what: text(&value, "what"),
            message: text(&value, "message"),
            hint: text(&value, "hint"),
            looked: texts(&value, "looked"),
            near: texts(&value, "near"),
            traceback: text(&value, "traceback"),
        }),
        "diagnosed" => Message::Diagnosed(value.get("report")?.clone()),
        "forked" => Message::Forked {
            id: worker(&value)?,
            pid: number(&value, "pid")?.try_into().ok()?,
        },
        "exited" => {
            let status = i32::try_from(value.get("status")?.as_i64()?).ok()?;
            Message::Exited {
                id: worker(&value)?,
                ending: Ending::from_status(status),
            }
        }
        "leaving" => Message::Leaving {
            id: worker(&value)?,
        },
        "worn" => Message::Worn {
            id: worker(&value)?,
            why: text(&value, "why"),
        },
        "code_changed" => Message::CodeChanged(text(&value, "file")),
        "warning" => Message::Warning(text(&value, "text")),
        _ => return None,
    })
}

/// The first message to a mold.
pub(crate) fn load(settings: &Value) -> String {
    json!({ "do": "load", "settings": settings }).to_string()
}

/// The first message to a mold that is to look at the app, and not to serve it.
pub(crate) fn diagnose(settings: &Value) -> String {
    json!({ "do": "diagnose", "settings": settings }).to_string()
}

/// Asks a mold to fork.
pub(crate) fn fork(id: WorkerId) -> String {
    json!({ "do": "fork", "worker": id.worker, "incarnation": id.incarnation }).to_string()
}

/// Asks a mold to leave when its workers have left.
pub(crate) fn stop() -> String {
    json!({ "do": "stop" }).to_string()
}

fn worker(value: &Value) -> Option<WorkerId> {
    let worker = number(value, "worker")?.try_into().ok()?;
    Some(WorkerId {
        worker,
        incarnation: number(value, "incarnation")?,
    })
}

fn number(value: &Value, key: &str) -> Option<u64> {
    value.get(key)?.as_u64()
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let list = value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_mold() {
        let id = WorkerId {
            worker: 2,
            incarnation: 7,
        };
        let forked = br#"{"event":"forked","worker":2,"incarnation":7,"pid":41}"#;
        assert_eq!(read(forked), Some(Message::Forked { id, pid: 41 }));
        let exited = br#"{"event":"exited","pid":41,"worker":2,"incarnation":7,"status":9}"#;
        assert_eq!(
            read(exited),
            Some(Message::Exited {
                id,
                ending: Ending::Signal(9)
            })
        );
        let loaded =
            br#"{"event":"loaded","seconds":0.25,"app":"a:b","warnings":["x"],"python":"3.11.7"}"#;
        let Some(Message::Loaded(loaded)) = read(loaded) else {
            panic!("not loaded")
        };
        assert_eq!(
            (loaded.milliseconds, loaded.warnings),
            (250, vec!["x".to_owned()])
        );
    }

    #[test]
    fn nonsense_is_no_message() {
        for packet in [
            &b""[..],
            b"{",
            b"[]",
            b"{}",
            br#"{"event":"forked"}"#,
            br#"{"event":"sing"}"#,
            b"\xff",
        ] {
            assert_eq!(read(packet), None);
        }
        assert_eq!(
            read(br#"{"event":"forked","worker":-1,"incarnation":7,"pid":41}"#),
            None
        );
        assert_eq!(
            read(br#"{"event":"exited","worker":1,"incarnation":7,"status":99999999999}"#),
            None
        );
    }
}
