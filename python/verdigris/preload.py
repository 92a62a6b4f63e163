"""Loading the app once for all workers under gevent: what its import left behind that a fork would break.

A greenlet that the import started would go on in every worker, a thread would be in none of them, and a connection
would be shared by all. Where there is such a thing, the app is loaded in each worker instead (as with lazy-apps): the
mold starts over as a new program, so that nothing of the first import is left.
"""

from __future__ import annotations

import json
import os
import sys

from verdigris import audit, leaving, native_threads
from verdigris.control import Channel

_AGAIN = "VERDIGRIS_AGAIN"
_MOST_NAMED = 3


class Beginning:
    """What a mold began with, as far as loading an app changes it."""

    def __init__(self) -> None:
        self.directory = os.getcwd()
        self.environment = dict(os.environ)

    def start_over(self, channel: Channel, settings: dict) -> None:
        """Become a new mold with these settings; its server does not notice. Never returns."""
        memory = os.memfd_create("verdigris-settings", 0)
        os.write(memory, json.dumps(settings).encode())
        os.set_inheritable(channel.fileno(), True)
        leaving.flush()
        os.chdir(self.directory)
        passed = {"VERDIGRIS_CONTROL": str(channel.fileno()), _AGAIN: str(memory)}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**self.environment, **passed})


def settings_of_the_first() -> dict | None:
    """The settings that a mold which started over has left; None for the first one."""
    number = os.environ.pop(_AGAIN, None)
    if number is None:
        return None
    with open(int(number), "rb") as memory:
        memory.seek(0)
        return json.load(memory)


def obstacles(before: set[int]) -> list[str]:
    """What must not be forked, in a few words each; `before` are the descriptors from before the import.

    A hub that only has idle threads is no obstacle: it is taken down, and each worker makes its own.
    """
    from gevent._hub_local import get_hub_if_exists

    hub = get_hub_if_exists()
    greenlets = [] if hub is None else _greenlets(hub)
    if hub is not None and not greenlets and native_threads.count() != 1:
        hub.destroy(destroy_loop=True)
    found = []
    if greenlets:
        found.append(f"{_count(greenlets, 'greenlet')} ({_listed(greenlets)})")
    threads = (native_threads.count() or 1) - 1
    if threads > 0:
        names = native_threads.names()
        found.append(_count([None] * threads, "thread") + (f" ({_listed(names)})" if names else ""))
    connections = audit.connections(before)
    if connections:
        found.append(f"{_count(connections, 'connection')} ({_listed(connections)})")
    return found


def reason(found: list[str]) -> str:
    """The one line about it."""
    *first, last = found
    things = f"{', '.join(first)} and {last}" if first else last
    return (
        f"the app is loaded in each worker, as with lazy-apps, because its import started {things}: "
        "a fork would break that\nhint: start it at the first request, or write lazy-apps = true"
    )


def _greenlets(hub) -> list[str]:
    """The living greenlets that are not the hub's own or another thread's."""
    from gevent import Greenlet, getcurrent
    from gevent._greenlet_primitives import get_reachable_greenlets

    own = (hub, getcurrent())
    return [
        _describe(greenlet)
        for greenlet in get_reachable_greenlets()
        if greenlet not in own
        and type(greenlet).__module__ != "gevent.threadpool"  # those live in threads of their own
        and greenlet.parent is not None
        and (greenlet.started if isinstance(greenlet, Greenlet) else bool(greenlet))
        and not greenlet.dead
    ]


def _describe(greenlet) -> str:
    """What a greenlet runs."""
    run = getattr(greenlet, "_run", None)
    thread = getattr(run, "__self__", None)
    threading = sys.modules.get("threading")
    if threading is not None and isinstance(thread, threading.Thread):
        return audit.describe_thread(thread)
    name = getattr(run, "__qualname__", None)
    return f"{run.__module__}.{name}" if name else type(greenlet).__name__


def _count(things: list, word: str) -> str:
    return f"{len(things)} {word}" if len(things) == 1 else f"{len(things)} {word}s"


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED] + ([f"{more} more"] if more > 0 else []))
