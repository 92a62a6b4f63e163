"""How each server is started. A new peer is one function and one row in `PEERS`."""

from __future__ import annotations

import re
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from environment import VIRTUAL_ENVIRONMENT, program

APPS = Path(__file__).parent / "apps"
LAUNCHERS = Path(__file__).parent / "launchers"
HOST = "127.0.0.1"
MANY_FILES = 1_048_576
CAP_SYS_RESOURCE = 24


@dataclass(frozen=True)
class Wanted:
    """What a case asks of a server."""

    application: str
    processes: int
    port: int
    # Set when nginx stands in front: then the server listens here and speaks the uwsgi protocol.
    uwsgi_socket: Path | None = None
    verdigris: str | None = None
    verdigris_arguments: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Host and port in one word."""
        return f"{HOST}:{self.port}"


@dataclass(frozen=True)
class Peer:
    """A server in one of its usual settings."""

    command: Callable[[Wanted], list[str]]
    # The package that must be installed; None for what the repository brings itself.
    package: str | None
    # RLIMIT_NOFILE to start it under, when not the usual one.
    open_files: int | None = None


def verdigris(threads: str, wanted: Wanted) -> list[str]:
    """The server this repository is about; its applications run in the same environment as the peers'."""
    door = ["--socket", str(wanted.uwsgi_socket)] if wanted.uwsgi_socket else ["--http-socket", wanted.address]
    options = ["--processes", str(wanted.processes), "--threads", threads, "--disable-logging"]
    place = ["--chdir", str(APPS), "--home", str(VIRTUAL_ENVIRONMENT)]
    return [str(wanted.verdigris), *door, "--module", wanted.application, *options, *place, *wanted.verdigris_arguments]


def uwsgi(door: str, wanted: Wanted) -> list[str]:
    """uWSGI as its documentation advises: a master, no request log."""
    address = wanted.address
    if wanted.uwsgi_socket:
        door, address = "--socket", str(wanted.uwsgi_socket)
    options = ["--master", "--need-app", "--die-on-term", "--disable-logging"]
    place = ["--chdir", str(APPS), "--home", str(VIRTUAL_ENVIRONMENT)]
    count = ["--processes", str(wanted.processes)]
    return [program("uwsgi"), door, address, "--module", wanted.application, *count, *options, *place]


def verdigris_gevent(wanted: Wanted) -> list[str]:
    """The same with greenlets."""
    command = verdigris("1", wanted)
    at = command.index("--threads")
    return [*command[:at], "--gevent", GREENLETS, *command[at + 2 :]]


def uwsgi_gevent(wanted: Wanted) -> list[str]:
    """uWSGI with greenlets, patched before the app is loaded."""
    patched = ["--gevent-early-monkey-patch", "--listen", "1024"]
    return [*uwsgi("--http-socket", wanted), "--gevent", GREENLETS, *patched]


def gunicorn(worker: list[str], wanted: Wanted) -> list[str]:
    """gunicorn with one of its worker classes."""
    door = ["--bind", wanted.address]
    if wanted.uwsgi_socket:
        door = ["--bind", f"unix:{wanted.uwsgi_socket}", "--protocol", "uwsgi"]
    options = ["--workers", str(wanted.processes), "--log-level", "warning", "--no-control-socket"]
    return [program("gunicorn"), *door, *worker, *options, "--chdir", str(APPS), wanted.application]


def granian(options: list[str], wanted: Wanted) -> list[str]:
    """Granian as a WSGI server."""
    door = ["--interface", "wsgi", "--host", HOST, "--port", str(wanted.port)]
    count = ["--workers", str(wanted.processes)]
    place = ["--working-dir", str(APPS), "--log-level", "warning"]
    return [program("granian"), *door, *count, *options, *place, wanted.application]


def launched(launcher: str, wanted: Wanted) -> list[str]:
    """Servers that are a library: started by a small script of ours."""
    arguments = [wanted.application, HOST, str(wanted.port), str(wanted.processes)]
    return [program("python"), str(LAUNCHERS / launcher), *arguments]


def instant(wanted: Wanted) -> list[str]:
    """Not a peer: the server that answers at once, for checking the load clients."""
    return [program("python"), str(LAUNCHERS / "instant.py"), HOST, str(wanted.port)]


GREENLETS = "12000"
GUNICORN_GEVENT = ["-k", "gevent", "--worker-connections", GREENLETS, "--backlog", "4096"]
THOUSAND_BLOCKING_THREADS = ["--blocking-threads", "1000", "--http", "1", "--no-ws"]
ONE_BLOCKING_THREAD = ["--blocking-threads", "1", "--http", "1", "--no-ws"]

PEERS: dict[str, Peer] = {
    "verdigris": Peer(lambda wanted: verdigris("1", wanted), None),
    "verdigris-auto": Peer(lambda wanted: verdigris("auto", wanted), None),
    "verdigris-many-files": Peer(lambda wanted: verdigris("1", wanted), None, MANY_FILES),
    "fastpysgi": Peer(lambda wanted: launched("fastpysgi_launcher.py", wanted), "fastpysgi"),
    "bjoern": Peer(lambda wanted: launched("bjoern_launcher.py", wanted), "bjoern"),
    "granian": Peer(lambda wanted: granian(ONE_BLOCKING_THREAD, wanted), "granian"),
    "granian-default": Peer(lambda wanted: granian([], wanted), "granian"),
    "uwsgi": Peer(lambda wanted: uwsgi("--http-socket", wanted), "uwsgi"),
    "uwsgi-http11": Peer(lambda wanted: uwsgi("--http11-socket", wanted), "uwsgi"),
    "gunicorn-sync": Peer(lambda wanted: gunicorn(["-k", "sync"], wanted), "gunicorn"),
    "gunicorn-gthread": Peer(lambda wanted: gunicorn(["-k", "gthread", "--threads", "1"], wanted), "gunicorn"),
    "gunicorn-preload": Peer(lambda wanted: gunicorn(["-k", "sync", "--preload"], wanted), "gunicorn"),
    "verdigris-gevent": Peer(verdigris_gevent, "gevent"),
    "uwsgi-gevent": Peer(uwsgi_gevent, "uwsgi"),
    "gunicorn-gevent": Peer(lambda wanted: gunicorn(GUNICORN_GEVENT, wanted), "gunicorn"),
    "granian-1000": Peer(lambda wanted: granian(THOUSAND_BLOCKING_THREADS, wanted), "granian"),
    "instant": Peer(instant, None),
}


def may_open(files: int) -> bool:
    """Whether the limit of open files can be set that high here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY or hard >= files:
        return True
    status = Path("/proc/self/status").read_text()
    capabilities = int(re.search(r"^CapEff:\s*(\w+)", status, re.MULTILINE).group(1), 16)
    return bool(capabilities >> CAP_SYS_RESOURCE & 1) and int(Path("/proc/sys/fs/nr_open").read_text()) >= files


def missing(name: str, packages: dict[str, str], verdigris_path: str | None) -> str | None:
    """Why a peer cannot take part; None when it can."""
    files = PEERS[name].open_files
    if files and not may_open(files):
        return f"left out: this user may not raise `ulimit -n` to {files}"
    if name.startswith("verdigris"):
        return None if verdigris_path else "not installed"
    package = PEERS[name].package
    return None if package is None or package in packages else "not installed"
