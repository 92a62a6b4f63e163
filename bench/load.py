"""Load from outside: wrk for closed loops, ab for a given number of requests."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from environment import find_tool

SCRIPT = Path(__file__).parent / "wrk.lua"


class LoadFailed(Exception):
    """A load program could not do its work."""


@dataclass(frozen=True)
class Outcome:
    """What a load program saw."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    # Answers of the 4xx and 5xx kind, and requests that were never answered in time.
    errors: int
    # Connections the server closed where wrk would have gone on; usual for servers without keep-alive.
    closed: int

    @property
    def throughput(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def wrk(
    port: int,
    path: str,
    connections: int,
    seconds: float,
    cores: frozenset[int] | None,
    body_bytes: int = 0,
) -> Outcome:
    """Keep `connections` busy for `seconds` from one thread; with a body the requests are POSTs."""
    command = [tool("wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    command += ["-s", str(SCRIPT), f"http://127.0.0.1:{port}{path}"]
    if body_bytes:
        command += ["--", "POST", str(body_bytes)]
    text = run(command, seconds + 30, cores)
    report = next((line for line in text.splitlines() if line.startswith("JSON ")), None)
    if report is None:
        raise LoadFailed(f"wrk printed no report: {text[-300:]}")
    seen = json.loads(report.removeprefix("JSON "))
    return Outcome(
        requests=seen["requests"],
        seconds=seen["microseconds"] / 1e6,
        p50_ms=seen["p50_us"] / 1000,
        p99_ms=seen["p99_us"] / 1000,
        errors=seen["status_errors"] + seen["timeouts"],
        closed=seen["socket_errors"],
    )


def ab(port: int, path: str, requests: int, connections: int) -> None:
    """Make exactly `requests` requests, each on a new connection, so that every worker gets its share."""
    run([tool("ab"), "-q", "-n", str(requests), "-c", str(connections), f"http://127.0.0.1:{port}{path}"], 120, None)


def tool(name: str) -> str:
    """The path of a load program."""
    path = find_tool(name)
    if path is None:
        raise LoadFailed(f"{name} is not installed")
    return path


def run(command: list[str], timeout: float, cores: frozenset[int] | None) -> str:
    """Run a load program on its cores and give back what it printed."""
    pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=True,
            preexec_fn=pin,
        )
    except subprocess.CalledProcessError as error:
        raise LoadFailed(f"{Path(command[0]).name} failed: {error.stdout[-300:].strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise LoadFailed(f"{Path(command[0]).name} did not end in {timeout:.0f} s") from error
    return done.stdout
