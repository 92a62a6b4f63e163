"""Real databases and servers beside the server under test, each in a temporary directory on a unix socket.

PostgreSQL and MariaDB refuse to run as root; then they run as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .waiting import wait_until

_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_PLACES = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/sbin", *map(str, _POSTGRES)]
_USER = "nobody"


def program(name: str) -> str:
    """A program of this machine, also from where Debian hides servers."""
    found = shutil.which(name, path=os.pathsep.join(_PLACES))
    assert found is not None, f"{name} is not installed"
    return found


class Daemon:
    """A running server, its directory, and what it says."""

    def __init__(
        self,
        arguments: Callable[[Path], list[str]],
        ready: Callable[[Daemon], bool],
        *,
        setup: Callable[[Path], list[str]] | None = None,
        refuses_root: bool = False,
    ) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="vd-daemon-"))
        self._as_user: dict = {}
        if refuses_root and os.geteuid() == 0:
            shutil.chown(self.home, _USER)
            self._as_user = {"user": _USER, "extra_groups": []}
        self.home.chmod(0o711)
        self._log = self.home / "log"
        self._log.touch()
        if setup is not None:
            self._run(setup(self.home))
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                arguments(self.home),
                **self._options(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_until(lambda: ready(self) or self.process.poll() is not None, "a daemon that is ready", 60)
            assert self.process.poll() is None, f"it has ended:\n{self.said()}"
        except BaseException:
            self.stop()
            raise

    def _options(self) -> dict:
        return {"cwd": self.home, "env": {**os.environ, "HOME": str(self.home), "LC_ALL": "C"}, **self._as_user}

    def _run(self, arguments: list[str]) -> None:
        done = subprocess.run(arguments, **self._options(), capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, f"{arguments[0]}: {done.stdout}{done.stderr}"

    def said(self) -> str:
        """Its log."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """End it and remove its directory."""
        # PostgreSQL waits for its clients at SIGTERM, and the others do not know SIGINT.
        patient = self.process.args[0].endswith("postgres")  # type: ignore[union-attr]
        self.process.send_signal(signal.SIGINT if patient else signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        shutil.rmtree(self.home, ignore_errors=True)


def postgres() -> Daemon:
    """A cluster of its own: database and user `postgres`, on a unix socket in its directory, nothing asked."""
    return Daemon(
        lambda home: [
            program("postgres"),
            *("-D", str(home / "data"), "-k", str(home)),
            *("-c", "listen_addresses=", "-c", "unix_socket_permissions=0777"),
            *("-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=120"),
        ],
        lambda daemon: "database system is ready to accept connections" in daemon.said(),
        setup=lambda home: [
            program("initdb"),
            *("-D", str(home / "data"), "-U", "postgres", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8"),
        ],
        refuses_root=True,
    )


def mariadb() -> Daemon:
    """A server without accounts, on the unix socket `socket` in its directory."""
    return Daemon(
        lambda home: [
            program("mariadbd"),
            *("--no-defaults", f"--datadir={home}", f"--socket={home}/socket", f"--pid-file={home}/pid"),
            *("--skip-networking", "--skip-grant-tables", "--innodb-buffer-pool-size=8M", "--max-connections=120"),
        ],
        lambda daemon: "ready for connections" in daemon.said() and (daemon.home / "socket").exists(),
        refuses_root=True,
    )


def redis() -> Daemon:
    """An empty server on the unix socket `socket` in its directory."""
    return Daemon(
        lambda home: [
            program("redis-server"),
            *("--port", "0", "--unixsocket", str(home / "socket"), "--unixsocketperm", "777"),
            *("--save", "", "--dir", str(home)),
        ],
        lambda daemon: (daemon.home / "socket").exists(),
    )


def slow_grpc() -> Daemon:
    """A grpc server on the unix socket `socket` in its directory; its one method takes as long as it is told."""
    return Daemon(
        lambda home: [sys.executable, str(Path(__file__).parent / "slow_grpc.py"), str(home / "socket")],
        lambda daemon: "serving" in daemon.said(),
    )
