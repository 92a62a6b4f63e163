"""A gevent worker whose loop stands still: noticed from outside, with the line to blame."""

from __future__ import annotations

import os
import re
import signal
import socket
import time

import pytest
from harness.client import HTTP_SOCKET, Client
from harness.load import Load
from harness.server import APPS, Server
from harness.waiting import wait_until

pytestmark = pytest.mark.once


def gevent_server(start, *options: str, processes: int = 1) -> Server:
    """An app with views that block, in gevent workers."""
    arguments = ["--http-socket", "127.0.0.1:0", "--pythonpath", str(APPS), "--module", "blocking:app"]
    return start(*arguments, "--gevent", "50", "--processes", str(processes), *options).wait_ready()


def noted(server: Server, what: str) -> int:
    """The process that has noted this in the journal."""
    wait_until(lambda: any(entry.startswith(f"{what} ") for entry in server.home.entries()), what)
    return int(next(entry for entry in server.home.entries() if entry.startswith(f"{what} ")).split()[1])


@pytest.mark.parametrize(
    ("view", "doing"), [("stuck", r"clock_nanosleep|computing"), ("computing", "computing")], ids=["c", "python"]
)
def test_the_log_names_the_line_within_a_second(start, view: str, doing: str) -> None:
    server = gevent_server(start)
    client = Client(server, HTTP_SOCKET)
    blocked = client.begin("GET", f"/{view}?seconds=2")
    pid = noted(server, view)
    since = time.monotonic()
    line = server.wait_line(rf"hub blocked (\d+) ms by apps/blocking\.py:\d+ in {view} \(({doing})\); ")
    assert time.monotonic() - since < 1.5
    assert 200 < int(line.group(1)) < 1000
    assert line.string.endswith(f"; 1 request waits in worker 1 (pid {pid})")
    stack = server.log.lines[server.log.lines.index(line.string) + 1 :]
    assert stack[0] == "Stack (most recent call first):"
    assert f"in {view}" in stack[1]
    assert blocked.response().status == 200
    server.wait_line(rf"worker 1 turns again, after \d{{4}} ms at apps/blocking\.py:\d+ in {view}")


def test_the_system_call_and_its_peer_are_named(start) -> None:
    server = gevent_server(start)
    client = Client(server, HTTP_SOCKET)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        blocked = client.begin("GET", f"/receiving?port={port}")
        peer, _ = silent.accept()
        server.wait_line(rf"in receiving \(recvfrom fd \d+ -> 127\.0\.0\.1:{port}\)")
        peer.sendall(b"!")
        assert blocked.response().status == 200
        peer.close()


def test_other_workers_and_waiting_requests_go_on(start) -> None:
    server = gevent_server(start, processes=2)
    client = Client(server, HTTP_SOCKET)
    blocked = client.begin("GET", "/stuck?seconds=4")
    pid = noted(server, "stuck")
    server.wait_line("hub blocked")
    began = time.monotonic()
    answers = [client.get("/who").text for _ in range(50)]
    assert time.monotonic() - began < 3.5
    assert str(pid) not in answers
    assert blocked.response().status == 200
    wait_until(lambda: client.get("/who").text == str(pid), "work for the one that was blocked")


def test_a_place_is_told_of_once(start) -> None:
    server = gevent_server(start)
    client = Client(server, HTTP_SOCKET)
    for _ in range(4):
        assert client.get("/stuck?seconds=0.8").status == 200
    server.wait_line("turns again")
    assert len(re.findall("hub blocked", server.log.text)) == 1


def test_loops_that_turn_are_not_told_of(start) -> None:
    server = gevent_server(start)
    client = Client(server, HTTP_SOCKET)
    load = Load(client.address, 8, lambda c, n: f"/patient/{c}/{n}?seconds=0.9").start()
    wait_until(lambda: load.count > 24, "three rounds")
    assert [answer for answer in load.stop() if answer.status != 200] == []
    assert "hub blocked" not in server.log.text


def test_it_can_be_switched_off(start) -> None:
    server = gevent_server(start, "--blocked-warning", "0")
    client = Client(server, HTTP_SOCKET)
    assert client.get("/stuck?seconds=1.5").status == 200
    assert client.get("/who").status == 200
    assert "hub blocked" not in server.log.text


def test_a_late_greenlet_ends_alone(start) -> None:
    server = gevent_server(start, "--harakiri", "1")
    client = Client(server, HTTP_SOCKET)
    sibling = client.begin("GET", "/patient?seconds=0.9")
    late = client.begin("GET", "/patient?seconds=60")
    assert sibling.response().status == 200
    assert late.response().status == 504
    server.wait_line(r"HARAKIRI ON WORKER 1 \(pid: \d+\): 127\.0\.0\.1 - GET /patient\?seconds=60, running for 1\.")
    told = server.wait_line(r"worker 1 \(pid \d+\) gave up GET /patient\?seconds=60, which was late").string
    server.wait_line(r"blocking\.py\", line \d+, in patient", after=server.log.lines.index(told))
    assert client.get("/who").status == 200
    assert "does not give up" not in server.log.text


def test_a_hub_that_never_turns_again_costs_its_worker(start) -> None:
    """The siblings' clients are answered, new requests wait for the next worker."""
    server = gevent_server(start, "--harakiri", "1", "--harakiri-graceful-timeout", "500ms")
    client = Client(server, HTTP_SOCKET)
    siblings = [client.begin("GET", "/patient?seconds=30") for _ in range(5)]
    wait_until(lambda: client.get("/who").status == 200, "they run")
    late = client.begin("GET", "/computing?seconds=60")
    pid = noted(server, "computing")
    server.wait_line(rf"hub blocked .* in computing \(computing\); \d requests wait in worker 1 \(pid {pid}\)")
    later = client.begin("GET", "/who")
    assert late.response().status == 504
    assert [sibling.response().status for sibling in siblings] == [504] * 5
    answer = later.response()
    assert (answer.status, answer.text != str(pid)) == (200, True)
    server.wait_line(rf"worker 1 \(pid {pid}\) has nothing left but what is late and is killed")


def test_a_frozen_worker_is_replaced(start) -> None:
    """It has begun nothing, so nothing is lost."""
    server = gevent_server(start, "--harakiri", "1")
    client = Client(server, HTTP_SOCKET)
    pid = int(client.get("/who").text)
    os.kill(pid, signal.SIGSTOP)
    answer = client.get("/who")
    assert (answer.status, answer.text != str(pid)) == (200, True)
    server.wait_line(rf"worker 1 \(pid {pid}\) has nothing left but what is late and is killed")
