"""Programs that the app starts: nothing of the server is open in them, nothing of it leaks into them."""

from __future__ import annotations

import ast
import json
import signal

import pytest
from harness.client import HTTP_SOCKET, Client
from harness.processes import open_files
from harness.server import APPS, Server
from harness.waiting import wait_until


@pytest.mark.parametrize("how", ["subprocess", "fork"])
def test_children_inherit_only_the_standard_streams(serve, how: str) -> None:
    server: Server = serve("workers:app", doors=["--http-socket", "127.0.0.1:0", "--socket", "a.sock"])
    found = ast.literal_eval(Client(server, HTTP_SOCKET).get(f"/child-files?how={how}").text)
    inherited = [
        (number, target)
        for number, target in found
        if int(number) > 2 and not target.startswith("/proc/") and "pipe" not in target
    ]
    assert inherited == []


def test_environment_of_the_app_has_nothing_internal(serve) -> None:
    server: Server = serve("workers:app")
    variables = json.loads(Client(server, HTTP_SOCKET).get("/who").body)["variables"]
    internal = [name for name in variables if name.startswith("VERDIGRIS_")]
    assert internal == []


@pytest.mark.parametrize(
    ("command", "limit", "expected"),
    [
        ("exec+sleep+30", "0.3", {"timed_out": True, "status": -9}),
        ("exit+0", "20", {"timed_out": False, "status": 0}),
        ("exit+3", "20", {"timed_out": False, "status": 3}),
        ("cat+/no/such/file", "20", {"timed_out": False, "status": 1}),
        ("head+-c+300000+/dev/zero", "20", {"timed_out": False, "status": 0, "out": 300_000}),
    ],
)
def test_programs_with_a_time_limit(serve, command: str, limit: str, expected: dict[str, object]) -> None:
    server: Server = serve("workers:app", threads=2)
    found = json.loads(Client(server, HTTP_SOCKET).get(f"/program?command={command}&limit={limit}").body)
    assert {key: found[key] for key in expected} == expected
    if "cat" in command:
        assert "No such file" in found["err"]


def test_many_programs_at_once_leave_nothing(serve) -> None:
    server: Server = serve("workers:app", threads=8)
    client = Client(server, HTTP_SOCKET)
    worker = json.loads(client.get("/who").body)["pid"]
    before = len(open_files(worker))
    exchanges = [client.begin("GET", "/program?command=sleep+0.1&limit=20") for _ in range(32)]
    assert all(json.loads(exchange.response().body)["status"] == 0 for exchange in exchanges)
    wait_until(lambda: len(open_files(worker)) <= before + 1, "no descriptor is left")
    assert len(server.family()) == 3


def test_sockets_are_free_when_a_program_of_the_app_lives_on(serve, start) -> None:
    """A program left behind by the app must not keep the port."""
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    port = client.address.port
    assert client.get("/program?limit=5&command=setsid+sleep+20+>/dev/null+2>/dev/null+%26").status == 200
    server.stopped = True
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    again: Server = start("--http-socket", f"127.0.0.1:{port}", "--pythonpath", str(APPS), "--module", "hello:app")
    again.wait_ready()
