"""One queue, many workers and threads: who runs what, nothing pinned, nothing lost, nothing crossed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.client import ALL_DOORS, DOORS, HTTP_SOCKET, Client, encode_http
from harness.holding import hold, imports, release, wait_held
from harness.load import Load
from harness.raw import Connection
from harness.server import Server
from harness.waiting import wait_until


def who(client: Client) -> dict[str, Any]:
    """Who answers."""
    return json.loads(client.get("/who").body)


@pytest.mark.parametrize(("processes", "threads"), [(1, 1), (3, 1), (1, 3), (2, 2)])
def test_as_many_requests_at_once_as_there_are_places(serve, processes: int, threads: int) -> None:
    server: Server = serve("workers:app", processes=processes, threads=threads)
    client = Client(server, HTTP_SOCKET)
    places = processes * threads
    gate = server.home.gate("full")
    running = hold(client, "full", places)
    found = wait_held(server, "full", places)
    assert len(set(found)) == places
    assert len({pid for pid, _ in found}) == processes

    waiting = client.begin("GET", "/who")
    waiting.connection.assert_quiet(0.3)
    pids = release(gate, running)
    assert len(set(pids)) == processes
    assert waiting.response().status == 200


def test_ready_says_how_many(serve) -> None:
    server: Server = serve("workers:app", processes=3)
    server.wait_line(r"ready: 3 workers")


def test_no_connection_is_pinned_to_a_busy_worker(serve) -> None:
    """Connections that both workers have served before go on while one of them is blocked."""
    server: Server = serve("workers:app", processes=2)
    client = Client(server, HTTP_SOCKET)
    connections = [client.connect() for _ in range(16)]
    for connection in connections:
        connection.send(encode_http("GET", "/echo", close=False))
        assert connection.response().status == 200
    gate = server.home.gate("block")
    blocked = hold(client, "block", 1)
    wait_held(server, "block", 1)
    for _ in range(5):
        for connection in connections:
            connection.send(encode_http("GET", "/echo", close=False))
        for connection in connections:
            assert connection.response().status == 200
    release(gate, blocked)
    for connection in connections:
        connection.close()


def test_requests_behind_a_request_that_turns_slow_are_taken_back(serve) -> None:
    """Under fast load the server may give a worker several requests ahead; one that blocks must not keep them."""
    server: Server = serve("workers:app", processes=2)
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("slow")
    load = Load(client.address, 24, lambda c, n: f"/echo/{c}/{n}").start()
    wait_until(lambda: load.count > 500, "a running load")
    blocked = hold(client, "slow", 1)
    wait_held(server, "slow", 1)
    reached = load.count
    wait_until(lambda: load.count > reached + 1000, "the load goes on beside the blocked worker")
    answers = load.stop()
    assert all(answer.status == 200 for answer in answers)
    release(gate, blocked)


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_no_answer_is_lost_or_crossed(serve, door) -> None:
    server: Server = serve("workers:app", processes=2, threads=2, doors=ALL_DOORS)
    client = Client(server, door)
    if door.speaks == "http":
        load = Load(client.address, 32, lambda c, n: f"/echo/{c}/{n}?{'q' * (c * 7)}" if n < 100 else "").start()
        answers = load.join()
        assert len(answers) == 3200
        assert all(a.status == 200 and a.response and a.response.text == a.target for a in answers)
    else:
        for number in range(300):
            assert client.get(f"/echo/{number}").text == f"/echo/{number}"


def test_fast_and_slow_together(serve) -> None:
    """One in twenty sleeps; everything is answered, and the fast ones do not wait for all the slow ones."""
    server: Server = serve("workers:app", processes=2, threads=2)
    client = Client(server, HTTP_SOCKET)
    load = Load(
        client.address,
        20,
        lambda c, n: "" if n >= 40 else (f"/sleep?ms=50&{n}" if (c + n) % 20 == 0 else f"/echo/{c}/{n}"),
    )
    answers = load.start().join()
    assert len(answers) == 800
    assert all(answer.status == 200 for answer in answers)


# threads = auto


@pytest.mark.parametrize("options", [("--threads", "auto"), ()], ids=["said", "default"])
def test_threads_grow_while_requests_block(start, options: tuple[str, ...]) -> None:
    from harness.server import APPS

    server: Server = start(
        *("--http-socket", "127.0.0.1:0", "--pythonpath", str(APPS), "--module", "workers:app", "--processes", "1"),
        *options,
    ).wait_ready()
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("grow")
    running = hold(client, "grow", 12)
    found = wait_held(server, "grow", 12)
    assert len(set(found)) == 12
    assert who(client)["pid"] == found[0][0]
    release(gate, running)


def test_threads_auto_does_not_grow_without_need(serve) -> None:
    server: Server = serve("workers:app", threads="auto")
    client = Client(server, HTTP_SOCKET)
    for _ in range(300):
        assert client.get("/echo").status == 200
    assert who(client)["threads"] <= 6


# Preloading and forking


def test_the_app_is_imported_once_and_forked(serve) -> None:
    server: Server = serve("workers:app", processes=3)
    found = who(Client(server, HTTP_SOCKET))
    assert len(imports(server)) == 1
    assert found["imported_in"] == imports(server)[0]
    assert found["pid"] != found["imported_in"]
    assert found["frozen"] > 0
    assert found["collects"]


def test_fork_hooks_of_the_app_run_in_every_worker(serve) -> None:
    server: Server = serve("workers:app", processes=3)
    hooks = {int(e.split()[2]) for e in server.home.entries() if e.startswith("fork hook ")}
    assert len(hooks) == 3
    assert who(Client(server, HTTP_SOCKET))["pid"] in hooks


def test_lazy_apps_import_in_every_worker(serve) -> None:
    server: Server = serve("workers:app", "--lazy-apps", processes=3)
    assert len(set(imports(server))) == 3
    found = who(Client(server, HTTP_SOCKET))
    assert found["imported_in"] == found["pid"]


@pytest.mark.engine("threads")
def test_live_threads_at_the_fork_are_warned_about(serve, home) -> None:
    home.write(
        "threaded.py",
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(3600,), name='metrics-sender', daemon=True).start()\n"
        "from hello import app\n",
    )
    server: Server = serve("threaded:app", home=home)
    server.wait_line("metrics-sender")
    server.wait_line("lazy-apps")
    assert Client(server, HTTP_SOCKET).get("/").status == 200


@pytest.mark.engine("threads")
def test_open_connections_at_the_fork_are_warned_about(serve, home) -> None:
    home.write(
        "connected.py",
        "import socket\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "connection = socket.create_connection(listener.getsockname())\n"
        "from hello import app\n",
    )
    server: Server = serve("connected:app", home=home)
    server.wait_line("(?i)socket|connection to")
    server.wait_line("lazy-apps")


def test_a_quiet_app_is_not_warned_about(serve) -> None:
    server: Server = serve("hello:app")
    assert "lazy-apps" not in server.log.text


def test_many_idle_connections_cost_nobody_anything(serve) -> None:
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    idle = [Connection(client.address) for _ in range(500)]
    assert client.get("/echo").status == 200
    for connection in idle[::10]:
        connection.send(encode_http("GET", "/echo", close=False))
        assert connection.response().status == 200
    for connection in idle:
        connection.close()


@pytest.mark.parametrize("rude", [False, True], ids=["fin", "rst"])
def test_a_client_that_comes_at_once_in_the_place_of_one_that_has_gone(serve, rude: bool) -> None:
    """The one place of the worker is free again each time: it has heard that nobody wants the long answer any more."""
    server: Server = serve("answers:app")
    client = Client(server, HTTP_SOCKET)
    for _ in range(30):
        gone = client.begin("GET", "/many?count=1000000&size=65536")
        assert gone.head.status == 200
        if rude:
            gone.connection.reset()
        else:
            gone.connection.close()
        assert client.get("/many?count=1&size=3").status == 200
