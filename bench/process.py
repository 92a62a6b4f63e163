"""Starting a server so that it can be measured and is surely ended: own process group, own directory, own log."""

from __future__ import annotations

import ctypes
import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from measure import descendants

START_SECONDS = 30.0
STOP_SECONDS = 10.0
# nginx says 502 while its backend comes up; an application that is broken never stops saying 500.
MOST_WRONG_ANSWERS = 100
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)
# The servers that run now.
STARTED: set[int] = set()


class ServerFailed(Exception):
    """A server did not start, died, or answered something else than the case wants."""


@dataclass(frozen=True)
class Placement:
    """Which cores the server and the load may use; None leaves it to the kernel."""

    server: frozenset[int] | None
    load: frozenset[int] | None


def placement(pinned: bool) -> Placement:
    """Server on the first core, load on the second, when there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if not pinned or len(cores) < 2:
        return Placement(None, None)
    return Placement(frozenset(cores[:1]), frozenset(cores[1:2]))


def adopt_orphans() -> None:
    """Make this process the parent of whatever a dying server leaves behind, so that it can be found and ended."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def prepare_child(cores: frozenset[int] | None, open_files: int | None):
    """What a child does before it becomes the server."""

    def prepare() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if cores:
            os.sched_setaffinity(0, cores)
        if open_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

    return prepare


@contextmanager
def running(
    command: list[str], directory: Path, cores: frozenset[int] | None = None, open_files: int | None = None
) -> Iterator[subprocess.Popen]:
    """A server process for as long as the block lasts; its whole tree is gone afterwards."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UWSGI_", "GRANIAN_"))}
    # HOME: gunicorn and others may write there. NO_COLOR: the log is for reading.
    environment.update(TMPDIR=str(directory), HOME=str(directory), NO_COLOR="1", PYTHONDONTWRITEBYTECODE="1")
    for variable in ("PYTHONPATH", "VIRTUAL_ENV", "WEB_CONCURRENCY", "PORT", "GUNICORN_CMD_ARGS"):
        environment.pop(variable, None)
    with open(directory / f"{Path(command[0]).name}.log", "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parent / "apps",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=prepare_child(cores, open_files),
        )
    STARTED.add(process.pid)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen) -> None:
    """TERM, a grace, then KILL for everything that is or was below this process."""
    tree = descendants(process.pid)
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{Path(process.args[0]).name} did not stop on TERM and is killed", file=sys.stderr)
    STARTED.discard(process.pid)
    tree |= orphans()
    for pid in tree:
        kill(pid)
    process.wait(STOP_SECONDS)
    for pid in tree:
        collect(pid)


def orphans() -> set[int]:
    """What this process has adopted: everything below it that belongs to no server still running."""
    owned = {os.getpid()}.union(*(descendants(pid) for pid in STARTED))
    return descendants(os.getpid()) - owned


def kill(pid: int) -> None:
    """KILL, and no complaint about who has already gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def collect(pid: int) -> None:
    """Reap what was adopted, so that no zombie stays; others reap their own."""
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def free_port() -> int:
    """A TCP port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory of its own for each server: sockets, logs, temporary files."""
    with tempfile.TemporaryDirectory(prefix="verdigris-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def wait_until_answering(process: subprocess.Popen, port: int, path: str, directory: Path) -> None:
    """Ask for `path` until the answer is 200; the log says why when there is none."""
    deadline = time.monotonic() + START_SECONDS
    last = "nobody listens"
    wrong_answers = 0
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerFailed(f"ended with {process.returncode}{log_tail(directory)}")
        try:
            status, _ = ask(port, path)
            if status == 200:
                return
            last, wrong_answers = f"answers {status}", wrong_answers + 1
            if wrong_answers > MOST_WRONG_ANSWERS:
                break
        except (OSError, http.client.HTTPException) as error:
            last = str(error)
        time.sleep(0.02)
    raise ServerFailed(f"did not come up: {last}{log_tail(directory)}")


def ask(port: int, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def log_tail(directory: Path) -> str:
    """The last lines of every log in the directory."""
    lines = [line for log in sorted(directory.glob("*.log")) for line in log.read_text(errors="replace").splitlines()]
    return "".join(f"\n    {line}" for line in lines[-8:])
