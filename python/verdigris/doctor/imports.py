"""Who imported what, watched from when the doctor comes."""

from __future__ import annotations

import os
import sys

from verdigris.early import shown


class ImportWatch:
    """Remembers which module asked first for each module.

    An audit hook sees every import, whatever the app does to `sys.meta_path`. It cannot be taken away again: this is
    for processes that only look.
    """

    def __init__(self) -> None:
        self._askers: dict[str, tuple[str, str]] = {}  # module → who asked for it, and where that is written
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, arguments: tuple) -> None:
        if event != "import" or arguments[0] in self._askers:
            return
        frame = sys._getframe(1)
        while frame is not None and _is_machinery(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is not None:
            asker = frame.f_globals.get("__name__") or ""
            self._askers[arguments[0]] = (asker, f"{frame.f_code.co_filename}:{frame.f_lineno}")

    def chain(self, name: str) -> list[str]:
        """The modules by way of which this one was imported, the outermost first; the last one is itself."""
        links = [name]
        while (asker := self._askers.get(links[-1], ("", ""))[0]) and asker not in links:
            if asker.split(".")[0] == "verdigris":
                break
            links.append(asker)
        return links[::-1]

    def place(self, name: str) -> str:
        """The file and line that asked for a module; empty when nobody saw it."""
        asker, place = self._askers.get(name, ("", ""))
        return place if asker.split(".")[0] != "verdigris" else ""

    def told(self, name: str) -> str:
        """Who imported a module, in a few words; empty when the app was named so itself."""
        links, place = self.chain(name), self.place(name)
        if not place:
            return ""
        return f"imported by {shown(links[:-1])} ({place})"


def _is_machinery(filename: str) -> bool:
    return filename.startswith("<frozen importlib") or filename.endswith(os.path.join("importlib", "__init__.py"))
