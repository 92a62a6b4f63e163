"""Many kept connections, one request after the other on each: every answer is checked against what was asked.

An answer that belongs to another request, comes twice or does not come is a failure, never a statistic.
"""

from __future__ import annotations

import random
import selectors
import socket
import time
from dataclasses import dataclass

SILENCE_SECONDS = 60.0
MOST_FAILURES = 20
BODY = b"0123456789abcdef" * 32


@dataclass
class Asker:
    """One connection: what it has asked, and what has come of the answer."""

    connection: socket.socket
    expected: bytes = b""
    answer: bytes = b""


class Questions:
    """`count` requests with waits up to `longest` milliseconds, over so many connections."""

    def __init__(self, port: int, count: int, connections: int, longest: int, seed: int) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self._count = count
        self._asked = 0
        self._longest = longest
        self._random = random.Random(seed)
        self._selector = selectors.DefaultSelector()
        for _ in range(min(connections, count)):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)
            asker = Asker(connection)
            self._selector.register(connection, selectors.EVENT_READ, asker)
            self._ask(asker)

    def answer_up_to(self, number: int) -> None:
        """Go on until so many are answered."""
        while self.answered + len(self.failures) < number and len(self.failures) < MOST_FAILURES:
            ready = self._selector.select(SILENCE_SECONDS)
            if not ready:
                lost = self._asked - self.answered - len(self.failures)
                self.failures.append(f"no answer to {lost} requests for {SILENCE_SECONDS:g} s")
                return
            for key, _ in ready:
                self._read(key.data)

    def close(self) -> None:
        """Nothing may come any more: whatever does is an answer to no question."""
        time.sleep(0.2)
        for key in list(self._selector.get_map().values()):
            try:
                surplus = key.data.connection.recv(65536)
            except BlockingIOError:
                surplus = b""
            if surplus:
                self.failures.append(f"an answer that nobody asked for: {surplus[:100]!r}")
            key.data.connection.close()
        self._selector.close()

    def _ask(self, asker: Asker) -> None:
        """The next question: mostly a GET, some with a body, some whose answer comes in pieces."""
        if self._asked == self._count:
            asker.expected = b""
            return
        name = b"%d" % self._asked
        self._asked += 1
        wait = self._random.randint(0, self._longest)
        kind = self._random.random()
        path = b"/pieces/%b?ms=%d" % (name, wait) if kind < 0.1 else b"/%b?ms=%d" % (name, wait)
        body = BODY[: self._random.randint(1, len(BODY))] if kind > 0.9 else b""
        head = b"POST %b HTTP/1.1\r\nHost: soak\r\nContent-Length: %d\r\n\r\n" % (path, len(body))
        asker.connection.send(head + body if body else b"GET %b HTTP/1.1\r\nHost: soak\r\n\r\n" % path)
        asker.expected = name + b" " + body
        asker.answer = b""

    def _read(self, asker: Asker) -> None:
        try:
            data = asker.connection.recv(65536)
        except OSError as error:
            data = b""
            self._fail(asker, str(error))
            return
        asker.answer += data
        if not data:
            self._fail(asker, "the connection was closed")
            return
        body = whole_body(asker.answer)
        if body is None:
            return
        if not asker.answer.startswith(b"HTTP/1.1 200 ") or body != asker.expected:
            self._fail(asker, "the answer is another one")
            return
        self.answered += 1
        self._ask(asker)

    def _fail(self, asker: Asker, why: str) -> None:
        self.failures.append(f"asked {asker.expected[:60]!r}: {why}; got {asker.answer[:200]!r}")
        self._selector.unregister(asker.connection)
        asker.connection.close()


def whole_body(answer: bytes) -> bytes | None:
    """The body once all of it is there; anything behind its end is part of it, so that it is noticed."""
    head, found, rest = answer.partition(b"\r\n\r\n")
    if not found:
        return None
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return unchunked(rest)
    length = int(lowered.partition(b"content-length:")[2].split(b"\r\n")[0])
    return rest if len(rest) >= length else None


def unchunked(data: bytes) -> bytes | None:
    """The body of chunks; None while they are not all there."""
    body = b""
    while True:
        size, found, data = data.partition(b"\r\n")
        if not found:
            return None
        length = int(size, 16)
        if len(data) < length + 2:
            return None
        if length == 0:
            return body + data[2:]
        body += data[:length]
        data = data[length + 2 :]
