"""What is measured, on whom, and how fast or small Verdigris wants to be: one row per case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trials
from trials import Sample, Settings


@dataclass(frozen=True)
class Bar:
    """One promise: a number of ours beside the best number of the others, or beside a fixed limit."""

    key: str
    limit: float
    against: tuple[str, ...] = ()
    # Throughput has to be at least the limit, everything else at most.
    at_least: bool = False
    subject: str = "verdigris"


@dataclass(frozen=True)
class Case:
    """One kind of measurement."""

    name: str
    about: str
    trial: Callable[[Case, str, Settings], Sample]
    application: str
    answer_bytes: int
    peers: tuple[str, ...]
    bars: tuple[Bar, ...] = ()
    path: str = "/"
    body_bytes: int = 0
    connections: int = 64
    processes: int = 1
    seconds: float = 3.0


IN_PROCESS = ("fastpysgi", "bjoern")
HELLO_PEERS = (
    "verdigris",
    *IN_PROCESS,
    "granian",
    "granian-default",
    "uwsgi",
    "uwsgi-http11",
    "gunicorn-sync",
    "gunicorn-gthread",
)
USUAL_PEERS = ("verdigris", *IN_PROCESS, "granian", "granian-default", "uwsgi", "gunicorn-sync", "gunicorn-gthread")
BODY_BARS = (Bar("cpu_us", 1.0, ("granian", "uwsgi")),)
MIB = 1024 * 1024


def body(name: str, about: str, application: str, answer_bytes: int, body_bytes: int = 0) -> Case:
    """A case about a body of some size: always the same peers and the same promise."""
    return Case(
        name,
        about,
        trials.throughput,
        f"bodies:{application}",
        answer_bytes,
        USUAL_PEERS,
        BODY_BARS,
        body_bytes=body_bytes,
    )


def behind_nginx(name: str, workers: str, processes: int) -> Case:
    """A case about hello behind nginx."""
    return Case(
        name,
        f"hello behind nginx, uwsgi_pass over a unix socket, {workers}, not pinned",
        trials.behind_nginx,
        "hello:application",
        14,
        ("verdigris", "uwsgi", "gunicorn-sync"),
        (Bar("cpu_us", 0.75, ("uwsgi",)), Bar("throughput", 1.3, ("uwsgi",), at_least=True)),
        processes=processes,
    )


WAITING_PEERS = ("verdigris-gevent", "uwsgi-gevent", "gunicorn-gevent", "granian-1000")


def sleeping(name: str, connections: int, peers: tuple[str, ...], more: tuple[Bar, ...] = ()) -> Case:
    """A case about requests that wait: each sleeps for 0.2 s."""
    return Case(
        name,
        f"each request sleeps 0.2 s, 1 worker, {connections} connections",
        trials.throughput,
        "sleeping:application",
        2,
        peers,
        (
            Bar("cpu_us", 0.65, ("uwsgi-gevent",), subject="verdigris-gevent"),
            *more,
        ),
        connections=connections,
        seconds=5.0,
    )


TABLE = (
    Case(
        "hello",
        "hello, raw WSGI, 1 worker, 64 keep-alive connections",
        trials.throughput,
        "hello:application",
        14,
        HELLO_PEERS,
        (
            Bar("cpu_us", 1.15, IN_PROCESS),
            Bar("cpu_us", 0.85, ("granian",)),
            Bar("cpu_us", 0.36, ("uwsgi",)),
            Bar("cpu_us", 0.20, ("uwsgi-http11",)),
            Bar("throughput", 1.15, ("granian",), at_least=True),
        ),
    ),
    Case(
        "hello1",
        "hello, raw WSGI, 1 worker, 1 keep-alive connection",
        trials.throughput,
        "hello:application",
        14,
        HELLO_PEERS,
        (Bar("cpu_us", 1.15, ("fastpysgi",)),),
        connections=1,
    ),
    Case(
        "flask",
        "hello from Flask, 1 worker, 64 keep-alive connections",
        trials.throughput,
        "flask_hello:application",
        14,
        USUAL_PEERS,
        (Bar("cpu_us", 0.85, ("granian",)), Bar("cpu_us", 0.85, ("uwsgi",))),
    ),
    body("post1m", "POST of 1 MiB, read by the application", "receive", 7, MIB),
    body("get10k", "an answer of 10 KiB", "send_10k", 10 * 1024),
    body("get1m", "an answer of 1 MiB", "send_1m", MIB),
    body("stream100", "a generator of 100 pieces of 1 KiB", "stream_100", 100 * 1024),
    body("file100k", "a file of 100 KiB through wsgi.file_wrapper", "send_file", 100 * 1024),
    behind_nginx("nginx", "1 worker", 1),
    behind_nginx("nginx4", "4 workers", 4),
    Case(
        "mixed",
        "open loop, 200 requests/s over 64 connections, 2 workers, 5 % sleep 100 ms: the fast ones' latency",
        trials.mixed,
        "mixed:application",
        2,
        ("verdigris", "verdigris-auto", "uwsgi", "granian", "granian-default", "gunicorn-sync", "gunicorn-gthread"),
        (
            Bar("p50_over_ideal", 1.15),
            Bar("p90_over_ideal", 1.15),
            Bar("p99_over_ideal", 1.15),
            Bar("p99_ms", 5.0, subject="verdigris-auto"),
        ),
        path="/fast",
        processes=2,
        seconds=20.0,
    ),
    Case(
        "gevent",
        "hello with greenlets, 1 worker, 64 keep-alive connections",
        trials.throughput,
        "hello:application",
        14,
        ("verdigris-gevent", "verdigris", "uwsgi-gevent", "gunicorn-gevent"),
        (
            Bar("cpu_us", 1.35, ("verdigris",), subject="verdigris-gevent"),
            Bar("cpu_us", 0.35, ("uwsgi-gevent",), subject="verdigris-gevent"),
            Bar("cpu_us", 0.10, ("gunicorn-gevent",), subject="verdigris-gevent"),
        ),
    ),
    sleeping("sleep1k", 1_000, WAITING_PEERS, (Bar("throughput", 4_500, subject="verdigris-gevent", at_least=True),)),
    sleeping("sleep3k", 3_000, WAITING_PEERS, (Bar("throughput", 12_750, subject="verdigris-gevent", at_least=True),)),
    sleeping(
        "sleep10k",
        10_000,
        ("verdigris-gevent", "uwsgi-gevent", "gunicorn-gevent"),
        (Bar("throughput", 2.0, ("uwsgi-gevent",), subject="verdigris-gevent", at_least=True),),
    ),
    Case(
        "classic",
        "Flask: POST of JSON, sleep of 0.2 s, answer of JSON, 1 worker, 1000 connections",
        trials.throughput,
        "flask_waiting:application",
        31,
        WAITING_PEERS,
        (
            Bar("cpu_us", 0.65, ("uwsgi-gevent",), subject="verdigris-gevent"),
            Bar("throughput", 1.5, ("uwsgi-gevent",), subject="verdigris-gevent", at_least=True),
            Bar("throughput", 1.7, ("gunicorn-gevent",), subject="verdigris-gevent", at_least=True),
            Bar("throughput", 1.0, ("granian-1000",), subject="verdigris-gevent", at_least=True),
            Bar("p99_ms", 1.0, ("uwsgi-gevent", "gunicorn-gevent", "granian-1000"), subject="verdigris-gevent"),
        ),
        body_bytes=10,
        connections=1_000,
        seconds=5.0,
    ),
    Case(
        "idle",
        "memory at rest after 800 requests, Django with contrib applications, 4 workers",
        trials.idle,
        "django_site:application",
        14,
        (
            "verdigris",
            "verdigris-many-files",
            "gunicorn-preload",
            "gunicorn-sync",
            "uwsgi",
            "granian-default",
            "fastpysgi",
        ),
        (
            Bar("pss_mib", 1.05, ("gunicorn-preload",)),
            Bar("first_mib", 12.0),
            Bar("pss_mib", 1.03, ("verdigris",), subject="verdigris-many-files"),
        ),
        processes=4,
    ),
    Case(
        "upload1g",
        "an upload of 1 GiB, read slowly by the application: growth of the server's processes",
        trials.transfer,
        "large:upload",
        1,
        ("verdigris", "uwsgi", "granian", "gunicorn-sync"),
        (Bar("growth_mib", 10.0),),
    ),
    Case(
        "download1g",
        "a generator of 1 GiB, read slowly by the client: growth of the server's processes",
        trials.transfer,
        "large:download",
        0,
        ("verdigris", "uwsgi", "granian", "gunicorn-sync"),
        (Bar("growth_mib", 10.0),),
    ),
    Case(
        "check",
        "the harness itself: a server that answers at once, so what is seen is the client's own error",
        trials.client_error,
        "",
        2,
        ("instant",),
        path="/fast",
        seconds=5.0,
    ),
)

CASES = {case.name: case for case in TABLE}
# `all` measures the promises; the check of the harness is asked for by name.
ALL = tuple(case.name for case in TABLE if case.name != "check")
