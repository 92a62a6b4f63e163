"""Unit tests of the Python side: a real mold process, with the test in the server's place.

The package is copied beside a stand-in for the native extension, so that these tests need no built server; the
stand-in's link is three pipes that the test holds the other ends of.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / "python" / "verdigris"
SECONDS = 20

# The loader and its neighbours are also tested in this process, from the sources.
sys.path.insert(0, str(PACKAGE.parent))


@pytest.fixture(scope="session", autouse=True)
def _command_exists() -> None:
    """These tests need no server."""


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with stand-ins for the extension and the engine; a stranger's package lies beside it."""
    site = tmp_path_factory.mktemp("site")
    copy = site / "verdigris"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copy(HERE / "stand_in_native.py", copy / "_native.py")
    shutil.copy(HERE / "stand_in_engine.py", copy / "engines" / "threads.py")
    (site / "stranger.py").write_text("")
    return copy


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The app's directory: the working directory of the mold."""
    place = tmp_path / "project"
    place.mkdir()
    return place


@pytest.fixture
def start(package: Path, directory: Path):
    """Start a mold; all are ended with the test."""
    molds: list[Mold] = []

    def start(*, python: tuple[str, ...] = (), env: dict[str, str] | None = None) -> Mold:
        molds.append(Mold(package, directory, python, env or {}))
        return molds[-1]

    yield start
    for mold in molds:
        mold.end()


@pytest.fixture
def load(start):
    """Load an app in a fresh mold and return what it answered."""

    def load(**settings) -> dict:
        mold = start()
        mold.send({"do": "load", "settings": settings})
        return mold.receive()

    return load


class Mold:
    """A mold process seen from the server."""

    def __init__(self, package: Path, directory: Path, python: tuple[str, ...], env: dict[str, str]) -> None:
        self.control, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(SECONDS)
        self.output = directory.parent / f"output-{its_end.fileno()}"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *python, str(package / "__mold__.py")],
                cwd=directory,
                env={**os.environ, **env, "VERDIGRIS_CONTROL": str(its_end.fileno())},
                pass_fds=[its_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        its_end.close()
        self._workers: list[Worker] = []

    def send(self, message: dict, descriptors: list[int] | None = None) -> None:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))] if descriptors else []
        self.control.sendmsg([json.dumps(message).encode()], ancillary)

    def receive(self) -> dict:
        packet = self.control.recv(256 * 1024)
        assert packet, f"the mold is gone: {self.output.read_text()}"
        return json.loads(packet)

    def load(self, **settings) -> dict:
        self.send({"do": "load", "settings": settings})
        loaded = self.receive()
        assert loaded["event"] == "loaded", loaded
        return loaded

    def fork(self, number: int = 1, incarnation: int = 1) -> Worker:
        worker = Worker()
        self.send({"do": "fork", "worker": number, "incarnation": incarnation}, worker.its_ends)
        worker.hand_over()
        self._workers.append(worker)
        return worker

    def forked(self) -> int:
        """The pid of the next event, which must be `forked`."""
        event = self.receive()
        assert event["event"] == "forked", event
        return event["pid"]

    def wait(self) -> int:
        return self.process.wait(SECONDS)

    def end(self) -> None:
        self.control.close()
        for worker in self._workers:
            worker.close()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class Worker:
    """The server's ends of a worker's stand-in link."""

    def __init__(self) -> None:
        self.memory = os.memfd_create("test")
        self._requests_its_end, self._requests = os.pipe()
        answers, self._answers_its_end = os.pipe()
        self.answers = open(answers, encoding="utf-8")
        self.control, self._control_its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(SECONDS)
        self.stacks, self._stacks_its_end = os.pipe()
        self.its_ends = [
            self.memory,
            self._requests_its_end,
            self._answers_its_end,
            self._control_its_end.fileno(),
            self._stacks_its_end,
        ]

    def hand_over(self) -> None:
        """Close what the worker has now."""
        self._control_its_end.close()
        for descriptor in (self.memory, self._requests_its_end, self._answers_its_end, self._stacks_its_end):
            os.close(descriptor)

    def answer(self) -> dict:
        """The next thing the worker said on its link."""
        line = self.answers.readline()
        return json.loads(line) if line else {}

    def ask(self, **environ) -> dict:
        """Send a request and wait for its answer."""
        self.send(**environ)
        return self.answer()

    def send(self, **environ) -> None:
        """Send a request."""
        os.write(self._requests, json.dumps(environ).encode())

    def leave(self) -> None:
        """Tell the worker to finish."""
        if self._requests >= 0:
            os.close(self._requests)
        self._requests = -1

    def close(self) -> None:
        """Close the server's ends."""
        self.leave()
        self.answers.close()
        self.control.close()
        if self.stacks >= 0:
            os.close(self.stacks)
        self.stacks = -1
