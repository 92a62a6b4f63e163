"""An app whose second thread begins its life when the first runs a request and another waits."""

import threading

from verdigris.engines.threads import Threads

may_come = threading.Event()
freed = threading.Event()
live = Threads.live


def live_late(threads):
    may_come.wait(60)
    live(threads)


Threads.live = live_late


def app(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/frees":
        freed.set()
        return [b"freed"]
    may_come.set()
    return [b"waited" if freed.wait(60) else b"in vain"]
