"""The gevent engine: waiting costs nothing, and what happens to one request happens to no other."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from harness.client import ALL_DOORS, DOORS, HTTP_SOCKET, Client, encode_http
from harness.holding import hold, holders, release, wait_held
from harness.load import Load
from harness.server import Server
from harness.waiting import wait_until

pytestmark = pytest.mark.once

AT_ONCE = 200


@pytest.fixture(scope="module")
def server(shared_launcher) -> Server:
    """One process, many greenlets, every door."""
    return shared_launcher.serve("greenlets:app", threads=AT_ONCE, engine="gevent", doors=ALL_DOORS)


@pytest.fixture
def http(server: Server) -> Client:
    """A client of the shared server."""
    return Client(server, HTTP_SOCKET)


def serve_gevent(serve, *options: str, greenlets: int = 100, **other) -> Server:
    """A server of this test alone."""
    return serve("greenlets:app", *options, threads=greenlets, engine="gevent", **other)


def waiting(server: Server, event: str, times: int = 1) -> None:
    """Wait until the app waits for this event."""
    server.home.wait_entry(f"waiting {event}", times)


def test_requests_that_sleep_do_not_wait_for_each_other(server: Server, http: Client) -> None:
    began = time.monotonic()
    exchanges = [http.begin("GET", "/sleep?ms=500") for _ in range(100)]
    answers = [exchange.response().text for exchange in exchanges]
    assert time.monotonic() - began < 25, "100 × 0.5 s one after the other would be 50 s"
    assert len(set(answers)) == 1, "one process, and no thread for each request"
    assert int(answers[0].split()[1]) < 10


def test_more_requests_than_greenlets_wait_in_the_server(serve) -> None:
    server: Server = serve("workers:app", threads=2, engine="gevent")
    client = Client(server, HTTP_SOCKET)
    first, second = server.home.gate("first"), server.home.gate("second")
    held = hold(client, "first", 2)
    wait_held(server, "first", 2)
    third = hold(client, "second", 1)
    # A look-ahead request would lie in the worker; it must not be begun either.
    assert holders(server, "second") == []
    release(first, held)
    wait_held(server, "second", 1)
    release(second, third)
    first.close()
    second.close()


def test_a_freed_greenlet_takes_the_next(serve) -> None:
    server = serve_gevent(serve, greenlets=2)
    client = Client(server, HTTP_SOCKET)
    first = client.begin("GET", "/wait?event=first")
    waiting(server, "first")
    others = [client.begin("GET", "/sleep?ms=20") for _ in range(10)]
    assert [exchange.response().status for exchange in others] == [200] * 10
    assert client.get("/set-event?event=first").status == 200
    assert first.response().text == "first"


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_the_streaming_scenario(serve, door) -> None:
    server = serve_gevent(serve, doors=ALL_DOORS)
    stream, afterwards = server.home.gate("stream"), server.home.gate("afterwards")
    client = Client(server, door)
    with client.begin("GET", "/scenario") as exchange:
        assert exchange.body.exactly(9) == b"sleeping\n"
        server.home.wait_entry("counted 2")
        assert client.get("/sleep?ms=1").status == 200, "others are served meanwhile"
        stream.open()
        assert exchange.body.rest() == b"looking up\n127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1\n"
    assert "afterwards" not in server.home.entries()
    afterwards.open()
    server.home.wait_entry("afterwards")
    stream.close()
    afterwards.close()


@pytest.mark.parametrize("what", ["exit", "interrupt", "greenlet"])
def test_what_would_end_a_program_ends_one_request(server: Server, http: Client, what: str) -> None:
    before = http.get("/sleep?ms=0").text.split()[0]
    held = http.begin("GET", f"/wait?event={what}")
    waiting(server, what)
    mark = server.mark()
    assert http.get(f"/raises?what={what}").status == 500
    server.wait_line(r"in raises", after=mark)
    assert http.get(f"/set-event?event={what}").status == 200
    assert held.response().status == 200
    assert http.get("/sleep?ms=0").text.split()[0] == before, "the same worker"


def test_the_exit_of_a_greenlet_that_is_no_request(server: Server, http: Client) -> None:
    mark = server.mark()
    before = http.get("/background?what=exit").text
    server.wait_line(r"SystemExit of a greenlet that is no request: 3; the worker goes on", after=mark)
    assert http.get("/sleep?ms=0").text.split()[0] == before


def test_greenlets_that_never_end_do_not_hold_the_exit(serve) -> None:
    server = serve_gevent(serve)
    client = Client(server, HTTP_SOCKET)
    for what in ("endless", "thread"):
        assert client.get(f"/background?what={what}").status == 200
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 20


def test_a_stop_waits_for_requests(serve) -> None:
    server = serve_gevent(serve)
    client = Client(server, HTTP_SOCKET)
    exchanges = [client.begin("GET", "/sleep?ms=800") for _ in range(20)]
    held = client.begin("GET", "/wait?event=begun")
    waiting(server, "begun")
    assert client.get("/set-event?event=begun").status == 200
    server.stopped = True
    server.send_signal(signal.SIGTERM)
    assert [exchange.response().status for exchange in exchanges] == [200] * 20
    assert held.response().status == 200
    assert server.wait_exit() == 0
    server.wait_line(r"drained: \d+ finished, 0 dropped, 0 killed")


def test_at_the_mercy_requests_end_where_they_are_and_say_so(serve) -> None:
    server = serve_gevent(serve, "--reload-mercy", "2")
    client = Client(server, HTTP_SOCKET)
    held = client.begin("GET", "/wait?event=never")
    waiting(server, "never")
    server.stopped = True
    server.send_signal(signal.SIGTERM)
    assert held.response().status == 500
    assert server.wait_exit() == 0
    server.home.wait_entry("GreenletExit never")
    server.wait_line(r"in wait")
    server.wait_line(r"GreenletExit: the worker has to leave")


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_the_deadline_breaks_off_one_request(serve, door) -> None:
    server = serve_gevent(serve, "--harakiri", "1", doors=ALL_DOORS)
    client = Client(server, door)
    before = client.get("/sleep?ms=0").text.split()[0]
    late = client.begin("GET", "/wait?event=late")
    waiting(server, "late")
    beside = [client.begin("GET", "/sleep?ms=700") for _ in range(5)]
    assert late.response().status == 504
    server.home.wait_entry("DeadlineExceeded late")
    server.wait_line(r"in wait")
    assert [exchange.response().status for exchange in beside] == [200] * 5
    assert client.get("/sleep?ms=0").text.split()[0] == before, "the worker was not replaced"


def test_a_client_that_leaves_does_not_break_off_the_app(server: Server, http: Client) -> None:
    exchange = http.begin("GET", "/wait?event=left")
    waiting(server, "left")
    exchange.connection.close()
    assert http.get("/set-event?event=left").status == 200
    assert not any(entry.endswith(" left") for entry in server.home.entries() if not entry.startswith("waiting"))


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_a_slow_upload_stops_nobody(server: Server, door) -> None:
    client = Client(server, door)
    slow = client.begin("POST", "/echo", body=b"a" * 100_000, length=300_000)
    exchanges = [client.begin("POST", "/echo", body=b"b" * 500_000) for _ in range(20)]
    assert {exchange.response().text for exchange in exchanges} == {"/echo 500000"}
    slow.connection.send(b"a" * 200_000)
    assert slow.response().text == "/echo 300000"


def test_a_slow_reader_stops_nobody(server: Server, http: Client) -> None:
    slow = http.begin("GET", "/large")
    server.home.wait_entry("piece 0")
    assert [http.get("/sleep?ms=1").status for _ in range(20)] == [200] * 20
    assert "piece 199" not in server.home.entries(), "13 MB do not fit into any buffer"
    assert len(slow.response().body) == 200 * 65536


def test_reading_and_writing_in_a_native_thread(server: Server, http: Client) -> None:
    body = bytes(range(256)) * 8192
    exchanges = [http.begin("POST", "/in-thread", body=body) for _ in range(5)]
    assert all(exchange.response().body == body for exchange in exchanges)


def test_the_hub_itself_cannot_wait(server: Server, http: Client) -> None:
    with http.begin("POST", "/in-hub", body=b"", length=2_000_000) as exchange:
        assert "a callback of gevent's hub cannot wait" in exchange.head.reason + exchange.body.rest().decode()


def test_reading_and_writing_at_once(server: Server, http: Client) -> None:
    exchange = http.begin("POST", "/both-ways", body=b"", length=1_000_000)
    assert exchange.body.exactly(6) == b"first|"
    exchange.connection.send(b"z" * 1_000_000)
    assert exchange.response().body == b"1000000"


def test_keep_alive_and_pipelining_with_one_greenlet(serve) -> None:
    server = serve_gevent(serve, greenlets=1)
    connection = Client(server, HTTP_SOCKET).connect()
    targets = [f"/echo/{number}" for number in range(20)]
    connection.send(b"".join(encode_http("GET", target, close=False) for target in targets))
    assert [connection.response().text for _ in targets] == [f"{target} 0" for target in targets]
    connection.close()


def test_a_child_of_a_view_takes_nothing(server: Server, http: Client) -> None:
    exchanges = [http.begin("GET", "/fork") for _ in range(4)]
    load = [http.begin("GET", "/sleep?ms=50") for _ in range(50)]
    assert [exchange.response().status for exchange in load] == [200] * 50
    assert [exchange.response().text for exchange in exchanges] == ["7"] * 4


def test_requests_run_in_real_greenlets(http: Client) -> None:
    assert http.get("/current").text == "True link kill value ready"


def test_nothing_is_lost_or_crossed_under_load(serve) -> None:
    server = serve_gevent(serve, processes=2, greenlets=50)
    client = Client(server, HTTP_SOCKET)
    load = Load(client.address, 32, lambda c, n: f"/echo/{c}/{n}" if n % 3 else f"/sleep?ms={(c * 7 + n) % 13}")
    load.start()
    wait_until(lambda: load.count > 6000, "a running load", 60)
    answers = load.stop()
    assert [answer for answer in answers if answer.status != 200] == []
    crossed = [a for a in answers if a.target.startswith("/echo") and a.response.text != f"{a.target} 0"]
    assert crossed == []


def test_ready_for_threads_of_the_app(server: Server, http: Client) -> None:
    """Requests from many client threads at once, each on its own connection, all answered by one thread."""
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(http.get("/sleep?ms=30").status)) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [200] * 40
