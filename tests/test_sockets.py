"""Every kind of listening socket, several at once, with their modes and owners."""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import sys

import pytest
from harness import uwsgi
from harness.address import Address
from harness.client import HTTP_SOCKET, Client, encode_http
from harness.launch import engine_options
from harness.processes import open_files
from harness.raw import Connection
from harness.server import APPS, Server, verdigris_command

APP = ["--pythonpath", str(APPS), "--module", "environ:app", "--processes", "1", *engine_options(1)]


def http(address: Address, target: str = "/") -> dict[str, str]:
    """The environ's strings of a GET at this address."""
    with Connection(address) as connection:
        connection.send(encode_http("GET", target))
        return json.loads(connection.response().body)["strings"]


def over_uwsgi(address: Address) -> dict[str, str]:
    """The same over the uwsgi protocol."""
    with Connection(address) as connection:
        connection.send(uwsgi.packet(uwsgi.variables("GET", "/", [("Host", "h")])))
        return json.loads(connection.response().body)["strings"]


def test_ipv6(start) -> None:
    server: Server = start("--http-socket", "[::1]:0", *APP).wait_ready()
    address = server.address("http-socket")
    assert address.family == socket.AF_INET6
    found = http(address)
    assert found["REMOTE_ADDR"] == "::1"
    assert found["SERVER_PORT"] == str(address.port)


@pytest.mark.parametrize("written", [":0", "0.0.0.0:0", "localhost:0"])
def test_ways_to_write_an_address(start, written: str) -> None:
    server: Server = start("--http-socket", written, *APP).wait_ready()
    assert http(server.address("http-socket"))["REMOTE_ADDR"] in ("127.0.0.1", "::1", "::ffff:127.0.0.1")


def test_http_over_a_unix_socket(start) -> None:
    server: Server = start("--http-socket", "web.sock", *APP).wait_ready()
    found = http(server.address("http-socket"), "/x?y")
    assert (found["PATH_INFO"], found["QUERY_STRING"]) == ("/x", "y")
    assert found["SERVER_NAME"]


def test_several_sockets_at_once(start) -> None:
    server: Server = start(
        *("--http-socket", "127.0.0.1:0", "--http-socket", "127.0.0.1:0", "--http", "127.0.0.1:0"),
        *("--socket", "a.sock", "--socket", "127.0.0.1:0", "--uwsgi-socket", "b.sock"),
        *APP,
    ).wait_ready()
    assert len(server.addresses) == 6
    ports = [address.port for address in server.addresses if address.port]
    assert len(set(ports)) == 4
    for address in server.addresses:
        found = http(address) if address.option.startswith("http") else over_uwsgi(address)
        assert found["PATH_INFO"] == "/"


def test_abstract_socket(start) -> None:
    name = f"vd-{secrets.token_hex(6)}"
    server: Server = start("--socket", f"@{name}", *APP).wait_ready()
    address = Address("socket", socket.AF_UNIX, "\0" + name)
    assert over_uwsgi(address)["PATH_INFO"] == "/"
    assert server.address("socket").target == "\0" + name


@pytest.mark.parametrize("option", ["--chmod-socket", "--chmod-socket=660", "-C660", "--chmod-socket=600"])
def test_mode_of_a_unix_socket(start, option: str) -> None:
    server: Server = start("--socket", "a.sock", option, *APP).wait_ready()
    wanted = 0o666 if "6" not in option[-3:] else int(option[-3:], 8)
    assert stat.S_IMODE(os.stat(server.home / "a.sock").st_mode) == wanted
    assert over_uwsgi(server.address("socket"))["PATH_INFO"] == "/"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_owner_of_a_unix_socket(start) -> None:
    server: Server = start("--socket", "a.sock", "--chown-socket", "65534:65534", *APP).wait_ready()
    found = os.stat(server.home / "a.sock")
    assert (found.st_uid, found.st_gid) == (65534, 65534)


def test_inherited_descriptor(start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server: Server = start(
            "--http-socket", f"fd://{listener.fileno()}", *APP, descriptors=[listener.fileno()]
        ).wait_ready()
        address = Address("http-socket", socket.AF_INET, ("127.0.0.1", port))
        assert http(address)["SERVER_PORT"] == str(port)
        assert server.stop() == 0


LISTEN_FDS = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_FDS"] = "1"
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_systemd_socket_activation(start, home, unix: bool) -> None:
    """The socket that systemd has bound is used instead of a new one for the same address."""
    if unix:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(home / "activated.sock"))
        listener.listen(64)
        written, address = (
            str(home / "activated.sock"),
            Address("http-socket", socket.AF_UNIX, str(home / "activated.sock")),
        )
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        written, address = f"127.0.0.1:{port}", Address("http-socket", socket.AF_INET, ("127.0.0.1", port))
    with listener:
        server: Server = start(
            *("--http-socket", written, *APP),
            home=home,
            descriptors=[listener.fileno()],
            command=[sys.executable, "-c", LISTEN_FDS, str(listener.fileno()), verdigris_command()],
        ).wait_ready()
        found = http(address)
        assert found["PATH_INFO"] == "/"
        assert server.stop() == 0
        if unix:
            assert (home / "activated.sock").exists(), "a socket of systemd is not ours to remove"


def test_systemd_variables_do_not_reach_the_app(start, home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        start(
            *("--http-socket", f"127.0.0.1:{port}", "--pythonpath", str(APPS), "--module", "workers:app"),
            home=home,
            descriptors=[listener.fileno()],
            command=[sys.executable, "-c", LISTEN_FDS, str(listener.fileno()), verdigris_command()],
        ).wait_ready()
        with Connection(Address("http-socket", socket.AF_INET, ("127.0.0.1", port))) as connection:
            connection.send(encode_http("GET", "/who"))
            variables = json.loads(connection.response().body)["variables"]
    assert not {"LISTEN_FDS", "LISTEN_PID"} & set(variables)


def test_workers_hold_no_listening_socket(serve) -> None:
    """The server owns every socket; what runs Python code has none of them."""
    server: Server = serve("hello:app", processes=2, doors=["--http-socket", "127.0.0.1:0", "--socket", "a.sock"])
    client = Client(server, HTTP_SOCKET)
    kept = client.connect()
    kept.send(encode_http("GET", "/", close=False))
    assert kept.response().status == 200
    servers = {target for target in open_files(server.pid).values() if target.startswith("socket:")}
    assert servers
    for member in server.family():
        if member.pid != server.pid:
            theirs = {target for target in open_files(member.pid).values() if target.startswith("socket:")}
            assert not theirs & servers
    kept.close()


def test_a_full_backlog_of_connections(start) -> None:
    """More connections at once than one accept round takes."""
    server: Server = start("--http-socket", "127.0.0.1:0", *APP, "--listen", "64").wait_ready()
    address = server.address("http-socket")
    connections = [Connection(address) for _ in range(300)]
    for connection in connections:
        connection.send(encode_http("GET", "/"))
    for connection in connections:
        assert connection.response().status == 200
        connection.close()
