"""What the app finds when it is imported: environment, working directory, file mode mask, `sys.path`, `sys.argv`.

The order is uWSGI's: variables first, then `chdir`, then the paths, which may be relative to it.
"""

from __future__ import annotations

import os
import sys

from verdigris.failure import LoadFailure


def arrange(settings: dict) -> None:
    """Make this process what the settings want before any of the user's code runs."""
    _limit_address_space(settings.get("address_space"))
    _variables(settings)
    umask = settings.get("umask")
    if umask is not None:
        os.umask(int(umask, 8) if isinstance(umask, str) else umask)
    change_directory(settings.get("chdir"), "chdir")
    _search_path(settings)
    arguments = settings.get("pyargv") or ""
    name = "uwsgi" if settings.get("uwsgi_compat") else "verdigris"
    sys.argv = [name, *(arguments.split() if isinstance(arguments, str) else arguments)]


def change_directory(directory: str | None, option: str) -> None:
    """`chdir` for one option; says which option was wrong when it fails."""
    if not directory:
        return
    try:
        os.chdir(directory)
    except OSError as error:
        raise LoadFailure(
            "directory not usable",
            f"{option}: cannot enter {directory!r}: {error.strerror}",
            hint=f"give {option} the path of an existing directory that this user may enter",
            looked=[os.path.abspath(directory)],
        ) from None


def _limit_address_space(most: int | None) -> None:
    """`limit-as`: this process and those that come of it cannot touch more."""
    if not most:
        return
    from resource import RLIMIT_AS, setrlimit

    try:
        setrlimit(RLIMIT_AS, (most, most))
    except (OSError, ValueError) as error:
        raise LoadFailure("limit not possible", f"limit-as: {error}") from None


def _variables(settings: dict) -> None:
    for name, value in settings.get("env") or ():
        os.environ[name] = value
    for name in settings.get("unenv") or ():
        os.environ.pop(name, None)


def _search_path(settings: dict) -> None:
    """uWSGI's order: the last pythonpath first, then the working directory, then the interpreter's own path.

    Under a uWSGI config `.` follows the directory's full name: apps that change directory while they are imported
    rely on it.
    """
    front = [os.getcwd()]
    if settings.get("uwsgi_compat"):
        front.append(".")
    wsgi_file = settings.get("wsgi_file")
    if wsgi_file and not settings.get("uwsgi_compat"):
        # As `python dir/app.py` does: the file's neighbours can be imported.
        front.append(os.path.dirname(os.path.abspath(wsgi_file)))
    for entry in settings.get("pythonpath") or ():
        for directory in _expand(entry):
            front.insert(0, directory)
    sys.path[:] = list(dict.fromkeys([*front, *sys.path]))


def _expand(entry: str) -> list[str]:
    """The directories one pythonpath value stands for; it may be a pattern, as in uWSGI."""
    if not any(mark in entry for mark in "*?["):
        return [os.path.abspath(entry)]
    from glob import glob

    return [os.path.abspath(directory) for directory in sorted(glob(entry))]
