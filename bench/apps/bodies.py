"""WSGI applications that move bodies: in, out, in pieces and from a file."""

import os
import tempfile
from wsgiref.util import FileWrapper

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE

TEN_KIBIBYTES = b"x" * (10 * KIBIBYTE)
ONE_MEBIBYTE = b"x" * MEBIBYTE
CHUNK = b"x" * KIBIBYTE
CHUNKS = 100
FILE_SIZE = 100 * KIBIBYTE


def make_file() -> str:
    """Write the file that is served; every worker may do so, the bytes are the same."""
    path = os.path.join(tempfile.gettempdir(), "bench-file-100k.bin")
    with open(path, "wb") as file:
        file.write(b"x" * FILE_SIZE)
    return path


FILE_PATH = make_file()


def headers(length: int) -> list[tuple[str, str]]:
    """The headers of an answer of known length."""
    return [("Content-Type", "application/octet-stream"), ("Content-Length", str(length))]


def receive(environ, start_response):
    """Read the whole request body and answer with its length."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = b"%d" % len(body)
    start_response("200 OK", headers(len(answer)))
    return [answer]


def send_10k(environ, start_response):
    """Answer with 10 KiB in one piece."""
    start_response("200 OK", headers(len(TEN_KIBIBYTES)))
    return [TEN_KIBIBYTES]


def send_1m(environ, start_response):
    """Answer with 1 MiB in one piece."""
    start_response("200 OK", headers(len(ONE_MEBIBYTE)))
    return [ONE_MEBIBYTE]


def stream_100(environ, start_response):
    """Answer with 100 pieces of 1 KiB, the length not said, as a streaming application does."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return (CHUNK for _ in range(CHUNKS))


def send_file(environ, start_response):
    """Answer with a file through the server's own way to send files, if it has one."""
    start_response("200 OK", headers(FILE_SIZE))
    wrapper = environ.get("wsgi.file_wrapper", FileWrapper)
    return wrapper(open(FILE_PATH, "rb"), 64 * KIBIBYTE)
