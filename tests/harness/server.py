"""One server under test: started, listened to line by line, stopped, and looked after.

Tests wait for the lines in which the server announces its phases (`listening on …`, `ready: …`),
never for time to pass. After a stop nothing may be left: no process, no socket file, no temporary
file.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from . import processes
from .address import Address
from .waiting import PATIENCE, TooLate, wait_until

TESTS = Path(__file__).resolve().parent.parent
APPS = TESTS / "apps"
PYTHON_HOME: str | None = None
"""The environment that apps are served from, when `--home` of the tests names another than Verdigris's own."""
READY = re.compile(r"\bready: (\d+) workers?\b")


def verdigris_command() -> str:
    """The server's executable: VERDIGRIS_BIN, else the one of the repository's environment."""
    return os.environ.get("VERDIGRIS_BIN") or str(TESTS.parent / ".venv" / "bin" / "verdigris")


class Home:
    """A server's own short-named directory: journal, gates, sockets and temporary files.

    Short, because the path of a unix socket may have 107 bytes only.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="vd-"))
        self.temporary = self.path / "tmp"
        self.temporary.mkdir()
        self.journal = self.path / "journal"
        self.journal.touch()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write(self, name: str, text: str) -> Path:
        """Put a file here (a config, an app)."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def entries(self) -> list[str]:
        """The lines that the app wrote into its journal so far."""
        return self.journal.read_text(encoding="latin-1").splitlines()

    def wait_entry(self, text: str, times: int = 1, seconds: float = PATIENCE) -> None:
        """Wait until the app wrote this line (`times` times) into its journal."""

        def seen() -> bool:
            return sum(text == entry for entry in self.entries()) >= times

        try:
            wait_until(seen, f"journal entry {text!r} × {times}", seconds)
        except TooLate as late:
            raise TooLate(f"{late}; the journal has {self.entries()[-20:]}") from None

    def gate(self, name: str) -> Gate:
        """A gate that the app waits at (`control.wait_at(name)`) until the test opens it."""
        return Gate(self.path / name)

    def remove(self) -> None:
        """Remove the directory and all in it."""
        shutil.rmtree(self.path, ignore_errors=True)


class Gate:
    """A named pipe on which an app waits for the test."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def open(self, times: int = 1) -> None:
        """Let `times` waiting calls (present or future) pass."""
        os.write(self._descriptor, b"." * times)

    def close(self) -> None:
        """Release the pipe itself."""
        os.close(self._descriptor)


class Output:
    """All that a process writes to one stream, line by line, as it comes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._collect, args=(stream,), daemon=True)
        self._thread.start()

    def _collect(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))

    def finished(self, seconds: float = 5.0) -> bool:
        """Wait for the end of the stream; False when somebody still holds it open."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join(self.lines)


class Server:
    """A started server. `home` is its directory, `log` what it says on stderr."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        home: Home | None = None,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        command: Sequence[str] | None = None,
        stderr: int | None = None,
    ) -> None:
        self.home = home or Home()
        self.token = secrets.token_hex(8)
        self.arguments = [*(command or [verdigris_command()]), *arguments]
        self.process = subprocess.Popen(
            self.arguments,
            cwd=directory or self.home.path,
            env=self._environment(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if stderr is None else stderr,
            start_new_session=True,
            pass_fds=tuple(descriptors),
        )
        assert self.process.stdout is not None
        self.out = Output(self.process.stdout)
        self.log = Output(self.process.stderr) if self.process.stderr else self.out
        self.stopped = False

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("UWSGI_", "VERDIGRIS_", "PYTEST_", "PYTHON", "LISTEN_", "NOTIFY_"))
            or name == "VERDIGRIS_PACKAGE"
        }
        ours.update(
            {
                processes.TOKEN_VARIABLE: self.token,
                "TEST_HOME": str(self.home.path),
                "TMPDIR": str(self.home.temporary),
                "PYTHONDONTWRITEBYTECODE": "1",
                "NO_COLOR": "1",
            }
        )
        if PYTHON_HOME:
            ours["VERDIGRIS_HOME"] = PYTHON_HOME
        ours.update(extra)
        return ours

    # What it says

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    @property
    def addresses(self) -> list[Address]:
        """All sockets announced so far, in their order."""
        found = (Address.from_line(line) for line in list(self.log.lines))
        return [address for address in found if address is not None]

    def address(self, option: str, index: int = 0) -> Address:
        """The socket that this option opened (the `index`-th of them)."""
        matching = [address for address in self.addresses if address.option == option]
        assert len(matching) > index, f"no {option} socket was announced:\n{self.log.text}"
        return matching[index]

    def wait_line(self, pattern: str, seconds: float = PATIENCE, after: int = 0) -> re.Match[str]:
        """Wait for a line on stderr that the pattern is found in; `after` skips the first lines."""
        wanted = re.compile(pattern)

        def seen() -> re.Match[str] | None:
            for line in self.log.lines[after:]:
                match = wanted.search(line)
                if match:
                    return match
            return None

        try:
            return wait_until(seen, f"line /{pattern}/", seconds)
        except TooLate as late:
            raise TooLate(f"{late}; the server said:\n{self.log.text}") from None

    def wait_ready(self, seconds: float = 40.0) -> Server:
        """Wait until it serves; fails at once when it ends instead."""

        def serves_or_ended() -> bool:
            return bool(READY.search(self.log.text)) or self.process.poll() is not None

        wait_until(serves_or_ended, f"ready line; so far:\n{self.log.text}", seconds)
        if not READY.search(self.log.text):
            code = self.process.poll()
            self.log.finished()
            raise AssertionError(f"the server ended with {code} instead of serving:\n{self.log.text}")
        return self

    def mark(self) -> int:
        """A place in the log, for `wait_line(after=…)` and `lines_since`."""
        return len(self.log.lines)

    def lines_since(self, mark: int) -> list[str]:
        """The log lines that came after the mark."""
        return self.log.lines[mark:]

    def complaints(self) -> list[str]:
        """Its warnings and errors, but for the one that tests are often run as root."""
        lines = (line for line in self.log.lines if line.startswith(("warning:", "error:")) or "Warning" in line)
        return [line for line in lines if "running as root" not in line]

    # Its processes

    def family(self) -> list[processes.Process]:
        """All living processes that belong to it."""
        return processes.family(self.pid, self.token)

    def memory_kib(self) -> dict[int, int]:
        """Private plus shared-memory pages of every process, by process id."""
        sizes: dict[int, int] = {}
        for member in self.family():
            try:
                sizes[member.pid] = processes.resident_kib(member.pid) + processes.shared_kib(member.pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return sizes

    # Its end

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the server process."""
        self.process.send_signal(number)

    def wait_exit(self, seconds: float = PATIENCE) -> int:
        """Wait for the server process to end; its exit code (negative: the signal)."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TooLate(f"the server has not ended within {seconds:g} s:\n{self.log.text}") from None
        self.log.finished(2.0)  # its last words are in the pipe; whatever outlives it may hold that open
        return code

    def wait_alone(self, seconds: float = PATIENCE) -> None:
        """Wait until no process of this server is left, and assert it."""

        def empty() -> bool:
            return not self.family()

        try:
            wait_until(empty, "the end of all processes", seconds)
        except TooLate as late:
            raise TooLate(f"{late}; left: {self.family()}\n{self.log.text}") from None

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 8.0) -> int:
        """Stop it by a signal, wait for its end, and assert that nothing is left."""
        self.stopped = True
        self.send_signal(number)
        code = self.wait_exit(seconds)
        self.wait_alone(2.0)
        assert self.log.finished(), "somebody still holds the server's stderr"
        self.assert_nothing_left()
        return code

    def assert_nothing_left(self) -> None:
        """No temporary file and no shared memory may outlive the server."""
        left = sorted(str(path) for path in self.home.temporary.rglob("*"))
        assert not left, f"left in the temporary directory: {left}"
        shared = [name for name in os.listdir("/dev/shm") if "verdigris" in name]
        assert not shared, f"left in shared memory: {shared}"

    def destroy(self) -> None:
        """End everything by force; used when a test is over, whatever happened in it."""
        processes.kill_all(self.family())
        self.process.wait(10)
        self.stopped = True
