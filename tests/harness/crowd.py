"""Thousands of connections at once from one thread: each sends one request and reads its whole answer."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from dataclasses import dataclass, field

from .address import Address
from .raw import parse_head
from .waiting import TooLate

_AT_ONCE = 256
"""How many connections are being opened at a time, so that no backlog overflows."""


def raise_limit(descriptors: int) -> int:
    """Allow so many open files, or as many as may be; returns how many they are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptors if hard == resource.RLIM_INFINITY else min(descriptors, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return descriptors


@dataclass
class _Member:
    """One connection: what it still has to send, and what it has got."""

    connection: socket.socket
    unsent: bytes
    answer: bytearray = field(default_factory=bytearray)


class Crowd:
    """So many requests at once; `answers` are the status and the body of each, `failures` what went wrong."""

    def __init__(self, address: Address, count: int, request: bytes) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.failures: list[str] = []
        self._address = address
        self._request = request
        self._unopened = count
        self._opening = 0
        self._selector = selectors.DefaultSelector()

    def run(self, seconds: float) -> Crowd:
        """Until every request is answered (the server closes each connection afterwards)."""
        deadline = time.monotonic() + seconds
        self._open_more()
        while self._selector.get_map():
            if time.monotonic() > deadline:
                left = len(self._selector.get_map()) + self._unopened
                raise TooLate(f"{left} of {left + len(self.answers)} requests are not answered within {seconds:g} s")
            for key, _ in self._selector.select(1.0):
                try:
                    self._serve(key.data, key.events)
                except (OSError, AssertionError) as problem:
                    self.failures.append(f"{type(problem).__name__}: {problem}")
                    self._end(key.data)
            self._open_more()
        self._selector.close()
        return self

    def _open_more(self) -> None:
        while self._unopened and self._opening < _AT_ONCE:
            self._unopened -= 1
            self._opening += 1
            connection = socket.socket(self._address.family, socket.SOCK_STREAM)
            connection.setblocking(False)
            connection.connect_ex(self._address.target)
            self._selector.register(connection, selectors.EVENT_WRITE, _Member(connection, self._request))

    def _serve(self, member: _Member, events: int) -> None:
        if events == selectors.EVENT_WRITE:
            member.unsent = member.unsent[member.connection.send(member.unsent) :]
            if not member.unsent:
                self._opening -= 1
                self._selector.modify(member.connection, selectors.EVENT_READ, member)
            return
        data = member.connection.recv(1 << 16)
        if data:
            member.answer += data
            return
        head, _, body = bytes(member.answer).partition(b"\r\n\r\n")
        response = parse_head(head + b"\r\n\r\n")
        length = response.header("Content-Length")
        assert length is None or int(length) == len(body), f"{len(body)} bytes of {length}"
        self.answers.append((response.status, body))
        self._end(member)

    def _end(self, member: _Member) -> None:
        if member.unsent:
            self._opening -= 1
        self._selector.unregister(member.connection)
        member.connection.close()
