"""HTTP/1 connections: keep-alive, pipelining, old clients, both codings, Expect, limits, timeouts."""

from __future__ import annotations

import json
import time

import h11
import pytest
from harness.client import Client, encode_chunks, encode_http
from harness.raw import Connection, Response

APP = "everything:app"
THREADS = 8


def get(target: str, *fields: str, version: str = "1.1") -> bytes:
    """A GET as bytes, connection left open."""
    lines = [f"GET {target} HTTP/{version}", "Host: h", *fields]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n"


def post(target: str, body: bytes, *fields: str) -> bytes:
    """A POST as bytes, connection left open."""
    lines = [f"POST {target} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", *fields]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def assert_lives(connection: Connection) -> None:
    """One more request on this connection is answered."""
    connection.send(get("/index"))
    assert connection.response().body == b"index"


# Keep-alive


def test_many_requests_on_one_connection(http_client: Client) -> None:
    with http_client.connect() as connection:
        for number in range(200):
            connection.send(get(f"/noted/{number}"))
            assert connection.response().body == f"/noted/{number}".encode()


@pytest.mark.parametrize(
    "path",
    [
        *("/a-list", "/generator", "/written", "/empty-list", "/big?size=300000", "/big?size=300000&bare"),
        *("/many?count=100&size=1024", "/status?line=404+Not+Found", "/replaced"),
    ],
)
def test_connection_lives_after_every_kind_of_answer(http_client: Client, path: str) -> None:
    with http_client.connect() as connection:
        for _ in range(3):
            connection.send(get(path))
            response = connection.response()
            assert response.header("Connection") is None or response.header("Connection").lower() == "keep-alive"
        assert_lives(connection)


@pytest.mark.parametrize("line", ["204+No+Content", "304+Not+Modified"])
def test_connection_lives_after_an_answer_without_body(http_client: Client, line: str) -> None:
    with http_client.connect() as connection:
        connection.send(get(f"/status?line={line}&bare"))
        assert connection.response().body == b""
        assert_lives(connection)


@pytest.mark.parametrize("path", ["/big?size=5000", "/generator", "/written", "/many?count=50&size=1000"])
def test_connection_lives_after_head(http_client: Client, path: str) -> None:
    with http_client.connect() as connection:
        connection.send(get(path).replace(b"GET", b"HEAD"))
        assert connection.response("HEAD").body == b""
        assert_lives(connection)


@pytest.mark.parametrize("size", [0, 5, 65_536, 500_000])
def test_connection_lives_after_a_body(http_client: Client, size: int) -> None:
    with http_client.connect() as connection:
        for _ in range(3):
            connection.send(post("/digest", b"b" * size))
            assert connection.response().text.startswith(f"{size} ")
        connection.send(get("/index"))
        assert connection.response().body == b"index"


@pytest.mark.parametrize("size", [5, 5000, 60_000])
def test_connection_lives_after_a_small_unread_body(http_client: Client, size: int) -> None:
    with http_client.connect() as connection:
        connection.send(post("/unread", b"GET /noted/smuggled HTTP/1.1\r\n\r\n" + b"x" * size))
        assert connection.response().body == b"not read"
        assert_lives(connection)
    assert not any("smuggled" in entry for entry in http_client.server.home.entries())


def test_after_a_large_unread_body_it_lives_or_closes_cleanly(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(post("/unread", b"GET /noted/smuggled HTTP/1.1\r\n\r\n" * 30_000))
        assert connection.response().body == b"not read"
        connection.send_all_or_closed(get("/index"))
        connection.finish_sending()
        rest = connection.to_end()
        assert rest == b"" or (rest.startswith(b"HTTP/1.1 200") and rest.endswith(b"index"))
    assert not any("smuggled" in entry for entry in http_client.server.home.entries())


def test_connection_lives_after_a_500(http_client: Client) -> None:
    """An error of the app says nothing about the connection; closing it would be allowed, losing sync not."""
    with http_client.connect() as connection:
        connection.send(get("/boom"))
        response = connection.response()
        assert response.status == 500
        if (response.header("Connection") or "").lower() == "close":
            connection.assert_closed()
        else:
            assert_lives(connection)


@pytest.mark.parametrize(
    "field", ["Connection: close", "connection: CLOSE", "Connection: x, close", "Connection: keep-alive, close"]
)
def test_close_when_asked(http_client: Client, field: str) -> None:
    with http_client.connect() as connection:
        connection.send(get("/index", field))
        response = connection.response()
        assert response.body == b"index"
        assert (response.header("Connection") or "").lower() == "close"
        connection.assert_closed()


def test_client_may_close_its_direction(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(get("/index"))
        connection.finish_sending()
        assert connection.response().body == b"index"
        connection.assert_closed()


def test_empty_lines_before_a_request_are_forgiven(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(post("/digest", b"abc") + b"\r\n" + get("/index"))
        assert connection.response().status == 200
        assert connection.response().body == b"index"


# HTTP/1.0


def test_http_1_0_closes(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(b"GET /index HTTP/1.0\r\n\r\n")
        response = connection.response()
        assert response.body == b"index"
        connection.assert_closed()


@pytest.mark.parametrize("path", ["/index", "/a-list", "/big?size=100000"])
def test_http_1_0_keeps_alive_when_asked(http_client: Client, path: str) -> None:
    with http_client.connect() as connection:
        for _ in range(3):
            connection.send(get(path, "Connection: keep-alive", version="1.0"))
            response = connection.response()
            assert (response.header("Connection") or "").lower() == "keep-alive"
            assert response.header("Content-Length") == str(len(response.body))


def test_http_1_0_never_gets_chunks(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(get("/generator", "Connection: keep-alive", version="1.0"))
        head = connection.head()
        assert head.all("Transfer-Encoding") == []
        assert connection.body_reader(head).rest() == b"one two"
        if head.header("Content-Length") is None:
            connection.assert_closed()


# Pipelining


def test_pipelined_answers_keep_their_order(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(b"".join(get(f"/noted/{number}") for number in range(50)))
        for number in range(50):
            assert connection.response().body == f"/noted/{number}".encode()


def test_pipelined_requests_with_bodies(http_client: Client) -> None:
    with http_client.connect() as connection:
        stream = b""
        for number in range(20):
            stream += post("/echo", b"p" * number)
            stream += encode_http("POST", "/echo", chunks=[b"c" * number, b"!"], close=False)
        connection.send(stream)
        for number in range(20):
            assert connection.response().body == b"p" * number
            assert connection.response().body == b"c" * number + b"!"


def test_a_slow_first_answer_does_not_let_the_second_overtake(http_client: Client) -> None:
    gate_name = f"slow-{http_client.door}"
    gate = http_client.server.home.gate(gate_name)
    with http_client.connect() as connection:
        connection.send(get(f"/held?gate={gate_name}") + get("/index"))
        http_client.server.home.wait_entry(f"held at {gate_name}")
        connection.assert_quiet(0.2)
        gate.open()
        assert connection.response().body == b"released"
        assert connection.response().body == b"index"
    gate.close()


def test_pipelined_mix_of_answers(http_client: Client) -> None:
    paths = ["/a-list", "/generator", "/big?size=200000", "/written", "/status?line=404+No", "/many?count=30&size=3000"]
    with http_client.connect() as connection:
        connection.send(b"".join(get(path) for path in paths) + get("/index"))
        statuses = [connection.response().status for _ in paths]
        assert statuses == [200, 200, 200, 200, 404, 200]
        assert connection.response().body == b"index"


# Chunked coding


def test_generators_are_chunked(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(get("/many?count=5&size=10"))
        head = connection.head()
        assert head.all("Transfer-Encoding") == ["chunked"]
        assert head.all("Content-Length") == []
        body = connection.body_reader(head)
        assert body.rest() == b"x" * 50
        assert_lives(connection)


def test_an_announced_stream_is_not_chunked(http_client: Client) -> None:
    response = http_client.get("/sized?length=10&size=10&stream")
    assert response.header("Content-Length") == "10"
    assert response.body == b"x" * 10


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED"])
def test_chunked_in_any_case(http_client: Client, coding: str) -> None:
    with http_client.connect() as connection:
        connection.send(
            f"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: {coding}\r\n\r\n".encode() + encode_chunks([b"abc"])
        )
        assert connection.response().body == b"abc"
        assert_lives(connection)


# Expect: 100-continue


def test_continue_is_sent_when_the_app_reads(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(post("/echo", b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 5"))
        interim = connection.head(skip_interim=False)
        assert interim.status == 100
        assert interim.headers == []
        connection.send(b"hello")
        assert connection.response().body == b"hello"
        assert_lives(connection)


def test_continue_for_a_chunked_body(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-Continue\r\n\r\n")
        assert connection.head(skip_interim=False).status == 100
        connection.send(encode_chunks([b"abc"]))
        assert connection.response().body == b"abc"


def test_a_body_sent_without_waiting_needs_no_continue(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(post("/echo", b"hello", "Expect: 100-continue"))
        response = connection.response()
        assert response.body == b"hello"
        assert len(response.interim) <= 1
        assert_lives(connection)


def test_http_1_0_gets_no_continue(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(b"POST /echo HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        connection.assert_quiet()
        connection.send(b"hello")
        response = connection.response()
        assert (response.body, response.interim) == (b"hello", [])


def test_other_expectations_fail(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(post("/echo", b"hello", "Expect: a-miracle"))
        assert connection.response().status == 417


def test_get_with_expect_and_no_body(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(get("/index", "Expect: 100-continue"))
        assert connection.response().body == b"index"


# The Date field


def test_date_is_sent_once_and_right(http_client: Client) -> None:
    from email.utils import parsedate_to_datetime

    date = http_client.get("/index").header("Date")
    assert date is not None and date.endswith(" GMT")
    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 10


# h11 as an oracle


@pytest.mark.parametrize(
    "path", ["/a-list", "/generator", "/written", "/big?size=100000", "/empty-list", "/status?line=204+No+Content&bare"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_h11_agrees(http_client: Client, path: str, method: str) -> None:
    ours = http_client.request(method, path)
    oracle = h11.Connection(h11.CLIENT)
    with http_client.connect() as connection:
        for _ in range(2):
            request = oracle.send(h11.Request(method=method, target=path, headers=[("Host", "h")]))
            connection.send(request + oracle.send(h11.EndOfMessage()))
            body = b""
            while True:
                event = oracle.next_event()
                if event is h11.NEED_DATA:
                    connection.more()
                    oracle.receive_data(connection.take(len(connection.buffer)))
                elif isinstance(event, h11.Response):
                    assert event.status_code == ours.status
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    break
            assert body == ours.body
            oracle.start_next_cycle()


# Limits


@pytest.fixture(scope="module")
def limited(shared_launcher):
    """A server with small limits and short timeouts."""
    return shared_launcher.share(
        "everything:app",
        *("--buffer-size", "4096", "--limit-post", "1000"),
        *("--http-headers-timeout", "1", "--http-timeout", "1", "--socket-timeout", "1", "--http-keepalive=2"),
        threads=4,
    )


@pytest.fixture
def strict(limited, http_door) -> Client:
    """A client of the limited server."""
    return Client(limited, http_door)


def refused(client: Client, request: bytes, *statuses: int) -> Response:
    """The request gets one of these answers and the connection ends; the app sees nothing of it."""
    before = len(client.server.home.entries())
    with client.connect() as connection:
        connection.send_all_or_closed(request)
        response = connection.response()
        assert response.status in statuses
        assert (response.header("Connection") or "").lower() == "close"
        connection.finish_sending()
        connection.assert_closed()
    assert client.get("/index").body == b"index"
    assert len(client.server.home.entries()) == before
    return response


def test_a_head_within_the_limit(strict: Client) -> None:
    assert strict.get("/index", [("X-Long", "v" * 3500)]).status == 200


def test_too_large_a_head(strict: Client) -> None:
    refused(strict, get("/noted", "X-Long: " + "v" * 5000), 431)


def test_too_large_a_head_that_never_ends(strict: Client) -> None:
    refused(strict, get("/noted", "X-Long: " + "v" * 200_000)[:-4], 431)


def test_default_limit_of_a_head_is_64_kib(http_client: Client) -> None:
    assert http_client.get("/index", [("X-Long", "v" * 60_000)]).status == 200
    refused(http_client, get("/noted", "X-Long: " + "v" * 66_000), 431)


def test_too_many_fields(http_client: Client) -> None:
    refused(http_client, get("/noted", *(f"X-{n}: 1" for n in range(5000))), 431)


def test_too_long_a_target(strict: Client) -> None:
    refused(strict, get("/noted/" + "x" * 5000), 414, 431)


def test_too_large_a_body(strict: Client) -> None:
    assert strict.request("POST", "/echo", body=b"x" * 1000).status == 200
    refused(strict, post("/noted", b"x" * 1001), 413)


def test_too_large_a_body_is_refused_before_it_is_sent(strict: Client) -> None:
    request = post("/noted", b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 1001")
    assert refused(strict, request, 413).interim == []


def test_too_large_a_chunked_body(strict: Client) -> None:
    assert strict.request("POST", "/echo", chunks=[b"x" * 500] * 2).status == 200
    with strict.connect() as connection:
        connection.send_all_or_closed(
            encode_http("POST", "/digest", chunks=[b"x" * 500] * 3, close=False) + get("/noted/behind")
        )
        assert connection.response().status == 413
        connection.finish_sending()
        connection.assert_closed()
    assert not any("behind" in entry for entry in strict.server.home.entries())


# Timeouts (one second in these tests)


def answer_in_time(connection: Connection) -> bytes:
    """What comes until the server closes, which it must do within a few seconds."""
    started = time.monotonic()
    answer = connection.to_end(8)
    assert 0.5 < time.monotonic() - started < 7
    return answer


@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b"])
def test_a_head_that_does_not_come(strict: Client, part: bytes) -> None:
    with strict.connect() as connection:
        connection.send(part)
        answer = answer_in_time(connection)
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_trickling_head_does_not_extend_its_time(strict: Client) -> None:
    """Slowloris: a byte now and then must not keep the connection for ever."""
    with strict.connect() as connection:
        started = time.monotonic()
        connection.send(b"GET / HTTP/1.1\r\nHost: h\r\n")
        while time.monotonic() - started < 8:
            connection.send_all_or_closed(b"X-A: b\r\n")
            try:
                connection.more(0.2)
            except AssertionError:
                continue
            break
        assert connection.buffer.startswith(b"HTTP/1.1 408 ") or connection.ended
        assert time.monotonic() - started < 7


@pytest.mark.parametrize("size", [10, 500])
def test_a_body_that_does_not_come(strict: Client, size: int) -> None:
    with strict.connect() as connection:
        connection.send(post("/attempt", b"x" * size)[:-5])
        answer = answer_in_time(connection)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert strict.get("/index").status == 200


def test_an_idle_connection_ends_silently(strict: Client) -> None:
    with strict.connect() as connection:
        connection.send(get("/index"))
        assert connection.response().body == b"index"
        assert answer_in_time(connection) == b""


def test_a_connection_without_any_byte_ends(strict: Client) -> None:
    with strict.connect() as connection:
        answer = answer_in_time(connection)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_a_slow_app_is_not_a_timeout(strict: Client) -> None:
    """The timeouts are the client's: an app may think longer than them."""
    name = f"long-{strict.door}"
    gate = strict.server.home.gate(name)
    with strict.connect() as connection:
        connection.send(get(f"/held?gate={name}"))
        connection.assert_quiet(2.5)
        gate.open()
        assert connection.response().body == b"released"
    gate.close()


def test_a_client_that_does_not_read_is_given_up(strict: Client) -> None:
    """Its answer is larger than every buffer; the app gets its thread back."""
    name = f"unread-{strict.door}"
    gate = strict.server.home.gate(name)
    gate.open()
    with strict.begin("GET", f"/endless?name={name}"):
        strict.server.home.wait_entry(f"closed {name}")
    gate.close()


# Lingering close


def test_an_early_answer_survives_the_rest_of_the_body(http_client: Client) -> None:
    """The server refuses after the head; the client still sends megabytes and must be able to read why."""
    with http_client.connect() as connection:
        connection.send(
            b"POST /noted HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\nContent-Length: 30000001\r\n\r\n"
        )
        for _ in range(30):
            connection.send_all_or_closed(b"x" * 100_000)
        assert connection.response().status == 400


def test_environ_of_the_second_request_is_its_own(http_client: Client) -> None:
    with http_client.connect() as connection:
        connection.send(get("/environ?first", "X-First: 1", "Cookie: a=b"))
        assert json.loads(connection.response().body)["strings"]["HTTP_X_FIRST"] == "1"
        connection.send(get("/environ?second"))
        second = json.loads(connection.response().body)["strings"]
    assert second["QUERY_STRING"] == "second"
    assert not {"HTTP_X_FIRST", "HTTP_COOKIE"} & set(second)
