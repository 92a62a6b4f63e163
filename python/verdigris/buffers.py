"""`wsgi-accept-buffer`: apps that answer with `bytearray`, `memoryview`, `array` and the like instead of `bytes`."""

from __future__ import annotations

from verdigris.engines.wsgi import FileWrapper


def accepting(app):
    """The app, with its answer turned into the bytes that PEP 3333 wants."""

    def call(environ, start_response):
        result = app(environ, start_response)
        if isinstance(result, (bytes, FileWrapper)):
            return result
        if isinstance(result, (bytearray, memoryview)):
            return [bytes(result)]
        return Pieces(result)

    return call


class Pieces:
    """An answer whose pieces are turned into bytes one by one, when they are asked for."""

    def __init__(self, result) -> None:
        self._pieces = iter(result)
        if hasattr(result, "close"):
            self.close = result.close

    def __iter__(self):
        return self

    def __next__(self):
        piece = next(self._pieces)
        if isinstance(piece, (bytes, str)):  # text is wrong either way, and the engine says so
            return piece
        return memoryview(piece).tobytes()
