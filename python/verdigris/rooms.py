"""Rooms for apps that share an interpreter: each finds its own modules, also where two have some of the same name.

An app that a request names has a directory (UWSGI_CHDIR) and perhaps a virtual environment (UWSGI_PYHOME) of its own.
Those are its *places*. A module that lies in one of them belongs to the apps that have it; everything else (Python's
own modules, and what the server's configuration names) is common to all. Whoever enters a room gets its modules into
`sys.modules`, its directories into `sys.path`, and its working directory; the modules of other rooms wait outside.

That is only possible while one request runs at a time. Where several do, all rooms stay open, and `clash` tells
whether one would find another's modules.
"""

from __future__ import annotations

import os
import sys

Modules = dict[str, object]


class Room:
    """Where an app is at home."""

    def __init__(self, directory: str, places: tuple[str, ...], path: list[str]) -> None:
        self.directory = directory  # its working directory
        self.places = places  # directories whose modules are its own
        self.path = path  # its `sys.path`


class Rooms:
    """All rooms of a process. The first is that of the server's own configuration."""

    def __init__(self) -> None:
        self._base = os.getcwd()
        self._common = _common_places(self._base)
        self._places = [*self._common]
        self._owned: dict[str, Modules] = {}
        self._count = 0  # so many modules there were when the current room was entered
        self._seen: Modules = {}  # modules whose place is known
        self._rooms: dict[tuple[str | None, str | None], Room] = {}
        self.first = self.current = Room(self._base, (self._base,), list(sys.path))
        self._own(self._base)
        self._collect()

    def absolute(self, path: str) -> str:
        """A path that a request names, from where the server's own configuration is at home."""
        return os.path.normpath(os.path.join(self._base, path))

    def room(self, directory: str | None, home: str | None, packages: list[str]) -> Room:
        """The room of this directory and this virtual environment, whose directories of packages are given."""
        if directory in (None, self._base) and home is None:
            return self.first
        key = (directory, home)
        if key not in self._rooms:
            own = self._base if directory is None else directory
            path = [own, *packages, *(entry for entry in self.first.path if entry not in (self._base, ".", ""))]
            places = tuple(place for place in (own, *packages) if place not in self._common)
            for place in places:
                self._own(place)
            self._rooms[key] = Room(own, places, path)
        return self._rooms[key]

    def enter(self, room: Room) -> None:
        """Make this room the current one: its modules, path and directory instead of those of the one before."""
        os.chdir(room.directory)
        if room is self.current:
            return
        self._collect()
        for place in self.current.places:
            if place not in room.places:
                for name in self._owned[place]:
                    sys.modules.pop(name, None)
        for place in room.places:
            sys.modules.update(self._owned[place])
        self._count = len(sys.modules)
        self.current.path = list(sys.path)
        sys.path[:] = room.path
        self.current = room

    def open(self, room: Room) -> None:
        """Let the room be found beside all others, which go on as they are."""
        self._collect()
        sys.path[:] = list(dict.fromkeys([*room.path[: len(room.places)], *sys.path]))

    def clash(self, room: Room) -> tuple[str, str, str] | None:
        """A module of this room and one of the same name that another has brought in already, if there are any."""
        self._collect()
        for place in room.places:
            here = _top_level_names(place)
            for other, modules in self._owned.items():
                taken = next((name for name in modules if name in here), None) if other not in room.places else None
                if taken is not None:
                    return taken, place, other
        return None

    def _own(self, place: str) -> None:
        if place in self._common or place in self._owned:
            return
        self._owned[place] = {}
        self._places = sorted([*self._places, place], key=len, reverse=True)

    def _collect(self) -> None:
        """Note whose every module is that has been imported meanwhile. Once known, it stays so."""
        if len(sys.modules) == self._count:
            return
        for name, module in list(sys.modules.items()):
            if self._seen.get(name) is not module:
                self._seen[name] = module
                place = self._place_of(module)
                if place is not None:
                    self._owned[place][name] = module

    def _place_of(self, module) -> str | None:
        file = _file_of(module)
        if file is None:
            return None
        inmost = next((place for place in self._places if file.startswith(place + os.sep)), None)
        return inmost if inmost in self._owned else None


def _common_places(base: str) -> list[str]:
    """Directories that belong to everybody, though the directory of an app may lie around them."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    entries = {os.path.abspath(entry) for entry in sys.path if entry} - {base}
    return sorted({*entries, ours, os.path.dirname(os.__file__)}, key=len, reverse=True)


def _file_of(module) -> str | None:
    """The file or directory that a module came from, read without waking up modules that load themselves lazily."""
    try:
        names = object.__getattribute__(module, "__dict__")
        file = names.get("__file__")
        if not isinstance(file, str):  # a package without __init__.py
            file = os.path.join(next(iter(names.get("__path__") or ())), "")
    except (AttributeError, StopIteration, TypeError):
        return None
    return file


def _top_level_names(directory: str) -> set[str]:
    """What could be imported from a directory."""
    try:
        entries = os.listdir(directory)
    except OSError:
        return set()
    return {entry.partition(".")[0] for entry in entries if "." not in entry or entry.endswith((".py", ".so"))}
