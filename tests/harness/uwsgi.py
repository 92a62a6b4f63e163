"""The uwsgi protocol as a web server speaks it: packets out, raw HTTP answers back."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

Variable = tuple[bytes, bytes]


def pair(name: bytes, value: bytes) -> bytes:
    """One variable as it stands in a packet."""
    return struct.pack("<H", len(name)) + name + struct.pack("<H", len(value)) + value


def packet(variables: Iterable[Variable], modifier1: int = 0, modifier2: int = 0) -> bytes:
    """A whole request packet."""
    block = b"".join(pair(name, value) for name, value in variables)
    return header(len(block), modifier1, modifier2) + block


def header(size: int, modifier1: int = 0, modifier2: int = 0) -> bytes:
    """The four bytes before the variables."""
    return struct.pack("<BHB", modifier1, size, modifier2)


def variables(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    *,
    content_length: int | None = None,
    protocol: str = "HTTP/1.1",
    remote: tuple[str, int] = ("192.0.2.7", 50123),
    server: tuple[str, str] = ("example.org", "80"),
    scheme: str = "http",
) -> list[Variable]:
    """The variables that nginx sends with its `uwsgi_params` file for this request."""
    path, _, query = target.partition("?")
    named: dict[str, list[str]] = {}
    content_type = ""
    for name, value in headers:
        if name.lower() == "content-type":
            content_type = value
        elif name.lower() != "content-length":
            named.setdefault("HTTP_" + name.upper().replace("-", "_"), []).append(value)
    found: list[Variable] = [
        (b"QUERY_STRING", query.encode("latin-1")),
        (b"REQUEST_METHOD", method.encode()),
        (b"CONTENT_TYPE", content_type.encode("latin-1")),
        (b"CONTENT_LENGTH", b"" if content_length is None else str(content_length).encode()),
        (b"REQUEST_URI", target.encode("latin-1")),
        (b"PATH_INFO", unquote_to_bytes(path)),
        (b"DOCUMENT_ROOT", b"/usr/share/nginx/html"),
        (b"SERVER_PROTOCOL", protocol.encode()),
        (b"REQUEST_SCHEME", scheme.encode()),
        (b"REMOTE_ADDR", remote[0].encode()),
        (b"REMOTE_PORT", str(remote[1]).encode()),
        (b"SERVER_PORT", server[1].encode()),
        (b"SERVER_NAME", server[0].encode()),
    ]
    if scheme == "https":
        found.append((b"HTTPS", b"on"))
    for name, values in named.items():
        glue = "; " if name == "HTTP_COOKIE" else ", "
        found.append((name.encode(), glue.join(values).encode("latin-1")))
    return found


def ask(address: tuple[str, int], path: str = "/", **more: str) -> tuple[str, str]:
    """One request with the fewest variables, and these: the status line's number, and the body."""
    named = {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": path,
        "PATH_INFO": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "h",
        "SERVER_PORT": "80",
        **more,
    }
    with socket.create_connection(address, 20) as connection:
        connection.sendall(packet((name.encode(), value.encode()) for name, value in named.items()))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.decode("latin-1").partition("\r\n\r\n")
    return head.split()[1], body
