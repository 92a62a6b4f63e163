"""The mold: imports the app once, then forks a worker whenever the server asks, and never serves a request itself.

It has one thread and one loop over what the server says, what the workers say, and the end of children. What it
imports stays in the memory of every worker, so it imports little.

The messages, one in each packet of the control socket:

    server → mold   {"do": "load", "settings": {…}}                            first, once
                    {"do": "diagnose", "settings": {…}}                        instead: `verdigris doctor`
                    {"do": "fork", "worker": 1, "incarnation": 7}              with five descriptors: the link's memory,
                                                                               its two bells, the worker's control socket,
                                                                               a pipe for stacks
                    {"do": "stop"}                                             no more forks; end after the last worker
    mold → server   {"event": "loaded", "seconds", "lazy", "app", "kind", "python", "executable", "prefix", "warnings": […]}
                    {"event": "failed", "what", "message", "hint", "looked": […], "near": […], "traceback"}
                    {"event": "diagnosed", "report": {…}}
                    {"event": "forked", "worker", "incarnation", "pid"}
                    {"event": "exited", "worker", "incarnation", "pid", "status"}   as waitpid gives it; pid 0: no fork
                    {"event": "warning", "text"}
    worker → server through the mold, each with "worker", "incarnation" and "pid":
                    {"event": "warning", "text"}
                    {"event": "worn", "why"}  it should be replaced, the next one ready first
                    {"event": "code_changed", "file"}   py-autoreload
                    {"event": "leaving"}      it got SIGTERM: retire it, unless everything is being drained anyway
    worker → server on its own control socket, as its last words before exit code 22:
                    {"event": "failed", …}    lazy-apps: no app

When the server's end is closed, the mold ends its workers and itself.
"""

from __future__ import annotations

import os
import sys
from os import WNOHANG, fork, waitpid
from select import POLLIN, poll
from time import monotonic

from verdigris import _native, audit, engines, leaving, loading, preload, signals, worker
from verdigris.control import Channel
from verdigris.failure import LoadFailure, unforeseen

EXIT_NO_APP = 22
"""Exit code when the app could not be loaded; uWSGI's number for it."""

EXIT_LOST_CHILD = 70
"""Exit code of a forked process that failed before it was a worker."""

_SECONDS_AFTER_THE_SERVER = 1.0
_DESCRIPTORS_OF_A_WORKER = 5


def main(control: int):
    """Be a mold until the server says stop or is gone. Never returns."""
    os.set_inheritable(control, False)
    signals.for_loading()
    # SIGTERM ends a mold that is still loading; later the closed socket tells it, and it ends its workers first.
    server = os.getppid()
    _native.die_with_parent(signals.SIGTERM)
    if os.getppid() != server:
        os._exit(1)
    channel = Channel(control)
    settings = preload.settings_of_the_first()
    if settings is None:
        first = _first_message(channel)
        settings = first["settings"]
        if first["do"] == "diagnose":
            from verdigris.doctor import examination

            examination.answer(channel, settings)
            leaving.leave(0)
    beginning = preload.Beginning()
    _native.set_title(f"{settings.get('title') or 'verdigris'} mold")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    mold = Mold(channel, settings, beginning)
    if not mold.load():
        leaving.leave(EXIT_NO_APP)
    mold.serve()
    leaving.leave(0)


def _first_message(channel: Channel) -> dict:
    """What the server says first: what to load, and what for."""
    first = channel.receive()
    if first is None:
        leaving.leave(0)
    return first[0]


class Mold:
    """A mold's state: the app, and the workers that came out of it."""

    def __init__(self, channel: Channel, settings: dict, beginning: preload.Beginning) -> None:
        self._beginning = beginning
        self._channel = channel
        self._settings = settings
        self._app = None  # stays None with lazy-apps: each worker loads its own
        self._children: dict[int, tuple[int, int]] = {}  # pid → worker number, incarnation
        self._stopping = False
        self._wake_up = signals.WakeUp()
        self._from_workers, self._to_mold = Channel.pair()  # what workers say to the control thread, passed on

    def load(self) -> bool:
        """Import the app, unless the workers do that, and tell the server how it went."""
        before = audit.open_descriptors()
        started = monotonic()
        warnings: list[str] = list(self._settings.get("notes") or ())
        try:
            if not self._settings.get("lazy_apps"):
                self._app = loading.load(self._settings, warnings)
                warnings += self._audit(before)
                engines.choose(self._settings.get("engine"))  # imported here once instead of in each worker
        except LoadFailure as failure:
            self._channel.send(failure.event())
            return False
        except Exception as error:  # not the app's doing, but the server must hear of it all the same
            self._channel.send(unforeseen(error).event())
            return False
        loading.settle()
        signals.for_mold()
        self._channel.send(self._loaded(monotonic() - started, warnings))
        return True

    def _audit(self, before: set[int]) -> list[str]:
        """What is to be said about what the import left behind. Under gevent it may mean to start over, lazily."""
        if self._settings.get("engine") != "gevent":
            return audit.audit(before)
        found = preload.obstacles(before)
        if found:
            lazily = {**self._settings, "lazy_apps": True, "notes": [preload.reason(found)]}
            self._beginning.start_over(self._channel, lazily)
        return []

    def _loaded(self, seconds: float, warnings: list[str]) -> dict:
        settings = self._settings
        return {
            "event": "loaded",
            "seconds": round(seconds, 3),
            "lazy": self._app is None,
            "app": self._app.name if self._app else _named(settings),
            "kind": self._app.kind if self._app else "wsgi",
            "python": sys.version.partition(" ")[0],
            "executable": sys.executable,
            "prefix": sys.prefix,
            "warnings": warnings,
        }

    def serve(self) -> None:
        """Fork, pass on, reap and report until there is nothing left to do."""
        self._wake_up.watch()
        waiting = poll()
        for source in (self._channel, self._from_workers, self._wake_up):
            waiting.register(source.fileno(), POLLIN)
        while not (self._stopping and not self._children):
            ready = [descriptor for descriptor, _ in waiting.poll()]
            if self._channel.fileno() in ready and not self._obey():
                self._end_children()
                return
            self._wake_up.clear()
            self._reap()

    def _obey(self) -> bool:
        """Carry out one message; False when the server is gone."""
        received = self._channel.receive()
        if received is None:
            return False
        message, descriptors = received
        if message["do"] == "fork" and not self._stopping and len(descriptors) == _DESCRIPTORS_OF_A_WORKER:
            self._fork(message["worker"], message["incarnation"], descriptors)
        elif message["do"] == "stop":
            self._stopping = True
        else:
            self._channel.send({"event": "warning", "text": f"the mold cannot do {message['do']!r} now"})
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _fork(self, number: int, incarnation: int, descriptors: list[int]) -> None:
        parent = os.getpid()
        leaving.flush()  # what is in a buffer now would be written by every worker
        try:
            pid = fork()
        except OSError as error:
            self._report_failed_fork(number, incarnation, error)
            return
        if pid == 0:
            try:
                self._become_worker(parent, number, incarnation, descriptors)
            finally:
                os._exit(EXIT_LOST_CHILD)
        self._children[pid] = (number, incarnation)
        self._channel.send({"event": "forked", "worker": number, "incarnation": incarnation, "pid": pid})

    def _report_failed_fork(self, number: int, incarnation: int, error: OSError) -> None:
        """No process came of it: the server learns that as the end of a worker without a pid."""
        self._channel.send({"event": "warning", "text": f"worker {number} could not be forked: {error.strerror}"})
        self._report_exit(0, number, incarnation, EXIT_LOST_CHILD << 8)

    def _become_worker(self, parent: int, number: int, incarnation: int, descriptors: list[int]) -> None:
        """In the child: let go of everything that is the mold's, then work. Never returns."""
        for source in (self._channel, self._from_workers, self._wake_up):
            source.close()
        settings = {**self._settings, "worker": number, "incarnation": incarnation}
        worker.run(self._app, settings, descriptors, self._to_mold, parent)

    def _reap(self) -> None:
        """Collect every child that has ended, also those that the app's import has started.

        What a worker said before its end is passed on before its end is reported.
        """
        ended = list(ended_children())
        while (received := self._from_workers.receive(wait=False)) is not None:
            self._channel.send(received[0])
        for pid, status in ended:
            if pid in self._children:
                self._report_exit(pid, *self._children.pop(pid), status)

    def _report_exit(self, pid: int, number: int, incarnation: int, status: int) -> None:
        self._channel.send(
            {"event": "exited", "pid": pid, "worker": number, "incarnation": incarnation, "status": status}
        )

    def _end_children(self) -> None:
        """The server is gone, and every client with it: ask the workers to go, then make them."""
        self._signal_children(signals.SIGTERM)
        deadline = monotonic() + _SECONDS_AFTER_THE_SERVER
        waiting = poll()
        waiting.register(self._wake_up.fileno(), POLLIN)
        while self._children and (left := deadline - monotonic()) > 0:
            waiting.poll(left * 1000)
            self._wake_up.clear()
            for pid, _ in ended_children():
                self._children.pop(pid, None)
        self._signal_children(signals.SIGKILL)

    def _signal_children(self, number: int) -> None:
        for pid in self._children:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


def _named(settings: dict) -> str:
    """What the workers will load, as the settings name it."""
    paste = settings.get("paste") or {}
    named = settings.get("module") or settings.get("wsgi_file") or paste.get("uri")
    return named or "the apps that are mounted, or that requests name"


def ended_children():
    """The pid and the wait status of each child that has ended."""
    while True:
        try:
            pid, status = waitpid(-1, WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status
