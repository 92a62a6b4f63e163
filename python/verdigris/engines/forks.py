"""Processes that the app forks inside a worker and does not leave by itself (`os._exit`, `exec`).

Such a process is a copy of the worker without its requests: it must end when the code that forked it does, or it would
live on as a worker that nobody knows.
"""

from __future__ import annotations

import os
import sys

from verdigris.leaving import flush


class Copies:
    """What is known in this process about its being such a copy."""

    def __init__(self) -> None:
        self.is_one = False
        self.came_along: set = set()  # greenlets of other requests, copied with the process
        self.current = None  # gives the greenlet that runs, where requests run in greenlets

    def born(self, current, came_along) -> None:
        """This process has just been forked by the greenlet that runs."""
        self.is_one = True
        self.current = current
        self.came_along = set(came_along)
        self.came_along.discard(current())

    def end(self, error: BaseException) -> None:
        """End this process as Python would after this exception, but for exit handlers, which are the worker's.

        A request that only came along ends silently: the worker has it as well.
        """
        if self.current is not None and self.current() in self.came_along:
            return
        code = 1
        try:
            code = exit_code(error)
        finally:
            flush()
            os._exit(code)


def exit_code(error: BaseException) -> int:
    """The exit code for an uncaught exception, which is shown if it is one to be shown."""
    if not isinstance(error, SystemExit):
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    if error.code is None or isinstance(error.code, int):
        return (error.code or 0) & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


copies = Copies()
"""This process's."""
