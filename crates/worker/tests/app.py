"""The app that the worker's tests call: one function for each path."""

import hashlib
import io
import json
import os
import tempfile
import threading
import time

closed = []
gates = {}


def gate(name):
    return gates.setdefault(name, threading.Event())


def app(environ, start_response):
    name = environ["PATH_INFO"].strip("/").replace("-", "_")
    return globals()["view_" + name](environ, start_response)


def plain(start_response, text, *headers):
    start_response("200 OK", [("Content-Type", "text/plain"), *headers])
    return [text.encode()]


class Closing:
    """An iterable that notes that it was closed."""

    def __init__(self, name, chunks):
        self.name = name
        self.chunks = chunks

    def __iter__(self):
        return iter(self.chunks)

    def close(self):
        closed.append(self.name)


def view_hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\n"]


def view_environ(environ, start_response):
    facts = {key: value if isinstance(value, str) else repr(value) for key, value in environ.items()}
    return plain(start_response, json.dumps(facts))


def view_validated(environ, start_response):
    from wsgiref.validate import validator

    return validator(view_validated_inner)(environ, start_response)


def view_validated_inner(environ, start_response):
    body = environ["wsgi.input"].read(100)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"valid ", body]


def view_closed(environ, start_response):
    return plain(start_response, ",".join(closed))


def view_chunks(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Closing("chunks", [b"one ", b"", b"two ", b"three"])


def view_exact(environ, start_response):
    start_response("200 OK", [("Content-Length", "7")])
    return Closing("exact", [b"one", b"four"])


def view_long(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return Closing("long", [b"one", b"four", b"five", b"six"])


def view_long_list(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"one", b"four"]


def view_short(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    return Closing("short", [b"one", b"four"])


def view_short_list(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    return [b"one"]


def view_tuple(environ, start_response):
    start_response("200 OK", [])
    return (b"a", b"b")


def view_bytes(environ, start_response):
    start_response("200 OK", [])
    return b"bytes"


def view_large(environ, start_response):
    start_response("200 OK", [])
    return [b"x" * 3_000_000]


def view_stream(environ, start_response):
    start_response("200 OK", [])
    return Closing("stream", (b"y" * 100_000 for _ in range(30)))


def view_write(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    assert write(b"one ") is None
    write(b"")
    write(b"two ")
    return [b"three"]


def view_late_start(environ, start_response):
    def chunks():
        start_response("201 Created", [("X-Late", "yes")])
        yield b"late"

    return chunks()


def view_empty_generator(environ, start_response):
    start_response("200 OK", [("X-Empty", "yes")])
    return iter(())


def view_no_start(environ, start_response):
    return [b"body"]


def view_none(environ, start_response):
    start_response("200 OK", [])


def view_str(environ, start_response):
    start_response("200 OK", [])
    return ["text"]


def view_bare_str(environ, start_response):
    start_response("200 OK", [])
    return "text"


def view_twice(environ, start_response):
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def view_exc_info_before(environ, start_response):
    import sys

    start_response("200 OK", [("X-First", "1")])
    try:
        raise ValueError("oops")
    except ValueError:
        start_response("500 Oops", [("X-Second", "2")], sys.exc_info())
    return [b"replaced"]


def view_exc_info_after(environ, start_response):
    import sys

    def chunks():
        start_response("200 OK", [])
        yield b"begun"
        try:
            raise ValueError("too late for another head")
        except ValueError:
            start_response("500 Oops", [], sys.exc_info())

    return Closing("exc-info-after", chunks())


def view_raises(environ, start_response):
    raise ValueError("raised by the view")


def view_raises_at_length(environ, start_response):
    raise ValueError("\u20ac" * 100_000 + " the end")


def view_raises_midway(environ, start_response):
    def chunks():
        yield b"begun"
        raise ValueError("raised midway")

    start_response("200 OK", [])
    return Closing("raises-midway", chunks())


def view_bad_close(environ, start_response):
    class Bad(Closing):
        def close(self):
            raise ValueError("raised by close")

    start_response("200 OK", [])
    return Bad("bad", [b"fine"])


def view_exits(environ, start_response):
    raise SystemExit(3)


def view_bad_head(environ, start_response):
    status, headers = eval(environ["HTTP_X_HEAD"])
    start_response(status, headers)
    return [b"not seen"]


def view_nothing(environ, start_response):
    start_response("204 No Content", [])
    return [b"swallowed"]


def view_read(environ, start_response):
    stream = environ["wsgi.input"]
    body = stream.read()
    assert stream.read() == b"" and stream.readline() == b""
    return plain(start_response, f"{len(body)} {hashlib.sha256(body).hexdigest()}")


def view_read_pieces(environ, start_response):
    stream = environ["wsgi.input"]
    digest, length = hashlib.sha256(), 0
    while True:
        data = stream.read(10_007)
        if not data:
            break
        digest.update(data)
        length += len(data)
        assert len(data) == 10_007 or stream.read(1) == b""
    return plain(start_response, f"{length} {digest.hexdigest()}")


def view_read_calls(environ, start_response):
    """Does what X-Calls says to the input and to a BytesIO of the expected bytes; the same must come."""
    stream = environ["wsgi.input"]
    expected = io.BytesIO(eval(environ["HTTP_X_BODY"]))
    results = []
    for name, *arguments in json.loads(environ["HTTP_X_CALLS"]):
        if name == "iterate":
            ours, theirs = list(stream), list(expected)
        elif name == "readinto":
            first, second = bytearray(arguments[0]), bytearray(arguments[0])
            ours, theirs = (stream.readinto(first), first), (expected.readinto(second), second)
        else:
            ours, theirs = getattr(stream, name)(*arguments), getattr(expected, name)(*arguments)
        if ours != theirs:
            return plain(start_response, f"{name}{arguments}: {ours!r} is not {theirs!r}")
        results.append(ours)
    return plain(start_response, "same")


def view_buffered(environ, start_response):
    text = io.TextIOWrapper(io.BufferedReader(environ["wsgi.input"]), "ascii")
    return plain(start_response, ascii(text.readlines()))


def view_gated(environ, start_response):
    def chunks():
        yield b"first"
        gate("gated").wait(20)
        yield b"second"

    start_response("200 OK", [])
    return Closing("gated", chunks())


def view_open_gate(environ, start_response):
    gate(environ["QUERY_STRING"]).set()
    return plain(start_response, "open")


def view_wait_at(environ, start_response):
    assert gate(environ["QUERY_STRING"]).wait(20)
    return plain(start_response, threading.current_thread().name)


def view_endless(environ, start_response):
    def chunks():
        try:
            while True:
                yield b"z" * 50_000
        finally:
            closed.append("endless")

    start_response("200 OK", [])
    return chunks()


def view_write_endless(environ, start_response):
    write = start_response("200 OK", [])
    try:
        while True:
            write(b"z" * 50_000)
    except OSError as error:
        closed.append(type(error).__name__)
        raise


def view_file(environ, start_response):
    file = tempfile.TemporaryFile()
    file.write(b"0123456789" * 1000)
    file.seek(int(environ["QUERY_STRING"] or 0))
    start_response("200 OK", [("Content-Type", "x/y")])
    return environ["wsgi.file_wrapper"](file, 512)


def view_file_of_length(environ, start_response):
    file = tempfile.NamedTemporaryFile()
    file.write(b"0123456789" * 1000)
    file.seek(0)
    start_response("200 OK", [("Content-Length", environ["QUERY_STRING"])])
    return environ["wsgi.file_wrapper"](file)


def view_no_file(environ, start_response):
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"from memory"), 4)


def view_gzip_file(environ, start_response):
    import gzip

    file = tempfile.NamedTemporaryFile()
    with gzip.open(file.name, "wb") as packed:
        packed.write(b"unpacked")
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](gzip.open(file.name))


def view_fork(environ, start_response):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            start_response("200 OK", [])(b"from the child")
        except RuntimeError as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return plain(start_response, os.read(reader, 1000).decode())


def view_sleep(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    return plain(start_response, threading.current_thread().name)


def view_compute(environ, start_response):
    end = time.thread_time() + float(environ["QUERY_STRING"])
    while time.thread_time() < end:
        pass
    return plain(start_response, threading.current_thread().name)


def view_threads(environ, start_response):
    return plain(start_response, str(threading.active_count()))


def view_two_readers(environ, start_response):
    """One thread reads the body while another writes the answer."""
    write = start_response("200 OK", [])
    lengths = []
    thread = threading.Thread(target=lambda: lengths.append(len(environ["wsgi.input"].read())))
    thread.start()
    for _ in range(40):
        write(b"w" * 50_000)
    thread.join()
    return [str(lengths[0]).encode()]


def raise_at_signal():
    import signal

    def handler(*_):
        raise TimeoutError("a signal came")

    signal.signal(signal.SIGUSR1, handler)


def view_signal(environ, start_response):
    raise_at_signal()
    return plain(start_response, str(environ["wsgi.input"].read()))


def view_signal_beside(environ, start_response):
    """The main thread writes until it has to wait, while another one listens to the bell."""
    raise_at_signal()
    write = start_response("200 OK", [])
    threading.Thread(target=environ["wsgi.input"].read, daemon=True).start()
    while True:
        write(b"z" * 50_000)


def view_terminate(environ, start_response):
    import signal

    signal.signal(signal.SIGTERM, lambda *_: link.drain())  # noqa: F821 - given by the harness
    return plain(start_response, "armed")
