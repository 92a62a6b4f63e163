"""How a server ends: gracefully, at once, or killed; and that nothing of it is left."""

from __future__ import annotations

import os
import re
import signal
import socket

import pytest
from harness import processes
from harness.client import ALL_DOORS, DOORS, HTTP_SOCKET, Client, encode_http
from harness.holding import hold, release, wait_held
from harness.load import Load
from harness.server import APPS, Server
from harness.waiting import wait_until

GRACEFUL = [signal.SIGTERM, signal.SIGINT]


def drained(server: Server) -> tuple[int, int, int]:
    """The last line about the end: finished, dropped, killed."""
    assert server.log.finished()
    found = re.findall(r"drained: (\d+) finished, (\d+) dropped, (\d+) killed", server.log.text)
    assert len(found) == 1, server.log.text
    return tuple(int(number) for number in found[0])  # type: ignore[return-value]


def refuses_connections(client: Client) -> bool:
    """Nobody listens any more."""
    try:
        client.connect(1).close()
    except OSError:
        return True
    return False


# Gracefully


@pytest.mark.parametrize("number", GRACEFUL, ids=lambda s: s.name)
def test_an_idle_server_ends(serve, number: signal.Signals) -> None:
    server: Server = serve("workers:app", processes=2, threads=2, doors=ALL_DOORS)
    idle = Client(server, HTTP_SOCKET).connect()
    assert server.stop(number) == 0
    assert drained(server) == (0, 0, 0)
    idle.close()


@pytest.mark.parametrize("door", DOORS, ids=str)
@pytest.mark.parametrize("number", GRACEFUL, ids=lambda s: s.name)
def test_running_and_waiting_requests_are_finished(serve, number: signal.Signals, door) -> None:
    """One place: one request runs, two wait behind it; all three are answered after the signal."""
    server: Server = serve("workers:app", doors=ALL_DOORS)
    client = Client(server, door)
    gate = server.home.gate("stop")
    running = hold(client, "stop", 1)
    wait_held(server, "stop", 1)
    waiting = [client.begin("GET", f"/echo/{n}") for n in range(2)]
    server.send_signal(number)
    wait_until(lambda: refuses_connections(client), "no new connections")
    release(gate, running)
    assert [exchange.response().text for exchange in waiting] == ["/echo/0", "/echo/1"]
    assert server.wait_exit() == 0
    server.stopped = True
    server.wait_alone(2)
    server.assert_nothing_left()
    assert drained(server) == (3, 0, 0)


def test_kept_connections_are_told_to_close(serve) -> None:
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("stop")
    with client.connect() as connection:
        connection.send(encode_http("GET", "/held?gate=stop", close=False))
        wait_held(server, "stop", 1)
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(client), "no new connections")
        gate.open()
        assert (connection.response().header("Connection") or "").lower() == "close"
        connection.assert_closed()
    assert server.wait_exit() == 0


def test_a_stream_and_an_upload_under_way_are_finished(serve) -> None:
    server: Server = serve("workers:app", threads=2)
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("stream")
    with (
        client.begin("GET", "/stream?gate=stream") as stream,
        client.begin("POST", "/upload", body=b"x" * 100_000, length=300_000) as upload,
    ):
        assert stream.body.exactly(3) == b"one"
        wait_until(lambda: any(e.startswith("upload") for e in server.home.entries()), "the upload runs")
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(client), "no new connections")
        upload.connection.send(b"x" * 200_000)
        assert upload.response().body == b"300000"
        gate.open()
        assert stream.body.rest() == b"two"
    assert server.wait_exit() == 0
    assert drained(server) == (2, 0, 0)


def test_ctrl_c_reaches_the_whole_group_and_is_graceful(serve) -> None:
    """A terminal sends SIGINT to every process of the group: server, mold and workers."""
    server: Server = serve("workers:app", processes=2)
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("stop")
    running = hold(client, "stop", 2)
    wait_held(server, "stop", 2)
    os.killpg(server.pid, signal.SIGINT)
    wait_until(lambda: refuses_connections(client), "no new connections")
    release(gate, running)
    assert server.wait_exit() == 0
    server.stopped = True
    server.wait_alone(2)
    assert drained(server) == (2, 0, 0)
    assert "KeyboardInterrupt" not in server.log.text


@pytest.mark.parametrize("threads", [1, 4, "auto"])
def test_an_idle_pool_ends_promptly(serve, threads: int | str) -> None:
    """Whatever its threads are waiting for, a worker hears at once that it is over."""
    for _ in range(15):
        server: Server = serve("workers:app", threads=threads)
        load = Load(Client(server, HTTP_SOCKET).address, 2, lambda c, n: f"/echo/{c}/{n}" if n < 20 else "").start()
        assert all(answer.status == 200 for answer in load.join())
        assert server.stop(seconds=4) == 0


def test_exit_handlers_of_the_app_run(serve) -> None:
    server: Server = serve("workers:app")
    pid = Client(server, HTTP_SOCKET).get("/register-exit").text
    assert server.stop() == 0
    assert f"atexit {pid}" in server.home.entries()


def test_the_last_log_line_is_not_lost(serve) -> None:
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    for number in range(50):
        assert client.get(f"/echo/line-{number}-").status == 200
    assert server.stop() == 0
    assert all(f"/echo/line-{number}-" in server.log.text for number in range(50))


# At once


@pytest.mark.parametrize(
    "numbers", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM, signal.SIGINT], [signal.SIGQUIT]], ids=str
)
def test_at_once(serve, numbers: list[signal.Signals]) -> None:
    """Two requests that would never end do not hold the server back."""
    server: Server = serve("workers:app", processes=2)
    client = Client(server, HTTP_SOCKET)
    gate = server.home.gate("never")
    running = hold(client, "never", 2)
    wait_held(server, "never", 2)
    *gentle, last = numbers
    for number in gentle:
        server.send_signal(number)
        wait_until(lambda: refuses_connections(client), "the drain has begun")
    server.send_signal(last)
    server.wait_exit(5)
    server.stopped = True
    server.wait_alone(2)
    server.assert_nothing_left()
    assert server.log.finished()
    for exchange in running:
        exchange.connection.close()
    gate.close()


def test_a_stubborn_worker_does_not_hold_back_a_stop_at_once(serve) -> None:
    """A worker that sleeps in C with the interpreter lock held hears nothing."""
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    with client.begin("GET", "/hog?seconds=40"):
        wait_until(lambda: any(e.startswith("hog ") for e in server.home.entries()), "the hog runs")
        server.send_signal(signal.SIGQUIT)
        server.wait_exit(5)
    server.stopped = True
    server.wait_alone(2)


# While it starts


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_stop_during_the_import(start, home, number: signal.Signals) -> None:
    home.write("slow.py", "import control\ncontrol.note('importing')\ncontrol.wait_at('import')\n")
    gate = home.gate("import")
    server: Server = start(
        *("--http-socket", "127.0.0.1:0", "--pythonpath", str(APPS), "--module", "slow:app"), home=home
    )
    home.wait_entry("importing")
    server.stopped = True
    server.send_signal(number)
    server.wait_exit(10)
    server.wait_alone(2)
    gate.close()


# Killed


@pytest.mark.parametrize("state", ["idle", "held", "busy", "hog"])
def test_no_orphan_after_kill_9(serve, state: str) -> None:
    """The server is killed without a chance to say goodbye; its children follow within two seconds."""
    server: Server = serve("workers:app", processes=2, threads=2)
    client = Client(server, HTTP_SOCKET)
    exchanges = []
    gate = server.home.gate("never")
    if state == "held":
        exchanges = hold(client, "never", 4)
        wait_held(server, "never", 4)
    elif state in ("busy", "hog"):
        exchanges = [client.begin("GET", f"/{state}?seconds=40") for _ in range(2)]
        wait_until(lambda: sum(e.startswith(f"{state} ") for e in server.home.entries()) == 2, "both run")
    assert len(server.family()) == 4
    server.stopped = True
    server.send_signal(signal.SIGKILL)
    server.wait_exit(5)
    server.wait_alone(2)
    for exchange in exchanges:
        exchange.connection.close()
    gate.close()


# Files


def test_unix_sockets_are_removed(serve) -> None:
    server: Server = serve("hello:app", "--vacuum", doors=["--socket", "a.sock", "--http-socket", "b.sock"])
    assert (server.home / "a.sock").is_socket()
    assert server.stop() == 0
    assert not (server.home / "a.sock").exists()
    assert not (server.home / "b.sock").exists()


def test_no_stale_socket_even_without_vacuum(serve) -> None:
    server: Server = serve("hello:app", doors=["--socket", "a.sock"])
    assert server.stop() == 0
    assert not (server.home / "a.sock").exists()


def test_a_stale_socket_of_a_killed_server_is_replaced(serve) -> None:
    server: Server = serve("hello:app", doors=["--socket", "a.sock"])
    path = server.home / "a.sock"
    server.stopped = True
    server.send_signal(signal.SIGKILL)
    server.wait_exit(5)
    server.wait_alone(2)
    assert path.is_socket()
    again: Server = serve("hello:app", doors=["--socket", str(path)])
    from harness.client import UWSGI_UNIX

    assert Client(again, UWSGI_UNIX).get("/").body == b"hello\n"


def test_a_living_socket_is_not_stolen(serve, start) -> None:
    first: Server = serve("hello:app", doors=["--socket", "a.sock"])
    path = first.home / "a.sock"
    second: Server = start("--socket", str(path), "--pythonpath", str(APPS), "--module", "hello:app")
    assert second.wait_exit(20) != 0
    second.log.finished()
    assert str(path) in second.log.text
    assert "hint:" in second.log.text
    from harness.client import UWSGI_UNIX

    assert Client(first, UWSGI_UNIX).get("/").body == b"hello\n"


def test_a_file_in_the_place_of_the_socket_is_not_removed(start, home) -> None:
    precious = home.write("a.sock", "precious\n")
    server: Server = start("--socket", str(precious), "--pythonpath", str(APPS), "--module", "hello:app", home=home)
    assert server.wait_exit(20) != 0
    assert precious.read_text() == "precious\n"


def test_pidfile(serve) -> None:
    server: Server = serve("hello:app", "--pidfile", "server.pid", "--vacuum")
    file = server.home / "server.pid"
    assert file.read_text() == f"{server.pid}\n"
    assert server.stop() == 0
    assert not file.exists()


def test_daemonize(launcher, home) -> None:
    """The command returns; the server lives on in the background and logs to the file."""
    log = home / "server.log"
    server: Server = launcher.start(
        *("--http-socket", "127.0.0.1:0", "--pythonpath", str(APPS), "--module", "workers:app"),
        *("--daemonize", str(log), "--pidfile", str(home / "server.pid")),
        home=home,
    )
    assert server.wait_exit() == 0
    server.stopped = True
    wait_until(lambda: log.exists() and "ready:" in log.read_text(), "the ready line in the file")
    pid = int((home / "server.pid").read_text())
    assert pid != server.pid
    background = processes.process(pid)
    assert background is not None
    assert background.session != server.pid
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    port = int(re.search(r"listening on http://127.0.0.1:(\d+)", log.read_text())[1])  # type: ignore[index]
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"GET /echo HTTP/1.0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.")
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: processes.process(pid) is None or processes.process(pid).state == "Z", "its end")  # type: ignore[union-attr]
    assert "drained: 0 finished, 0 dropped, 0 killed" in log.read_text()
    server.wait_alone(2)


# Orphans of the app's own programs


def test_orphans_of_the_app_do_not_stay_as_zombies(serve) -> None:
    """A program whose parent has gone falls to the server (it is a subreaper), which must reap it."""
    server: Server = serve("workers:app")
    client = Client(server, HTTP_SOCKET)
    for _ in range(3):
        assert client.get("/program?limit=5&command=(sleep+0.1+%26)").status == 200

    def zombies() -> list[processes.Process]:
        return [p for p in processes.all_processes().values() if p.state == "Z" and p.parent == server.pid]

    wait_until(lambda: not zombies(), "no zombies under the server")
