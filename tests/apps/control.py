"""How the tests' apps talk with the tests: a journal to write into, gates to wait at."""

import os
import select
from contextlib import contextmanager

HOME = os.environ["TEST_HOME"]


def note(text):
    """Append a line to the journal (one write, so lines of several processes do not mix)."""
    line = (text + "\n").encode("latin-1", "backslashreplace")
    descriptor = os.open(os.path.join(HOME, "journal"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def wait_at(gate, seconds=60):
    """Wait until the test opens the gate."""
    descriptor = os.open(os.path.join(HOME, gate), os.O_RDONLY | os.O_NONBLOCK)
    try:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        if not ready:
            raise TimeoutError(f"gate {gate} was not opened")
        os.set_blocking(descriptor, True)
        os.read(descriptor, 1)
    finally:
        os.close(descriptor)


def query(environ):
    """The query string as a dict of single values."""
    from urllib.parse import parse_qsl

    return dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))


_now, _most = {}, {}


@contextmanager
def together(what):
    """Count how many run this block at the same time; the greatest number answers `/most?of=WHAT`."""
    _now[what] = _now.get(what, 0) + 1
    _most[what] = max(_now[what], _most.get(what, 0))
    try:
        yield
    finally:
        _now[what] -= 1


def most_together(environ, start_response):
    """The greatest number so far."""
    return plain(start_response, str(_most.get(query(environ)["of"], 0)))


class Router:
    """A WSGI app that calls the handler named by the first part of the path."""

    def __init__(self):
        self.handlers = {"most": most_together}

    def __call__(self, environ, start_response):
        name = environ.get("PATH_INFO", "").strip("/").split("/")[0] or "index"
        handler = self.handlers.get(name)
        if handler is None:
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return []
        return handler(environ, start_response)

    def add(self, handler):
        """Decorator: the function answers `/its-name`."""
        self.handlers[handler.__name__.replace("_", "-")] = handler
        return handler


def plain(start_response, text, status="200 OK"):
    """A complete text answer."""
    body = text.encode() if isinstance(text, str) else text
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
