"""`wsgi.input`: every way to read it, every size, every way the bytes arrive."""

from __future__ import annotations

import hashlib
import io
import json
import random
import socket
import threading
from typing import Any

import pytest
from harness.client import Client, encode_chunks
from harness.waiting import PATIENCE, wait_until

APP = "bodies:app"

LINES = b"first line\nsecond\r\n\n\nlast without end"
MIB = 1 << 20


def on_bytes_io(calls: list[list[Any]], body: bytes) -> list[Any]:
    """What the same calls give on an `io.BytesIO`: the oracle."""
    stream = io.BytesIO(body)
    results: list[Any] = []
    for name, *arguments in calls:
        if name == "iter":
            results.append([line.decode("latin-1") for line in stream])
        elif name == "next":
            line = next(iter(stream), None)
            results.append(None if line is None else line.decode("latin-1"))
        elif name == "readinto":
            results.append(stream.read(arguments[0]).decode("latin-1"))
        else:
            result = getattr(stream, name)(*arguments)
            text = [r.decode("latin-1") for r in result] if isinstance(result, list) else result.decode("latin-1")
            results.append(text)
    return results


CALLS: list[list[list[Any]]] = [
    [["read"]],
    [["read", -1]],
    [["read"], ["read"], ["read", 10]],
    [["read", 0], ["read", 1], ["read", 4], ["read", 1000], ["read", 1]],
    [["readline"]],
    [["readline"], ["readline"], ["readline"], ["readline"], ["readline"], ["readline"]],
    [["readline", 3], ["readline", 100], ["readline", 0], ["readline"]],
    [["readline", -1], ["read", 2], ["readline"]],
    [["readlines"]],
    [["readlines"], ["readlines"], ["read"]],
    [["read", 3], ["readlines"]],
    [["iter"]],
    [["next"], ["next"], ["read", 3], ["iter"], ["next"]],
    [["readinto", 5], ["readinto", 1000], ["readinto", 4]],
    [["readline"], ["readinto", 3], ["read", 1], ["readlines"]],
]


@pytest.mark.parametrize(
    "body", [LINES, b"", b"\n", b"x", b"\n\nab\n", bytes(range(256)) * 3], ids=lambda b: f"{len(b)}B"
)
@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: "+".join("".join(map(str, call)) for call in calls))
def test_reads_like_a_file(client: Client, calls: list[list[Any]], body: bytes) -> None:
    response = client.request("POST", "/calls", [("X-Calls", json.dumps(calls))], body)
    assert response.status == 200, response.text
    assert json.loads(response.body) == on_bytes_io(calls, body)


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: "+".join("".join(map(str, call)) for call in calls))
def test_reads_chunked_bodies_like_a_file(http_client: Client, calls: list[list[Any]]) -> None:
    chunks = [LINES[start : start + 3] for start in range(0, len(LINES), 3)]
    response = http_client.request("POST", "/calls", [("X-Calls", json.dumps(calls))], chunks=chunks)
    assert response.status == 200, response.text
    assert json.loads(response.body) == on_bytes_io(calls, LINES)


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: "+".join("".join(map(str, call)) for call in calls))
def test_reads_long_streamed_bodies_like_a_file(client: Client, calls: list[list[Any]]) -> None:
    body = (LINES + b"\n") * 3000
    response = client.request("POST", "/calls", [("X-Calls", json.dumps(calls))], body)
    assert response.status == 200, response.text
    assert json.loads(response.body) == on_bytes_io(calls, body)


def test_readlines_with_a_hint_gives_whole_lines(client: Client) -> None:
    calls = [["readlines", 12], ["readlines"]]
    response = client.request("POST", "/calls", [("X-Calls", json.dumps(calls))], LINES)
    first, second = json.loads(response.body)
    assert first + second == [line.decode() for line in io.BytesIO(LINES)]
    assert len(first) >= 1


def test_no_body_reads_as_empty(client: Client) -> None:
    calls = [["read"], ["readline"], ["readlines"], ["iter"], ["readinto", 4], ["read", 5]]
    response = client.request("GET", "/calls", [("X-Calls", json.dumps(calls))])
    assert json.loads(response.body) == ["", "", [], [], "", ""]


def test_a_line_longer_than_every_buffer(client: Client) -> None:
    body = b"a" * 300_000 + b"\n" + b"b" * 10
    calls = [["readline"], ["readline"]]
    response = client.request("POST", "/calls", [("X-Calls", json.dumps(calls))], body)
    assert json.loads(response.body) == ["a" * 300_000 + "\n", "b" * 10]


# Sizes

SIZES = [1, 100, 8191, 8192, 16_384, 65_535, 65_536, 65_537, 131_072, 200_000, 1 * MIB, 10 * MIB]


def digest_of(data: bytes) -> str:
    """What the app answers for this body."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


def some_bytes(size: int) -> bytes:
    """Bytes that differ everywhere, the same in every run."""
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_arrives_whole(client: Client, size: int) -> None:
    body = some_bytes(size)
    assert client.request("POST", "/digest", body=body).text == digest_of(body)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_arrives_whole_in_chunks(http_client: Client, size: int) -> None:
    body = some_bytes(size)
    step = random.Random(size).choice([997, 4096, 65_536, 100_000])
    chunks = [body[start : start + step] for start in range(0, size, step)]
    assert http_client.request("POST", "/digest", chunks=chunks).text == digest_of(body)


@pytest.mark.parametrize("piece", [1, 7, 4096, 70_000, 10_000_000])
def test_pieces_of_every_size(client: Client, piece: int) -> None:
    body = some_bytes(3_000 if piece == 1 else 150_000)
    assert client.request("POST", f"/digest?piece={piece}", body=body).text == digest_of(body)


@pytest.mark.parametrize("size", [10, 70_000, 2 * MIB])
def test_echo_streams_both_ways(client: Client, size: int) -> None:
    body = some_bytes(size)
    request = client.encode("POST", "/echo", body=body)
    with client.connect() as connection:
        sender = threading.Thread(target=connection.send_all_or_closed, args=(request,))
        sender.start()
        response = connection.response("POST")
        sender.join(PATIENCE)
    assert response.body == body


# How the bytes arrive


def count(client: Client, entry: str) -> int:
    """How often the app has noted this."""
    return sum(line.startswith(entry) for line in client.server.home.entries())


def test_byte_by_byte(client: Client) -> None:
    request = client.encode("POST", "/digest", body=b"slow but sure")
    with client.connect() as connection:
        if not client.door.unix:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for position in range(len(request)):
            connection.send(request[position : position + 1])
        assert connection.response().text == digest_of(b"slow but sure")


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 20, 60])
def test_torn_anywhere(client: Client, cut: int) -> None:
    body = some_bytes(500)
    request = client.encode("POST", "/digest", body=body)
    with client.connect() as connection:
        connection.send(request[:cut])
        connection.assert_quiet(0.05)
        connection.send(request[cut:-cut])
        connection.assert_quiet(0.05)
        connection.send(request[-cut:])
        assert connection.response().text == digest_of(body)


def test_a_large_body_streams_while_it_is_sent(client: Client) -> None:
    """The app reads the beginning although the end has not been sent."""
    seen = count(client, "first begin")
    exchange = client.begin("POST", "/first-piece", body=b"begin" + b"." * 100_000, length=200_005)
    with exchange:
        wait_until(lambda: count(client, "first begin") == seen + 1, "the app has read the beginning")
        exchange.connection.send(b"!" * 100_000)
        assert exchange.response().body == b"begin|" + b"." * 100_000 + b"!" * 100_000


def test_chunk_extensions_and_trailers_are_ignored(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(
            b"POST /streaming-facts HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b'4;name=value;q="x y"\r\nwiki\r\n5\r\npedia\r\n0\r\nX-Trailer: evil\r\n\r\n'
        )
        found = json.loads(connection.response().body)
    assert found["body"] == "wikipedia"
    assert found["terminated"] is True
    assert found["length"] in (None, "")


def test_chunked_in_torn_packets(http_client: Client) -> None:
    head = b"POST /streaming-facts HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    coded = encode_chunks([b"a", b"bc" * 20, b"\r\n0\r\n\r\n"])
    with http_client.connect() as connection:
        connection.send(head)
        for position in range(len(coded)):
            connection.send(coded[position : position + 1])
        assert json.loads(connection.response().body)["body"] == "a" + "bc" * 20 + "\r\n0\r\n\r\n"


def test_a_client_that_waits_for_an_answer_to_each_piece(http_client: Client) -> None:
    """A conversation: of a body whose length nobody knows, the app sees what has come."""
    head = b"POST /echo-lines HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    with http_client.connect() as connection:
        connection.send(head + encode_chunks([b"one\n"]).removesuffix(b"0\r\n\r\n"))
        answer = connection.body_reader(connection.head(), "POST")
        assert answer.some() == b"> one\n"
        for line in (b"two\n", b"three\n"):
            connection.send(encode_chunks([line]).removesuffix(b"0\r\n\r\n"))
            assert answer.some() == b"> " + line
        connection.send(b"0\r\n\r\n")
        assert answer.some() == b""


# Bodies that do not come, and bodies nobody wants


@pytest.mark.parametrize("rude", [False, True], ids=["fin", "reset"])
def test_a_large_body_cut_short_is_an_error_for_the_app(client: Client, rude: bool) -> None:
    failed, whole = count(client, "attempt failed"), count(client, "attempt read")
    started = count(client, "attempt started")
    exchange = client.begin("POST", "/attempt", body=b"x" * 100_000, length=200_000)
    wait_until(lambda: count(client, "attempt started") == started + 1, "the app reads")
    if rude:
        exchange.connection.reset()
    else:
        exchange.connection.close()
    wait_until(lambda: count(client, "attempt failed") == failed + 1, "the failed read")
    assert count(client, "attempt read") == whole
    assert client.request("POST", "/digest", body=b"next").text == digest_of(b"next")


def test_a_small_body_cut_short_never_looks_whole(client: Client) -> None:
    whole = count(client, "attempt read")
    with client.begin("POST", "/attempt", body=b"12345", length=10) as exchange:
        exchange.connection.finish_sending()
        exchange.connection.to_end()
    assert client.request("POST", "/digest", body=b"next").text == digest_of(b"next")
    assert count(client, "attempt read") == whole


def test_more_bytes_than_announced_are_not_part_of_the_body(client: Client) -> None:
    response = client.request("POST", "/digest", body=b"12345 and more", length=5)
    assert response.text == digest_of(b"12345")


@pytest.mark.parametrize("size", [10, 60_000, 300_000, 3 * MIB])
def test_an_unread_body_does_not_hurt_the_answer(client: Client, size: int) -> None:
    """The client sends all of it, then reads: the answer must not be lost to a reset."""
    response = client.request("POST", "/unread", body=b"x" * size)
    assert (response.status, response.body) == (200, b"not read")
