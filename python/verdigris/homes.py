"""A second virtual environment: its packages for an app that a request names with UWSGI_PYHOME.

The interpreter is the server's; so the environment has to be one for the same version of Python.
"""

from __future__ import annotations

import os
import sys

from verdigris.failure import LoadFailure


def packages_of(home: str) -> list[str]:
    """What a virtual environment adds to `sys.path`; nothing when it is the one that the server runs in."""
    if os.path.realpath(home) == os.path.realpath(sys.prefix):
        return []
    if not os.path.isdir(home):
        raise LoadFailure(
            "no such environment",
            f"UWSGI_PYHOME: {home!r} is not a directory",
            hint=f"make it: python3 -m venv {home}",
        )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    directory = os.path.join(home, "lib", version, "site-packages")
    if not os.path.isdir(directory):
        raise _of_another_python(home, version)
    return _with_path_files(directory)


def _with_path_files(directory: str) -> list[str]:
    """The directory, and those that its `.pth` files name. `sys.path` stays as it is."""
    import site

    before = list(sys.path)
    try:
        sys.path[:] = []
        site.addsitedir(directory, set())
        return list(dict.fromkeys(os.path.abspath(entry) for entry in [directory, *sys.path]))
    finally:
        sys.path[:] = before


def _of_another_python(home: str, version: str) -> LoadFailure:
    try:
        found = sorted(name for name in os.listdir(os.path.join(home, "lib")) if name.startswith("python"))
    except OSError:
        found = []
    has = f"has packages for {', '.join(found)}" if found else "has no lib/python*/site-packages"
    return LoadFailure(
        "environment of another Python",
        f"UWSGI_PYHOME: {home} {has}, and this server runs {version}",
        hint="make the environment anew with this Python, or run a server of its own for that app (home = …)",
    )
