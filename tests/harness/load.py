"""Many clients at once: threads that keep asking, and what each of them was answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from .address import Address
from .client import encode_http
from .raw import Connection, Response


@dataclass
class Answered:
    """One request of a load: what was asked, and the answer or the failure."""

    target: str
    response: Response | None
    failure: str = ""

    @property
    def status(self) -> int:
        """The status, 0 when there was no answer."""
        return self.response.status if self.response else 0


@dataclass
class Load:
    """Clients that ask one request after another on kept connections until they are told to stop."""

    address: Address
    clients: int
    target: Callable[[int, int], str]
    answers: list[Answered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(self.clients)]

    def start(self) -> Load:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self, seconds: float = 60) -> list[Answered]:
        """Ask nothing new, wait for all answers, and give them back."""
        self._stop.set()
        return self.join(seconds)

    def join(self, seconds: float = 60) -> list[Answered]:
        """Wait until every client is done."""
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "a request has had no answer"
        return self.answers

    @property
    def count(self) -> int:
        """Answers so far."""
        return len(self.answers)

    def _run(self, client: int) -> None:
        connection: Connection | None = None
        number = 0
        while not self._stop.is_set():
            target = self.target(client, number)
            if not target:
                break
            number += 1
            try:
                if connection is None:
                    connection = Connection(self.address)
                connection.send(encode_http("GET", target, close=False))
                response = connection.response()
                self.answers.append(Answered(target, response))
                if (response.header("Connection") or "").lower() == "close":
                    connection.close()
                    connection = None
            except (AssertionError, OSError) as problem:
                self.answers.append(Answered(target, None, f"{type(problem).__name__}: {problem}"))
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()
