"""A client that sends by the clock, whether or not the server keeps up, over keep-alive connections.

Latency counts from the moment a request was due, not from when it could be sent, so waiting is never hidden.
Every connection is always open, and any free one may be next: a server that closes one gets a new one at once.
Beside the measured latencies stands what one central queue before the same workers would have given
for the very same requests.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import random
import re
import select
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

GRACE_SECONDS = 10.0
CONTENT_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
CLOSE = re.compile(rb"^connection:\s*close", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Due:
    """One request of the schedule: when, counted from the start, and of which kind."""

    at: float
    slow: bool


def schedule(rate: float, seconds: float, slow_share: float, seed: int) -> list[Due]:
    """Evenly spaced requests, each slow by chance; the same seed gives the same schedule."""
    chance = random.Random(seed)
    return [Due(number / rate, chance.random() < slow_share) for number in range(int(rate * seconds))]


def central_queue(plan: list[Due], workers: int, fast_seconds: float, slow_seconds: float) -> list[float]:
    """Latencies of the fast requests if one queue fed `workers` that take one request at a time and cost nothing."""
    free_at = [0.0] * workers
    latencies = []
    for due in plan:
        end = max(heapq.heappop(free_at), due.at) + (slow_seconds if due.slow else fast_seconds)
        heapq.heappush(free_at, end)
        if not due.slow:
            latencies.append(end - due.at)
    return latencies


@dataclass(eq=False)
class Connection:
    """One connection and the request it is busy with."""

    socket: socket.socket
    due: Due | None = None
    received: bytearray = field(default_factory=bytearray)
    length: int | None = None
    closing: bool = False


@dataclass
class OpenLoop:
    """Plays a schedule against a server."""

    port: int
    plan: list[Due]
    connections: int
    fast: list[float] = field(default_factory=list)
    slow: list[float] = field(default_factory=list)
    # How long after its time this client noticed that a request was due: its own error.
    lateness: list[float] = field(default_factory=list)
    retries: int = 0
    # Requests that got no good answer, by what happened to them.
    errors: Counter[str] = field(default_factory=Counter)

    def play(self) -> None:
        """Send everything, and wait a bounded time for the last answers."""
        be_precise()
        self._poll = select.epoll()
        self._by_descriptor: dict[int, Connection] = {}
        self._idle: list[Connection] = []
        self._chance = random.Random(len(self.plan))
        self._waiting: deque[Due] = deque()
        try:
            for _ in range(self.connections):
                self._open()
            self._start = time.perf_counter() + 0.05
            self._loop()
        finally:
            for connection in self._by_descriptor.values():
                connection.socket.close()
            self._poll.close()

    def _loop(self) -> None:
        left = deque(self.plan)
        deadline = self.plan[-1].at + GRACE_SECONDS
        while left or self._outstanding():
            now = time.perf_counter() - self._start
            if now > deadline:
                self.errors["never answered"] += len(self._waiting) + self._busy()
                return
            while left and left[0].at <= now:
                self.lateness.append(now - left[0].at)
                self._waiting.append(left.popleft())
            self._send_waiting()
            self._wait(left[0].at if left else deadline)

    def _outstanding(self) -> bool:
        return bool(self._waiting) or self._busy() > 0

    def _busy(self) -> int:
        return len(self._by_descriptor) - len(self._idle)

    def _wait(self, until: float) -> None:
        timeout = max(0.0, until - (time.perf_counter() - self._start))
        # epoll rounds its timeout up to a millisecond, select does not; an epoll descriptor can be selected on.
        if select.select([self._poll.fileno()], [], [], timeout)[0]:
            for descriptor, _ in self._poll.poll(0):
                self._receive(self._by_descriptor[descriptor])

    def _send_waiting(self) -> None:
        while self._waiting and self._idle:
            due = self._waiting.popleft()
            connection = self._idle.pop(self._chance.randrange(len(self._idle)))
            connection.due, connection.length, connection.closing = due, None, False
            connection.received.clear()
            path = b"/slow" if due.slow else b"/fast"
            try:
                connection.socket.send(b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            except OSError:
                self._reopen(connection)

    def _receive(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._reopen(connection)
            return
        connection.received += data
        if self._is_complete(connection):
            self._finish(connection)

    def _is_complete(self, connection: Connection) -> bool:
        head_end = connection.received.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        if connection.length is None:
            head = bytes(connection.received[: head_end + 2])
            length = CONTENT_LENGTH.search(head)
            connection.length = head_end + 4 + (int(length.group(1)) if length else 0)
            connection.closing = bool(CLOSE.search(head)) or not head.startswith(b"HTTP/1.1")
        return len(connection.received) >= connection.length

    def _finish(self, connection: Connection) -> None:
        due = connection.due
        if due is None:
            self.errors["answered without a request"] += 1
        elif connection.received[9:12] != b"200":
            self.errors["not 200"] += 1
        else:
            latency = time.perf_counter() - self._start - due.at
            (self.slow if due.slow else self.fast).append(latency)
        connection.due = None
        if connection.closing:
            self._reopen(connection)
        else:
            self._idle.append(connection)

    def _reopen(self, connection: Connection) -> None:
        if connection.due is not None:
            self._give_up_or_retry(connection)
        elif connection in self._idle:
            self._idle.remove(connection)
        self._poll.unregister(connection.socket)
        del self._by_descriptor[connection.socket.fileno()]
        connection.socket.close()
        self._open()

    def _give_up_or_retry(self, connection: Connection) -> None:
        # A kept connection may close just as the next request leaves; HTTP lets the client try again elsewhere
        # when no byte of an answer came. The clock of the request goes on meanwhile.
        if connection.received:
            self.errors["cut short"] += 1
        else:
            self.retries += 1
            self._waiting.appendleft(connection.due)

    def _open(self) -> None:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setblocking(False)
        connection = Connection(opened)
        self._poll.register(opened, select.EPOLLIN)
        self._by_descriptor[opened.fileno()] = connection
        self._idle.append(connection)


def be_precise() -> None:
    """Let the kernel wake this process exactly, and not up to 50 µs late to save power."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{os.getpid()}/timerslack_ns").write_text("1")


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the others lie; infinite when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")
