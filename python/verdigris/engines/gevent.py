"""The gevent engine: every request runs in a greenlet of its own, and while it waits the others go on.

The hub listens to the link's bell. When it rings, the hub's own callback starts the requests that have come, by
switching straight into a fresh greenlet for each; it gets control back when that one waits for something or is done.
The main greenlet only waits for the end.
"""

from __future__ import annotations

import gc
import os
import sys

import gevent
from gevent import Greenlet, GreenletExit, get_hub, getcurrent
from gevent.exceptions import LoopExit

from verdigris._native import Turns
from verdigris.engines.forks import copies
from verdigris.engines.wsgi import handle, say

_READ = 1
_USUAL_THRESHOLD = 700
_OBJECTS_OF_A_REQUEST = 20
_HIGHEST_THRESHOLD = 100_000
_SECONDS_BETWEEN_TRIMS = 5.0


class DeadlineExceeded(BaseException):
    """The request has run longer than its deadline (harakiri); its client was answered with 504.

    It is not an `Exception`, so that the usual `except Exception` of an app does not swallow it.
    """


def run(link, app, settings: dict) -> None:
    """Serve until the server wants this worker to leave."""
    collect_less_often(settings["greenlets"])
    engine = Engine(link, app, settings)
    engine.listen()
    link.ready()
    engine.wait_for_end()
    if settings.get("gevent_wait_for_hub"):
        gevent.wait()


def collect_less_often(greenlets: int) -> None:
    """Let the garbage collector run after more new objects, unless the app has set it up.

    It visits everything that thousands of waiting requests hold, again and again, and finds that all is in use.
    """
    usual, *others = gc.get_threshold()
    if usual == _USUAL_THRESHOLD:
        gc.set_threshold(max(usual, min(_OBJECTS_OF_A_REQUEST * greenlets, _HIGHEST_THRESHOLD)), *others)


class RequestGreenlet(Greenlet):
    """The greenlet of a request. Apps and libraries may rely on it being a `gevent.Greenlet`."""


class Engine:
    """The requests that run in this worker, and the hub that they run on."""

    def __init__(self, link, app, settings: dict) -> None:
        self.app = app
        self.mercy = settings.get("mercy")
        self.hub = get_hub()
        self.main = getcurrent()
        self.turns = Turns(link, self.hub, settings["greenlets"])
        self.trimmer = self.hub.loop.timer(_SECONDS_BETWEEN_TRIMS)
        # The last thing before the loop sleeps, after all callbacks of gevent; only while requests wait for something.
        self.announcer = self.hub.loop.prepare(ref=False, priority=self.hub.loop.MINPRI)
        self.running: dict[int, Greenlet] = {}  # by the slot of the request
        self.closing: set[Greenlet] = set()  # their answer has ended, and another request has their slot
        self.watchers: list = []
        self.leaving = False
        self.finished = False
        self.last_call = None  # the timer of the mercy, once the worker is to leave

    def listen(self) -> None:
        """Have the hub look after the link."""
        loop = self.hub.loop
        # The worker's own signal handlers replaced what gevent had set for children during the import.
        loop.reset_sigchld()
        for descriptor, callback in ((self.turns.bell, self.on_bell), (self.turns.control, self.on_server_gone)):
            watcher = loop.io(descriptor, _READ)
            watcher.start(callback)
            self.watchers.append(watcher)
        self.watchers.append(self.announcer)
        # A process that the app forks has a copy of the hub; this worker's requests are not its own.
        os.register_at_fork(after_in_child=self.be_a_copy)

    def stop_listening(self) -> None:
        """Never call back again."""
        for watcher in self.watchers:
            watcher.stop()

    def be_a_copy(self) -> None:
        """The app has forked, and this is the child."""
        self.stop_listening()
        copies.born(getcurrent, [*self.running.values(), *self.closing])

    def wait_for_end(self) -> None:
        """Let the hub run until this worker has nothing left to do.

        What gevent throws in here comes from the app: the exit of a greenlet that is no request, for example. It is
        no reason to end the worker, and its requests with it.
        """
        while not self.finished:
            try:
                self.hub.switch()
            except BaseException as error:
                if copies.is_one:
                    # What the app has forked is done: nothing is left that its hub could wait for.
                    copies.end(SystemExit() if isinstance(error, LoopExit) else error)
                say(f"{type(error).__name__} of a greenlet that is no request: {error}; the worker goes on")
        self.stop_listening()

    # In the hub

    def on_bell(self) -> None:
        """There is something to do. Nothing may be raised here: gevent would never call again."""
        turns = self.turns
        try:
            if turns.begin():
                self.attend()
            next_request = turns.next_request
            exchange = next_request()
            while exchange is not None:
                self.start(exchange)
                exchange = next_request()
            if self.running and not self.announcer.active:
                self.announcer.start(self.on_sleep)
            if not self.trimmer.active:
                self.trimmer.start(self.on_quiet)
            if turns.draining:
                self.on_drain()
        except BaseException:
            sys.excepthook(*sys.exc_info())

    def start(self, exchange) -> None:
        """Run a request until it waits for something. What goes wrong here is no reason to leave the next one lying."""
        try:
            RequestGreenlet(self.answer, exchange).switch()
        except BaseException:
            sys.excepthook(*sys.exc_info())

    def attend(self) -> None:
        """Go on with greenlets that waited for the server, and break off those whose time is over."""
        turns = self.turns
        while (slot := turns.overdue()) is not None:
            self.throw(slot, DeadlineExceeded("the request has taken longer than its deadline (harakiri)"))
        while (greenlet := turns.resumable()) is not None:
            greenlet.switch()

    def throw(self, slot: int, error: BaseException) -> None:
        """Raise an exception where a request is now."""
        greenlet = self.running.get(slot)
        if greenlet is not None and not greenlet.dead:
            greenlet.throw(error)

    def on_drain(self) -> None:
        """The server wants this worker to leave; it does when the last request is answered and closed."""
        self.leaving = True
        if self.finished:
            return  # the main greenlet has other things to wait for by now
        if self.turns.finished and not self.running and not self.closing:
            self.finished = True
            self.main.switch()
        elif self.mercy and self.last_call is None:
            self.last_call = self.hub.loop.timer(max(self.mercy - 1.0, self.mercy * 0.75))
            self.last_call.start(self.on_mercy)

    def on_sleep(self) -> None:
        """The loop is about to sleep: the answers that it has made go out together."""
        self.turns.announce()
        if not self.running:
            self.announcer.stop()

    def on_quiet(self) -> None:
        """Some seconds after the last requests, and again until nothing is left of a spike."""
        if self.turns.trim():
            self.trimmer.start(self.on_quiet)

    def on_mercy(self) -> None:
        """The requests that are left have had their time: each ends where it is, and says where that was."""
        try:
            for greenlet in [*self.running.values(), *self.closing]:
                if not greenlet.dead:
                    greenlet.throw(GreenletExit("the worker has to leave"))
        except BaseException:
            sys.excepthook(*sys.exc_info())

    def on_server_gone(self) -> None:
        """The server is gone, and every client with it."""
        self.stop_listening()
        self.turns.abandon()
        self.finished = True
        self.main.switch()

    # In the greenlet of a request

    def answer(self, exchange) -> None:
        """Answer one request. With the end of the answer its slot is free, while the app may still be closing."""
        slot = exchange.slot
        greenlet = getcurrent()
        if slot in self.running:
            self.closing.add(self.running[slot])
        self.running[slot] = greenlet
        try:
            handle(self.app, exchange)
        finally:
            if self.running.get(slot) is greenlet:
                del self.running[slot]
            else:
                self.closing.discard(greenlet)
            if self.leaving:
                self.hub.loop.run_callback(self.on_drain)
