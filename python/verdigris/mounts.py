"""Several apps in one worker: loading them, and finding the one that a request is for.

All of them live in one interpreter, each module imported once, whoever asks for it. uWSGI gives every mountpoint an
interpreter of its own; many extension modules break in those, and nothing is shared between them.

Apps that requests name themselves are in `dynamic.py`; here is where they come in.
"""

from __future__ import annotations

import os
import sys

from verdigris import djangos, loader, standin
from verdigris.failure import LoadFailure
from verdigris.loader import App

NOBODY = -1
"""The number of no app, in the log."""


def load(settings: dict, warnings: list[str]) -> App:
    """Load everything that the settings name; several apps come back as one that chooses among them."""
    mounted: dict[str, App] = {}
    for mountpoint, subject in _subjects(settings):
        try:
            apps = loader.load(subject) if mountpoint is None else {mountpoint: loader.load_one(subject)}
        except LoadFailure as failure:
            if settings.get("need_app", True) or len(settings.get("mounts") or ()) == 0:
                raise
            warnings.append(f"{_shown(mountpoint)} is not served (need-app is off)\n{failure.text()}")
            continue
        for place, app in apps.items():
            if place in mounted:
                warnings.append(f"{_shown(place)} is taken by {mounted[place].name}; {app.name} is not served there")
            else:
                mounted[place] = app
        if complaint := djangos.mix_up():
            warnings.append(f"{_shown(mountpoint)}: {complaint}")
    mounted.update((place, app) for place, app in _announced().items() if place not in mounted)
    is_dynamic = settings.get("dynamic_apps")
    if not mounted and not is_dynamic:
        raise LoadFailure("no app named", "no app was named", hint="name one: verdigris module:callable")
    if len(mounted) == 1 and not is_dynamic and not settings.get("no_default_app") and next(iter(mounted)) == "":
        return mounted[""]
    return App(Mounted(mounted, settings), _names(mounted) or "the apps that requests name")


def _subjects(settings: dict):
    """The app that is named by itself (its place is not known yet), then each mount, as settings of their own."""
    if settings.get("module") or settings.get("wsgi_file") or settings.get("paste"):
        yield None, settings
    for mountpoint, name in settings.get("mounts") or ():
        head = name.partition(":")[0]
        is_file = os.sep in head or head.endswith((".py", ".wsgi"))
        subject = {**settings, "module": None if is_file else name, "wsgi_file": name if is_file else None}
        yield place(mountpoint), subject


def _announced() -> dict[str, App]:
    """`uwsgi.applications`, which the code of an app may have filled."""
    applications = getattr(sys.modules.get("uwsgi"), "applications", None)
    if not applications:
        return {}
    return loader.apps_of_dict(sys.modules["uwsgi"], "uwsgi", applications)


def place(mountpoint: str) -> str:
    """A mountpoint as it is compared with SCRIPT_NAME: the root is empty, and no slash ends it."""
    return mountpoint.rstrip("/")


def _shown(mountpoint: str | None) -> str:
    return "the app" if mountpoint is None else f"mount {mountpoint or '/'}"


def _names(mounted: dict[str, App]) -> str:
    return ", ".join(f"{mountpoint}={app.name}" if mountpoint else app.name for mountpoint, app in mounted.items())


class Mounted:
    """Several apps as one WSGI app. The first that was loaded, and not for one site only, is the default."""

    def __init__(self, mounted: dict[str, App], settings: dict) -> None:
        self._apps = {mountpoint: (number, app.function) for number, (mountpoint, app) in enumerate(mounted.items())}
        self._splits = bool(settings.get("manage_script_name"))
        self._ignores_script_name = bool(settings.get("ignore_script_name"))
        self._site_variable = settings.get("vhost")  # SERVER_NAME or HTTP_HOST
        self._default = self._default_app(mounted, settings)
        self._dynamic = None
        if settings.get("dynamic_apps"):
            from verdigris.dynamic import DynamicApps

            self._dynamic = DynamicApps(settings, len(mounted))

    def _default_app(self, mounted: dict[str, App], settings: dict) -> tuple:
        if not mounted:
            return NOBODY, standin.nothing_named
        # The app of one site is not the default of the others.
        for_all = (place for place in mounted if not (self._site_variable and "|" in place))
        first = None if settings.get("no_default_app") else next(for_all, None)
        return (NOBODY, nobody) if first is None else self._apps[first]

    def __call__(self, environ, start_response):
        """Call the app that the request is for."""
        number, function = self._named(environ) or self._placed(environ)
        if number:
            start_response.serves(number)
        return function(environ, start_response)

    def _named(self, environ) -> tuple | None:
        """The app that the request names itself, if it does and may."""
        return self._dynamic.find(environ) if self._dynamic is not None else None

    def _placed(self, environ) -> tuple:
        """The app that the configuration has put where the request goes."""
        site = self._site(environ)
        if self._splits:
            self._split(environ, site)
        script_name = "" if self._ignores_script_name else environ.get("SCRIPT_NAME", "")
        place = environ.get("UWSGI_APPID") or site + script_name
        return self._apps.get(place, self._default)

    def _site(self, environ) -> str:
        """`name|`, which the mountpoints of a site begin with under `vhost`."""
        return f"{environ.get(self._site_variable, '')}|" if self._site_variable else ""

    def _split(self, environ, site: str) -> None:
        """Move the longest mountpoint that PATH_INFO begins with to SCRIPT_NAME; the client's own words otherwise."""
        path = environ.get("PATH_INFO", "")
        end = len(path)
        while end > 0:
            if site + path[:end] in self._apps:
                environ["SCRIPT_NAME"] = path[:end]
                environ["PATH_INFO"] = path[end:]
                return
            end = path.rfind("/", 0, end)


def nobody(_environ, start_response):
    """The answer where no app is mounted and there is no default one."""
    start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "9")])
    return [b"Not Found"]
