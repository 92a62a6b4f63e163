"""Very large bodies: an upload read slowly by the application, and a download made piece by piece."""

import time
from urllib.parse import parse_qs

PIECE = 64 * 1024
PIECES_BETWEEN_PAUSES = 16
PAUSE_SECONDS = 0.01
ZEROS = bytes(PIECE)


def upload(environ, start_response):
    """Read the body piece by piece, pausing after each mebibyte, and answer with its length."""
    body = environ["wsgi.input"]
    total = pieces = 0
    remaining = int(environ.get("CONTENT_LENGTH") or 0)
    while remaining > 0:
        piece = body.read(min(PIECE, remaining))
        if not piece:
            break
        total += len(piece)
        remaining -= len(piece)
        pieces += 1
        if pieces % PIECES_BETWEEN_PAUSES == 0:
            time.sleep(PAUSE_SECONDS)
    answer = b"%d" % total
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


def download(environ, start_response):
    """Answer with `?bytes=N` zeros from a generator, as fast as the server takes them."""
    size = int(parse_qs(environ.get("QUERY_STRING", "")).get("bytes", ["0"])[0])
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
    return pieces_of(size)


def pieces_of(size):
    """Zeros in pieces, `size` bytes in all."""
    while size > 0:
        yield ZEROS[: min(PIECE, size)]
        size -= PIECE
