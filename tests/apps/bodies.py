"""Reads the request body as the test asks (header X-Calls, JSON) and answers with the results."""

import hashlib
import json

import control

app = control.Router()


def perform(stream, call):
    """One call on the stream, its result as latin-1 text."""
    name, *arguments = call
    if name == "iter":
        return [line.decode("latin-1") for line in stream]
    if name == "next":
        try:
            return next(iter(stream)).decode("latin-1")
        except StopIteration:
            return None
    if name == "readinto":
        buffer = bytearray(arguments[0])
        count = stream.readinto(buffer)
        return buffer[:count].decode("latin-1")
    result = getattr(stream, name)(*arguments)
    if isinstance(result, list):
        return [item.decode("latin-1") for item in result]
    return result.decode("latin-1")


@app.add
def calls(environ, start_response):
    wanted = json.loads(environ["HTTP_X_CALLS"])
    results = [perform(environ["wsgi.input"], call) for call in wanted]
    return control.plain(start_response, json.dumps(results))


@app.add
def digest(environ, start_response):
    """Read in pieces of ?piece bytes; answer length and SHA-256."""
    piece = int(control.query(environ).get("piece", "65536"))
    digest, length = hashlib.sha256(), 0
    while True:
        data = environ["wsgi.input"].read(piece)
        if not data:
            break
        if len(data) > piece:
            raise AssertionError("read() gave more than asked for")
        digest.update(data)
        length += len(data)
    return control.plain(start_response, f"{length} {digest.hexdigest()}")


@app.add
def attempt(environ, start_response):
    """Read everything; note how it ended."""
    control.note("attempt started")
    try:
        data = environ["wsgi.input"].read()
    except OSError as problem:
        control.note(f"attempt failed {type(problem).__mro__[-3].__name__}")
        raise
    control.note(f"attempt read {len(data)}")
    return control.plain(start_response, str(len(data)))


@app.add
def first_piece(environ, start_response):
    """Read what is there first, say so in the journal, then read the rest."""
    first = environ["wsgi.input"].read(5)
    control.note(f"first {first.decode()}")
    rest = environ["wsgi.input"].read()
    return control.plain(start_response, first + b"|" + rest)


@app.add
def unread(environ, start_response):
    """Answer without touching the body."""
    return control.plain(start_response, "not read")


@app.add
def echo(environ, start_response):
    """Stream the body back, piece by piece."""

    def pieces():
        while True:
            data = environ["wsgi.input"].read(8192)
            if not data:
                return
            yield data

    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return pieces()


@app.add
def echo_lines(environ, start_response):
    """Answer each line of the body as it comes."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return (b"> " + line for line in environ["wsgi.input"])


@app.add
def slow_read(environ, start_response):
    """Read one piece, then wait at the gate `read-on`, then the rest by pieces."""
    stream = environ["wsgi.input"]
    length = len(stream.read(65536))
    control.note("slow-read waits")
    control.wait_at("read-on")
    while True:
        data = stream.read(65536)
        if not data:
            break
        length += len(data)
    return control.plain(start_response, str(length))


@app.add
def streaming_facts(environ, start_response):
    return control.plain(
        start_response,
        json.dumps(
            {
                "length": environ.get("CONTENT_LENGTH"),
                "coding": environ.get("HTTP_TRANSFER_ENCODING"),
                "terminated": environ.get("wsgi.input_terminated"),
                "body": environ["wsgi.input"].read().decode("latin-1"),
            }
        ),
    )
