"""Large bodies through slow ends: no process grows with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from harness.client import ALL_DOORS, HTTP_SOCKET, UWSGI_UNIX, Client, Door
from harness.server import Server
from harness.waiting import wait_until

MIB = 1 << 20
SIZE = 256 * MIB
ALLOWED_KIB = 10 * 1024
DOORS = [HTTP_SOCKET, UWSGI_UNIX]


def settled(position: Callable[[], int], seconds: float = 30) -> int:
    """Wait until nothing moves any more (half a second without a change)."""
    last, since = position(), time.monotonic()
    deadline = since + seconds
    while time.monotonic() - since < 0.5:
        time.sleep(0.05)
        now = position()
        if now != last:
            last, since = now, time.monotonic()
        assert time.monotonic() < deadline, "it never comes to rest"
    return last


def grown(server: Server, before: dict[int, int]) -> dict[int, int]:
    """By how many KiB each process is larger than before."""
    return {pid: size - before.get(pid, 0) for pid, size in server.memory_kib().items()}


def assert_flat(server: Server, before: dict[int, int], when: str) -> None:
    """No process has grown by more than is allowed."""
    too_large = {pid: kib for pid, kib in grown(server, before).items() if kib > ALLOWED_KIB}
    assert not too_large, f"{when}: grown by KiB {too_large}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_an_upload_that_the_app_reads_slowly(serve, door: Door) -> None:
    """The app reads one piece and waits; the sender must be held back, not buffered."""
    server: Server = serve("bodies:app", threads=2, doors=ALL_DOORS)
    client = Client(server, door)
    assert client.request("POST", "/digest", body=b"warm" * MIB).status == 200
    gate = server.home.gate("read-on")
    before = server.memory_kib()
    sent = [0]
    exchange = client.begin("POST", "/slow-read", body=b"", length=SIZE)
    piece = b"u" * MIB

    def send() -> None:
        for _ in range(SIZE // MIB):
            exchange.connection.socket.sendall(piece)
            sent[0] += len(piece)

    exchange.connection.socket.settimeout(120)
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    server.home.wait_entry("slow-read waits")
    settled(lambda: sent[0])
    assert sent[0] < 64 * MIB, "the sender was not held back"
    assert_flat(server, before, "while the app waits")
    gate.open()
    while sender.is_alive():
        assert_flat(server, before, "while the app reads")
        sender.join(0.1)
    assert exchange.response().body == str(SIZE).encode()
    assert_flat(server, before, "afterwards")
    gate.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("path", ["many?count=4096&size=65536", "many?count=262144&size=1024"], ids=["64K", "1K"])
@pytest.mark.parametrize("door", DOORS, ids=str)
def test_a_generator_that_the_client_reads_slowly(serve, door: Door, path: str) -> None:
    """The client reads nothing at first; the app must be held back, not buffered."""
    server: Server = serve("answers:app", threads=2, doors=ALL_DOORS)
    client = Client(server, door)
    assert client.get("/many?count=100&size=65536").status == 200
    before = server.memory_kib()
    with client.begin("GET", f"/{path}") as exchange:
        assert exchange.head.status == 200
        total = settled(lambda: sum(server.memory_kib().values()))
        assert total > 0
        assert_flat(server, before, "while the client waits")
        received, looked = 0, time.monotonic()
        while piece := exchange.body.some():
            received += len(piece)
            if time.monotonic() - looked > 0.2:
                assert_flat(server, before, "while the client reads")
                looked = time.monotonic()
    assert received == SIZE
    assert_flat(server, before, "afterwards")


@pytest.mark.timeout(180)
def test_a_spooled_upload_is_on_disk_and_then_gone(serve) -> None:
    """With post-buffering a large body goes to a temporary file, so that a slow upload holds no worker."""
    server: Server = serve("bodies:app", "--post-buffering", "65536")
    client = Client(server, HTTP_SOCKET)
    half = b"s" * (8 * MIB)
    with client.begin("POST", "/attempt", body=half, length=2 * len(half)) as exchange:
        assert client.get("/unread").body == b"not read"
        assert "attempt started" not in server.home.entries()
        exchange.connection.send(half)
        assert exchange.response().body == str(2 * len(half)).encode()
    wait_until(lambda: not list(server.home.temporary.rglob("*")), "no temporary file is left")


@pytest.mark.timeout(180)
def test_thousands_of_requests_leave_no_memory_behind(serve) -> None:
    server: Server = serve("everything:app", threads=2)
    client = Client(server, HTTP_SOCKET)

    def requests(count: int) -> None:
        with client.connect() as connection:
            for number in range(count):
                connection.send(f"GET /noted/{number} HTTP/1.1\r\nHost: h\r\nX-Number: {number}\r\n\r\n".encode())
                assert connection.response().status == 200

    requests(2000)
    before = server.memory_kib()
    requests(8000)
    for pid, kib in grown(server, before).items():
        assert kib < 2048, f"process {pid} has grown by {kib} KiB in 8000 requests"
