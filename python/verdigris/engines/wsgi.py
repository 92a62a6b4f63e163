"""Calling a WSGI app: the few lines of PEP 3333 that are Python in every engine.

The rest is in the native module, whose functions never call back into Python: so whatever the app does in here, switch
greenlets or threads included, nothing of ours lies on the stack below it.
"""

from __future__ import annotations

import sys

from verdigris._native import ClientDisconnected
from verdigris.engines.forks import copies
from verdigris.engines.mishaps import mishaps


class FileWrapper:
    """`wsgi.file_wrapper`: a file that the server sends by itself when the app returns it as it is.

    A middleware that iterates over it, or a file that is none for the system, gets blocks of `blksize` bytes.
    """

    def __init__(self, filelike, blksize: int = 8192) -> None:
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> FileWrapper:
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration


def handle(app, exchange) -> None:
    """Answer one request."""
    try:
        result = app(exchange.environ, exchange)
        if exchange.finish(result):
            return
    except BaseException as error:
        failed(exchange, error)
        return
    try:
        if result.__class__ is not FileWrapper or not send_file(exchange, result.filelike):
            for chunk in result:
                if exchange.send(chunk):
                    break
        complaint = exchange.end()
        if complaint:
            say(complaint)
    except BaseException as error:
        failed(exchange, error)
    finally:
        try:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            failed(exchange, error)


def send_file(exchange, filelike) -> bool:
    """Have the server send the file from where it stands; False if it is to be read here."""
    try:
        file = plain_file(filelike)
        return file is not None and exchange.send_file(file.fileno(), file.tell())
    except (AttributeError, OSError, ValueError) as error:
        if isinstance(error, ClientDisconnected):
            raise
        return False


def plain_file(filelike):
    """The file in the sense of the `io` module whose bytes these are; None when there is none.

    Others may have a `fileno` as well and still give other bytes than are in the file, as GzipFile does.
    """
    from io import BufferedRandom, BufferedReader, FileIO

    if filelike.__class__.__module__.startswith(("tempfile", "django.core.files")):
        filelike = filelike.file
    if isinstance(filelike, (BufferedReader, BufferedRandom)):
        return filelike if isinstance(filelike.raw, FileIO) else None
    return filelike if isinstance(filelike, FileIO) else None


def failed(exchange, error: BaseException) -> None:
    """The app, or closing what it returned, has raised. Whatever this exception is like, nothing is raised here."""
    try:
        if exchange.foreign:
            copies.end(error)
        else:
            tell(exchange, error)
    except BaseException as another:
        last_words(exchange, error, another)


def tell(exchange, error: BaseException) -> None:
    """End the answer, and have the log say why. A client that is gone is no failure."""
    if came_of_disconnection(error):
        exchange.abandon()
        return
    text = formatted(error)
    if not mishaps.show(exchange, error, text) and not exchange.failed(text):
        say(text)
    mishaps.consider(error)


def formatted(error: BaseException) -> str:
    """The traceback as the log shows it. Exceptions may contain anything: half a surrogate pair of a client's JSON, a
    `__str__` that fails, attributes that `traceback` does not expect."""
    from traceback import format_exception, format_tb

    frames = trimmed(error.__traceback__)
    try:
        lines = format_exception(type(error), error, frames)
    except Exception as another:
        lines = [*format_tb(frames), f"{nature(error)} (it cannot be shown: {nature(another)})\n"]
    return "".join(lines).encode("utf-8", "backslashreplace").decode()


def last_words(exchange, error: BaseException, another: BaseException) -> None:
    """Telling of a failure has failed as well: the answer ends, whatever else cannot be done."""
    try:
        text = f"{nature(error)}; saying so failed: {nature(another)}\n"
        if not exchange.failed(text):
            say(text)
    except BaseException:
        return  # with the exchange goes the answer


def nature(error: BaseException) -> str:
    """The name of an exception's class, whatever that class makes of being asked."""
    return str(type.__getattribute__(type(error), "__name__"))


def came_of_disconnection(error: BaseException | None) -> bool:
    """Whether the client's going away is at the bottom of this exception."""
    for _ in range(20):
        if error is None or isinstance(error, ClientDisconnected):
            return error is not None
        error = error.__cause__ or error.__context__
    return False


def trimmed(traceback):
    """The traceback from the app's first frame on; None if it never got as far as the app."""
    while traceback is not None and traceback.tb_frame.f_globals.get("__name__") == __name__:
        traceback = traceback.tb_next
    return traceback


def say(text: str) -> None:
    """Write to the log what belongs to no answer any more."""
    try:
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()
    except Exception:
        return
