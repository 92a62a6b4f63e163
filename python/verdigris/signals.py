"""Signals in the Python processes. The server is the one who decides when a process stops; it says so by the control
socket or the link. What a terminal or a service manager sends to the whole group must not cut requests short.

The handlers are Python functions, not SIG_IGN: programs that the app starts then get the default back when they are
executed. The functions are bound here at import, before the app can put others in their place (gevent does).
"""

from __future__ import annotations

import os
from signal import SIG_DFL, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGTERM, set_wakeup_fd
from signal import signal as set_handler

__all__ = ["SIGKILL", "SIGTERM", "WakeUp", "for_loading", "for_mold", "for_worker"]


def for_loading() -> None:
    """While the app is imported: a keyboard's Ctrl-C is the server's affair, but SIGTERM ends an import that hangs."""
    for number in (SIGINT, SIGHUP):
        set_handler(number, _nothing)


def for_mold() -> None:
    """Once loaded, whatever the app's import has set: only the server stops a mold."""
    for number in (SIGINT, SIGHUP, SIGTERM, SIGCHLD):
        set_handler(number, _nothing)


def for_worker(on_terminate) -> None:
    """In a worker: SIGTERM calls `on_terminate`."""
    set_wakeup_fd(-1)
    set_handler(SIGCHLD, SIG_DFL)
    for number in (SIGINT, SIGHUP):
        set_handler(number, _nothing)
    set_handler(SIGTERM, lambda *_: on_terminate())


def _nothing(*_) -> None:
    """A signal that only wakes."""


class WakeUp:
    """A pipe that becomes readable when a signal arrives, for a loop that waits in poll."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def watch(self) -> None:
        """Begin, in place of whatever the app's import may have set."""
        set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """The readable end."""
        return self._read

    def clear(self) -> None:
        """Forget the signals that have arrived; look at their causes after this, not before."""
        try:
            while len(os.read(self._read, 512)) == 512:
                continue
        except BlockingIOError:
            return

    def close(self) -> None:
        """Stop watching."""
        set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)
