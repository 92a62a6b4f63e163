"""Behind a real nginx: `uwsgi_pass` over unix and TCP sockets, `proxy_pass` with kept connections."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Iterator

import pytest
from harness.client import ALL_DOORS, encode_http
from harness.nginx import Nginx, proxy_location, upstream, uwsgi_location
from harness.raw import Response
from harness.server import Server

WAYS = ["uwsgi-unix", "uwsgi-tcp", "proxy"]


@pytest.fixture(scope="module")
def backend(shared_launcher) -> Server:
    """A server with two workers behind nginx."""
    assert ALL_DOORS
    return shared_launcher.share("everything:app", processes=2, threads=4)


@pytest.fixture(scope="module")
def nginx(backend: Server) -> Iterator[Nginx]:
    """nginx with a location for each way, buffered and unbuffered."""
    sockets = [address for address in backend.addresses if address.option == "socket"]
    unix = next(address for address in sockets if not address.port)
    tcp = next(address for address in sockets if address.port)
    http = backend.address("http-socket")
    off = {
        "uwsgi": "uwsgi_buffering off; uwsgi_request_buffering off;",
        "proxy": "proxy_buffering off; proxy_request_buffering off;",
    }
    rewritten = "rewrite ^/[a-z-]+/(.*)$ /$1 break;"
    locations = []
    for prefix, more in (("", ""), ("raw-", "off")):
        for way, address in (("uwsgi-unix", unix), ("uwsgi-tcp", tcp)):
            locations.append(uwsgi_location(f"/{prefix}{way}/", address, rewritten, off["uwsgi"] if more else ""))
        locations.append(proxy_location(f"/{prefix}proxy/", "backend", rewritten, off["proxy"] if more else ""))
    nginx = Nginx(locations, [upstream("backend", http)])
    yield nginx
    nginx.stop()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How nginx speaks with the server."""
    return request.param


def ask(nginx: Nginx, request: bytes, method: str = "GET") -> Response:
    """One request to nginx, on a connection of its own."""
    with nginx.connect() as connection:
        connection.send(request)
        return connection.response(method)


def test_a_page(nginx: Nginx, way: str) -> None:
    response = ask(nginx, encode_http("GET", f"/{way}/index"))
    assert (response.status, response.body) == (200, b"index")


def test_environ(nginx: Nginx, way: str) -> None:
    fields = [("Host", "shop.example:8443"), ("X-A", "1"), ("Cookie", "a=b; c=d"), ("X-Latin", "caf\xe9")]
    found = json.loads(ask(nginx, encode_http("GET", f"/{way}/environ?q=%20x", fields)).body)["strings"]
    assert found["HTTP_HOST"] == "shop.example:8443"
    assert found["QUERY_STRING"] == "q=%20x"
    assert found["PATH_INFO"] == "/environ"
    assert (found["HTTP_X_A"], found["HTTP_COOKIE"], found["HTTP_X_LATIN"]) == ("1", "a=b; c=d", "caf\xe9")
    assert found["REMOTE_ADDR"] == "127.0.0.1"
    if way != "proxy":
        assert found["REQUEST_URI"] == f"/{way}/environ?q=%20x"
        assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("shop.example", str(nginx.port))


def test_many_requests_on_kept_connections(nginx: Nginx, way: str) -> None:
    with nginx.connect() as connection:
        for number in range(300):
            connection.send(encode_http("GET", f"/{way}/noted/{number}", close=False))
            response = connection.response()
            assert (response.status, response.body) == (200, f"/noted/{number}".encode())


@pytest.mark.parametrize("prefix", ["", "raw-"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("size", [0, 10, 20_000, 70_000, 5_000_000])
def test_uploads(nginx: Nginx, way: str, prefix: str, size: int) -> None:
    body = random.Random(size).randbytes(size)
    response = ask(nginx, encode_http("POST", f"/{prefix}{way}/digest", body=body), "POST")
    assert response.text == f"{size} {hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize("prefix", ["", "raw-"], ids=["buffered", "unbuffered"])
def test_chunked_uploads(nginx: Nginx, way: str, prefix: str) -> None:
    body = random.Random(7).randbytes(300_000)
    chunks = [body[start : start + 10_000] for start in range(0, len(body), 10_000)]
    response = ask(nginx, encode_http("POST", f"/{prefix}{way}/digest", chunks=chunks), "POST")
    assert response.text == f"{len(body)} {hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize("prefix", ["", "raw-"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("size", [0, 1000, 100_000, 5_000_000])
def test_downloads(nginx: Nginx, way: str, prefix: str, size: int) -> None:
    response = ask(nginx, encode_http("GET", f"/{prefix}{way}/big?size={size}"))
    assert len(response.body) == size


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/generator", 200, b"one two"),
        ("/written", 200, b"w1 w2 i1 i2"),
        ("/status?line=404+Not+Found", 404, b"a body"),
        ("/status?line=204+No+Content&bare&empty", 204, b""),
        ("/status?line=304+Not+Modified&bare&empty", 304, b""),
        ("/many?count=1000&size=1000", 200, b"x" * 1_000_000),
    ],
)
def test_kinds_of_answers(nginx: Nginx, way: str, path: str, status: int, body: bytes) -> None:
    response = ask(nginx, encode_http("GET", f"/{way}{path}"))
    assert (response.status, response.body) == (status, body)


def test_head(nginx: Nginx, way: str) -> None:
    response = ask(nginx, encode_http("HEAD", f"/{way}/big?size=1000"), "HEAD")
    assert (response.status, response.header("Content-Length"), response.body) == (200, "1000", b"")


def test_streaming_without_buffering(nginx: Nginx, backend: Server, way: str) -> None:
    name = f"nginx-{way}"
    gates = [backend.home.gate(f"{name}-{n}") for n in (1, 2)]
    with nginx.connect() as connection:
        connection.send(encode_http("GET", f"/raw-{way}/gated?name={name}"))
        body = connection.body_reader(connection.head())
        assert body.exactly(3) == b"one"
        gates[0].open()
        assert body.exactly(3) == b"two"
        gates[1].open()
        assert body.rest() == b"three"
    for gate in gates:
        gate.close()


def test_a_failing_app_is_a_500_and_not_a_502(nginx: Nginx, way: str) -> None:
    assert ask(nginx, encode_http("GET", f"/{way}/boom")).status == 500


def test_a_head_too_large_for_the_server_is_answered(nginx: Nginx, way: str) -> None:
    """nginx itself refuses heads above 32 KiB; what it lets through must be served."""
    fields = [(f"X-Part-{n}", "v" * 7000) for n in range(4)]
    assert ask(nginx, encode_http("GET", f"/{way}/index", fields)).status == 200


def test_many_clients_at_once(nginx: Nginx, way: str) -> None:
    failures: list[object] = []

    def run(first: int) -> None:
        try:
            with nginx.connect() as connection:
                for number in range(first, first + 50):
                    connection.send(encode_http("GET", f"/{way}/noted/{number}", close=False))
                    response = connection.response()
                    if (response.status, response.body) != (200, f"/noted/{number}".encode()):
                        failures.append(response)
        except Exception as problem:
            failures.append(problem)

    threads = [threading.Thread(target=run, args=(1000 * n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures


def test_a_restarted_server_is_found_again(serve) -> None:
    """nginx keeps connections; when the server was replaced on the same socket, requests go on."""
    first: Server = serve("everything:app", doors=["--socket", "again.sock"])
    nginx = Nginx([uwsgi_location("/", first.address("socket"))])
    try:
        assert ask(nginx, encode_http("GET", "/index")).status == 200
        assert first.stop() == 0
        assert ask(nginx, encode_http("GET", "/index")).status == 502
        serve("everything:app", doors=["--socket", str(first.home / "again.sock")])
        assert ask(nginx, encode_http("GET", "/index")).status == 200
    finally:
        nginx.stop()
