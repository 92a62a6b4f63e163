"""What `soak.py` asks: the answer names its request, after a random wait. Counts what this process has answered."""

import mmap
import os
import struct
import time
from pathlib import Path
from threading import Lock

HEADERS = [("Content-Type", "text/plain")]


class Tally:
    """A file of this process that holds how many requests its app has been called for."""

    def __init__(self):
        self.lock = Lock()
        self.process = None

    def count(self):
        with self.lock:
            if self.process != os.getpid():
                self.process, self.number = os.getpid(), 0
                self.memory = self.open()
            self.number += 1
            struct.pack_into("Q", self.memory, 0, self.number)

    def open(self):
        path = Path(os.environ["SOAK_DIRECTORY"], f"{os.getpid()}.tally")
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            return mmap.mmap(file.fileno(), 8)


tally = Tally()


def application(environ, start_response):
    """`/ID?ms=N`: wait, then answer ID and the body; in pieces with waits between them for `/pieces/ID?ms=N`."""
    tally.count()
    wait = int(environ["QUERY_STRING"][3:]) / 1000
    body = environ["wsgi.input"].read()
    kind, _, name = environ["PATH_INFO"][1:].rpartition("/")
    if kind == "pieces":
        start_response("200 OK", HEADERS)
        return pieces(name.encode() + b" " + body, wait)
    time.sleep(wait)
    text = name.encode() + b" " + body
    start_response("200 OK", [*HEADERS, ("Content-Length", str(len(text)))])
    return [text]


def pieces(text, wait):
    """The text byte by byte as far as its first five, with waits in between."""
    for at in range(4):
        yield text[at : at + 1]
        time.sleep(wait / 4)
    yield text[4:]
