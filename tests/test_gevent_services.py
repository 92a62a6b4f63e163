"""gevent with the real thing: requests that wait on databases and services do not wait for each other."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from harness import daemons
from harness.client import HTTP_SOCKET, Client
from harness.server import Server
from harness.slow_https import SlowHttps

pytestmark = pytest.mark.once

WARNINGS = ("MonkeyPatchWarning", "RecursionError", "imported before gevent", "Traceback", "blocks while")


@pytest.fixture(scope="module")
def postgres() -> Iterator[daemons.Daemon]:
    daemon = daemons.postgres()
    yield daemon
    daemon.stop()


@pytest.fixture
def daemon(request: pytest.FixtureRequest) -> Iterator[daemons.Daemon]:
    """The daemon that the test is marked with."""
    daemon = request.param()
    yield daemon
    daemon.stop()


def serve_services(serve, **environment: str) -> Server:
    """One process with 100 greenlets."""
    return serve("services:app", threads=100, engine="gevent", environment=environment)


def at_once(server: Server, target: str, count: int) -> list[str]:
    """The answers to so many requests at the same time, which wait together for what they wait for.

    A driver that blocks the loop lets one wait at a time, however fast or busy the machine is.
    """
    client = Client(server, HTTP_SOCKET)
    exchanges = [client.begin("GET", target, timeout=90) for _ in range(count)]
    answers = [exchange.response() for exchange in exchanges]
    assert [answer.status for answer in answers] == [200] * count, [answer.text[:200] for answer in answers]
    view = target.strip("/").partition("?")[0]
    assert int(client.get(f"/most?of={view}").text) > 1
    return [answer.text for answer in answers]


def assert_quiet(server: Server) -> None:
    """Nothing was said about patching, and nothing failed."""
    assert [line for line in server.log.lines if any(word in line for word in WARNINGS)] == []


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_django_and_postgresql(serve, postgres: daemons.Daemon, driver: str) -> None:
    environment = {"DRIVER": driver, "DATABASE": str(postgres.home)}
    server = serve("database:app", threads=100, engine="gevent", environment=environment)
    answers = [answer.split() for answer in at_once(server, "/sleep?seconds=0.5", 50)]
    assert {name for name, _ in answers} == {driver}
    assert len({pid for _, pid in answers}) == 50, "a connection for each request"
    assert_quiet(server)
    assert "division by zero" in Client(server, HTTP_SOCKET).get("/fails").text


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_a_late_query_is_given_up_alone(serve, postgres: daemons.Daemon, driver: str) -> None:
    environment = {"DRIVER": driver, "DATABASE": str(postgres.home)}
    server = serve("database:app", "--harakiri", "2", threads=100, engine="gevent", environment=environment)
    client = Client(server, HTTP_SOCKET)
    late = client.begin("GET", "/sleep?seconds=15")
    beside = [client.begin("GET", "/sleep?seconds=0.5") for _ in range(10)]
    assert [exchange.response().status for exchange in beside] == [200] * 10
    assert late.response().status == 504
    server.wait_line(r"gave up GET /sleep\?seconds=15, which was late")
    server.wait_line(r"database\.py\", line \d+, in sleep")
    assert client.get("/sleep?seconds=0").status == 200


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_a_database_that_does_not_answer(serve, driver: str) -> None:
    """`connect_timeout` holds, and nobody else waits for it."""
    server = serve("database:app", threads=100, engine="gevent", environment={"DRIVER": driver, "DATABASE": "/nowhere"})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answers = at_once(server, f"/connect?port={silent.getsockname()[1]}", 10)
    assert all("timeout" in answer for answer in answers), answers


@pytest.mark.parametrize("daemon", [daemons.mariadb], indirect=True, ids=["mariadb"])
def test_pymysql(serve, daemon: daemons.Daemon) -> None:
    server = serve_services(serve, PLACE=str(daemon.home))
    assert set(at_once(server, "/mysql?seconds=0.5", 50)) == {"0"}
    assert_quiet(server)


@pytest.mark.parametrize("daemon", [daemons.redis], indirect=True, ids=["redis"])
def test_redis(serve, daemon: daemons.Daemon) -> None:
    server = serve_services(serve, PLACE=str(daemon.home))
    assert set(at_once(server, "/queue?seconds=1", 50)) == {"None"}
    assert_quiet(server)


@pytest.mark.parametrize("daemon", [daemons.slow_grpc], indirect=True, ids=["grpc"])
def test_grpc(serve, daemon: daemons.Daemon) -> None:
    server = serve("rpc:app", threads=100, engine="gevent", processes=2, environment={"PLACE": str(daemon.home)})
    assert set(at_once(server, "/sleep?seconds=1", 40)) == {"slept"}
    assert set(at_once(server, "/late", 40)) == {"DEADLINE_EXCEEDED"}
    assert_quiet(server)
    assert server.stop() == 0


@pytest.mark.parametrize("client", ["requests", "urllib3"])
def test_tls(serve, tmp_path, client: str) -> None:
    slow = SlowHttps(tmp_path, seconds=1.0)
    try:
        server = serve_services(serve, PLACE=str(slow.port), AUTHORITY=str(slow.authority))
        assert set(at_once(server, f"/https?with={client}", 30)) == {"slow"}
        assert_quiet(server)
    finally:
        slow.stop()


def test_tls_contexts(serve) -> None:
    server = serve_services(serve)
    assert Client(server, HTTP_SOCKET).get("/contexts").text == "gevent.ssl"
    assert_quiet(server)


def test_threads_of_a_client_library(serve) -> None:
    """Its monitors become greenlets, go on after the request, and hold neither other requests nor the exit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = serve_services(serve, PLACE=str(port))
    assert set(at_once(server, "/mongo", 40)) == {"not found, True"}
    [threads] = set(at_once(server, "/sleep?seconds=0.4", 50))
    assert int(threads) < 15, "gevent's pool for names, and no thread for a monitor"
    assert_quiet(server)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 20
