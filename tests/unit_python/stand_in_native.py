"""Stands in for verdigris._native in unit tests: requests are JSON lines on `wake_worker`, answers on `wake_server`."""

import ctypes
import json
import os
import select
import signal as signals


def die_with_parent(signal=9):
    assert ctypes.CDLL(None).prctl(1, signal, 0, 0, 0) == 0


def outlive_mold(control, mold):
    def orphaned(*_):
        waiting = select.poll()
        waiting.register(control, 0)
        if waiting.poll(0):
            os._exit(0)
        die_with_parent(signals.SIGKILL)

    signals.signal(signals.SIGRTMAX - 3, orphaned)
    die_with_parent(signals.SIGRTMAX - 3)
    if os.getppid() != mold:
        orphaned()


def show_stacks(pipe):
    os.write(pipe, b"shown")


def set_title(title):
    global shown_title
    shown_title = title


shown_title = None


class Link:
    def __init__(self, wake_worker, wake_server, control, settings):
        self._requests = wake_worker
        self._answers = open(wake_server, "w", encoding="utf-8", buffering=1)
        self._control = control
        self.settings = settings

    def say(self, **message):
        print(json.dumps(message), file=self._answers)

    def ready(self):
        self.say(
            ready=True,
            pid=os.getpid(),
            title=shown_title,
            worker=self.settings["worker"],
            incarnation=self.settings["incarnation"],
        )

    def take(self):
        line = os.read(self._requests, 65536)
        return json.loads(line) if line else None


def attach(memfd, wake_worker, wake_server, control, settings):
    assert os.fstat(memfd) and os.fstat(control)
    return Link(wake_worker, wake_server, control, settings)
