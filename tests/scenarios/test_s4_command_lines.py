"""S4: command lines as they stand in uWSGI's documents, with a port of our own."""

from __future__ import annotations

import json
import os

import pytest
from harness.client import UWSGI_TCP, Client
from harness.scene import CONTROL, start_in_background, stop_background
from harness.server import Home, Server
from harness.waiting import wait_until

pytestmark = pytest.mark.once

APP = "from workers import app as application\n"
GREENLETS = "from greenlets import app as application\n"

THREADS = [
    ("-s :0 -w myapp", {}),
    ("-s :0 -w myapp -p 4", {"workers": 4}),
    ("-s :0 -w myapp -M -p 4", {"workers": 4}),
    ("-s :0 -w myapp -M -p 4 -t 30", {"workers": 4}),
    ("-s :0 -w myapp -M -p 4 -t 30 --limit-as 128", {"workers": 4, "limit": 128}),
    ("-s :0 -w myapp -M -p 4 -t 30 --limit-as 128 -R 10000", {"workers": 4, "limit": 128}),
    ("--socket 127.0.0.1:0 --vhost -w myapp", {}),
]
GEVENT = [
    "--gevent 100 --socket :0 --module myapp",
    "--plugins python,gevent --gevent 100 --socket :0 --module myapp",
    "--plugins python --plugins gevent --gevent 100 --socket :0 --module myapp",
    "--gevent 100 --gevent-monkey-patch --socket :0 --module myapp",
    "--loop gevent --async 100 --socket :0 --module myapp",
]


def put_app(home: Home, text: str) -> None:
    """A module `myapp` where the command is typed."""
    home.write("myapp.py", text)


@pytest.mark.parametrize(("line", "expected"), THREADS, ids=[line for line, _ in THREADS])
def test_threads(start, home, line: str, expected: dict[str, int]) -> None:
    put_app(home, APP)
    server: Server = start(*line.split(), home=home, environment=CONTROL).wait_ready()
    workers = expected.get("workers", 1)
    server.wait_line(rf"ready: {workers} workers? ")
    client = Client(server, UWSGI_TCP)
    who = json.loads(client.get("/who").text)
    assert who["variables"]["TEST_HOME"] == str(home.path)
    if "limit" in expected:
        limits = open(f"/proc/{who['pid']}/limits").read()
        assert f"Max address space         {expected['limit'] << 20} " in limits
        body = os.urandom(1 << 20)
        assert client.request("POST", "/upload", body=body).text == str(len(body))
    assert [line for line in server.complaints() if "vhost" not in line] == []


@pytest.mark.parametrize("line", GEVENT)
def test_gevent(start, home, line: str) -> None:
    put_app(home, GREENLETS)
    server: Server = start(*line.split(), home=home, environment=CONTROL).wait_ready()
    server.wait_line(r"ready: 1 worker \(100 greenlets each\)")
    client = Client(server, UWSGI_TCP)
    held = [client.begin("GET", "/wait?event=all") for _ in range(99)]
    home.wait_entry("waiting all", 99)
    assert client.get("/set-event?event=all").status == 200
    assert {exchange.response().text for exchange in held} == {"all"}
    assert server.complaints() == []


def test_a_client_that_is_served_too_long_is_given_up(start, home) -> None:
    put_app(home, APP)
    server: Server = start(*"-s :0 -w myapp -M -p 2 -t 1".split(), home=home, environment=CONTROL).wait_ready()
    client = Client(server, UWSGI_TCP)
    never = home.gate("never")
    assert client.get("/held?gate=never").status == 504
    assert client.get("/echo").status == 200
    never.close()


def test_respawn_after_so_many_requests(start, home) -> None:
    put_app(home, APP)
    line = "-s :0 -w myapp -M -R 10 --min-worker-lifetime 0"
    server: Server = start(*line.split(), home=home, environment=CONTROL).wait_ready()
    client = Client(server, UWSGI_TCP)
    pids: set[int] = set()

    def replaced() -> bool:
        pids.add(json.loads(client.get("/who").text)["pid"])
        return len(pids) > 2

    wait_until(replaced, "two more workers")


def test_to_the_background(launcher, home) -> None:
    put_app(home, APP)
    line = ["-s", ":0", "-w", "myapp", "-d", "uwsgi.log", "--pidfile", "uwsgi.pid"]
    server = start_in_background(launcher, *line, home=home, log=home / "uwsgi.log")
    assert Client(server, UWSGI_TCP).get("/echo/it").text == "/echo/it"
    stop_background(server, home / "uwsgi.pid")
