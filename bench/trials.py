"""One trial: start one peer, put one load on it, measure, end it. Each kind of case has one function here."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING

import load
import nginx
import open_loop
import slow_bodies
from environment import find_tool
from measure import ProcessorTime, machine_busy_seconds, name_of, processor_time, proportional_memory
from process import (
    Placement,
    ServerFailed,
    ask,
    free_port,
    placement,
    running,
    temporary_directory,
    wait_until_answering,
)
from servers import PEERS, Wanted

if TYPE_CHECKING:
    from cases import Case

WARM_UP_SECONDS = 1
# What one request of `apps/mixed.py` takes as a client sees it when nobody else is there: 1 ms of work or
# 100 ms of sleep, and 0.3 ms for two wake-ups, the loopback and the client.
FAST_SECONDS, SLOW_SECONDS = 0.0013, 0.1003
MIXED_RATE, SLOW_SHARE = 200.0, 0.05
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
IDLE_REQUESTS, IDLE_CONNECTIONS = 800, 16
QUIET_SECONDS, QUIET_SHARE, QUIET_LIMIT_SECONDS = 0.3, 0.05, 20.0
MEBIBYTE = 1024 * 1024
ALL_CORES = os.sched_getaffinity(0)

Sample = dict[str, object]


@dataclass(frozen=True)
class Settings:
    """What the user chose for this run."""

    verdigris: str | None
    verdigris_arguments: tuple[str, ...] = ()
    seconds: float | None = None
    connections: int | None = None
    pin: bool | None = None
    size_mib: int = 1024
    round_number: int = 0


@dataclass
class Server:
    """A server that is up and answers."""

    process: Popen
    port: int
    directory: Path
    placement: Placement
    in_front: Popen | None = field(default=None)


@contextmanager
def served(
    case: Case, peer_name: str, settings: Settings, pinned: bool, behind_nginx: bool = False
) -> Iterator[Server]:
    """Start a peer for a case, wait until it gives the right answer, end it when the block ends."""
    peer = PEERS[peer_name]
    cores = placement(settings.pin if settings.pin is not None else pinned)
    with temporary_directory() as directory:
        socket = directory / "app.sock" if behind_nginx else None
        wanted = Wanted(
            case.application, case.processes, free_port(), socket, settings.verdigris, settings.verdigris_arguments
        )
        with running(peer.command(wanted), directory, cores.server, peer.open_files) as process:
            server = Server(process, wanted.port, directory, cores)
            if not behind_nginx:
                check_answer(server, case)
                yield server
                return
            path = find_tool("nginx")
            if path is None:
                raise ServerFailed("nginx is not installed")
            with running(nginx.command(path, directory, wanted.port, socket), directory, cores.load) as in_front:
                server.in_front = in_front
                check_answer(server, case)
                yield server


def check_answer(server: Server, case: Case) -> None:
    """Wait for the first answer and refuse to measure a server that answers something else."""
    wait_until_answering(server.process, server.port, case.path, server.directory)
    method, body = ("POST", b"1" * case.body_bytes) if case.body_bytes else ("GET", None)
    status, answer = ask(server.port, case.path, method, body)
    if status != 200 or len(answer) != case.answer_bytes:
        raise ServerFailed(f"answers {status} with {len(answer)} bytes instead of {case.answer_bytes}: {answer[:80]!r}")


@dataclass
class Window:
    """Processor time between the two ends of a measurement."""

    server: ProcessorTime = ProcessorTime(0, 0)
    in_front: ProcessorTime = ProcessorTime(0, 0)
    # Share of all cores that neither the server nor the load used: builds, browsers, the host.
    disturbance: float = 0.0


@contextmanager
def measured(server: Server) -> Iterator[Window]:
    """Fill a window with what the tree used while the block ran."""
    window = Window()
    front = server.in_front.pid if server.in_front else None
    before, front_before = processor_time(server.process.pid), processor_time(front) if front else None
    busy, mine, started = machine_busy_seconds(), own_seconds(), time.monotonic()
    yield window
    seconds = time.monotonic() - started
    window.server = processor_time(server.process.pid) - before
    if front and front_before:
        window.in_front = processor_time(front) - front_before
    known = window.server.total + window.in_front.total + own_seconds() - mine
    others = machine_busy_seconds() - busy - known
    window.disturbance = max(0.0, others / seconds / (os.cpu_count() or 1))


def own_seconds() -> float:
    """Processor time of this harness and of the load programs that have ended."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def throughput(case: Case, peer_name: str, settings: Settings) -> Sample:
    """wrk as fast as the server goes: processor time per request, throughput, latency, memory."""
    with served(case, peer_name, settings, pinned=True) as server:
        return closed_loop(case, server, settings)


def behind_nginx(case: Case, peer_name: str, settings: Settings) -> Sample:
    """The same through nginx. Not pinned: nginx and the load together would need more than one core."""
    with served(case, peer_name, settings, pinned=False, behind_nginx=True) as server:
        return closed_loop(case, server, settings)


def closed_loop(case: Case, server: Server, settings: Settings) -> Sample:
    """Warm up, then measure one run of wrk."""
    connections = settings.connections or case.connections
    seconds = settings.seconds or case.seconds
    arguments = (server.port, case.path, connections)
    cores = server.placement.load
    load.wrk(*arguments, WARM_UP_SECONDS, cores, case.body_bytes)
    with measured(server) as window:
        outcome = load.wrk(*arguments, seconds, cores, case.body_bytes)
    if outcome.requests == 0:
        raise ServerFailed("answered nothing under load")
    per_request = 1e6 / outcome.requests
    sample: Sample = {
        "cpu_us": window.server.total * per_request,
        "user_us": window.server.user * per_request,
        "system_us": window.server.system * per_request,
        "throughput": outcome.throughput,
        "p50_ms": outcome.p50_ms,
        "p99_ms": outcome.p99_ms,
        "pss_mib": sum(proportional_memory(server.process.pid).values()),
        "errors": outcome.errors,
        "closed": outcome.closed,
        "disturbance": window.disturbance,
    }
    if server.in_front:
        sample["nginx_us"] = window.in_front.total * per_request
    return sample


def mixed(case: Case, peer_name: str, settings: Settings) -> Sample:
    """Requests by the clock, some of them slow: how long do the fast ones wait?"""
    client, sample = by_the_clock(case, peer_name, settings)
    ideal = open_loop.central_queue(client.plan, case.processes, FAST_SECONDS, SLOW_SECONDS)
    for name, share in SHARES.items():
        best = open_loop.percentile(ideal, share) * 1000
        sample |= {f"ideal_{name}_ms": best, f"{name}_over_ideal": float(sample[f"{name}_ms"]) / best}
    return sample


def client_error(case: Case, peer_name: str, settings: Settings) -> Sample:
    """The same load on a server that answers at once: all that is seen is the client's own error."""
    return by_the_clock(case, peer_name, settings)[1]


def by_the_clock(case: Case, peer_name: str, settings: Settings) -> tuple[open_loop.OpenLoop, Sample]:
    """Play one schedule, the same for every peer of a round."""
    plan = open_loop.schedule(MIXED_RATE, settings.seconds or case.seconds, SLOW_SHARE, seed=settings.round_number)
    with served(case, peer_name, settings, pinned=True) as server:
        client = open_loop.OpenLoop(server.port, plan, settings.connections or case.connections)
        if server.placement.load:
            os.sched_setaffinity(0, server.placement.load)
        try:
            with measured(server) as window:
                client.play()
        finally:
            os.sched_setaffinity(0, ALL_CORES)
    sample: Sample = {
        "cpu_us": window.server.total / len(plan) * 1e6,
        "slow_p50_ms": open_loop.percentile(client.slow, 0.5) * 1000,
        "late_p99_ms": open_loop.percentile(client.lateness, 0.99) * 1000,
        "errors": sum(client.errors.values()),
        "closed": client.retries,
        "error_kinds": dict(client.errors),
        "disturbance": window.disturbance,
    }
    sample |= {f"{name}_ms": open_loop.percentile(client.fast, share) * 1000 for name, share in SHARES.items()}
    return client, sample


def idle(case: Case, peer_name: str, settings: Settings) -> Sample:
    """Memory of the tree after some requests, when it has come to rest."""
    with served(case, peer_name, settings, pinned=False) as server:
        wait_until_quiet(server.process.pid)
        load.ab(server.port, case.path, IDLE_REQUESTS, IDLE_CONNECTIONS)
        wait_until_quiet(server.process.pid)
        sizes = proportional_memory(server.process.pid)
        return {
            "pss_mib": sum(sizes.values()),
            "first_mib": sizes[server.process.pid],
            "count": len(sizes),
            "processes": {f"{name_of(pid)} {pid}": round(size, 1) for pid, size in sorted(sizes.items())},
        }


def wait_until_quiet(root: int) -> None:
    """Wait until the tree has nothing left to do: all workers have loaded the application."""
    deadline = time.monotonic() + QUIET_LIMIT_SECONDS
    before = processor_time(root).total
    while time.monotonic() < deadline:
        time.sleep(QUIET_SECONDS)
        now = processor_time(root).total
        if now - before < QUIET_SECONDS * QUIET_SHARE:
            return
        before = now
    raise ServerFailed(f"did not come to rest in {QUIET_LIMIT_SECONDS:.0f} s")


def transfer(case: Case, peer_name: str, settings: Settings) -> Sample:
    """One very large body; the highest growth of any process of the server."""
    with served(case, peer_name, settings, pinned=False) as server:
        kind, size = case.name.removesuffix("1g"), settings.size_mib * MEBIBYTE
        done = slow_bodies.watched(kind, server.port, size, server.process.pid)
    return {
        "growth_mib": max(process.growth for process in done.processes),
        "highest_mib": max(process.highest for process in done.processes),
        "seconds": done.seconds,
        "count": len(done.processes),
        "processes": {
            f"{process.name} {number}": f"{process.first:.1f} → {process.highest:.1f}"
            for number, process in enumerate(done.processes, 1)
        },
    }
