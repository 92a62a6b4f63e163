"""The threads engine: N Python threads that each take a request, answer it, and take the next.

The main thread is one of them. With `threads = auto` the native side says when one more is of use; a thread that has
had nothing to do for a while leaves by itself.
"""

from __future__ import annotations

from verdigris.engines.wsgi import handle


def run(link, app, settings: dict) -> None:
    """Serve until the server wants this worker to leave."""
    wanted = settings.get("threads") or 1
    threads = Threads(link, app)
    if wanted == "auto":
        link.on_crowded(threads.start)
    else:
        for _ in range(wanted - 1):
            threads.start()
    link.ready()
    serve(link, app)
    threads.join()


def serve(link, app, newcomer: bool = False) -> None:
    """Take requests and answer them, until there will be no more for this thread."""
    take = link.take
    exchange = take(newcomer)
    while exchange is not None:
        handle(app, exchange)
        exchange = None  # the request's memory must not wait for the next one
        exchange = take()


class Threads:
    """The threads beside the main one."""

    def __init__(self, link, app) -> None:
        self.link = link
        self.app = app
        self.alive: list = []
        self.count = 1

    def start(self) -> None:
        """Start one more."""
        from threading import Thread

        self.count += 1
        thread = Thread(target=self.live, name=f"verdigris-{self.count}", daemon=True)
        self.alive = [other for other in self.alive if other.is_alive()] + [thread]
        thread.start()

    def live(self) -> None:
        """The life of one: it leaves when it has had nothing to do for a while, or when all do."""
        self.link.arrived()
        serve(self.link, self.app, newcomer=True)

    def join(self) -> None:
        """Wait for the requests that were begun; the server decides how long that may take."""
        for thread in self.alive:
            while thread.is_alive() and not self.link.abandoned:
                thread.join(0.5)
