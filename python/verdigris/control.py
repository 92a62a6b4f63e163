"""The control socket: one JSON message in each packet, between the server and a Python process.

The socket is a SOCK_SEQPACKET pair, so that a packet is a message and descriptors can travel with it. The C module
`_socket` is used directly: the mold must not load `socket` before the app had its chance to patch it.
"""

from __future__ import annotations

import json
from _socket import (
    AF_UNIX,
    MSG_CMSG_CLOEXEC,
    MSG_DONTWAIT,
    MSG_TRUNC,
    SCM_RIGHTS,
    SOCK_SEQPACKET,
    SOL_SOCKET,
    socket,
    socketpair,
)

MAX_PACKET = 128 * 1024
"""Longest packet in bytes; both ends refuse more."""

MAX_DESCRIPTORS = 16
"""Most descriptors that are taken from one packet; the protocol sends five."""

_ANCILLARY_SPACE = 16 + 4 * MAX_DESCRIPTORS
_SHORTEST_WORTH_CUTTING = 1024


class Channel:
    """One end of a control socket."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket(AF_UNIX, SOCK_SEQPACKET, 0, descriptor)

    def fileno(self) -> int:
        """The descriptor, for poll."""
        return self._socket.fileno()

    def send(self, message: dict) -> bool:
        """Send one message; False when the other end is gone (the next `receive` will say so too)."""
        try:
            self._socket.send(encode(message))
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    @staticmethod
    def pair() -> tuple[Channel, Channel]:
        """Two connected ends."""
        one, other = socketpair(AF_UNIX, SOCK_SEQPACKET)
        return Channel(one.detach()), Channel(other.detach())

    def receive(self, *, wait: bool = True) -> tuple[dict, list[int]] | None:
        """One message and the descriptors that came with it; None when the other end is gone.

        Without `wait`, None also means that nothing is there.
        """
        flags = MSG_CMSG_CLOEXEC if wait else MSG_CMSG_CLOEXEC | MSG_DONTWAIT
        try:
            packet, ancillary, flags, _ = self._socket.recvmsg(MAX_PACKET, _ANCILLARY_SPACE, flags)
        except (ConnectionResetError, BlockingIOError):
            return None
        if not packet:
            return None
        if flags & MSG_TRUNC:
            raise ValueError(f"a control message is longer than {MAX_PACKET} bytes")
        descriptors: list[int] = []
        for level, kind, data in ancillary:
            if level == SOL_SOCKET and kind == SCM_RIGHTS:
                descriptors.extend(memoryview(data).cast("i"))
        return decode(packet), descriptors

    def close(self) -> None:
        """Close this end; the other end reads the end of the stream."""
        self._socket.close()


def decode(packet: bytes) -> dict:
    """One packet as a message. Bytes that are not UTF-8 (paths may hold any) become surrogates, as in `os.fsdecode`."""
    return json.loads(packet.decode("utf-8", "surrogateescape"))


def encode(message: dict) -> bytes:
    """One message as a packet. What has no UTF-8 form becomes `?`; too long texts lose their middle."""
    packet = _dump(message)
    while len(packet) > MAX_PACKET:
        message = _smaller(message)
        packet = _dump(message)
    return packet


def _dump(message: dict) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _smaller(message: dict) -> dict:
    """The message with its longest text halved; once the texts are short, without its lists."""
    texts = {key: len(value) for key, value in message.items() if isinstance(value, str)}
    longest = max(texts, key=texts.__getitem__, default=None)
    if longest is None or texts[longest] < _SHORTEST_WORTH_CUTTING:
        return {key: value for key, value in message.items() if not isinstance(value, (list, dict))}
    return {**message, longest: shorten(message[longest], texts[longest] // 2)}


def shorten(text: str, limit: int) -> str:
    """A text of about `limit` characters without its middle. A traceback says most at its end, so more of that stays."""
    if len(text) <= limit:
        return text
    head, tail = limit // 4, limit - limit // 4
    return f"{text[:head]}\n[… {len(text) - head - tail} characters left out …]\n{text[len(text) - tail :]}"
