"""Answers of every shape, right and wrong ones; the path names the shape."""

import sys

import control

app = control.Router()
TEXT = [("Content-Type", "text/plain")]


class Noting:
    """An iterable that notes in the journal when it is closed."""

    def __init__(self, pieces, name):
        self.pieces = iter(pieces)
        self.name = name

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        control.note(f"closed {self.name}")


def name_of(environ):
    return control.query(environ).get("name", "?")


# Right answers


@app.add
def a_list(environ, start_response):
    start_response("200 OK", list(TEXT))
    return [b"one ", b"two ", b"", b"three"]


@app.add
def a_tuple(environ, start_response):
    start_response("201 Created here", [*TEXT, ("X-Kind", "tuple")])
    return (b"a", b"b")


@app.add
def empty_list(environ, start_response):
    start_response("200 OK", list(TEXT))
    return []


@app.add
def generator(environ, start_response):
    start_response("200 OK", list(TEXT))
    yield b"one "
    yield b""
    yield b"two"


@app.add
def many(environ, start_response):
    """?count pieces of ?size bytes."""
    asked = control.query(environ)
    start_response("200 OK", list(TEXT))
    for _ in range(int(asked["count"])):
        yield b"x" * int(asked["size"])


@app.add
def big(environ, start_response):
    """One string of ?size bytes, its length announced unless ?bare."""
    asked = control.query(environ)
    size = int(asked["size"])
    headers = list(TEXT) if "bare" in asked else [*TEXT, ("Content-Length", str(size))]
    start_response("200 OK", headers)
    return [b"0123456789abcdef" * (size // 16) + b"." * (size % 16)]


@app.add
def late_start(environ, start_response):
    """start_response is called inside the generator, at its first step."""

    def pieces():
        start_response("202 Accepted", list(TEXT))
        yield b"late"

    return pieces()


@app.add
def gated(environ, start_response):
    """Yields `one`, waits at the gate ?name-1, yields `two`, waits at ?name-2, yields `three`."""
    name = name_of(environ)
    start_response("200 OK", list(TEXT))

    def pieces():
        yield b"one"
        control.wait_at(f"{name}-1")
        yield b"two"
        control.wait_at(f"{name}-2")
        yield b"three"

    return Noting(pieces(), name)


@app.add
def written_gated(environ, start_response):
    """The same through the write() callable."""
    name = name_of(environ)
    write = start_response("200 OK", list(TEXT))
    write(b"one")
    control.wait_at(f"{name}-1")
    write(b"two")
    control.wait_at(f"{name}-2")
    return [b"three"]


@app.add
def written(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("X-By", "write")])
    write(b"w1 ")
    write(b"")
    write(b"w2 ")
    return [b"i1 ", b"i2"]


@app.add
def own_fields(environ, start_response):
    headers = [
        *TEXT,
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("X-Latin", "caf\xe9 \xff"),
        ("X-Empty", ""),
        ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Server", "mine/1"),
    ]
    start_response("200 OK", headers)
    return [b"fields"]


@app.add
def status(environ, start_response):
    """The status line ?line, with a body unless ?empty."""
    asked = control.query(environ)
    start_response(asked["line"], list(TEXT) if "bare" not in asked else [])
    return [] if "empty" in asked else Noting([b"a body"], "status")


@app.add
def sized(environ, start_response):
    """Announces ?length, gives ?size bytes, in one list or (?stream) piece by piece."""
    asked = control.query(environ)
    start_response("200 OK", [*TEXT, ("Content-Length", asked["length"])])
    size = int(asked["size"])
    if "stream" in asked:
        return (b"x" for _ in range(size))
    return [b"x" * size]


@app.add
def closing(environ, start_response):
    start_response("200 OK", list(TEXT))
    return Noting([b"a", b"b"], name_of(environ))


@app.add
def close_fails(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "2")])

    class Bad(Noting):
        def close(self):
            super().close()
            raise ValueError("close itself has failed")

    return Bad([b"o", b"k"], name_of(environ))


@app.add
def endless(environ, start_response):
    """64 KiB pieces until closed; waits at the gate ?name after the first."""
    name = name_of(environ)
    start_response("200 OK", list(TEXT))

    def pieces():
        yield b"x" * 65536
        control.wait_at(name)
        for _ in range(100_000):
            yield b"x" * 65536
        control.note(f"never closed {name}")

    return Noting(pieces(), name)


# exc_info


@app.add
def replaced(environ, start_response):
    """An error before anything was sent replaces the head."""
    start_response("200 OK", [*TEXT, ("X-First", "1")])
    try:
        raise LookupError("replaced")
    except LookupError:
        start_response("503 Sorry", [*TEXT, ("X-Second", "2")], sys.exc_info())
    return [b"sorry"]


@app.add
def replaced_in_generator(environ, start_response):
    """The head is not sent before the first non-empty piece, so it can still be replaced."""
    start_response("200 OK", list(TEXT))
    yield b""
    try:
        raise LookupError("replaced")
    except LookupError:
        start_response("503 Sorry", list(TEXT), sys.exc_info())
    yield b"sorry"


@app.add
def too_late(environ, start_response):
    """An error after the first piece: start_response must raise it again."""
    start_response("200 OK", list(TEXT))
    yield b"sent"
    try:
        raise LookupError("after the head")
    except LookupError:
        start_response("500 Oops", list(TEXT), sys.exc_info())
    yield b"never"


@app.add
def twice(environ, start_response):
    start_response("200 OK", list(TEXT))
    start_response("200 OK", list(TEXT))
    return [b"twice"]


# Failing apps


@app.add
def boom(environ, start_response):
    raise ValueError("the secret text of the exception")


@app.add
def boom_after_start(environ, start_response):
    start_response("200 OK", list(TEXT))
    raise ValueError("the secret text of the exception")


@app.add
def boom_first_step(environ, start_response):
    start_response("200 OK", list(TEXT))

    def pieces():
        raise ValueError("the secret text of the exception")
        yield b""

    return Noting(pieces(), name_of(environ))


@app.add
def boom_midway(environ, start_response):
    start_response("200 OK", list(TEXT))

    def pieces():
        yield b"partial"
        raise ValueError("the secret text of the exception")

    return Noting(pieces(), name_of(environ))


@app.add
def system_exit(environ, start_response):
    raise SystemExit(7)


@app.add
def no_start(environ, start_response):
    return [b"start_response was never called"]


# Wrong answers: what is handed to start_response or returned is chosen by ?case

WRONG_STATUS = {
    "bytes": b"200 OK",
    "int": 200,
    "none": None,
    "short": "20 OK",
    "long": "2000 OK",
    "word": "OK 200",
    "zero": "099 Low",
    "empty": "",
    "injected": "200 OK\r\nX-Injected: yes",
    "newline": "200 OK\nX-Injected: yes",
    "return": "200 OK\rX-Injected: yes",
    "nul": "200 O\0K",
    "euro": "200 \u20ac",
    "interim": "100 Continue",
}
WRONG_FIELDS = {
    "value-crlf": [("X-A", "a\r\nX-Injected: yes")],
    "value-lf": [("X-A", "a\nX-Injected: yes")],
    "value-cr": [("X-A", "a\rX-Injected: yes")],
    "value-nul": [("X-A", "a\0b")],
    "value-euro": [("X-A", "\u20ac")],
    "value-bytes": [("X-A", b"bytes")],
    "value-int": [("X-A", 5)],
    "value-none": [("X-A", None)],
    "name-crlf": [("X-A\r\nX-Injected", "yes")],
    "name-colon": [("X-A: x", "b")],
    "name-space": [("X A", "b")],
    "name-empty": [("", "b")],
    "name-bytes": [(b"X-A", "b")],
    "name-latin": [("X-\xe9", "b")],
    "one-tuple": [("X-A",)],
    "three-tuple": [("X-A", "b", "c")],
    "not-tuples": ["X-A"],
    "dict": {"X-A": "b"},
    "none": None,
    "length-word": [("Content-Length", "five")],
    "length-minus": [("Content-Length", "-5")],
    "length-plus": [("Content-Length", "+5")],
    "lengths": [("Content-Length", "5"), ("Content-Length", "6")],
    "coding-gzip": [("Transfer-Encoding", "gzip")],
}
WRONG_BODY = {
    "none": None,
    "int": 7,
    "str": "text",
    "list-of-str": ["text"],
    "list-of-int": [1, 2],
    "list-of-none": [None],
    "generator-of-str": "generator",
}


@app.add
def wrong_status(environ, start_response):
    start_response(WRONG_STATUS[control.query(environ)["case"]], list(TEXT))
    return [b"must not be seen"]


@app.add
def wrong_fields(environ, start_response):
    start_response("200 OK", WRONG_FIELDS[control.query(environ)["case"]])
    return [b"hello"]


@app.add
def wrong_body(environ, start_response):
    body = WRONG_BODY[control.query(environ)["case"]]
    start_response("200 OK", list(TEXT))
    if body == "generator":
        return (piece for piece in ["text"])
    return body


@app.add
def wrong_midway(environ, start_response):
    start_response("200 OK", list(TEXT))
    yield b"partial"
    yield "text"


@app.add
def write_str(environ, start_response):
    write = start_response("200 OK", list(TEXT))
    write("text")
    return []


@app.add
def hop(environ, start_response):
    """The hop-by-hop field ?field."""
    asked = control.query(environ)
    start_response("200 OK", [*TEXT, ("Content-Length", "2"), (asked["field"], asked["value"])])
    return [b"ok"]


# A generator that is stopped by garbage collection only must not matter to the server.


@app.add
def subclass(environ, start_response):
    """list and bytes subclasses are fine."""

    class Pieces(list):
        pass

    class Piece(bytes):
        pass

    start_response("200 OK", list(TEXT))
    return Pieces([Piece(b"sub"), b"class"])


@app.add
def iterator(environ, start_response):
    start_response("200 OK", list(TEXT))
    return iter([b"it", b"er"])


@app.add
def errors(environ, start_response):
    """Writes to wsgi.errors."""
    stream = environ["wsgi.errors"]
    stream.write("errors stream says h\xe9llo \u20ac\n")
    stream.writelines(["line a\n", "line b\n"])
    stream.flush()
    print("printed to stdout", flush=True)
    print("printed to stderr", file=sys.stderr, flush=True)
    return control.plain(start_response, "noted")
