"""A deployment as people have it: a site with its files, an ini file, a server that may go to the background."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from . import processes
from .launch import Launcher
from .server import APPS, READY, TESTS, Home, Server
from .waiting import wait_until

SITES = TESTS / "scenarios" / "sites"

CONTROL = {"PYTHONPATH": str(APPS)}
"""What a site needs in its environment to import `control`, with which it talks to the test."""


def put_site(home: Home, name: str) -> Path:
    """A copy of a site, in the server's own directory."""
    return Path(shutil.copytree(SITES / name, home / name, ignore=shutil.ignore_patterns("__pycache__")))


class LogFile:
    """What a server in the background says, as far as `Server` wants to know it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def text(self) -> str:
        """Everything so far."""
        return self._path.read_text(errors="replace") if self._path.exists() else ""

    @property
    def lines(self) -> list[str]:
        """The same, line by line."""
        return self.text.splitlines()

    def finished(self, _seconds: float = 0) -> bool:
        """Nobody reads it to its end."""
        return True


def start_in_background(
    launcher: Launcher,
    *arguments: str,
    home: Home,
    log: Path,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """Start a server that goes to the background by itself, and wait until it serves."""
    server = launcher.start(*arguments, home=home, directory=directory, environment={**CONTROL, **(environment or {})})
    code = server.wait_exit(60)
    assert code == 0, f"the command has ended with {code}:\n{server.log.text}"
    server.stopped = True
    assert server.log.finished(), "the server in the background holds the terminal"
    server.log = LogFile(log)
    wait_until(lambda: READY.search(server.log.text), "the ready line in the file", 40)
    return server


def stop_background(server: Server, pidfile: Path) -> None:
    """Stop it as a script does, by the pid in its file; all of it must end, with every request answered."""
    pid = int(pidfile.read_text())
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not _lives(pid), "the end of the server in the background")
    server.wait_alone(2)
    server.wait_line(r"drained: \d+ finished, 0 dropped, 0 killed")
    server.assert_nothing_left()


def _lives(pid: int) -> bool:
    found = processes.process(pid)
    return found is not None and found.state != "Z"
