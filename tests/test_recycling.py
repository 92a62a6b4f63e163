"""Workers that are replaced although they work: after requests, by age, by memory, after an exception."""

from __future__ import annotations

from harness.client import HTTP_SOCKET, Client
from harness.launch import engine_options
from harness.load import Load
from harness.server import Home, Server
from harness.waiting import wait_until

APP = """
import os
hoard = []
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/hoard":
        hoard.append(b"x" * (96 << 20))
    if path == "/mistake":
        raise LookupError("no such thing")
    if path == "/late":
        start_response("200 OK", [("Content-Length", "9")])
        def pieces():
            yield b"four"
            raise OSError("broken off")
        return pieces()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid()]
"""


def serve(start, home: Home, *options: str, processes: int = 1) -> Server:
    home.write("web.py", APP)
    arguments = ("--http-socket", "127.0.0.1:0", "--module", "web", "--processes", str(processes), *engine_options(1))
    return start(*arguments, *options, home=home).wait_ready()


def pid(client: Client) -> int:
    return int(client.get("/").body)


def test_after_so_many_requests(start, home) -> None:
    """Under load both workers go through several lives, and no request is lost."""
    server = serve(start, home, "--max-requests", "50", "--min-worker-lifetime", "0", processes=2)
    client = Client(server, HTTP_SOCKET)
    load = Load(client.address, 8, lambda c, n: f"/{c}/{n}").start()

    def lives() -> int:
        return sum("is replaced: it has served 50 requests" in line for line in server.log.lines)

    wait_until(lambda: lives() >= 6, "six replacements", 30)
    answers = load.stop()
    assert [answer for answer in answers if answer.status != 200] == []


def test_not_before_its_time(start, home) -> None:
    """As under uWSGI a worker lives for ten seconds at least, whatever it has served."""
    server = serve(start, home, "--max-requests", "3")
    client = Client(server, HTTP_SOCKET)
    assert len({pid(client) for _ in range(20)}) == 1
    server.wait_line(r"is replaced: it has served 3 requests", seconds=20)


def test_by_age(start, home) -> None:
    server = serve(start, home, "--max-worker-lifetime", "1", "--min-worker-lifetime", "0")
    client = Client(server, HTTP_SOCKET)
    first = pid(client)
    server.wait_line(r"is replaced: it has run for \d seconds")
    wait_until(lambda: pid(client) != first, "another worker")


def test_by_memory(start, home) -> None:
    server = serve(start, home, "--reload-on-rss", "90", "--min-worker-lifetime", "0")
    client = Client(server, HTTP_SOCKET)
    first = int(client.get("/hoard").body)
    server.wait_line(r"is replaced: it has \d+ MiB of memory")
    wait_until(lambda: pid(client) != first, "another worker")


def test_killed_by_memory(start, home) -> None:
    server = serve(start, home, "--evil-reload-on-rss", "90")
    client = Client(server, HTTP_SOCKET)
    first = int(client.get("/hoard").body)
    server.wait_line(r"is killed: it has \d+ MiB of memory")
    wait_until(lambda: pid(client) != first, "another worker")


def test_limited_address_space(start, home) -> None:
    """The app gets a MemoryError, and the server, which it does not concern, answers for it."""
    server = serve(start, home, "--limit-as", "100")
    client = Client(server, HTTP_SOCKET)
    assert client.get("/hoard").status == 500
    server.wait_line(r"MemoryError")
    assert client.get("/").status == 200


def test_after_an_exception(start, home) -> None:
    server = serve(start, home, "--reload-on-exception", "--min-worker-lifetime", "0")
    client = Client(server, HTTP_SOCKET)
    first = pid(client)
    assert client.get("/mistake").status == 500
    server.wait_line(r"is replaced: an uncaught LookupError")
    wait_until(lambda: pid(client) != first, "another worker")


def test_after_some_exceptions_only(start, home) -> None:
    options = ("--reload-on-exception-type", "OSError", "--reload-on-exception-repr", "LookupError:something else")
    server = serve(start, home, *options, "--min-worker-lifetime", "0")
    client = Client(server, HTTP_SOCKET)
    first = pid(client)
    assert client.get("/mistake").status == 500
    assert pid(client) == first
    with client.begin("GET", "/late") as exchange:
        assert exchange.head.status == 200
    server.wait_line(r"is replaced: an uncaught OSError")


def test_exceptions_are_shown_when_asked_for(start, home) -> None:
    server = serve(start, home, "--catch-exceptions")
    client = Client(server, HTTP_SOCKET)
    answer = client.get("/mistake")
    assert answer.status == 500
    assert answer.body.startswith(b"builtins.LookupError: no such thing\n\nTraceback (most recent call last):\n")
    assert b'raise LookupError("no such thing")' in answer.body
    server.wait_line(r"LookupError: no such thing")


def test_exceptions_are_not_shown_otherwise(start, home) -> None:
    server = serve(start, home)
    answer = Client(server, HTTP_SOCKET).get("/mistake")
    assert answer.status == 500
    assert b"LookupError" not in answer.body
