"""One client for every door: the same request through HTTP or the uwsgi protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import uwsgi
from .address import Address
from .raw import BodyReader, Connection, Response
from .server import Server
from .waiting import PATIENCE

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Door:
    """A way in: its name in the tests, the option that opens it, what it speaks."""

    name: str
    option: str
    speaks: str
    unix: bool = False

    def __str__(self) -> str:
        return self.name


HTTP_SOCKET = Door("http-socket", "http-socket", "http")
HTTP = Door("http", "http", "http")
UWSGI_UNIX = Door("uwsgi-unix", "socket", "uwsgi", unix=True)
UWSGI_TCP = Door("uwsgi-tcp", "socket", "uwsgi")

HTTP_DOORS = [HTTP_SOCKET, HTTP]
UWSGI_DOORS = [UWSGI_UNIX, UWSGI_TCP]
DOORS = [*HTTP_DOORS, *UWSGI_DOORS]

#: The options that open every door at once.
ALL_DOORS = [
    *("--http-socket", "127.0.0.1:0"),
    *("--http", "127.0.0.1:0"),
    *("--socket", "app.sock"),
    *("--socket", "127.0.0.1:0"),
]


class Exchange:
    """A request that was sent; its answer is read as the test wants."""

    def __init__(self, connection: Connection, method: str) -> None:
        self.connection = connection
        self.method = method
        self._head: Response | None = None
        self._body: BodyReader | None = None

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_error: object) -> None:
        self.connection.close()

    @property
    def head(self) -> Response:
        """The head of the answer (waits for it)."""
        if self._head is None:
            self._head = self.connection.head()
        return self._head

    @property
    def body(self) -> BodyReader:
        """The reader of the answer's body."""
        if self._body is None:
            self._body = self.connection.body_reader(self.head, self.method)
        return self._body

    def response(self) -> Response:
        """The whole answer; closes the connection."""
        with self.connection:
            response = self.head
            response.body = self.body.rest()
            return response


class Client:
    """Sends requests through one door of a server, one connection each."""

    def __init__(self, server: Server, door: Door) -> None:
        self.server = server
        self.door = door

    @property
    def address(self) -> Address:
        """The socket of this door."""
        for address in self.server.addresses:
            if address.option == self.door.option and (address.port == 0) == self.door.unix:
                return address
        raise AssertionError(f"no {self.door} was announced:\n{self.server.log.text}")

    def connect(self, timeout: float = PATIENCE) -> Connection:
        """A bare connection to the door."""
        return Connection(self.address, timeout)

    def begin(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Headers = (),
        body: bytes | None = None,
        *,
        length: int | None = None,
        chunks: Iterable[bytes] | None = None,
        timeout: float = PATIENCE,
    ) -> Exchange:
        """Send a request; `length` announces another size than is sent now, `chunks` uses chunked coding."""
        connection = self.connect(timeout)
        try:
            connection.send_all_or_closed(self.encode(method, target, headers, body, length=length, chunks=chunks))
        except BaseException:
            connection.close()
            raise
        return Exchange(connection, method)

    def request(
        self,
        method: str = "GET",
        target: str = "/",
        headers: Headers = (),
        body: bytes | None = None,
        *,
        length: int | None = None,
        chunks: Iterable[bytes] | None = None,
        timeout: float = PATIENCE,
    ) -> Response:
        """Send a request and read its whole answer."""
        exchange = self.begin(method, target, headers, body, length=length, chunks=chunks, timeout=timeout)
        return exchange.response()

    def get(self, target: str = "/", headers: Headers = ()) -> Response:
        """GET, the whole answer."""
        return self.request("GET", target, headers)

    def encode(
        self,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes | None = None,
        *,
        length: int | None = None,
        chunks: Iterable[bytes] | None = None,
    ) -> bytes:
        """The request as this door's protocol has it."""
        if self.door.speaks == "uwsgi":
            if chunks is not None:
                body = b"".join(chunks)
            size = length if length is not None else (None if body is None else len(body))
            given = [("Host", "example.org"), *(h for h in headers if h[0].lower() != "host")]
            if any(name.lower() == "host" for name, _ in headers):
                given = list(headers)
            return uwsgi.packet(uwsgi.variables(method, target, given, content_length=size)) + (body or b"")
        return encode_http(method, target, headers, body, length=length, chunks=chunks)


def encode_http(
    method: str,
    target: str,
    headers: Headers = (),
    body: bytes | None = None,
    *,
    length: int | None = None,
    chunks: Iterable[bytes] | None = None,
    close: bool = True,
) -> bytes:
    """An HTTP/1.1 request with exact framing."""
    fields = list(headers)
    names = {name.lower() for name, _ in fields}
    if "host" not in names:
        fields.insert(0, ("Host", "example.org"))
    if close and "connection" not in names:
        fields.append(("Connection", "close"))
    size = length if length is not None else (None if body is None else len(body))
    payload = body or b""
    if chunks is not None:
        fields.append(("Transfer-Encoding", "chunked"))
        payload = encode_chunks(chunks)
    elif size is not None:
        fields.append(("Content-Length", str(size)))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n" + payload


def encode_chunks(chunks: Iterable[bytes]) -> bytes:
    """A body in chunked coding."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + b"0\r\n\r\n"
