"""Apps that requests name: loaded when the first request asks for them (uWSGI calls this dynamic apps).

The web server in front says in variables of the uwsgi protocol which app a request is for: UWSGI_SCRIPT, or
UWSGI_MODULE and UWSGI_CALLABLE, or UWSGI_FILE; and where that app is at home: UWSGI_CHDIR, UWSGI_PYHOME. What is named
decides, not where it is named: two locations of one site can have two apps, and two sites the same one.

Header fields cannot name anything: they become variables that begin with HTTP_.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from time import monotonic
from typing import NamedTuple

from verdigris import djangos, homes, loader, standin
from verdigris.engines.mishaps import mishaps
from verdigris.engines.wsgi import say
from verdigris.failure import LoadFailure, unforeseen
from verdigris.rooms import Room, Rooms

_MOST_FAILURES = 64
_SHORTEST_REST = 1.0
_REST_FOR_EACH_SECOND = 10.0

VARIABLES = ("UWSGI_SCRIPT", "UWSGI_MODULE", "UWSGI_CALLABLE", "UWSGI_FILE", "UWSGI_CHDIR", "UWSGI_PYHOME")


class Wanted(NamedTuple):
    """What a request says of its app, as in VARIABLES."""

    script: str | None
    module: str | None
    callable: str | None
    file: str | None
    directory: str | None
    home: str | None

    @property
    def subject(self) -> tuple[str | None, str | None]:
        """The module and the file, as the options of these names have them; uWSGI's order."""
        if self.script:
            return self.script, None
        if self.module:
            return (f"{self.module}:{self.callable}" if self.callable else self.module), None
        return None, self.file

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in zip(VARIABLES, self, strict=True) if value)


class Loaded(NamedTuple):
    """An app that a request has named."""

    number: int
    function: object
    room: Room
    touch: str | None
    touched: float | None


class DynamicApps:
    """The apps that requests have named so far, in this worker."""

    def __init__(self, settings: dict, first_number: int) -> None:
        from threading import Lock

        self._settings = settings
        self._next_number = first_number
        self._apps: dict[Wanted, Loaded] = {}
        self._resting: dict[Wanted, float] = {}  # what could not be loaded, and until when it is not tried again
        self._lock = Lock()
        self._rooms = Rooms()
        self._djangos = djangos.Djangos(self._rooms.first.directory)
        self._alone = settings.get("engine") != "gevent" and settings.get("threads") in (1, None)

    def find(self, environ):
        """The number and the callable of the app that the request names; None when it names none."""
        get = environ.get
        wanted = Wanted(*map(get, VARIABLES))
        if not (wanted.script or wanted.module or wanted.file):
            self.leave()
            return None
        loaded = self._apps.get(wanted) or self._load(wanted, environ)
        if loaded is None:
            return -1, standin.application
        if self._alone:
            self._rooms.enter(loaded.room)
        if loaded.touch and _mtime(loaded.touch) != loaded.touched:
            self._renew(wanted, loaded)
        return loaded.number, loaded.function

    def leave(self) -> None:
        """A request of the configuration's own app comes next."""
        if self._alone and self._rooms.current is not self._rooms.first:
            self._rooms.enter(self._rooms.first)

    def _renew(self, wanted: Wanted, loaded: Loaded) -> None:
        """Have another worker in this one's place; asked once."""
        self._apps[wanted] = loaded._replace(touch=None)
        mishaps.replace_worker(f"{loaded.touch} has been touched (UWSGI_TOUCH_RELOAD)")

    def _load(self, wanted: Wanted, environ) -> Loaded | None:
        with self._lock:
            if wanted in self._apps:
                return self._apps[wanted]
            started = monotonic()
            if started < self._resting.get(wanted, started):
                return None
            try:
                loaded = self._apps[wanted] = self._load_app(wanted, environ)
            except LoadFailure as failure:
                self._rest(wanted, started, failure)
                return None
            except Exception as error:
                self._rest(wanted, started, unforeseen(error))
                return None
            self._resting.pop(wanted, None)
            say(f"app {loaded.number} was named by a request and is loaded in {monotonic() - started:.3f} s: {wanted}")
            return loaded

    def _rest(self, wanted: Wanted, started: float, failure: LoadFailure) -> None:
        """Say why there is no such app, and do not try again for a while: anybody may ask for it again and again."""
        ended = monotonic()
        while len(self._resting) >= _MOST_FAILURES:
            self._resting.pop(next(iter(self._resting)))
        self._resting[wanted] = ended + max(_SHORTEST_REST, (ended - started) * _REST_FOR_EACH_SECOND)
        say(f"the app that a request names is not there: {wanted}\n{failure.text()}")

    def _load_app(self, wanted: Wanted, environ) -> Loaded:
        setenv = environ.get("UWSGI_SETENV") or ""
        name, equals, value = setenv.partition("=")
        if name and equals:
            os.environ[name] = value
        room = self._room(wanted)
        before = self._djangos.before()
        module, file = wanted.subject
        with self._inside(room):
            app = loader.load_one({**self._settings, "module": module, "wsgi_file": file})
        self._djangos.check(app, room.directory, before)
        touch = environ.get("UWSGI_TOUCH_RELOAD")
        touch = os.path.join(room.directory, touch) if touch else None
        number, self._next_number = self._next_number, self._next_number + 1
        return Loaded(number, app.function, room, touch, _mtime(touch) if touch else None)

    def _room(self, wanted: Wanted) -> Room:
        directory = self._rooms.absolute(wanted.directory) if wanted.directory else None
        if directory is not None and not os.path.isdir(directory):
            raise LoadFailure(
                "directory not usable",
                f"UWSGI_CHDIR: {directory!r} is not a directory",
                hint="name an existing directory: uwsgi_param UWSGI_CHDIR /srv/app;",
            )
        home = self._rooms.absolute(wanted.home) if wanted.home else None
        packages = homes.packages_of(home) if home else []
        return self._rooms.room(directory, home if packages else None, packages)

    @contextmanager
    def _inside(self, room: Room):
        """Where the app is loaded: in its room alone; or, when requests run beside each other, in its room among
        those that are open, and in its directory until it is loaded."""
        if self._alone:
            self._rooms.enter(room)
            yield
            return
        self._refuse_clash(room)
        before = os.getcwd()
        self._rooms.open(room)
        os.chdir(room.directory)
        try:
            yield
        finally:
            if self._apps:  # the first app's directory stays
                os.chdir(before)

    def _refuse_clash(self, room: Room) -> None:
        clash = self._rooms.clash(room)
        if clash is not None:
            name, here, there = clash
            raise LoadFailure(
                "two modules of one name",
                f'"{name}" is in {here}, but this worker already runs the "{name}" of {there}',
                hint="let a worker run one request at a time (threads = 1), or give the modules different names",
            )


def _mtime(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None
