"""Apps and clients that do what nobody should do to a gevent worker: it goes on, and so do all other requests."""

from __future__ import annotations

import os
import signal

import pytest
from harness.client import ALL_DOORS, DOORS, HTTP_SOCKET, Client
from harness.load import Load
from harness.server import Server
from harness.waiting import wait_until

pytestmark = pytest.mark.once


@pytest.fixture
def server(serve) -> Server:
    """A worker of this test alone: these apps change the whole process."""
    return serve("hostile:app", threads=50, engine="gevent")


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server, HTTP_SOCKET)


def goes_on(client: Client, pid: str) -> None:
    """The same worker answers many at once."""
    exchanges = [client.begin("GET", "/sleep?ms=30") for _ in range(40)]
    assert {exchange.response().text for exchange in exchanges} == {pid}


def test_the_app_replaces_the_hub_s_error_handler(server: Server, client: Client) -> None:
    pid = client.get("/who").text
    assert client.get("/own-error-handler").text == "replaced"
    server.home.wait_entry("handled ZeroDivisionError", 2)
    assert client.get("/timeout").status == 500
    goes_on(client, pid)


def test_the_app_mends_gevent_itself(client: Client) -> None:
    pid = client.get("/who").text
    running = [client.begin("GET", "/sleep?ms=500") for _ in range(20)]
    assert client.get("/reinit").text == "mended"
    assert {exchange.response().text for exchange in running} == {pid}
    goes_on(client, pid)


def test_the_app_patches_again_without_threads(client: Client) -> None:
    pid = client.get("/who").text
    running = [client.begin("GET", "/sleep?ms=300") for _ in range(20)]
    assert client.get("/patch-again").text == "patched"
    assert {exchange.response().text for exchange in running} == {pid}
    goes_on(client, pid)


def test_a_time_limit_that_nobody_catches(server: Server, client: Client) -> None:
    pid = client.get("/who").text
    assert client.get("/timeout").status == 500
    server.wait_line(r"Timeout: 0\.05 seconds")
    goes_on(client, pid)


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_a_time_limit_on_a_read_loses_nothing(serve, door) -> None:
    """What had come when the time was over is there at the next attempt."""
    server = serve("hostile:app", threads=50, engine="gevent", doors=ALL_DOORS)
    body = os.urandom(150_500)
    exchange = Client(server, door).begin("POST", "/impatient", body=body[:100_500], length=len(body))
    server.home.wait_entry("impatient")
    exchange.connection.send(body[100_500:])
    assert exchange.response().body == body


def test_a_child_that_stays_does_not_hide_the_death_of_its_worker(server: Server, client: Client) -> None:
    """It has copies of all that the worker had; the server notices the death all the same, and nobody waits."""
    gate = server.home.gate("child")
    pid = int(client.get("/who").text)
    child = int(client.get("/fork-and-stay").text)
    server.home.wait_entry(f"child {child}")
    lost = [client.begin("GET", "/sleep?ms=60000") for _ in range(5)]
    assert client.get("/who").text == str(pid)
    os.kill(pid, signal.SIGKILL)
    assert [exchange.response().status for exchange in lost] == [502] * 5
    assert client.get("/who").text != str(pid)
    os.kill(child, signal.SIGKILL)
    gate.close()


def test_a_child_that_stays_does_not_hold_a_stop(server: Server, client: Client) -> None:
    gate = server.home.gate("child")
    child = int(client.get("/fork-and-stay").text)
    server.home.wait_entry(f"child {child}")
    running = [client.begin("GET", "/sleep?ms=700") for _ in range(5)]
    assert client.get("/who").status == 200
    server.stopped = True
    server.send_signal(signal.SIGTERM)
    assert [exchange.response().status for exchange in running] == [200] * 5
    assert server.wait_exit() == 0
    server.wait_line(r"drained: \d+ finished, 0 dropped, 0 killed")
    gate.close()


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_slow_clients_take_no_places(serve, door) -> None:
    """Two greenlets, and hundreds of clients that never finish what they say."""
    server = serve("hostile:app", "--post-buffering", "65536", threads=2, engine="gevent", doors=ALL_DOORS)
    client = Client(server, door)
    whole = client.encode("POST", "/who", body=b"x" * 1000, length=2000)
    large = client.encode("POST", "/who", body=b"x" * 100_000, length=10_000_000)
    slow = [client.connect() for _ in range(300)]
    for number, connection in enumerate(slow):
        part = (whole[:3], whole[:40], whole, large)[number % 4]
        connection.send(part)
    assert [client.get("/who").status for _ in range(20)] == [200] * 20
    running = [client.begin("GET", "/sleep?ms=200") for _ in range(4)]
    assert [exchange.response().status for exchange in running] == [200] * 4
    for connection in slow:
        connection.close()


def test_a_reload_under_load(serve) -> None:
    """Three hang-ups one after the other, and every one of thousands of requests is answered."""
    server = serve("hostile:app", processes=2, threads=50, engine="gevent")
    client = Client(server, HTTP_SOCKET)
    load = Load(client.address, 32, lambda c, n: f"/sleep?ms={(c * 7 + n) % 40}").start()
    wait_until(lambda: load.count > 300, "a running load")
    for _ in range(3):
        mark = server.mark()
        server.send_signal(signal.SIGHUP)
        server.wait_line(r"reloaded: 2 workers", after=mark)
        reached = load.count
        wait_until(lambda reached=reached: load.count > reached + 300, "the load goes on")
    answers = load.stop()
    assert [answer for answer in answers if answer.status != 200] == []
    assert len({answer.response.text for answer in answers if answer.response}) >= 6
