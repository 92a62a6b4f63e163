"""What the app answers: every right shape arrives as it is, no wrong one ever leaves the server."""

from __future__ import annotations

import re

import pytest
from harness.client import Client
from harness.raw import Malformed
from harness.waiting import wait_until

APP = "answers:app"
THREADS = 8


# Right answers


@pytest.mark.parametrize(
    ("path", "status", "reason", "body"),
    [
        ("/a-list", 200, "OK", b"one two three"),
        ("/a-tuple", 201, "Created here", b"ab"),
        ("/empty-list", 200, "OK", b""),
        ("/generator", 200, "OK", b"one two"),
        ("/late-start", 202, "Accepted", b"late"),
        ("/written", 200, "OK", b"w1 w2 i1 i2"),
        ("/subclass", 200, "OK", b"subclass"),
        ("/iterator", 200, "OK", b"iter"),
        ("/many?count=1000&size=10", 200, "OK", b"x" * 10_000),
    ],
)
def test_shapes(client: Client, path: str, status: int, reason: str, body: bytes) -> None:
    response = client.get(path)
    assert (response.status, response.reason, response.body) == (status, reason, body)
    assert response.header("Content-Type") == "text/plain"


def test_a_list_needs_no_chunks(http_client: Client) -> None:
    """The whole answer is known, so the server can announce its length."""
    response = http_client.get("/a-list")
    assert response.header("Content-Length") == "13"
    assert response.all("Transfer-Encoding") == []


@pytest.mark.parametrize("size", [0, 1, 15, 4096, 65_535, 65_536, 65_537, 262_144, 1_000_000, 5_000_000])
@pytest.mark.parametrize("bare", ["", "&bare"], ids=["announced", "bare"])
def test_sizes(client: Client, size: int, bare: str) -> None:
    response = client.get(f"/big?size={size}{bare}")
    assert response.body == b"0123456789abcdef" * (size // 16) + b"." * (size % 16)


def test_fields_arrive_as_given(client: Client) -> None:
    response = client.get("/own-fields")
    assert response.all("Set-Cookie") == ["a=1", "b=2"]
    assert response.header("X-Latin") == "caf\xe9 \xff"
    assert response.header("X-Empty") == ""
    assert response.header("Date") == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert response.header("Server") == "mine/1"


@pytest.mark.parametrize(
    "line", ["200 OK", "299 Own", "404 Not Found", "418 I'm a teapot", "500 Oops", "599 Far", "302 caf\xe9"]
)
def test_status_lines(client: Client, line: str) -> None:
    from urllib.parse import quote

    response = client.get(f"/status?line={quote(line, encoding='utf-8')}")
    assert f"{response.status} {response.reason}" == line
    assert response.body == b"a body"


# Streaming


@pytest.mark.parametrize("path", ["/gated", "/written-gated"])
def test_every_piece_is_flushed(client: Client, path: str) -> None:
    """Each piece is read while the app waits for the test before it makes the next."""
    name = f"flush{path.strip('/')}{client.door}"
    home = client.server.home
    first, second = home.gate(f"{name}-1"), home.gate(f"{name}-2")
    with client.begin("GET", f"{path}?name={name}") as exchange:
        assert exchange.body.exactly(3) == b"one"
        first.open()
        assert exchange.body.exactly(3) == b"two"
        second.open()
        assert exchange.body.rest() == b"three"
    first.close()
    second.close()


def test_http_1_0_streams_until_close(http_client: Client) -> None:
    gates = [http_client.server.home.gate(f"old{http_client.door}-{n}") for n in (1, 2)]
    with http_client.connect() as connection:
        connection.send(f"GET /gated?name=old{http_client.door} HTTP/1.0\r\n\r\n".encode())
        head = connection.head()
        assert head.all("Transfer-Encoding") == []
        body = connection.body_reader(head)
        assert body.exactly(3) == b"one"
        gates[0].open()
        assert body.exactly(3) == b"two"
        gates[1].open()
        assert body.rest() == b"three"
    for gate in gates:
        gate.close()


# HEAD and the statuses without a body


def test_head_has_the_fields_and_no_body(client: Client) -> None:
    response = client.request("HEAD", "/big?size=1000")
    assert response.header("Content-Length") == "1000"
    with client.begin("HEAD", "/big?size=1000") as exchange:
        assert exchange.head.status == 200
        assert exchange.connection.to_end() == b""


@pytest.mark.parametrize("path", ["/generator", "/a-list", "/written", "/many?count=100&size=1000"])
def test_head_of_a_stream_has_no_body(client: Client, path: str) -> None:
    with client.begin("HEAD", path) as exchange:
        assert exchange.head.status == 200
        assert exchange.connection.to_end() == b""


@pytest.mark.parametrize("line", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("empty", ["", "&empty"], ids=["body", "empty"])
def test_statuses_without_body(client: Client, line: str, empty: str) -> None:
    with client.begin("GET", f"/status?line={line.replace(' ', '+')}{empty}&bare") as exchange:
        head = exchange.head
        assert f"{head.status} {head.reason}" == line
        assert head.all("Transfer-Encoding") == []
        if head.status == 204:
            assert head.all("Content-Length") == []
        assert exchange.connection.to_end() == b""


# close()


def closed(client: Client, name: str) -> int:
    """How often the iterable of this name was closed."""
    return client.server.home.entries().count(f"closed {name}")


def wait_closed(client: Client, name: str) -> None:
    """Wait until it was closed; and only once."""
    wait_until(lambda: closed(client, name) > 0, f"close() of {name}")
    assert closed(client, name) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_after_the_last_piece(client: Client, method: str) -> None:
    name = f"end-{method}-{client.door}"
    assert client.request(method, f"/closing?name={name}").status == 200
    wait_closed(client, name)


@pytest.mark.parametrize("path", ["/boom-midway", "/boom-first-step"])
def test_close_after_an_exception(client: Client, path: str) -> None:
    name = f"boom{path.replace('/', '-')}-{client.door}"
    with client.begin("GET", f"{path}?name={name}") as exchange:
        exchange.connection.to_end()
    wait_closed(client, name)


@pytest.mark.parametrize("rude", [False, True], ids=["fin", "reset"])
def test_close_after_a_disconnect(client: Client, rude: bool) -> None:
    """The client leaves in the middle; the app is closed long before its end."""
    name = f"gone-{rude}-{client.door}"
    gate = client.server.home.gate(name)
    exchange = client.begin("GET", f"/endless?name={name}")
    assert exchange.body.some()
    if rude:
        exchange.connection.reset()
    else:
        exchange.connection.close()
    gate.open()
    wait_closed(client, name)
    assert f"never closed {name}" not in client.server.home.entries()
    gate.close()


def test_a_disconnect_is_no_exception_in_the_log(client: Client) -> None:
    name = f"quiet-{client.door}"
    gate = client.server.home.gate(name)
    mark = client.server.mark()
    exchange = client.begin("GET", f"/endless?name={name}")
    assert exchange.body.some()
    exchange.connection.reset()
    gate.open()
    wait_closed(client, name)
    assert client.get("/a-list").status == 200
    assert "Traceback" not in "\n".join(client.server.lines_since(mark))
    gate.close()


def test_close_that_fails_is_logged_and_hurts_nobody(client: Client) -> None:
    mark = client.server.mark()
    name = f"bad-close-{client.door}"
    response = client.get(f"/close-fails?name={name}")
    assert (response.status, response.body) == (200, b"ok")
    client.server.wait_line("ValueError: close itself has failed", after=mark)


# Exceptions


@pytest.mark.parametrize("path", ["/boom", "/boom-after-start", "/boom-first-step?name=x"])
def test_an_exception_before_the_head_is_a_plain_500(client: Client, path: str) -> None:
    mark = client.server.mark()
    response = client.get(path)
    assert response.status == 500
    assert response.header(
        "Content-Type",
    ).startswith("text/plain")
    assert b"secret" not in response.body
    assert b"Traceback" not in response.body
    client.server.wait_line("ValueError: the secret text of the exception", after=mark)
    log = "\n".join(client.server.lines_since(mark))
    assert "Traceback (most recent call last)" in log
    assert f"GET {path.split('?')[0]}" in log
    assert "answers.py" in log


def test_an_exception_after_the_head_cuts_the_answer(client: Client) -> None:
    mark = client.server.mark()
    with client.begin("GET", "/boom-midway?name=cut") as exchange:
        assert exchange.head.status == 200
        if client.door.speaks == "http":
            with pytest.raises(Malformed):
                exchange.body.rest()
        else:
            assert exchange.body.rest() == b"partial"
    client.server.wait_line("ValueError: the secret text of the exception", after=mark)


def test_system_exit_of_a_request_is_a_500(client: Client) -> None:
    mark = client.server.mark()
    assert client.get("/system-exit").status == 500
    client.server.wait_line("SystemExit", after=mark)
    assert client.get("/a-list").status == 200


@pytest.mark.parametrize("path", ["/replaced", "/replaced-in-generator"])
def test_exc_info_replaces_an_unsent_head(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status, response.reason, response.body) == (503, "Sorry", b"sorry")
    assert response.header("X-First") is None


def test_exc_info_after_the_head_is_raised_again(client: Client) -> None:
    mark = client.server.mark()
    with client.begin("GET", "/too-late") as exchange:
        assert exchange.head.status == 200
        assert b"never" not in exchange.connection.to_end()
    client.server.wait_line("LookupError: after the head", after=mark)


@pytest.mark.parametrize("path", ["/twice", "/no-start"])
def test_start_response_must_be_called_once(client: Client, path: str) -> None:
    mark = client.server.mark()
    assert client.get(path).status == 500
    client.server.wait_line("start_response", after=mark)


# Wrong answers


def assert_refused(client: Client, path: str) -> None:
    """The client gets a 500 with nothing of the app's answer in it, and the log says why."""
    mark = client.server.mark()
    response = client.get(path)
    assert response.status == 500
    assert "X-Injected" not in dict(response.headers)
    assert b"must not be seen" not in response.body
    client.server.wait_line(re.escape(path.split("?")[0]), after=mark)
    assert client.get("/a-list").status == 200


@pytest.mark.parametrize(
    "case",
    [
        *("bytes", "int", "none", "short", "long", "word", "zero", "empty"),
        *("injected", "newline", "return", "nul", "euro", "interim"),
    ],
)
def test_wrong_status(client: Client, case: str) -> None:
    assert_refused(client, f"/wrong-status?case={case}")


@pytest.mark.parametrize(
    "case",
    [
        *("value-crlf", "value-lf", "value-cr", "value-nul", "value-euro", "value-bytes", "value-int", "value-none"),
        *("name-crlf", "name-colon", "name-space", "name-empty", "name-bytes", "name-latin"),
        *("one-tuple", "three-tuple", "not-tuples", "dict", "none"),
        *("length-word", "length-minus", "length-plus", "lengths", "coding-gzip"),
    ],
)
def test_wrong_fields(client: Client, case: str) -> None:
    assert_refused(client, f"/wrong-fields?case={case}")


@pytest.mark.parametrize(
    "case", ["none", "int", "str", "list-of-str", "list-of-int", "list-of-none", "generator-of-str"]
)
def test_wrong_body(client: Client, case: str) -> None:
    assert_refused(client, f"/wrong-body?case={case}")


def test_write_wants_bytes(client: Client) -> None:
    assert_refused(client, "/write-str")


def test_a_wrong_piece_in_the_middle_cuts_the_answer(client: Client) -> None:
    mark = client.server.mark()
    with client.begin("GET", "/wrong-midway") as exchange:
        assert exchange.head.status == 200
        assert b"text" not in exchange.connection.to_end()
    client.server.wait_line("/wrong-midway", after=mark)


@pytest.mark.parametrize("stream", ["", "&stream"], ids=["list", "stream"])
def test_too_few_bytes(client: Client, stream: str) -> None:
    """A short body must never look whole: an error page, or a connection cut before the announced end."""
    mark = client.server.mark()
    with client.begin("GET", f"/sized?length=10&size=4{stream}") as exchange:
        if exchange.head.status == 200:
            with pytest.raises(Malformed):
                exchange.body.rest()
        else:
            assert exchange.head.status == 500
    client.server.wait_line("(?i)content-length", after=mark)


@pytest.mark.parametrize("stream", ["", "&stream"], ids=["list", "stream"])
def test_too_many_bytes(client: Client, stream: str) -> None:
    """Bytes beyond the announced length are never sent."""
    mark = client.server.mark()
    with client.begin("GET", f"/sized?length=4&size=10{stream}") as exchange:
        if exchange.head.status == 200:
            assert exchange.body.rest() == b"xxxx"
            assert exchange.connection.to_end() == b""
        else:
            assert exchange.head.status == 500
    client.server.wait_line("(?i)content-length", after=mark)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Transfer-Encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("Keep-Alive", "timeout=5"),
        ("Upgrade", "websocket"),
        ("TE", "trailers"),
        ("Trailer", "X"),
        ("Proxy-Authenticate", "Basic"),
        ("Connection", "upgrade"),
    ],
)
def test_hop_by_hop_fields_do_not_leave(client: Client, field: str, value: str) -> None:
    """The connection is the server's: such a field is taken out, and the page is served."""
    response = client.get(f"/hop?field={field}&value={value.replace(' ', '+')}")
    assert (response.status, response.body) == (200, b"ok")
    assert value not in response.all(field)


def test_the_same_length_twice_is_one_length(client: Client) -> None:
    response = client.get("/hop?field=content-length&value=2")
    assert (response.status, response.body, response.all("Content-Length")) == (200, b"ok", ["2"])


def test_connection_close_of_the_app_is_honoured(http_client: Client) -> None:
    """Old apps send it: the connection ends."""
    with http_client.connect() as connection:
        connection.send(b"GET /hop?field=Connection&value=close HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.response().status == 200
        connection.assert_closed()


# wsgi.errors


def test_errors_stream_and_prints_reach_the_log(client: Client) -> None:
    mark = client.server.mark()
    assert client.get("/errors").body == b"noted"
    for text in ("errors stream says h", "line a", "line b", "printed to stderr"):
        client.server.wait_line(re.escape(text), after=mark)
    wait_until(
        lambda: "printed to stdout" in "\n".join(client.server.out.lines + client.server.lines_since(mark)),
        "what the app printed",
    )
