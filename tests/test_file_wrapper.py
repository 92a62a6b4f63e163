"""`wsgi.file_wrapper`: the right bytes from the right place, and every file closed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from harness.client import Client
from harness.processes import open_files
from harness.raw import Malformed
from harness.waiting import wait_until

APP = "files:app"

SIZES = [0, 1, 1000, 65_535, 65_536, 65_537, 102_400, 3_000_000]


def content(size: int) -> bytes:
    """The bytes of the test file of this size."""
    return random.Random(size).randbytes(size)


def put(client: Client, size: int, name: str | None = None) -> str:
    """Have a file of this size in the server's directory; its name."""
    name = name or f"file-{size}"
    file: Path = client.server.home / name
    if not file.exists():
        file.write_bytes(content(size))
    return name


def wait_closed(client: Client, name: str) -> None:
    """Wait until the app's file was closed, once."""
    client.server.home.wait_entry(f"closed {name}")
    assert client.server.home.entries().count(f"closed {name}") == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "bare"])
def test_sizes(client: Client, size: int, announced: bool) -> None:
    name = put(client, size)
    length = f"&length={size}" if announced else ""
    response = client.get(f"/wrapped?file={name}{length}")
    assert response.status == 200
    assert response.body == content(size)


@pytest.mark.parametrize("buffered", ["", "&buffered"], ids=["raw", "buffered"])
@pytest.mark.parametrize("offset", [1, 50_000, 102_399, 102_400])
def test_begins_where_the_file_stands(client: Client, offset: int, buffered: str) -> None:
    name = put(client, 102_400)
    response = client.get(f"/wrapped?file={name}&offset={offset}{buffered}")
    assert response.body == content(102_400)[offset:]


def test_begins_after_what_the_app_has_read(client: Client) -> None:
    name = put(client, 102_400)
    assert client.get(f"/partly-read?file={name}&buffered").body == content(102_400)[10:]


@pytest.mark.parametrize("block", [1, 100, 1_000_000])
def test_block_size_changes_nothing(client: Client, block: int) -> None:
    name = put(client, 1000)
    assert client.get(f"/wrapped?file={name}&block={block}").body == content(1000)


def test_announced_length_limits_the_file(client: Client) -> None:
    name = put(client, 102_400)
    response = client.get(f"/wrapped?file={name}&offset=100&length=5000")
    assert response.body == content(102_400)[100:5100]


def test_a_file_shorter_than_announced_never_looks_whole(client: Client) -> None:
    name = put(client, 1000)
    with client.begin("GET", f"/wrapped?file={name}&length=2000") as exchange:
        if exchange.head.status == 200:
            with pytest.raises(Malformed):
                exchange.body.rest()
        else:
            assert exchange.head.status == 500


@pytest.mark.parametrize(("path", "body"), [("/in-memory", b"m" * 100_000), ("/only-read", b"r" * 100_000)])
def test_things_that_are_no_files(client: Client, path: str, body: bytes) -> None:
    assert client.get(path).body == body


def test_a_pipe(client: Client) -> None:
    assert client.get("/pipe").body == b"through a pipe"


def test_a_removed_file(client: Client) -> None:
    name = put(client, 102_400, f"to-remove-{client.door}")
    assert client.get(f"/removed?file={name}").body == content(102_400)


def test_an_iterated_wrapper(client: Client) -> None:
    name = put(client, 65_537)
    before = client.server.home.entries().count("file closed: True")
    assert client.get(f"/iterated?file={name}").body == content(65_537).upper()
    wait_until(lambda: client.server.home.entries().count("file closed: True") == before + 1, "the close")


def test_write_then_file(client: Client) -> None:
    name = put(client, 1000)
    assert client.get(f"/written-then-file?file={name}").body == b"written before|" + content(1000)


def test_a_closed_file_is_an_error(client: Client) -> None:
    name = put(client, 1000)
    with client.begin("GET", f"/closed-file?file={name}") as exchange:
        answer = exchange.connection.to_end()
    assert content(1000) not in answer
    assert answer == b"" or b" 500 " in answer.split(b"\r\n")[0]


def test_head_sends_no_file(client: Client) -> None:
    name = put(client, 102_400)
    closing = f"head-{client.door}"
    with client.begin("HEAD", f"/wrapped?file={name}&length=102400&name={closing}") as exchange:
        assert exchange.head.header("Content-Length") == "102400"
        assert exchange.connection.to_end() == b""
    wait_closed(client, closing)


@pytest.mark.parametrize("size", [0, 1000, 3_000_000])
def test_closed_after_sending(client: Client, size: int) -> None:
    closing = f"sent-{size}-{client.door}"
    assert client.get(f"/wrapped?file={put(client, size)}&name={closing}").body == content(size)
    wait_closed(client, closing)


def test_closed_when_the_client_leaves(client: Client) -> None:
    name = put(client, 20_000_000)
    closing = f"left-{client.door}"
    exchange = client.begin("GET", f"/wrapped?file={name}&name={closing}")
    assert exchange.body.some()
    exchange.connection.reset()
    wait_closed(client, closing)


def test_a_slow_reader_gets_everything(client: Client) -> None:
    """More than every buffer on the way, taken in small pieces."""
    name = put(client, 20_000_000)
    with client.begin("GET", f"/wrapped?file={name}&length=20000000") as exchange:
        first = exchange.body.some()
        assert first + exchange.body.rest() == content(20_000_000)


def test_no_descriptor_stays_open(client: Client) -> None:
    name = put(client, 102_400)

    def still_open() -> bool:
        targets = (t for member in client.server.family() for t in open_files(member.pid).values())
        return any(name in target for target in targets)

    for _ in range(20):
        client.get(f"/wrapped?file={name}")
    wait_until(lambda: not still_open(), "the close of all files")


def test_two_files_on_one_connection(http_client: Client) -> None:
    sizes = [102_400, 1000, 65_537]
    names = [put(http_client, size) for size in sizes]
    with http_client.connect() as connection:
        for size, name in zip(sizes, names, strict=True):
            connection.send(f"GET /wrapped?file={name}&length={size} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            assert connection.response().body == content(size)
