"""The smallest WSGI application: what is measured is the server, not this."""

BODY = b"Hello, world!\n"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    """Answer every request with the same few bytes."""
    start_response("200 OK", HEADERS)
    return [BODY]
