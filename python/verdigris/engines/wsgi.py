"""Calling a WSGI app: the few lines of PEP 3333 that are Python in every engine.

The rest is in the native module, whose functions never call back into Python: so whatever the app does in here, switch
greenlets or threads included, nothing of ours lies on the stack below it.
"""

from __future__ import annotations

import sys

from verdigris._native import ClientDisconnected
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
        close = getattr(result, "close", None)
        if close is not None:
            try:
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
    """The app, or closing what it returned, has raised. A client that is gone is no failure."""
    if came_of_disconnection(error):
        exchange.abandon()
        return
    from traceback import format_exception

    text = "".join(format_exception(type(error), error, trimmed(error.__traceback__)))
    if not mishaps.show(exchange, error, text) and not exchange.failed(text):
        say(text)
    mishaps.consider(error)


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
