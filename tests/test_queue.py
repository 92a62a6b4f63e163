"""Requests that wait for a worker: how many may, and for how long."""

from __future__ import annotations

import time

from harness.client import HTTP_SOCKET, Client
from harness.holding import hold, release, wait_held
from harness.server import Server
from harness.waiting import wait_until


def test_a_full_queue_turns_requests_away(serve) -> None:
    server: Server = serve("workers:app", "--request-queue", "2")
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("full")
    running = hold(client, "full", 1)
    wait_held(server, "full", 1)
    running += hold(client, "full", 4)
    server.wait_line(r"too many requests wait for a worker")
    wait_until(lambda: sum("too many requests wait" in line for line in server.log.lines) == 2, "two refusals")
    gate.open(3)
    answers = [exchange.response() for exchange in running]
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 503, 503]
    refused = next(answer for answer in answers if answer.status == 503)
    assert ("Retry-After", "1") in refused.headers
    gate.close()


def test_a_wait_that_is_too_long(serve) -> None:
    """Who waits too long gets 503; who is being answered has all the time there is."""
    server: Server = serve("workers:app", "--request-queue-timeout", "1")
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("late")
    running = hold(client, "late", 1)
    wait_held(server, "late", 1)
    begun = time.monotonic()
    late = client.get("/echo/late")
    waited = time.monotonic() - begun
    assert late.status == 503
    assert 0.9 < waited < 4
    server.wait_line(r"no worker was free for it in time")
    release(gate, running)
    assert client.get("/echo/again").status == 200
