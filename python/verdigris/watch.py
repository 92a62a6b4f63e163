"""`py-autoreload`: look every few seconds whether the code that this process has imported is still what it was.

Worker 1 looks, since it also knows what was imported after the fork. A thread of the system does it, whatever the
engine: the functions are taken here, before a library such as gevent can put others in their place.
"""

from __future__ import annotations

import os
import sys
from _thread import start_new_thread
from time import sleep

_SOURCES = (".py", ".pyw")


def start(period: float, changed) -> None:
    """Call `changed(file)` once for each round in which a file has changed, until the process ends."""
    watcher = Watcher()
    watcher.look()
    start_new_thread(_run, (watcher, period, changed))


def _run(watcher: Watcher, period: float, changed) -> None:
    while True:
        sleep(period)
        file = watcher.look()
        if file:
            changed(file)


class Watcher:
    """The files of the imported modules, as they were at the last look."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def look(self) -> str:
        """A file that has changed since the last look, or nothing; all others count as seen too."""
        found = ""
        for file in _files():
            now = _changed_at(file)
            if now is None:  # while an editor replaces it
                continue
            before = self._seen.setdefault(file, now)
            if before != now:
                self._seen[file] = now
                found = found or file
        return found


def _files() -> set[str]:
    """The source files of all modules."""
    files = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str) and file.endswith(_SOURCES):
            files.add(file)
    return files


def _changed_at(file: str) -> int | None:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return None
