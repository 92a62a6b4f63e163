"""What an uncaught exception leads to besides its traceback in the log: a page for the client (`catch-exceptions`), and
the end of the worker that it came up in (`reload-on-exception…`)."""

from __future__ import annotations


class Mishaps:
    """What the settings want done after an exception; a worker has one, filled before it serves."""

    def __init__(self) -> None:
        self._shows = False
        self._rules: list = []
        self.replace_worker = None  # `replace_worker(why)` asks the server for another worker in this one's place

    def arrange(self, settings: dict, replace_worker) -> None:
        """Take over the settings."""
        self._shows = bool(settings.get("catch_exceptions"))
        self._rules = settings.get("fatal_exceptions") or []
        self.replace_worker = replace_worker

    def show(self, exchange, error: BaseException, text: str) -> bool:
        """Show the client what the log gets, unless the answer has begun; whether that was done."""
        if not self._shows:
            return False
        try:
            exchange("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")], _info(error))
        except BaseException:  # the head is sent: the exception comes back
            return False
        exchange.remark(text)
        exchange.finish([_page(error, text).encode("utf-8", "replace")])
        return True

    def consider(self, error: BaseException) -> None:
        """Ask for another worker if this exception is one that the worker is not to outlive."""
        if self._rules and any(_matches(error, *rule) for rule in self._rules):
            self.replace_worker(f"an uncaught {type(error).__qualname__} (reload-on-exception)")


def _info(error: BaseException) -> tuple:
    return type(error), error, error.__traceback__


def _page(error: BaseException, text: str) -> str:
    return f"{_class(error)}: {_message(error)}\n\n{text}\nThis page is shown because of catch-exceptions.\n"


def _matches(error: BaseException, what: str, wanted: str) -> bool:
    """Whether an exception is meant; a class may be named with its module or without."""
    if what == "any":
        return True
    names, message = {type(error).__qualname__, _class(error)}, _message(error)
    if what == "type":
        return wanted in names
    if what == "value":
        return wanted == message
    return wanted in {f"{name}{colon}{message}" for name in names for colon in (":", ": ")}


def _class(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an exception whose __str__ fails
        return ""


mishaps = Mishaps()
"""This worker's."""
