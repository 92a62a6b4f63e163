"""What apps do to the greenlets of requests, and to gevent itself."""

import os
import time

import control
import gevent
from gevent import Timeout, get_hub, getcurrent

app = control.Router()
AT = {}
THROWN = {
    "exit": SystemExit("thrown"),
    "interrupt": KeyboardInterrupt(),
    "timeout": Timeout(None),
    "error": LookupError("thrown"),
}


@app.add
def who(environ, start_response):
    return control.plain(start_response, str(os.getpid()))


@app.add
def throw(environ, start_response):
    """Raise ?what in the request ?name, where it waits now."""
    asked = control.query(environ)
    # From the hub, as gevent does it: whoever throws by himself is never switched back to.
    get_hub().loop.run_callback(AT.pop(asked["name"]).throw, THROWN[asked["what"]])
    gevent.sleep(0)
    return control.plain(start_response, str(os.getpid()))


@app.add
def kill(environ, start_response):
    """End the request ?name as gevent does it, and wait until it is dead."""
    AT.pop(control.query(environ)["name"]).kill(block=True)
    return control.plain(start_response, str(os.getpid()))


class Answer:
    """A body whose pieces and whose end the view decides."""

    def __init__(self, name, pieces, closing=lambda: None):
        self.name = name
        self.pieces = pieces
        self.closing = closing

    def __iter__(self):
        return iter(self.pieces)

    def close(self):
        try:
            self.closing()
        finally:
            control.note(f"closed {self.name}")


def arrive(environ):
    """This request can be found by its name from now on."""
    name = control.query(environ)["name"]
    AT[name] = getcurrent()
    control.note(f"at {name}")
    return name


@app.add
def point(environ, start_response):
    """Wait for ever at the ?point of a request's life."""
    name, where = control.query(environ)["name"], control.query(environ)["point"]
    headers = [("Content-Type", "text/plain")]
    if where == "view":
        arrive(environ)
        gevent.sleep(3600)
    if where == "body":
        arrive(environ)
        environ["wsgi.input"].read()
    if where == "line":
        arrive(environ)
        environ["wsgi.input"].readline()
    if where == "pool":
        arrive(environ)
        get_hub().threadpool.apply(environ["wsgi.input"].read)
    write = start_response("200 OK", headers)
    if where == "write":
        arrive(environ)
        while True:
            write(b"w" * 65536)
    if where == "window":
        arrive(environ)
        return Answer(name, (b"x" * 65536 for _ in range(10_000)))
    if where == "generator":
        return Answer(name, endless(environ))
    return Answer(name, [b"whole"], lambda: (arrive(environ), gevent.sleep(3600)))


@app.add
def closes_slowly(environ, start_response):
    """The answer is whole long before the end of close()."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Answer(control.query(environ)["name"], [b"whole"], lambda: gevent.sleep(0.7))


def endless(environ):
    yield b"first"
    arrive(environ)
    gevent.sleep(3600)


@app.add
def impatient(environ, start_response):
    """Reads its body with a time limit for each attempt: what came late is not lost."""
    body, attempts = b"", 0
    while True:
        with Timeout(0.05, False):
            piece = environ["wsgi.input"].read(1000)
            if not piece:
                return control.plain(start_response, body)
            body += piece
            continue
        attempts += 1
        if attempts == 2:
            control.note("impatient")


@app.add
def timeout(environ, start_response):
    """A time limit that nobody catches."""
    with Timeout(0.05):
        gevent.sleep(3600)


@app.add
def own_error_handler(environ, start_response):
    """The app puts its own handler into the hub, one that fails."""

    def handle_error(context, kind, value, traceback):
        control.note(f"handled {kind.__name__}")
        raise RuntimeError("the handler itself fails")

    get_hub().handle_error = handle_error
    gevent.spawn(lambda: 1 / 0)
    get_hub().loop.run_callback(lambda: 1 / 0)
    gevent.sleep(0.05)
    return control.plain(start_response, "replaced")


@app.add
def reinit(environ, start_response):
    """The app mends gevent as if it were a child."""
    gevent.reinit()
    gevent.sleep(0.01)
    return control.plain(start_response, "mended")


@app.add
def patch_again(environ, start_response):
    from gevent import monkey

    monkey.patch_all(thread=False)
    time.sleep(0.01)
    return control.plain(start_response, "patched")


@app.add
def fork_and_stay(environ, start_response):
    """A child that never calls exec and lives on with a copy of everything."""
    pid = os.fork()
    if pid == 0:
        try:
            control.note(f"child {os.getpid()}")
            control.wait_at("child")
        finally:
            os._exit(0)
    gevent.spawn(os.waitpid, pid, 0)
    return control.plain(start_response, str(pid))


@app.add
def sleep(environ, start_response):
    time.sleep(float(control.query(environ)["ms"]) / 1000)
    return control.plain(start_response, str(os.getpid()))
