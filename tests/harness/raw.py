"""A raw connection and an exact reader of HTTP/1 answers.

Nothing is repaired here: a test sends exactly the bytes it names, and an answer whose framing is
wrong fails the test that reads it.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from dataclasses import dataclass, field

from .address import Address
from .waiting import PATIENCE, TooLate

_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-5]\d\d) ([\t \x21-\x7e\x80-\xff]*)\Z")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*\Z", re.DOTALL)
_HEAD_LIMIT = 1 << 20


class Malformed(AssertionError):
    """The server sent something that is not HTTP/1."""


@dataclass
class Response:
    """An answer: its head, and its body once read."""

    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    interim: list[Response] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of every field with this name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The value of a field that may appear once only; None when absent."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} appears {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()


class Connection:
    """A stream socket with a buffer and one deadline per wait."""

    def __init__(self, address: Address | socket.socket, timeout: float = PATIENCE) -> None:
        self.timeout = timeout
        self.socket = address if isinstance(address, socket.socket) else address.connect(timeout)
        self.buffer = bytearray()
        self.ended = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def send_all_or_closed(self, data: bytes) -> None:
        """Send, not minding when the server has closed meanwhile (it may refuse early)."""
        try:
            self.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def finish_sending(self) -> None:
        """Close our direction; the server may still answer."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def more(self, seconds: float | None = None) -> bool:
        """Wait for more bytes; False at the end of the stream (or a reset)."""
        if self.ended:
            return False
        self.socket.settimeout(self.timeout if seconds is None else max(seconds, 0.001))
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            raise TooLate(f"nothing more from the server; so far {bytes(self.buffer[-300:])!r}") from None
        except ConnectionResetError:
            data = b""
        self.buffer += data
        self.ended = not data
        return bool(data)

    def take(self, count: int) -> bytes:
        """Take bytes that are in the buffer."""
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def until(self, mark: bytes) -> bytes:
        """Read up to and including the mark."""
        while mark not in self.buffer:
            if len(self.buffer) > _HEAD_LIMIT:
                raise Malformed(f"no {mark!r} in a megabyte")
            if not self.more():
                raise Malformed(f"the stream ended before {mark!r}: {bytes(self.buffer[-300:])!r}")
        return self.take(self.buffer.index(mark) + len(mark))

    def exactly(self, count: int) -> bytes:
        """Read this many bytes."""
        while len(self.buffer) < count:
            if not self.more():
                raise Malformed(f"the stream ended {count - len(self.buffer)} bytes early")
        return self.take(count)

    def to_end(self, seconds: float | None = None) -> bytes:
        """Read until the server closes."""
        deadline = time.monotonic() + (self.timeout if seconds is None else seconds)
        while self.more(deadline - time.monotonic()):
            pass
        return self.take(len(self.buffer))

    def assert_closed(self, seconds: float | None = None) -> None:
        """Assert that the server sends nothing more and closes."""
        rest = self.to_end(seconds)
        assert rest == b"", f"expected the end of the stream, got {rest[:300]!r}"

    def assert_quiet(self, seconds: float = 0.3) -> None:
        """Assert that nothing comes for a moment and the connection stays open."""
        assert not self.buffer, f"unexpected: {bytes(self.buffer[:300])!r}"
        try:
            self.more(seconds)
        except TooLate:
            return
        raise AssertionError(f"expected silence, got {bytes(self.buffer[:300])!r} ended={self.ended}")

    def reset(self) -> None:
        """Close rudely (RST instead of FIN)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """Close politely."""
        self.socket.close()

    # Answers

    def head(self, *, skip_interim: bool = True) -> Response:
        """Read one response head; interim answers (1xx) are collected unless asked for."""
        interim: list[Response] = []
        while True:
            response = parse_head(self.until(b"\r\n\r\n"))
            if not skip_interim or response.status >= 200 or response.status == 101:
                response.interim = interim
                return response
            interim.append(response)

    def body_reader(self, response: Response, method: str = "GET") -> BodyReader:
        """The reader of the body that follows this head."""
        return BodyReader(self, response, method)

    def response(self, method: str = "GET") -> Response:
        """Read one whole answer."""
        response = self.head()
        response.body = self.body_reader(response, method).rest()
        return response


def parse_head(block: bytes) -> Response:
    """Parse a response head strictly; `block` ends with the empty line."""
    lines = block[:-4].split(b"\r\n")
    match = _STATUS_LINE.match(lines[0])
    if match is None:
        raise Malformed(f"not a status line: {lines[0]!r}")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        parsed = _FIELD.match(line)
        if parsed is None or b"\r" in line or b"\n" in line or b"\0" in line:
            raise Malformed(f"not a header field: {line!r}")
        headers.append((parsed[1].decode("ascii"), parsed[2].decode("latin-1")))
    return Response(match[1].decode(), int(match[2]), match[3].decode("latin-1"), headers)


class BodyReader:
    """Reads one body as its head frames it, in the pieces that arrive."""

    def __init__(self, connection: Connection, response: Response, method: str) -> None:
        self.connection = connection
        self.done = False
        self.chunks: list[int] = []
        self._left: int | None = None
        codings = response.all("Transfer-Encoding")
        length = response.header("Content-Length")
        if codings and length is not None:
            raise Malformed("both Transfer-Encoding and Content-Length")
        self.chunked = bool(codings)
        if codings and codings != ["chunked"]:
            raise Malformed(f"Transfer-Encoding: {codings}")
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            if response.status in (204,) or response.status < 200:
                assert length is None and not codings, "204 and 1xx have no framing fields"
            self.done = True
        elif not self.chunked and length is not None:
            if not length.isdigit():
                raise Malformed(f"Content-Length: {length!r}")
            self._left = int(length)
            self.done = self._left == 0

    def some(self) -> bytes:
        """The next piece of the body; empty at its end."""
        if self.done:
            return b""
        if self.chunked:
            return self._chunk()
        wire = self.connection
        if not wire.buffer and not wire.more():
            if self._left is not None:
                raise Malformed(f"the body ended {self._left} bytes early")
            self.done = True
            return b""
        size = len(wire.buffer) if self._left is None else min(self._left, len(wire.buffer))
        piece = wire.take(size)
        if self._left is not None:
            self._left -= size
            self.done = self._left == 0
        return piece

    def _chunk(self) -> bytes:
        line = self.connection.until(b"\r\n")[:-2]
        if not re.fullmatch(rb"[0-9A-Fa-f]+", line):
            raise Malformed(f"not a chunk size: {line!r}")
        size = int(line, 16)
        self.chunks.append(size)
        piece = self.connection.exactly(size)
        if self.connection.exactly(2) != b"\r\n":
            raise Malformed("no CRLF after a chunk")
        self.done = size == 0
        return piece

    def exactly(self, count: int) -> bytes:
        """Pieces until `count` bytes are there; fails when they are more (a test names its pieces)."""
        data = b""
        while len(data) < count:
            piece = self.some()
            if not piece:
                raise Malformed(f"the body ended after {data!r}")
            data += piece
        assert len(data) == count, f"got {data!r}, expected {count} bytes"
        return data

    def rest(self) -> bytes:
        """All that is left of the body."""
        pieces = []
        while not self.done:
            pieces.append(self.some())
        return b"".join(pieces)
