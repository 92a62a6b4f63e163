"""A very large upload and a very large download, slow on one side, while the memory of every process is watched."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from measure import Growth, MemoryWatch

PIECE = bytes(256 * 1024)
PAUSE_SECONDS = 0.01
MEBIBYTE = 1024 * 1024
TIMEOUT_SECONDS = 120.0
SMALL_BYTES = 64 * 1024


class TransferFailed(Exception):
    """The transfer was cut short or answered wrongly."""


@dataclass(frozen=True)
class Transfer:
    """One finished transfer and what the server's processes needed for it."""

    seconds: float
    processes: list[Growth]


def watched(kind: str, port: int, size: int, root: int) -> Transfer:
    """Move `size` bytes and watch. A small transfer goes before, so that only growth with size is seen."""
    move = {"upload": upload, "download": download}[kind]
    move(port, SMALL_BYTES)
    started = time.monotonic()
    with MemoryWatch(root) as watch:
        move(port, size)
    return Transfer(time.monotonic() - started, list(watch.seen.values()))


def upload(port: int, size: int) -> None:
    """Send as fast as the server takes it; the application is the slow one."""
    with connect(port) as connection:
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        left = size
        while left > 0:
            connection.sendall(PIECE[: min(left, len(PIECE))])
            left -= len(PIECE)
        head_and_body = read_all(connection)
    status, body = split_answer(head_and_body)
    if status != 200 or body != str(size).encode():
        raise TransferFailed(f"the application answered {status} {body[:80]!r} to an upload of {size} bytes")


def download(port: int, size: int) -> None:
    """Read a mebibyte, pause, read the next."""
    with connect(port) as connection:
        head = f"GET /?bytes={size} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        buffer = bytearray(256 * 1024)
        beginning = bytearray()
        total = since_pause = 0
        while count := connection.recv_into(buffer):
            if len(beginning) < 4096:
                beginning += buffer[: min(count, 4096)]
            total += count
            since_pause += count
            if since_pause >= MEBIBYTE:
                since_pause = 0
                time.sleep(PAUSE_SECONDS)
    status, start_of_body = split_answer(bytes(beginning))
    body_bytes = total - (len(beginning) - len(start_of_body))
    if status != 200 or body_bytes != size:
        raise TransferFailed(f"answer {status} with a body of {body_bytes} bytes instead of {size}")


def connect(port: int) -> socket.socket:
    """A connection that does not wait for ever."""
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)


def read_all(connection: socket.socket) -> bytes:
    """Everything up to the end of the connection; answers to uploads are short."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def split_answer(answer: bytes) -> tuple[int, bytes]:
    """Status and body; 0 when this is no answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), body
