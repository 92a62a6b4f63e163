"""A worker's life around its engine: from the fork to the first request, and from the last one to the exit."""

from __future__ import annotations

import os
import sys
from select import poll

from verdigris import _native, engines, leaving, loading, signals, watch
from verdigris.control import Channel
from verdigris.engines.mishaps import mishaps
from verdigris.failure import LoadFailure, unforeseen

EXIT_NO_APP = 22
"""Exit code when the app could not be loaded in the worker (lazy-apps)."""


def run(app, settings: dict, descriptors: list[int], mold: Channel, mold_pid: int):
    """Be a worker until the server has had enough of it. Never returns.

    `app` is what the mold has loaded, or None when each worker loads its own. The settings hold the worker's number
    and incarnation. The descriptors are its ends of the link, its control socket, and a pipe for stacks, in the order
    in which the server sends them; all but the last become the link's. What a living worker has to say to the control
    thread goes through the mold; on its own control socket, which the network thread reads, that thread only looks for
    its last words.
    """
    code = 1
    try:
        code = _run(app, settings, descriptors, mold, mold_pid)
    except SystemExit as exit_request:
        code = exit_request.code if isinstance(exit_request.code, int) else int(exit_request.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        leaving.leave(code)


def _run(app, settings: dict, descriptors: list[int], mold: Channel, mold_pid: int) -> int:
    _native.set_title(f"{settings.get('title') or 'verdigris'} worker {settings['worker']}")
    _forget_children_of_the_mold()
    *link_ends, stacks = descriptors
    control = link_ends[-1]
    signals.for_worker(lambda: os._exit(0))  # until there is a link, there is nothing to finish
    _native.outlive_mold(control, mold_pid)
    _native.show_stacks(stacks)
    if app is None:
        app = _load_own(settings, control, mold)
        if app is None:
            return EXIT_NO_APP
    run_engine = engines.choose(settings.get("engine"))
    link = _native.attach(*link_ends, settings)
    mishaps.arrange(settings, lambda why: mold.send(_signed(settings, {"event": "worn", "why": why})))
    if settings.get("code_changes") and settings["worker"] == 1:
        watch.start(settings["code_changes"], lambda file: mold.send({"event": "code_changed", "file": file}))
    signals.for_worker(lambda: _told_to_terminate(settings, control, mold))
    run_engine(link, app.function, settings)
    return 0


def _forget_children_of_the_mold() -> None:
    """Processes that the import started through `multiprocessing` are the mold's to end, not those of the first worker
    that leaves: its exit handler would."""
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None:
        processes._children.clear()


def _told_to_terminate(settings: dict, control: int, mold: Channel) -> None:
    """SIGTERM: from a user, from a service manager to all processes, or from the mold because the server is dead.

    While the server lives, it decides, so that no request is lost: it retires this worker when it goes on itself, and
    drains all of them in order when it stops too. Without a mold nobody can be asked; the worker stays.
    """
    if _is_closed(control):
        leaving.leave(0)  # the server is gone, and every client with it
    mold.send(_signed(settings, {"event": "leaving"}))


def _is_closed(control: int) -> bool:
    """Whether the other end of a socket is closed."""
    waiting = poll()
    waiting.register(control, 0)
    return bool(waiting.poll(0))


def _load_own(settings: dict, control: int, mold: Channel):
    """lazy-apps: load the app in this worker; on failure tell the server and return None."""
    warnings: list[str] = []
    try:
        app = loading.load(settings, warnings)
    except LoadFailure as failure:
        Channel(control).send(failure.event())
        return None
    except Exception as error:  # not the app's doing, but the server must hear of it all the same
        Channel(control).send(unforeseen(error).event())
        return None
    for warning in warnings:
        mold.send(_signed(settings, {"event": "warning", "text": warning}))
    loading.settle()
    return app


def _signed(settings: dict, event: dict) -> dict:
    """An event with the worker that it comes from."""
    return {**event, "worker": settings["worker"], "incarnation": settings["incarnation"], "pid": os.getpid()}
