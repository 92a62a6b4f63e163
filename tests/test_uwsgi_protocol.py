"""The uwsgi protocol: packets in any pieces, odd and broken ones, and the answers as web servers read them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from harness import uwsgi
from harness.client import UWSGI_DOORS, Client
from harness.raw import Connection
from harness.waiting import wait_until

APP = "everything:app"

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "uwsgi"
BAD = sorted((CORPUS / "bad").glob("*.uwsgi"))


def variables(
    target: str, *more: uwsgi.Variable, method: str = "GET", length: int | None = None
) -> list[uwsgi.Variable]:
    """The usual variables and some more."""
    return [*uwsgi.variables(method, target, [("Host", "h")], content_length=length), *more]


def ask(client: Client, data: bytes) -> bytes:
    """Send bytes, read everything until the server closes."""
    with client.connect() as connection:
        connection.send_all_or_closed(data)
        return connection.to_end()


def assert_refused(client: Client, data: bytes) -> None:
    """The connection ends without an answer of the app, and the server goes on."""
    known = len(client.server.home.entries())
    with client.connect(5) as connection:
        connection.send_all_or_closed(data)
        answer = connection.to_end(5)
        assert answer == b"" or answer.split(b" ")[1][:1] in (b"4", b"5"), answer
    assert client.get("/index").body == b"index"
    assert client.server.home.entries()[known:] == []


# Whole and torn packets


def test_answer_is_raw_http_and_then_the_end(uwsgi_client: Client) -> None:
    answer = ask(uwsgi_client, uwsgi.packet(variables("/index")))
    head, body = answer.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"index"


def test_protocol_version_is_the_request_s(uwsgi_client: Client) -> None:
    packet = uwsgi.packet(uwsgi.variables("GET", "/index", [("Host", "h")], protocol="HTTP/1.0"))
    assert ask(uwsgi_client, packet).startswith(b"HTTP/1.")


def test_a_generator_is_not_chunked(uwsgi_client: Client) -> None:
    answer = ask(uwsgi_client, uwsgi.packet(variables("/generator")))
    assert answer.endswith(b"\r\n\r\none two")


def test_every_split_of_a_packet(uwsgi_client: Client) -> None:
    packet = uwsgi.packet([(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/index"), (b"PATH_INFO", b"/index")])
    for cut in range(1, len(packet)):
        with uwsgi_client.connect() as connection:
            connection.send(packet[:cut])
            connection.send(packet[cut:])
            assert connection.to_end().endswith(b"\r\n\r\nindex")


def test_byte_by_byte(uwsgi_client: Client) -> None:
    packet = uwsgi.packet(variables("/echo", method="POST", length=4)) + b"body"
    with uwsgi_client.connect() as connection:
        for position in range(len(packet)):
            connection.send(packet[position : position + 1])
        assert connection.to_end().endswith(b"\r\n\r\nbody")


def test_an_incomplete_packet_is_no_request(uwsgi_client: Client) -> None:
    packet = uwsgi.packet(variables("/noted"))
    for cut in (1, 3, 4, 10, len(packet) - 1):
        known = len(uwsgi_client.server.home.entries())
        with uwsgi_client.connect(5) as connection:
            connection.send(packet[:cut])
            connection.finish_sending()
            assert b" 200 " not in connection.to_end(5)
        assert uwsgi_client.server.home.entries()[known:] == []


def test_bytes_behind_the_request_are_ignored(uwsgi_client: Client) -> None:
    known = len(uwsgi_client.server.home.entries())
    packet = uwsgi.packet(variables("/noted"))
    answer = ask(uwsgi_client, packet + packet)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert uwsgi_client.server.home.entries()[known:] == ["noted GET /noted"]


def test_a_packet_of_the_largest_size(uwsgi_client: Client) -> None:
    few = variables("/environ")
    space = 65_535 - sum(len(uwsgi.pair(*variable)) for variable in few)
    big = (b"BIG", b"b" * (space - len(uwsgi.pair(b"BIG", b""))))
    packet = uwsgi.packet([*few, big])
    assert len(packet) == 65_539
    answer = ask(uwsgi_client, packet)
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["strings"]["BIG"] == big[1].decode()


def test_a_thousand_variables(uwsgi_client: Client) -> None:
    many = [(f"VAR_{n}".encode(), str(n).encode()) for n in range(1000)]
    answer = ask(uwsgi_client, uwsgi.packet(variables("/environ", *many)))
    found = json.loads(answer.split(b"\r\n\r\n", 1)[1])["strings"]
    assert all(found[f"VAR_{n}"] == str(n) for n in range(1000))


def test_no_variable_takes_the_place_of_what_the_server_sets(uwsgi_client: Client) -> None:
    names = ["wsgi.input", "wsgi.errors", "wsgi.file_wrapper", "wsgi.multithread", "wsgi.other", "uwsgi.version"]
    answer = ask(uwsgi_client, uwsgi.packet(variables("/environ", *((name.encode(), b"x") for name in names))))
    found = json.loads(answer.split(b"\r\n\r\n", 1)[1])["strings"]
    assert [name for name in names if found.get(name) == "x"] == []


# Modifiers


def test_modifier_30_takes_the_script_name_off_the_path(uwsgi_client: Client) -> None:
    packet = uwsgi.packet(variables("/mounted/environ", (b"SCRIPT_NAME", b"/mounted")), modifier1=30)
    found = json.loads(ask(uwsgi_client, packet).split(b"\r\n\r\n", 1)[1])["strings"]
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/mounted", "/environ")


@pytest.mark.parametrize("modifier", [1, 5, 7, 9, 14, 17, 22, 31, 110, 111, 173, 250, 255])
def test_other_modifiers_are_refused_by_name(uwsgi_client: Client, modifier: int) -> None:
    mark = uwsgi_client.server.mark()
    assert_refused(uwsgi_client, uwsgi.packet(variables("/noted"), modifier1=modifier))
    uwsgi_client.server.wait_line(rf"(?i)modifier.*\b{modifier}\b", after=mark)


# A small buffer


@pytest.fixture(scope="module")
def small(shared_launcher):
    """A server with uWSGI's own small buffer and a short timeout."""
    return shared_launcher.share("everything:app", "--buffer-size", "4096", "--socket-timeout", "1", threads=2)


@pytest.fixture(params=UWSGI_DOORS, ids=str)
def small_client(small, request: pytest.FixtureRequest) -> Client:
    """A client of the server with the small buffer."""
    return Client(small, request.param)


# Broken packets


def test_the_corpus_is_there() -> None:
    assert len(BAD) >= 10


@pytest.mark.parametrize("file", BAD, ids=[file.stem for file in BAD])
def test_bad_packets(small_client: Client, file: Path) -> None:
    """The files are written for a buffer of 4096 bytes."""
    assert_refused(small_client, file.read_bytes())


BLOCKS = {
    "empty key": uwsgi.pair(b"REQUEST_METHOD", b"GET") + uwsgi.pair(b"", b"v"),
    "key beyond the end": struct.pack("<H", 500) + b"REQUEST_METHOD",
    "value beyond the end": struct.pack("<H", 3) + b"KEY" + struct.pack("<H", 500) + b"v",
    "key without value": struct.pack("<H", 3) + b"KEY",
    "half a length": uwsgi.pair(b"REQUEST_METHOD", b"GET") + b"\x01",
    "all ones": b"\xff" * 100,
}


@pytest.mark.parametrize("name", BLOCKS)
def test_broken_blocks(uwsgi_client: Client, name: str) -> None:
    block = BLOCKS[name]
    assert_refused(uwsgi_client, uwsgi.header(len(block)) + block)


def test_empty_packet(uwsgi_client: Client) -> None:
    assert_refused(uwsgi_client, uwsgi.header(0))


@pytest.mark.parametrize("length", [b"5x", b"-5", b"+5", b" 5", b"0x5", b"5,5", b"99999999999999999999999"])
def test_lengths_that_are_no_numbers(uwsgi_client: Client, length: bytes) -> None:
    found = [v for v in variables("/noted", method="POST") if v[0] != b"CONTENT_LENGTH"]
    assert_refused(uwsgi_client, uwsgi.packet([*found, (b"CONTENT_LENGTH", length)]) + b"12345")


@pytest.mark.parametrize(
    "junk", [b"GET /noted HTTP/1.1\r\nHost: h\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"\xff" * 50, b"hello world\n"]
)
def test_other_protocols(uwsgi_client: Client, junk: bytes) -> None:
    known = len(uwsgi_client.server.home.entries())
    with uwsgi_client.connect(5) as connection:
        connection.send_all_or_closed(junk)
        connection.finish_sending()
        assert b" 200 " not in connection.to_end(5)
    assert uwsgi_client.get("/index").body == b"index"
    assert uwsgi_client.server.home.entries()[known:] == []


# The buffer size, and packets that do not come


def test_a_packet_above_the_buffer_size(small_client: Client) -> None:
    mark = small_client.server.mark()
    assert_refused(small_client, uwsgi.packet(variables("/noted", (b"BIG", b"b" * 5000))))
    small_client.server.wait_line(r"(?i)invalid request block size: \d+ \(max 4096\)|buffer-size", after=mark)


def test_a_packet_below_the_buffer_size(small_client: Client) -> None:
    answer = ask(small_client, uwsgi.packet(variables("/index", (b"BIG", b"b" * 3000))))
    assert answer.endswith(b"index")


def test_a_packet_that_does_not_come(small_client: Client) -> None:
    packet = uwsgi.packet(variables("/noted"))
    with small_client.connect(8) as connection:
        connection.send(packet[:50])
        assert b" 200 " not in connection.to_end(8)
    assert small_client.get("/index").body == b"index"


def test_many_silent_connections_do_no_harm(small_client: Client) -> None:
    silent = [Connection(small_client.address, 8) for _ in range(50)]
    assert small_client.get("/index").body == b"index"
    for connection in silent:
        connection.close()
    wait_until(lambda: small_client.get("/index").status == 200, "an answer")
