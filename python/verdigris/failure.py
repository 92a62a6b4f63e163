"""Why the app could not be loaded, said so that the user can act on it."""

from __future__ import annotations

import os
import sys

_OWN_DIRECTORY = os.path.dirname(os.path.abspath(__file__)) + os.sep
_MOST_LINES = 60


class LoadFailure(Exception):
    """Loading ended. Each field is one part of what the server prints; empty ones are left out there."""

    def __init__(
        self,
        what: str,
        message: str,
        *,
        hint: str = "",
        looked: list[str] | None = None,
        near: list[str] | None = None,
        traceback: str = "",
    ) -> None:
        super().__init__(message)
        self.what = what  # the kind of failure, in two or three words
        self.message = message  # one sentence
        self.hint = hint  # what to type
        self.looked = looked or []  # where was looked, in that order
        self.near = near or []  # what was found instead, best first
        self.traceback = traceback  # the app's frames only

    def event(self) -> dict:
        """The failure as a control message."""
        return {
            "event": "failed",
            "what": self.what,
            "message": self.message,
            "hint": self.hint,
            "looked": self.looked,
            "near": self.near,
            "traceback": self.traceback,
        }

    def text(self) -> str:
        """The failure as lines for a log."""
        lines = [f"{self.what}: {self.message}"]
        if self.traceback:
            lines.append(self.traceback.rstrip("\n"))
        lines.extend(f"looked in: {place}" for place in self.looked)
        if self.near:
            lines.append(f"found: {', '.join(self.near)}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def sentence(error: BaseException) -> str:
    """`TypeName: message` on one line, as at the end of a traceback."""
    try:
        first_line = str(error).strip().partition("\n")[0]
    except Exception:  # an exception whose __str__ fails must not hide the failure
        first_line = ""
    name = type(error).__qualname__
    return f"{name}: {first_line}" if first_line else name


def unforeseen(error: Exception) -> LoadFailure:
    """An error of our own or of the surroundings, with its whole traceback."""
    import traceback

    return LoadFailure("loading failed", sentence(error), traceback=traceback.format_exc())


def trimmed_traceback(error: BaseException) -> str:
    """The traceback without our own frames and those of Python's import machinery."""
    import traceback

    told = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    _trim(told)
    lines = "".join(told.format()).splitlines()
    if len(lines) > _MOST_LINES:
        left_out = len(lines) - _MOST_LINES
        lines[_MOST_LINES // 4 : _MOST_LINES // 4 + left_out] = [f"  [… {left_out} lines left out …]"]
    return "\n".join(lines) + "\n"


def _trim(told) -> None:
    """Trim one exception and those it came from."""
    seen = set()
    while told is not None and id(told) not in seen:
        seen.add(id(told))
        kept = [frame for frame in told.stack if not _is_ours(frame.filename)]
        told.stack[:] = kept
        told = told.__cause__ or told.__context__


def _is_ours(filename: str) -> bool:
    return filename.startswith((_OWN_DIRECTORY, "<frozen importlib"))


def frames_of_others(error: BaseException) -> list[str]:
    """The files of the traceback's frames that are not ours: empty when the error came before the user's code ran."""
    files = []
    step = error.__traceback__
    while step is not None:
        filename = step.tb_frame.f_code.co_filename
        if not _is_ours(filename):
            files.append(filename)
        step = step.tb_next
    return files


def search_path() -> list[str]:
    """`sys.path` as places that a person can look into."""
    places = dict.fromkeys(os.path.abspath(entry) for entry in sys.path)
    return [place for place in places if os.path.exists(place)]
