"""`harakiri`: a request that takes too long ends for its client, and nobody else pays for it."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from harness.client import ALL_DOORS, DOORS, HTTP_SOCKET, Client
from harness.holding import hold, holders, release, wait_held
from harness.load import Load
from harness.raw import Malformed
from harness.server import Server
from harness.waiting import wait_until

STUCK = r"worker 1 \(pid \d+\) does not give up what is late"


def deadline(seconds: float, grace: float = 2) -> list[str]:
    """The options."""
    return ["--harakiri", f"{seconds * 1000:.0f}ms", "--harakiri-graceful-timeout", f"{grace * 1000:.0f}ms"]


def noted(server: Server, what: str) -> int:
    """The process that has noted this in the journal."""
    wait_until(lambda: any(entry.startswith(f"{what} ") for entry in server.home.entries()), what)
    return int(next(entry for entry in server.home.entries() if entry.startswith(f"{what} ")).split()[1])


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_504_on_every_door(serve, door) -> None:
    server: Server = serve("workers:app", *deadline(1, 0), doors=ALL_DOORS, processes=2)
    client = Client(server, door)
    gate = server.home.gate("never")
    began = time.monotonic()
    late = hold(client, "never", 1)[0]
    wait_held(server, "never", 1)
    assert client.get("/echo/beside").status == 200
    assert late.response().status == 504
    assert 0.9 < time.monotonic() - began < 5
    gate.close()


@pytest.mark.engine("threads")
def test_the_log_says_who_and_where(serve) -> None:
    server: Server = serve("workers:app", *deadline(2, 60), threads=2)
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("late")
    late = hold(client, "late", 1)
    pid, _ = wait_held(server, "late", 1)[0]
    assert late[0].response().status == 504
    half = server.wait_line(r"half of what it may take").string
    end = server.wait_line(r"HARAKIRI ON WORKER").string
    assert half.startswith(f"warning: worker 1 (pid {pid}) has had GET /held?gate=late for 1.")
    assert end.startswith(f"error: HARAKIRI ON WORKER 1 (pid: {pid}): 127.0.0.1 - GET /held?gate=late, running for 2.")
    assert ", answered 504, at " in end
    for line in (half, end):
        assert re.search(r", at apps/control\.py:\d+ in wait_at \(select\)$", line)
        stack = server.log.lines[server.log.lines.index(line) + 1 :]
        assert stack[0] == "Stack (most recent call first):"
        assert "in wait_at" in stack[1]
        assert "in held" in stack[2]
    server.wait_line(r"GET /held\?gate=late.* 504 ")
    gate.open()
    gate.close()


def test_a_request_that_ends_in_the_grace_costs_no_worker(serve) -> None:
    server: Server = serve("workers:app", *deadline(1, 60))
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("late")
    late = hold(client, "late", 1)[0]
    pid, _ = wait_held(server, "late", 1)[0]
    assert late.response().status == 504
    gate.open()
    assert client.get("/held?gate=late").status == 504, "the gate lets one pass"
    gate.open()
    wait_until(lambda: len(holders(server, "late")) == 2, "both ran")
    gate.open()
    assert client.get("/held?gate=late").body == str(pid).encode()
    assert "does not give up" not in server.log.text
    gate.close()


def test_an_answer_under_way_is_cut_and_never_looks_whole(serve) -> None:
    server: Server = serve("workers:app", *deadline(1))
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("part")
    with client.begin("GET", "/stream?gate=part") as exchange:
        assert exchange.body.exactly(3) == b"one"
        with pytest.raises(Malformed):
            exchange.body.rest()
    server.wait_line(r"HARAKIRI ON WORKER 1 .* GET /stream\?gate=part, running for 1\.\d s, answer cut off")
    gate.open()
    assert client.get("/echo").status == 200
    gate.close()


@pytest.mark.parametrize(
    ("path", "note", "doing"),
    [("/stuck", "stuck", r"read fd \d+ -> pipe"), ("/busy?seconds=60", "busy", "computing")],
)
def test_a_worker_that_cannot_be_stopped_is_replaced(serve, path: str, note: str, doing: str) -> None:
    """A C call that holds the interpreter's lock, and a loop that never ends: one place, and a queue behind it."""
    server: Server = serve("workers:app", *deadline(1, 0.5))
    client = Client(server, HTTP_SOCKET)
    late = client.begin("GET", path)
    pid = noted(server, note)
    queue = [client.begin("GET", f"/echo/{n}") for n in range(20)]
    assert late.response().status == 504
    assert [exchange.response().text for exchange in queue] == [f"/echo/{n}" for n in range(20)]
    server.wait_line(rf"HARAKIRI ON WORKER 1 \(pid: {pid}\).* at apps/workers\.py:\d+ in {note} \({doing}\)")
    server.wait_line(rf"worker 1 \(pid {pid}\) has nothing left but what is late and is killed")
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "its end")


def test_requests_given_ahead_are_not_lost_with_a_stuck_worker(serve) -> None:
    server: Server = serve("workers:app", *deadline(1, 0.2))
    client = Client(server, HTTP_SOCKET)
    load = Load(client.address, 4, lambda c, n: f"/echo/{c}/{n}").start()
    wait_until(lambda: load.count > 500, "a fast worker, which is fed ahead")
    late = client.begin("GET", "/stuck")
    assert late.response().status == 504
    reached = load.count
    wait_until(lambda: load.count > reached + 500, "the load goes on")
    assert [answer for answer in load.stop() if answer.status != 200] == []


@pytest.mark.engine("threads")
def test_the_others_of_a_stuck_worker_finish(serve) -> None:
    server: Server = serve("workers:app", *deadline(3, 0.5), threads=2)
    client = Client(server, HTTP_SOCKET)
    gates = [server.home.gate(name) for name in ("late", "other")]
    late = hold(client, "late", 1)[0]
    pid, _ = wait_held(server, "late", 1)[0]
    assert late.response().status == 504
    other = hold(client, "other", 1)
    wait_held(server, "other", 1)
    server.wait_line(STUCK + ".* its other request may finish, another takes its place")
    assert client.get("/echo").status == 200
    assert release(gates[1], other) == [pid]
    server.wait_line(rf"worker 1 \(pid {pid}\) has nothing left but what is late and is killed")
    for gate in gates:
        gate.close()


def test_siblings_in_other_workers_notice_nothing(serve) -> None:
    server: Server = serve("workers:app", *deadline(1, 0.2), processes=3)
    client = Client(server, HTTP_SOCKET)
    load = Load(client.address, 8, lambda c, n: f"/sleep/{c}/{n}?ms=2").start()
    for _ in range(3):
        assert client.get("/stuck").status == 504
    reached = load.count
    wait_until(lambda: load.count > reached + 200, "the load goes on")
    assert [answer for answer in load.stop() if answer.status != 200] == []


def test_a_client_that_is_gone_does_not_free_a_stuck_worker(serve) -> None:
    server: Server = serve("workers:app", *deadline(1, 0.2))
    client = Client(server, HTTP_SOCKET)
    late = client.begin("GET", "/stuck")
    noted(server, "stuck")
    late.connection.reset()
    server.wait_line(r"HARAKIRI ON WORKER 1 \(pid: \d+\): a request whose client is gone, running for 1\.")
    assert client.get("/echo").status == 200


def test_waiting_in_the_queue_does_not_count(serve) -> None:
    """As in uWSGI, a request's time begins when a worker has it."""
    server: Server = serve("workers:app", *deadline(2))
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("slow")
    requests = [hold(client, "slow", 1)[0]]
    wait_held(server, "slow", 1)
    requests += [client.begin("GET", f"/sleep/{n}?ms=700") for n in range(5)]
    began = time.monotonic()
    gate.open()
    assert [request.response().status for request in requests] == [200] * 6
    assert time.monotonic() - began > 3
    gate.close()


def test_a_frozen_worker_is_replaced(serve) -> None:
    """It has not begun the request, so the request is not lost."""
    server: Server = serve("workers:app", *deadline(1), "--drain-timeout", "1")
    client = Client(server, HTTP_SOCKET)
    pid = worker_pid(server)
    os.kill(pid, signal.SIGSTOP)
    assert client.get("/echo").status == 200
    server.wait_line(rf"worker 1 \(pid {pid}\) did not leave within 1s and is killed")


def worker_pid(server: Server) -> int:
    """The only worker's process."""
    server.send_signal(signal.SIGUSR1)
    return int(server.wait_line(r"worker 1 \(pid (\d+)\) serves").group(1))


def test_a_stop_does_not_wait_for_what_is_stuck(serve) -> None:
    server: Server = serve("workers:app", *deadline(1, 0.2))
    client = Client(server, HTTP_SOCKET)
    late = client.begin("GET", "/stuck")
    noted(server, "stuck")
    server.send_signal(signal.SIGTERM)
    assert late.response().status == 504
    assert server.wait_exit(8) == 0
    server.stopped = True
    server.wait_alone(2)
