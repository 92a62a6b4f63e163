"""Fixtures of the end-to-end tests: servers, doors, clients, journals and gates.

Every server listens on port 0, lives in a directory of its own, and is ended with its test; the
tests of one file may share a server that only answers requests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from harness import launch
from harness import server as harness_server
from harness.client import DOORS, HTTP_DOORS, UWSGI_DOORS, Client, Door
from harness.launch import Launcher
from harness.server import Home, Server, verdigris_command

USUAL_ENGINE = "threads"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--engine gevent` runs every test over the gevent engine; those about threads are left out.

    `--home DIRECTORY` serves the apps with that environment's Python.
    """
    parser.addoption("--engine", choices=("threads", "gevent"), default=USUAL_ENGINE, help="how requests wait")
    parser.addoption("--home", help="the virtual environment that apps are served from")


def pytest_configure(config: pytest.Config) -> None:
    """Tell the harness which engine is under test."""
    launch.ENGINE = config.getoption("--engine")
    harness_server.PYTHON_HOME = config.getoption("--home") and os.path.abspath(config.getoption("--home"))
    config.addinivalue_line("markers", "engine(name): the test is about this engine only")
    config.addinivalue_line("markers", "once: the test names its engine itself, so it is not run again over another")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """No test may hang: each has a deadline, longer than any wait inside it.

    Tests that are marked with an engine are about that one: over another they are not run. Those that name their
    engine themselves are run over the usual one only (or with `--home`), where they do what they would do over any.
    """
    others = [item for item in items if not _is_about(item, launch.ENGINE)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in set(others)]
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(120))


def _is_about(item: pytest.Item, engine: str) -> bool:
    """Whether a test is to be run over this engine."""
    if item.get_closest_marker("once") and engine != USUAL_ENGINE and not harness_server.PYTHON_HOME:
        return False
    return all(engine in marker.args for marker in item.iter_markers("engine"))


@pytest.fixture(scope="session")
def command() -> str:
    """The server's executable, which must exist before any server is started."""
    command = verdigris_command()
    if shutil.which(command) is None:
        pytest.exit(f"no server to test: {command} does not exist; set VERDIGRIS_BIN", returncode=3)
    return command


@pytest.fixture
def launcher(command: str) -> Iterator[Launcher]:
    """Servers of this test alone."""
    assert command
    launcher = Launcher()
    try:
        yield launcher
        launcher.end_gracefully()
    finally:
        for server in launcher.servers:
            print(f"$ {' '.join(server.arguments)}\n{server.log.text}\n{server.out.text}")
        launcher.destroy()


@pytest.fixture(scope="module")
def shared_launcher(command: str) -> Iterator[Launcher]:
    """Servers that the tests of one file share."""
    assert command
    launcher = Launcher()
    try:
        yield launcher
        launcher.end_gracefully()
    finally:
        launcher.destroy()


@pytest.fixture
def start(launcher: Launcher):
    """Start a server with exactly these arguments."""
    return launcher.start


@pytest.fixture
def serve(launcher: Launcher):
    """Serve an app of `tests/apps` with one http-socket and wait until it is ready."""
    return launcher.serve


@pytest.fixture
def home() -> Iterator[Home]:
    """A directory for configs, apps and sockets, to be given to a server."""
    home = Home()
    yield home
    home.remove()


@pytest.fixture(params=DOORS, ids=str)
def door(request: pytest.FixtureRequest) -> Door:
    """Every way in."""
    return request.param


@pytest.fixture(params=HTTP_DOORS, ids=str)
def http_door(request: pytest.FixtureRequest) -> Door:
    """Every way in that speaks HTTP."""
    return request.param


@pytest.fixture(params=UWSGI_DOORS, ids=str)
def uwsgi_door(request: pytest.FixtureRequest) -> Door:
    """Every way in that speaks the uwsgi protocol."""
    return request.param


@pytest.fixture
def server(request: pytest.FixtureRequest, shared_launcher: Launcher) -> Iterator[Server]:
    """The server that this file's tests share: its module names it in APP (and OPTIONS, PROCESSES, THREADS)."""
    module = request.module
    server = shared_launcher.share(
        module.APP,
        *getattr(module, "OPTIONS", ()),
        processes=getattr(module, "PROCESSES", 1),
        threads=getattr(module, "THREADS", 4),
    )
    mark = server.mark()
    yield server
    print("\n".join(server.lines_since(mark)))
    assert server.process.poll() is None, f"the server has died:\n{server.log.text}"


@pytest.fixture
def client(server: Server, door: Door) -> Client:
    """A client of the shared server, through each door in turn."""
    return Client(server, door)


@pytest.fixture
def http_client(server: Server, http_door: Door) -> Client:
    """A client of the shared server, through each HTTP door in turn."""
    return Client(server, http_door)


@pytest.fixture
def uwsgi_client(server: Server, uwsgi_door: Door) -> Client:
    """A client of the shared server, through each uwsgi door in turn."""
    return Client(server, uwsgi_door)
