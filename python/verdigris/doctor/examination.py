"""The order of an examination: what was there before us, the load, then a look at everything that it left.

The app is loaded by the very code that loads it for serving, in the interpreter and the environment that serve it.
"""

from __future__ import annotations

import os
import sys
from time import monotonic

from verdigris import audit, loading, patching
from verdigris.control import Channel
from verdigris.doctor import report
from verdigris.doctor.imports import ImportWatch
from verdigris.doctor.report import Section
from verdigris.early import at_start, shown
from verdigris.failure import LoadFailure, sentence, unforeseen

_MOST_MODULES = 20
_MOST_NAMES = 4
_MOST_WAITED_IN = {
    "socket": "socket",
    "ssl": "ssl",
    "select": "select",
    "time": "time",
    "thread": "threading",
    "subprocess": "subprocess",
    "queue": "queue",
}
"""Parts that gevent patches and requests wait in: gevent's word, and the module."""
_PATCHED_IN_PLACE = ("socket", "threading", "subprocess", "queue")


def answer(channel: Channel, settings: dict) -> None:
    """Examine the app that the settings name, and send the report (or why there can be none)."""
    os.dup2(2, 1)  # what the app prints while it is imported is no part of the report
    examination = Examination(settings)
    try:
        told = {"event": "diagnosed", "report": examination.run()}
    except LoadFailure as failure:
        told = failure.event()
    except Exception as error:
        told = unforeseen(error).event()
    channel.send(told)


class Examination:
    """One look at one app."""

    def __init__(self, settings: dict) -> None:
        # A stand-in for an app that fails would hide what the doctor was asked for.
        self.settings = {**settings, "need_app": True}
        self.under_gevent = settings.get("engine") == "gevent"
        self.watch = ImportWatch()
        self.descriptors = audit.open_descriptors()
        self.early: list[str] = []  # imported before gevent could patch
        self.origins: dict[str, str] = {}  # how they came in
        self.patched_by: str | None = None  # who patched when the settings do not
        self.before_patching: frozenset[str] = frozenset()  # the modules that cannot have patched names
        self.told_by_others = 0  # warnings of the load that have sections of their own here

    def run(self) -> dict:
        """Load the app and look."""
        if self.under_gevent:
            self._look_before()
        warnings: list[str] = []
        started = monotonic()
        app = loading.load(self.settings, warnings, lambda: self._before_app(warnings))
        seconds = round(monotonic() - started, 3)
        looks = [("Python", self._python), ("App", lambda section: self._app(section, app, seconds, warnings))]
        if self.under_gevent:
            looks += [
                ("Patching", self._order),
                ("Names left unpatched", self._names),
                ("Drivers and C libraries", self._libraries),
            ]
        looks.append(("Loading once for all workers", self._fork))
        sections = [_section(title, look) for title, look in looks]
        return report.as_data(
            sections,
            app=app.name,
            kind=app.kind,
            engine="gevent" if self.under_gevent else "threads",
            python=sys.version.partition(" ")[0],
            executable=sys.executable,
            prefix=sys.prefix,
            seconds=seconds,
        )

    # Before the app

    def _look_before(self) -> None:
        """What has come before us, and from where: Python's own start brings none of it."""
        self.early = patching.early_modules()
        present = [name for name in _PATCHED_IN_PLACE if name in sys.modules]
        if self.early or present:
            self.origins = at_start([*self.early, *present])

    def _before_app(self, warnings: list[str]) -> None:
        self.told_by_others = len(warnings)
        self.before_patching = frozenset(sys.modules)
        if self.under_gevent and not self._is_patched():
            from gevent import events

            events.subscribers.append(self._on_gevent_event)

    def _on_gevent_event(self, event) -> None:
        """The app patches by itself: what is imported by now comes too early."""
        if type(event).__name__ == "GeventWillPatchAllEvent" and self.patched_by is None:
            self.early = patching.early_modules()
            self.before_patching = frozenset(sys.modules)
            self.patched_by = self._asker()

    @staticmethod
    def _asker() -> str:
        """Where the app calls gevent."""
        frame = sys._getframe(1)
        while frame.f_back is not None and _top_module(frame) in ("verdigris", "gevent", "zope"):
            frame = frame.f_back
        return f"{frame.f_code.co_filename}:{frame.f_lineno}"

    @staticmethod
    def _is_patched(*modules: str) -> bool:
        """Whether one of these modules was patched, or anything that requests wait in."""
        from gevent import monkey

        return any(monkey.is_module_patched(module) for module in modules or _MOST_WAITED_IN.values())

    # After it

    def _python(self, section: Section) -> None:
        from verdigris.doctor import versions

        versions.about_python(section)
        if self.under_gevent:
            versions.about_gevent(section)

    def _app(self, section: Section, app, seconds: float, warnings: list[str]) -> None:
        from verdigris import drivers

        section.good(f"{app.name} ({app.kind.upper()}) loads in {seconds:.2f} s{_from(app)}")
        told = set(drivers.blocking()) if self.under_gevent else set()
        for warning in warnings[self.told_by_others :]:
            if warning not in told:
                section.warning(warning, report.NOTE)

    def _order(self, section: Section) -> None:
        """What was imported before the standard library was patched."""
        if not self._is_patched():
            section.problem(
                "nothing patches the standard library: time.sleep, sockets and locks stop all requests of a worker",
                "remove gevent-patch = none, or call gevent.monkey.patch_all() first of all in the app",
            )
            return
        unpatched = [part for part, module in _MOST_WAITED_IN.items() if not self._is_patched(module)]
        if unpatched:
            section.note(f"not patched: {', '.join(unpatched)}", "gevent-patch = all, unless that is on purpose")
        for name in self.early:
            section.problem(*self._too_early(name))
        if not self.early:
            section.good(
                "the standard library was patched before anything was imported that keeps unpatched parts of it"
            )
        if self.patched_by:
            section.note(f"the app patches by itself: {self.patched_by}")
        present = [name for name in _PATCHED_IN_PLACE if name in self.origins and name not in self.early]
        if present and not self.early:
            section.note(
                f"{', '.join(present)}: imported before, by {self.origins[present[0]]}; "
                "patched in place, which does no harm unless somebody had taken names out of it"
            )

    def _too_early(self, name: str) -> tuple[str, str]:
        seen = self.watch.told(name)
        origin = self.origins.get(name)
        if seen:
            how = seen
            hint = "import gevent.monkey and call patch_all() above that import, or leave the patching to Verdigris"
        else:
            holders = patching.users(name)
            how = f"by {origin}" if origin else f"held by {shown(holders)}" if holders else "by Python's own start"
            hint = "keep it out of sitecustomize and .pth files, or import gevent.monkey and patch there first"
        return (f"{name} was imported before gevent could patch the standard library: {how}", hint)

    def _names(self, section: Section) -> None:
        """Modules that hold unpatched names."""
        from verdigris.doctor.unpatched import left_unpatched

        found = left_unpatched()
        too_early = any(name in self.before_patching for name in found)
        for name, held in list(found.items())[:_MOST_MODULES]:
            told = self.watch.told(name)
            text = f"{name}: {report.listed(held, _MOST_NAMES)}{f'; {told}' if told else ''}"
            if too_early:
                hint = (
                    f"import {name} after the patching; what it holds blocks the worker, or is shared by all requests"
                )
                section.problem(text, hint)
            else:
                # It was patched by then: the module has asked gevent for the old one, for threads of its own.
                section.note(f"{text}; on purpose, since it was imported after the patching")
        if len(found) > _MOST_MODULES:
            section.note(f"and {len(found) - _MOST_MODULES} more modules")
        if not found and self._is_patched():
            section.good("no module has kept an unpatched name")

    def _libraries(self, section: Section) -> None:
        """Drivers and other C code that waits by itself."""
        from verdigris import drivers
        from verdigris.doctor import libraries

        for name, text in drivers.blocking_modules().items():
            told = self.watch.told(name)
            text, _, cure = text.partition(": ")
            section.problem(f"{text}{f'; {told}' if told else ''}", cure)
        for text in drivers.cooperating_modules().values():
            section.good(text)
        for library, (path, peer, wanted_by) in libraries.unexplained().items():
            users = f", for {report.listed(wanted_by, _MOST_NAMES)}" if wanted_by else ""
            section.note(
                f"{library} ({peer}) is loaded{users}: waiting in it stops all requests of a worker ({path})",
                "call it through gevent.get_hub().threadpool",
            )
        for name, text in libraries.undecided().items():
            told = self.watch.told(name)
            text, _, hint = text.partition(": ")
            section.note(f"{text}{f'; {told}' if told else ''}", hint)
        if not section.findings:
            section.good("no C library is loaded that waits on a network by itself")

    def _fork(self, section: Section) -> None:
        """Whether the app can be loaded once for all workers."""
        if self.settings.get("lazy_apps"):
            section.good("not done: lazy-apps")
            return
        if self.under_gevent:
            from verdigris import preload

            found = preload.obstacles(self.descriptors)
            if found:
                section.warning(preload.reason(found), report.NOTE)
        else:
            for warning in audit.audit(self.descriptors):
                section.warning(warning)
        if not section.findings:
            section.good("the import leaves no greenlet, thread or connection behind that a fork would break")


def _section(title: str, look) -> Section:
    """One look. An app may do anything to the modules that are looked at: then the other looks still count."""
    section = Section(title)
    try:
        look(section)
    except Exception as error:
        import traceback

        traceback.print_exc()
        section.note(f"the doctor could not look any further here: {sentence(error)}", "please report it")
    return section


def _top_module(frame) -> str:
    return (frame.f_globals.get("__name__") or "").partition(".")[0]


def _from(app) -> str:
    """The file of the app's module."""
    module = sys.modules.get(app.name.partition(":")[0])
    file = getattr(module, "__file__", None)
    return f", from {file}" if file else ""
