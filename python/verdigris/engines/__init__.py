"""The engines: each is a way to run the app inside a worker. This file is the only place that lists them."""

from __future__ import annotations

from verdigris.failure import LoadFailure

ENGINES = ("threads", "gevent")


def choose(name: str | None):
    """The `run(link, app, settings)` of the engine called `name`; an engine that is not chosen is never imported."""
    if name in (None, "threads"):
        from verdigris.engines import threads

        return threads.run
    if name == "gevent":
        from verdigris.engines import gevent

        return gevent.run
    raise LoadFailure("no such engine", f"there is no engine called {name!r}", near=list(ENGINES))
