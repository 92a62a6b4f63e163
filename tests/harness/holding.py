"""Requests that are held inside the app `workers` until the test lets them go: who runs them, and where."""

from __future__ import annotations

from .client import Client, Exchange
from .server import Gate, Server
from .waiting import wait_until


def holders(server: Server, gate: str) -> list[tuple[int, int]]:
    """Process and thread of every request that waits (or waited) at this gate."""
    found = [entry.split() for entry in server.home.entries() if entry.startswith(f"held {gate} ")]
    return [(int(words[2]), int(words[3])) for words in found]


def hold(client: Client, gate: str, count: int) -> list[Exchange]:
    """Send requests that will wait at the gate."""
    return [client.begin("GET", f"/held?gate={gate}") for _ in range(count)]


def wait_held(server: Server, gate: str, count: int) -> list[tuple[int, int]]:
    """Wait until this many requests run in the app."""
    wait_until(lambda: len(holders(server, gate)) >= count, f"{count} requests at the gate {gate}")
    return holders(server, gate)


def release(gate: Gate, exchanges: list[Exchange]) -> list[int]:
    """Open the gate for all of them and read their answers: the process ids."""
    gate.open(len(exchanges))
    answers = [exchange.response() for exchange in exchanges]
    assert [answer.status for answer in answers] == [200] * len(exchanges)
    return [int(answer.body) for answer in answers]


def imports(server: Server) -> list[int]:
    """The processes that have imported the app."""
    return [int(entry.split()[1]) for entry in server.home.entries() if entry.startswith("imported ")]
