"""Two Django sites in one process: Django keeps its settings once, so that the second would be served with the first's.

That must not happen silently: the data of one site would be shown on the other.
"""

from __future__ import annotations

import os
import sys

from verdigris.failure import LoadFailure

_VARIABLE = "DJANGO_SETTINGS_MODULE"


class Djangos:
    """Looks after the one Django that a process can have."""

    def __init__(self, directory: str) -> None:
        self._given = os.environ.get(_VARIABLE)
        # The settings and the directory of the one site.
        self._site = (self._given, directory) if _settings_in_use() else None

    def before(self) -> str | None:
        """Before an app is loaded: what a site before it has put into the environment is not meant for this one.

        Returns the settings that Django has already, if it has."""
        if self._given is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = self._given
        return _settings_in_use()

    def check(self, app, directory: str, before: str | None) -> None:
        """After an app was loaded: refuse it if it is a second site."""
        named = os.environ.get(_VARIABLE)
        is_site = type(app.function).__module__.startswith("django.") or (self._given is None and named is not None)
        if not is_site:
            return
        site = (named or before, directory)
        if before is None:
            self._site = site
        elif site != self._site:
            raise LoadFailure(
                "two Django sites",
                f"this worker already runs the Django site of {before}, and Django can have one per process",
                hint="run a server for each site, with module and chdir in its own configuration",
            )


def mix_up() -> str:
    """What is to be said when the last app wanted other settings than Django had already; else nothing."""
    named, used = os.environ.get(_VARIABLE), _settings_in_use()
    if named is None or used is None or named == used:
        return ""
    return (
        f"it wants the Django settings {named}, but {used} are in use already, and Django can have one per process; "
        f"hint: run a server for each site"
    )


def _settings_in_use() -> str | None:
    """The settings module that Django has been set up with."""
    conf = sys.modules.get("django.conf")
    settings = getattr(conf, "settings", None)
    if settings is None or not getattr(settings, "configured", False):
        return None
    return getattr(settings, "SETTINGS_MODULE", None) or "settings made in code"
