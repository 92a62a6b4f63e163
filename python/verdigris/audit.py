"""The fork audit: what the app left running or open while it was imported, and what that means after the fork.

A fork copies one thread and every descriptor. Threads that the import started do not exist in the workers, and a
connection opened by it is shared by all of them. Both are mistakes that show themselves much later, as a hang or as
mixed-up answers; so they are named at the start.
"""

from __future__ import annotations

import os
import sys
from _socket import AF_INET, AF_INET6, AF_UNIX, SO_ACCEPTCONN, SOL_SOCKET, socket

from verdigris import native_threads

HINT = "start it in the workers instead, or load the app in each worker: lazy-apps = true"

_DESCRIPTORS = "/proc/self/fd"
_MOST_NAMED = 5
_KNOWN_PORTS = {
    3306: "MySQL",
    5432: "PostgreSQL",
    5672: "RabbitMQ",
    6379: "Redis",
    9042: "Cassandra",
    9092: "Kafka",
    9200: "Elasticsearch",
    11211: "memcached",
    27017: "MongoDB",
}


def open_descriptors() -> set[int]:
    """The numbers of all open descriptors; taken before the import, they are those that are not the app's."""
    try:
        listed = [int(name) for name in os.listdir(_DESCRIPTORS)]
    except OSError:  # no /proc: the audit sees nothing, the server runs all the same
        return set()
    return {number for number in listed if _leads_to(number)}  # without the one that read the directory


def _leads_to(number: int) -> str:
    """What a descriptor is, such as `socket:[4711]`; empty when it is closed."""
    try:
        return os.readlink(f"{_DESCRIPTORS}/{number}")
    except OSError:
        return ""


def audit(before: set[int]) -> list[str]:
    """Warnings about what the import left behind; `before` is `open_descriptors()` from before it."""
    return [warning for warning in (_threads(), _sockets(before)) if warning]


def _threads() -> str:
    """A warning about live threads, named as far as Python knows them."""
    threading = sys.modules.get("threading")
    names = []
    if threading is not None:
        current = threading.current_thread()
        names = [describe_thread(thread) for thread in threading.enumerate() if thread is not current]
    # A library patched by gevent reports greenlets as threads, and C code starts threads that Python never sees.
    count = native_threads.count()
    if count is not None and count <= 1:
        return ""
    if count is not None and count - 1 > len(names):
        names.append(f"{count - 1 - len(names)} not started by Python")
    if not names:
        return ""
    one = len(names) == 1 and count in (None, 2)
    subject = "1 thread is" if one else f"{count - 1 if count else len(names)} threads are"
    ending = "it does not exist" if one else "they do not exist"
    return f"{subject} running after the import ({_listed(names)}): {ending} in the workers\nhint: {HINT}"


def describe_thread(thread) -> str:
    """`name: what it runs`, such as `Thread-1: sentry_sdk.worker.BackgroundWorker._target`."""
    target = getattr(thread, "_target", None)
    if target is None:
        kind = type(thread)
        runs = "" if kind.__module__ == "threading" else f"{kind.__module__}.{kind.__qualname__}"
    else:
        module = getattr(target, "__module__", None) or type(target).__module__
        runs = f"{module}.{getattr(target, '__qualname__', type(target).__qualname__)}"
    return f"{thread.name}: {runs}" if runs else thread.name


def _sockets(before: set[int]) -> str:
    """A warning about open sockets, with the peer of each."""
    opened = sorted(open_descriptors() - before)
    names = [_describe_socket(number) for number in opened if _leads_to(number).startswith("socket:")]
    if not names:
        return ""
    one = len(names) == 1
    subject = "1 socket is" if one else f"{len(names)} sockets are"
    ending = "all workers would share it" if one else "all workers would share them"
    return f"{subject} open after the import ({_listed(names)}): {ending}\nhint: {HINT}"


def connections(before: set[int]) -> list[str]:
    """Where the sockets lead that were opened since and are connected."""
    opened = sorted(open_descriptors() - before)
    names = [_describe_socket(number) for number in opened if _leads_to(number).startswith("socket:")]
    return [name for name in names if name.startswith("to ")]


def _describe_socket(number: int) -> str:
    """Where a socket leads, as far as it can be seen without touching it."""
    try:
        seen = socket(fileno=os.dup(number))
    except OSError:
        return f"descriptor {number}"
    try:
        if seen.getsockopt(SOL_SOCKET, SO_ACCEPTCONN):
            return f"listening on {_address(seen.family, seen.getsockname())}"
        return f"to {_address(seen.family, seen.getpeername())}"
    except OSError:
        return f"descriptor {number}, not connected"
    finally:
        seen.close()


def _address(family: int, address) -> str:
    if family == AF_UNIX:
        name = address.decode("utf-8", "replace").replace("\0", "@") if isinstance(address, bytes) else address
        return f"unix socket {name}" if name else "an unnamed unix socket"
    if family in (AF_INET, AF_INET6):
        host, port = address[:2]
        known = f", {_KNOWN_PORTS[port]}" if port in _KNOWN_PORTS else ""
        return f"[{host}]:{port}{known}" if family == AF_INET6 else f"{host}:{port}{known}"
    return f"family {int(family)}"


def _listed(names: list[str]) -> str:
    shown = names[:_MOST_NAMED]
    if len(names) > _MOST_NAMED:
        shown.append(f"{len(names) - _MOST_NAMED} more")
    return ", ".join(shown)
