"""How a mold or a worker ends: the app's exit handlers run, within a bound, and the process is gone at once after them.

The interpreter is not torn down: that can hang on native daemon threads, and it would touch, and so copy, every page
that the process shares with the others.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys

SECONDS_FOR_EXIT_HANDLERS = 5.0
"""How long non-daemon threads and exit handlers of the app may take."""


def leave(code: int):
    """End this process with an exit code; never returns."""
    signal.signal(signal.SIGALRM, lambda *_: _gone(code))
    signal.setitimer(signal.ITIMER_REAL, SECONDS_FOR_EXIT_HANDLERS)
    try:
        # The order of Python's own finalisation: wait for the threads, then the handlers.
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        _gone(code)


def _gone(code: int):
    flush()
    os._exit(code)


def flush() -> None:
    """Write out what Python still holds of stdout and stderr. The app may have put anything in their place."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue
