"""Where a server listens, as its start lines say it."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

_LISTENING = re.compile(r"listening on (?P<where>\S+) \((?P<option>[a-z0-9-]+)\)")
_TCP = re.compile(r"(?:http|https|uwsgi)://(?:\[(?P<six>[^]]+)\]|(?P<host>[^:/]*)):(?P<port>\d+)/?")


@dataclass(frozen=True)
class Address:
    """One listening socket: which option opened it, and how to connect to it."""

    option: str
    family: socket.AddressFamily
    target: tuple[str, int] | str

    @classmethod
    def from_line(cls, line: str) -> Address | None:
        """The address in a line `listening on …`, or None when the line says something else."""
        match = _LISTENING.search(line)
        if match is None:
            return None
        where, option = match["where"], match["option"]
        if where.startswith("unix:"):
            path = where.removeprefix("unix:").removeprefix("//")
            if path.startswith("@"):
                path = "\0" + path[1:]
            return cls(option, socket.AF_UNIX, path)
        tcp = _TCP.match(where)
        if tcp is None:
            return None
        host = tcp["six"] or tcp["host"]
        family = socket.AF_INET6 if tcp["six"] else socket.AF_INET
        if host == "0.0.0.0":
            host = "127.0.0.1"
        elif host == "::":
            host = "::1"
        return cls(option, family, (host, int(tcp["port"])))

    @property
    def port(self) -> int:
        """The TCP port; 0 for a unix socket."""
        return 0 if isinstance(self.target, str) else self.target[1]

    @property
    def url(self) -> str:
        """`http://host:port` for ordinary HTTP clients."""
        assert not isinstance(self.target, str), "a unix socket has no URL"
        host, port = self.target
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def connect(self, timeout: float) -> socket.socket:
        """A connected stream socket."""
        connection = socket.socket(self.family, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(self.target)
        except BaseException:
            connection.close()
            raise
        return connection
