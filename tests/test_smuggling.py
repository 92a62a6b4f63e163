"""Malformed requests of every kind: refused with the right answer, never shown to the app, never a hang.

The cases are the files of `corpus/http1`: bytes in `.http`, what a strict reader must say in
`.expect` beside it. Each is sent alone, and behind a good request on the same connection, and has
another good request behind it, which must not be answered either.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness.client import Client
from harness.raw import Connection, Malformed

APP = "recorder:app"

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "http1"
BAD = sorted((CORPUS / "bad").glob("*.http"))
GOOD = sorted((CORPUS / "good").glob("*.http"))

BEFORE = b"GET /good-before HTTP/1.1\r\nHost: h\r\n\r\n"
BEHIND = b"GET /never-behind HTTP/1.1\r\nHost: h\r\n\r\n"


def test_the_corpus_is_there() -> None:
    assert len(BAD) >= 120
    assert len(GOOD) >= 20


def stems(files: list[Path]) -> list[str]:
    """The names of the cases."""
    return [file.stem for file in files]


def finish_refused(connection: Connection, status: int) -> None:
    """The refusal comes at once with this status, and then the end."""
    response = connection.response()
    assert response.status == status, response
    assert (response.header("Connection") or "").lower() == "close"
    connection.finish_sending()
    connection.assert_closed()


def new_requests(client: Client, known: int) -> list[str]:
    """What the app has seen since `known` entries; one more request makes sure that nothing is under way."""
    with client.connect() as connection:
        connection.send(b"GET /marker HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert connection.response().status == 200
    entries = client.server.home.entries()[known:]
    return [entry for entry in entries if entry.startswith("request ") and not entry.endswith("/marker")]


@pytest.mark.parametrize("file", BAD, ids=stems(BAD))
def test_bad_alone(http_client: Client, file: Path) -> None:
    status = int(file.with_suffix(".expect").read_text().split()[0])
    known = len(http_client.server.home.entries())
    with http_client.connect(5) as connection:
        connection.send_all_or_closed(file.read_bytes() + BEHIND)
        finish_refused(connection, status)
    assert new_requests(http_client, known) == []


@pytest.mark.parametrize("file", BAD, ids=stems(BAD))
def test_bad_behind_a_good_request(http_client: Client, file: Path) -> None:
    status = int(file.with_suffix(".expect").read_text().split()[0])
    known = len(http_client.server.home.entries())
    with http_client.connect(5) as connection:
        connection.send_all_or_closed(BEFORE + file.read_bytes() + BEHIND)
        assert connection.response().status == 200
        finish_refused(connection, status)
    assert new_requests(http_client, known) == ["request GET /good-before"]


@pytest.mark.parametrize("file", BAD, ids=stems(BAD))
def test_bad_in_two_packets(http_client: Client, file: Path) -> None:
    """The same when the bytes come in two halves, the second after the first was read."""
    status = int(file.with_suffix(".expect").read_text().split()[0])
    data = file.read_bytes()
    known = len(http_client.server.home.entries())
    with http_client.connect(5) as connection:
        connection.send(BEFORE)
        assert connection.response().status == 200
        connection.send(data[: len(data) // 2])
        connection.send_all_or_closed(data[len(data) // 2 :] + BEHIND)
        finish_refused(connection, status)
    assert new_requests(http_client, known) == ["request GET /good-before"]


@pytest.mark.parametrize("file", GOOD, ids=stems(GOOD))
def test_good_is_answered(http_client: Client, file: Path) -> None:
    """What is odd but right is served: as many answers as there are messages in the file."""
    expected = file.with_suffix(".expect").read_text()
    methods = re.findall(r"^([^\s\"]+) \S+ HTTP/1\.[01]$", expected, re.MULTILINE)
    assert methods
    data = file.read_bytes()
    with http_client.connect(5) as connection:
        connection.send(data)
        for method in methods:
            assert connection.response(method).status == 200


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00" * 100,
        b"\xff" * 100,
        b"{}\r\n\r\n",
        b"helo\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00\x10\x00\x00\x0c\x00HTTP_EVIL\x01\x001",
    ],
    ids=["tls", "ssh", "zeros", "ones", "json", "word", "http2", "uwsgi"],
)
def test_other_protocols_are_refused_at_once(http_client: Client, junk: bytes) -> None:
    known = len(http_client.server.home.entries())
    with http_client.connect(5) as connection:
        connection.send_all_or_closed(junk)
        answer = connection.to_end(5)
        assert answer == b"" or re.match(rb"HTTP/1\.1 [45]\d\d ", answer), answer
    assert new_requests(http_client, known) == []


def test_an_incomplete_request_is_not_a_request(http_client: Client) -> None:
    known = len(http_client.server.home.entries())
    with http_client.connect(5) as connection:
        connection.send(b"GET /partial HTTP/1.1\r\nHost: h\r\n")
        connection.finish_sending()
        answer = connection.to_end(5)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert new_requests(http_client, known) == []


def test_a_body_that_ends_early_is_not_followed_by_a_request(http_client: Client) -> None:
    known = len(http_client.server.home.entries())
    with http_client.connect(5) as connection:
        connection.send(b"POST /short HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nGET /never HTTP/1.1\r\n\r\n")
        connection.finish_sending()
        try:
            connection.response()
        except Malformed:
            connection.close()
    assert not any("never" in entry for entry in new_requests(http_client, known))
