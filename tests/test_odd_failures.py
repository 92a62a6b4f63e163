"""Failures that are hard to tell of, and children of views: the worker, its threads and its greenlets live on."""

from __future__ import annotations

import pytest
from harness.client import HTTP_SOCKET, Client
from harness.launch import engine_options
from harness.server import Server

APP = '''
import os, sys, time

class Odd(type):
    def __getattribute__(cls, name):
        if name in ("__qualname__", "__module__", "__name__"):
            raise ValueError("never mind")
        return type.__getattribute__(cls, name)

class Proxy:
    def __iter__(self):
        return iter([b"x"])
    def __getattr__(self, name):
        raise RuntimeError("unbound: " + name)

class Mute(Exception):
    def __str__(self):
        raise SystemExit(3)

def fail(what):
    if what == "surrogate":
        raise ValueError("unknown user \\ud800")
    if what == "syntax":
        raise SyntaxError("x", ("f", 3, 2, "t", "q", object()))
    if what == "metaclass":
        class Strange(Exception, metaclass=Odd):
            pass
        raise Strange("x")
    if what == "mute":
        raise Mute()

def child(how):
    if how == "exit":
        sys.exit(5)
    if how == "error":
        raise LookupError("in the child")
    if how == "sleep":
        time.sleep(0.3)
        os._exit(6)

def application(environ, start_response):
    _, kind, what, *_ = environ["PATH_INFO"].split("/") + [""]
    if kind == "raise":
        fail(what)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if kind == "later":
        def pieces():
            yield b"first"
            fail(what)
        return pieces()
    if kind == "proxy":
        return Proxy()
    if kind == "sleep":
        time.sleep(1)
    if kind == "fork":
        pid = os.fork()
        if pid == 0:
            child(what)
            return [b"the child answers"]
        status = os.waitpid(pid, 0)[1]
        return [b"%d %d" % (os.getpid(), os.waitstatus_to_exitcode(status))]
    return [b"%d" % os.getpid()]
'''


@pytest.fixture
def server(start, home) -> Server:
    home.write("web.py", APP)
    arguments = ("--http-socket", "127.0.0.1:0", "--module", "web", "--processes", "1", *engine_options(4))
    return start(*arguments, home=home).wait_ready()


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server, HTTP_SOCKET)


@pytest.mark.parametrize("what", ["surrogate", "syntax", "metaclass", "mute"])
def test_a_failure_that_cannot_be_shown_costs_one_request(server: Server, client: Client, what: str) -> None:
    """More often than there are threads or greenlets: none of them is lost."""
    pid = client.get("/").text
    for _ in range(6):
        assert client.get(f"/raise/{what}").status == 500
    with client.begin("GET", f"/later/{what}") as exchange:
        assert exchange.head.status == 200
        assert b"first" in exchange.connection.to_end()
    waiting = [client.begin("GET", "/sleep") for _ in range(4)]
    assert {exchange.response().text for exchange in waiting} == {pid}
    assert "dies again" not in server.log.text


def test_the_text_of_a_failure_is_in_the_log(server: Server, client: Client) -> None:
    client.get("/raise/surrogate")
    server.wait_line(r"ValueError: unknown user \\ud800")


def test_a_result_that_cannot_be_asked_for_close(client: Client) -> None:
    pid = client.get("/").text
    for _ in range(6):
        with client.begin("GET", "/proxy") as exchange:
            assert exchange.head.status == 200
            exchange.connection.to_end()
    assert client.get("/").text == pid


@pytest.mark.parametrize(("how", "code"), [("exit", 5), ("error", 1), ("return", 1), ("sleep", 6)])
def test_a_child_of_a_view_ends(server: Server, client: Client, how: str, code: int) -> None:
    """However it leaves, while other requests run, whose copies it has."""
    pid = client.get("/").text
    others = [client.begin("GET", "/sleep") for _ in range(2)]
    mark = server.mark()
    assert client.get(f"/fork/{how}").text == f"{pid} {code}"
    assert [exchange.response().text for exchange in others] == [pid] * 2
    if how == "error":
        server.wait_line("LookupError: in the child", after=mark)
    if how == "return":
        server.wait_line("leave the child with os._exit", after=mark)
    assert "the worker goes on" not in server.log.text
