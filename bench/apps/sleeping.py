"""An app that waits 0.2 s, as for a database."""

import time

HEADERS = [("Content-Type", "text/plain"), ("Content-Length", "2")]


def application(environ, start_response):
    """Sleep, then answer."""
    time.sleep(0.2)
    start_response("200 OK", HEADERS)
    return [b"ok"]
