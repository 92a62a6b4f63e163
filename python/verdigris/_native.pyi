"""The native extension: the worker's end of the link to the server. Written in Rust (crates/worker)."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, final, overload

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType]

class ClientDisconnected(OSError):
    """The client went away before the request was read or the answer was sent."""

@final
class Exchange:
    """One request and its answer.

    The object itself is the `start_response` of PEP 3333, and the `write` that this returns.
    """

    @property
    def environ(self) -> dict[str, Any]:
        """What the app sees of the request."""
    @overload
    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None
    ) -> Callable[[bytes], None]: ...
    @overload
    def __call__(self, status: bytes) -> None: ...
    def finish(self, result: object) -> bool:
        """Send the whole answer if the app returned all of it at once; False: it is to be iterated over and closed."""
    def send(self, chunk: bytes) -> bool:
        """Send one piece of the body. True: the app gives more than it has announced and may stop."""
    def send_file(self, descriptor: int, offset: int) -> bool:
        """Send a file from `offset` on as the rest of the body. False: it is no ordinary file."""
    def end(self) -> str | None:
        """The body is complete. Gives a complaint for the log that the server does not know of."""
    def failed(self, text: str) -> bool:
        """The app has failed, with this traceback. False: the answer was over, and the server cannot be told."""
    def abandon(self) -> None:
        """Nobody wants the answer any more."""

    @property
    def foreign(self) -> bool:
        """Whether this process is a copy that the app has forked: the request is the parent's affair."""
    @property
    def slot(self) -> int:
        """Tells this request from all others that run, until it is over."""

@final
class Input:
    """The request's body, `wsgi.input`."""

    def read(self, size: int | None = None, /) -> bytes: ...
    def read1(self, size: int | None = None, /) -> bytes: ...
    def readline(self, size: int | None = None, /) -> bytes: ...
    def readlines(self, hint: int | None = None, /) -> list[bytes]: ...
    def readinto(self, buffer: bytearray | memoryview) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...
    def readable(self) -> bool: ...
    def writable(self) -> bool: ...
    def seekable(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...
    def flush(self) -> None: ...

@final
class Link:
    """The worker's end of the link."""

    def ready(self) -> None:
        """Tell the server that this worker serves."""
    def take(self) -> Exchange | None:
        """Wait for a request, without the GIL. None: this thread is to leave."""
    def on_crowded(self, spawn: Callable[[], object]) -> None:
        """Call `spawn()` when another thread should call `arrived()` and then `take()`."""
    def arrived(self) -> None:
        """A thread that was started on `on_crowded`'s wish is there."""
    def drain(self) -> None:
        """Take no more requests than those that were begun and those that wait in this worker."""
    @property
    def abandoned(self) -> bool:
        """Whether the server has gone away, so that nobody needs to be waited for."""

@final
class Turns:
    """The link as an event loop sees it; all of it is called from the hub, and nothing waits."""

    def __init__(self, link: Link, hub: object, greenlets: int) -> None:
        """From now on the hub of the calling thread takes the link's requests, up to so many at once."""
    @property
    def bell(self) -> int:
        """The descriptor to listen to: readable when there is something to do."""
    @property
    def control(self) -> int:
        """The descriptor to listen to besides: readable when the server is gone."""
    def begin(self) -> bool:
        """The bell has rung. True: some greenlets should be resumed, or broken off, before anything else."""
    def next_request(self) -> Exchange | None:
        """The next request of this turn; None: the turn is over."""
    def resumable(self) -> Any | None:
        """The next greenlet whose wait may be over: switch to it."""
    def overdue(self) -> int | None:
        """The next request whose time is over, by its slot."""
    def announce(self) -> None:
        """The loop is about to sleep: the answers of its last turn go out together."""
    def trim(self) -> bool:
        """Give memory back that the last spike has left; whether some is left."""
    def abandon(self) -> None:
        """The server is gone, and every client with it."""
    @property
    def finished(self) -> bool:
        """Whether this worker may leave: nothing runs, and nothing will come."""
    @property
    def draining(self) -> bool:
        """Whether the server wants this worker to leave, now or when it has given it the last requests."""

def attach(memfd: int, wake_worker: int, wake_server: int, control: int, settings: dict[str, Any]) -> Link:
    """Map the link in a forked worker. The descriptors belong to the link from then on."""

def die_with_parent(signal: int = 9) -> None:
    """Have the kernel send this process a signal when its parent dies. It replaces what was asked for before."""

def outlive_mold(control: int, mold: int) -> None:
    """Live on when the mold with this pid dies, as long as the other end of the control socket is open.

    The process ends when that is closed, and from the mold's death on it is killed when the server dies, whatever code
    runs in it. It may have happened already.
    """

def show_stacks(pipe: int) -> None:
    """Let the server ask any thread for its Python stack, which is written into the pipe, whatever code runs in it."""

def set_title(title: str) -> None:
    """Show a title for this process in `ps`, where the system allows it."""
