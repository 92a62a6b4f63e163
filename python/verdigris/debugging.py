"""The interactive debugger, when it is asked for: Werkzeug's, around the app.

The page of an exception lets its reader run code in each of the frames, once the PIN from the log was entered. Nothing
but the option turns it on: whatever stands in the environment of a production server does not.
"""

from __future__ import annotations

import os
import sys

from verdigris.failure import LoadFailure
from verdigris.loader import App


def prepare() -> None:
    """Before the app is loaded: Flask lets exceptions through to a debugger only in its debug mode."""
    os.environ.setdefault("FLASK_DEBUG", "1")


def wrapped(app: App, warnings: list[str]) -> App:
    """The app inside the debugger; a warning says so, and the PIN."""
    try:
        from werkzeug.debug import DebuggedApplication
    except ImportError as error:
        raise LoadFailure(
            "no debugger",
            f"debugger = true needs Werkzeug in the app's own environment, {sys.prefix}: {error}",
            hint=f"{sys.executable} -m pip install werkzeug",
        ) from None
    debugger = DebuggedApplication(app.function, evalex=True)
    pin = f"PIN: {debugger.pin}" if debugger.pin else "without a PIN, because of WERKZEUG_DEBUG_PIN"
    warnings.append(f"the interactive debugger is on: who knows its PIN can run any code in the app ({pin})")
    return App(debugger, app.name, app.kind)
