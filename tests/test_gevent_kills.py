"""Something is raised in a request's greenlet, wherever it waits: it ends, its place is free, nobody else notices."""

from __future__ import annotations

import itertools
import signal

import pytest
from harness.client import HTTP_SOCKET, Client, Exchange
from harness.raw import Malformed
from harness.server import Server

PLACES = 2
NAMES = (f"n{number}" for number in itertools.count())

POINTS = ["view", "body", "line", "pool", "write", "window", "generator", "close"]
CUT = {"write", "window", "generator"}
HOWS = ["kill", "exit", "interrupt", "timeout", "error"]

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def server(shared_launcher) -> Server:
    """One worker with as few places as can be, so that a lost one is missed."""
    return shared_launcher.serve("hostile:app", threads=PLACES, engine="gevent")


@pytest.fixture(scope="module")
def late_server(shared_launcher) -> Server:
    """The same with a deadline."""
    options = ("--harakiri", "1", "--harakiri-graceful-timeout", "30")
    return shared_launcher.serve("hostile:app", *options, threads=PLACES, engine="gevent")


def begin(client: Client, point: str) -> tuple[str, Exchange]:
    """A request that waits at this point of its life."""
    name = next(NAMES)
    target = f"/point?point={point}&name={name}"
    if point in ("body", "line", "pool"):
        exchange = client.begin("POST", target, body=b"a" * 100, length=1_000_000)
    else:
        exchange = client.begin("GET", target)
    client.server.home.wait_entry(f"at {name}")
    return name, exchange


def assert_ended(exchange: Exchange, point: str, status: int) -> None:
    """The client is told as far as that is still possible; a cut answer never looks whole."""
    with exchange:
        if point in CUT:
            with pytest.raises(Malformed):
                exchange.body.rest()
        else:
            assert exchange.head.status == (200 if point == "close" else status)
            if point == "close":
                assert exchange.body.rest() == b"whole"


def thrown(client: Client, name: str, how: str) -> None:
    """Raise it there; that the request which does so is answered shows that the other place is free."""
    path = f"/kill?name={name}" if how == "kill" else f"/throw?name={name}&what={how}"
    assert client.get(path).status == 200


def assert_all_places_are_free(client: Client) -> None:
    """As many requests run at once as ever."""
    name, held = begin(client, "view")
    thrown(client, name, "error")
    assert_ended(held, "view", 500)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("point", POINTS)
def test_thrown(server: Server, point: str, how: str) -> None:
    client = Client(server, HTTP_SOCKET)
    before = client.get("/who").text
    mark = server.mark()
    name, exchange = begin(client, point)
    thrown(client, name, how)
    assert_ended(exchange, point, 500)
    if point not in ("view", "body", "line", "pool", "write"):
        server.home.wait_entry(f"closed {name}")
    kind = {"kill": "GreenletExit", "exit": "SystemExit", "interrupt": "KeyboardInterrupt"}.get(how)
    server.wait_line(kind or {"timeout": "Timeout", "error": "LookupError: thrown"}[how], after=mark)
    assert_all_places_are_free(client)
    assert client.get("/who").text == before, "the same worker"


@pytest.mark.parametrize("point", [point for point in POINTS if point != "close"])
def test_the_deadline(late_server: Server, point: str) -> None:
    client = Client(late_server, HTTP_SOCKET)
    before = client.get("/who").text
    mark = late_server.mark()
    name, exchange = begin(client, point)
    late_server.wait_line(r"HARAKIRI ON WORKER 1", after=mark)
    assert_ended(exchange, point, 504)
    late_server.wait_line(rf"gave up .*point={point}", after=mark)
    if point not in ("view", "body", "line", "pool", "write"):
        late_server.home.wait_entry(f"closed {name}")
    assert_all_places_are_free(client)
    assert client.get("/who").text == before, "the same worker"
    assert "does not give up" not in late_server.log.text


@pytest.mark.parametrize("rude", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("point", ["write", "window"])
def test_a_client_that_goes_in_the_middle(server: Server, point: str, rude: bool) -> None:
    """The app's close() is called, and its place is free."""
    client = Client(server, HTTP_SOCKET)
    name, exchange = begin(client, point)
    with exchange:
        assert exchange.head.status == 200
        if rude:
            exchange.connection.reset()
    if point == "window":
        server.home.wait_entry(f"closed {name}")
    assert_all_places_are_free(client)


def test_the_deadline_ends_with_the_answer(late_server: Server) -> None:
    """close() of what was answered in time may take as long as it likes, and holds no place."""
    client = Client(late_server, HTTP_SOCKET)
    mark = late_server.mark()
    closing = [begin(client, "close") for _ in range(2 * PLACES)]
    for _, exchange in closing:
        assert_ended(exchange, "close", 200)
    name, late = begin(client, "view")
    assert_ended(late, "view", 504)
    late_server.wait_line(r"gave up .*point=view", after=mark)
    assert not any("point=close" in line and "HARAKIRI" in line for line in late_server.lines_since(mark))
    for name, _ in closing:
        assert f"closed {name}" not in late_server.home.entries()
        thrown(client, name, "kill")
        late_server.home.wait_entry(f"closed {name}")


def test_a_stop_waits_for_close(serve) -> None:
    """What an app does after its last byte (a commit, for example) is not cut off by the end of the worker."""
    server = serve("hostile:app", threads=PLACES, engine="gevent")
    client = Client(server, HTTP_SOCKET)
    for number in range(3):
        with client.begin("GET", f"/closes-slowly?name=c{number}") as exchange:
            assert exchange.response().text == "whole"
    server.stopped = True
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert sorted(server.home.entries()) == ["closed c0", "closed c1", "closed c2"]
