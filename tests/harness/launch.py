"""Starting servers in tests: with the usual options, many at once, and surely ended."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from .client import ALL_DOORS
from .server import APPS, Home, Server

ENGINE = "threads"
"""How requests wait in the servers of tests that do not care: `threads`, or what `--engine` says."""

GREENLETS_FOR_AUTO = 40
"""As many as an automatic pool has threads at most."""


def application_options(app: str, processes: int, threads: int | str, engine: str | None = None) -> list[str]:
    """The options that serve an app of `tests/apps`, with so many requests at once in each process."""
    return [
        *("--pythonpath", str(APPS), "--module", app),
        *("--processes", str(processes), *engine_options(threads, engine)),
    ]


def engine_options(at_once: int | str, engine: str | None = None) -> list[str]:
    """The options for so many requests at once (or `auto`) in each process, over the engine under test."""
    if (engine or ENGINE) == "gevent":
        return ["--gevent", str(GREENLETS_FOR_AUTO if at_once == "auto" else at_once)]
    return ["--threads", str(at_once)]


def engine_lines(at_once: int | str) -> list[str]:
    """The same as lines of an ini file."""
    option, value = engine_options(at_once)
    return [f"{option.removeprefix('--')} = {value}"]


class Launcher:
    """Starts servers and ends every one of them."""

    def __init__(self) -> None:
        self.servers: list[Server] = []
        self.shared: dict[tuple[str, ...], Server] = {}

    def start(
        self,
        *arguments: str,
        home: Home | None = None,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        command: Sequence[str] | None = None,
        stderr: int | None = None,
    ) -> Server:
        """Start the server with exactly these arguments; nothing is waited for."""
        server = Server(
            arguments,
            home=home,
            directory=directory,
            environment=environment,
            descriptors=descriptors,
            command=command,
            stderr=stderr,
        )
        self.servers.append(server)
        return server

    def serve(
        self,
        app: str,
        *options: str,
        processes: int = 1,
        threads: int | str = 1,
        engine: str | None = None,
        doors: Sequence[str] = ("--http-socket", "127.0.0.1:0"),
        home: Home | None = None,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
    ) -> Server:
        """Serve an app of `tests/apps` and wait until it does."""
        server = self.start(
            *doors,
            *application_options(app, processes, threads, engine),
            *options,
            home=home,
            directory=directory,
            environment=environment,
            descriptors=descriptors,
        )
        return server.wait_ready()

    def share(self, app: str, *options: str, processes: int = 1, threads: int | str = 4) -> Server:
        """A server with every door open, started once for all tests that ask for the same."""
        key = (app, str(processes), str(threads), *options)
        server = self.shared.get(key)
        if server is None or server.process.poll() is not None:
            server = self.serve(app, *options, processes=processes, threads=threads, doors=ALL_DOORS)
            self.shared[key] = server
        return server

    def end_gracefully(self) -> None:
        """Stop every server that still runs by TERM, and assert that it ends well."""
        for server in self.servers:
            if server.process.poll() is None and not server.stopped:
                code = server.stop(signal.SIGTERM)
                assert code == 0, f"TERM ended the server with {code}:\n{server.log.text}"

    def destroy(self) -> None:
        """End whatever is left by force and remove the directories."""
        for server in self.servers:
            server.destroy()
            server.home.remove()
