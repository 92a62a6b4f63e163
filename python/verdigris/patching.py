"""gevent in the mold: the standard library is patched before anything of the app is imported.

Whatever was imported before keeps what it has taken out of the unpatched modules, so this comes as early as can be;
and when something has come even earlier, it is named.
"""

from __future__ import annotations

import os
import sys

from verdigris.failure import LoadFailure

PARTS = (
    "socket",
    "dns",
    "time",
    "select",
    "thread",
    "os",
    "ssl",
    "subprocess",
    "sys",
    "builtins",
    "signal",
    "queue",
    "contextvar",
)
"""What `gevent-patch` may list: the arguments of `gevent.monkey.patch_all`."""

_KEEPS_ORIGINALS = ("ssl", "urllib3", "requests", "botocore", "aiohttp", "pymongo", "redis")
"""Modules that take something out of unpatched ones when they are imported."""


def prepare(settings: dict, warnings: list[str]) -> None:
    """Import gevent and patch the standard library as the settings say."""
    wanted = _wanted(settings.get("gevent_patch") or "all")
    early = early_modules() if wanted else []
    origins = _origins(early)
    gevent = _import_gevent()
    if wanted:
        _patch(wanted)
        warnings += [_too_early(name, origins.get(name)) for name in early]
        # First of all hooks: those of libraries may need the hub.
        os.register_at_fork(after_in_child=gevent.reinit)
        from verdigris import drivers

        drivers.mend_when_imported()
    if "GEVENT_TRACK_GREENLET_TREE" not in os.environ:
        # It costs more than the rest of a greenlet, and serves debugging only.
        gevent.config.track_greenlet_tree = False


def early_modules() -> list[str]:
    """What is imported already, and keeps what it has taken out of unpatched modules."""
    return [name for name in _KEEPS_ORIGINALS if name in sys.modules]


def _import_gevent():
    try:
        import gevent
        import gevent.monkey
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "gevent"
        what = "is not installed there" if missing else f"cannot be imported there: {error}"
        raise LoadFailure(
            "gevent is missing",
            f"gevent = N needs gevent in the app's own environment, {sys.prefix}, and it {what}",
            hint=f"{sys.executable} -m pip install gevent",
        ) from None
    return gevent


def _wanted(text: str) -> dict[str, bool]:
    """The arguments for `patch_all`; empty for none."""
    if text == "all":
        return {part: part != "sys" for part in PARTS}  # as `patch_all()` has it: sys is stdin, stdout and stderr
    if text == "none":
        return {}
    parts = text.replace(",", " ").split()
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise LoadFailure(
            "no such part to patch",
            f"gevent-patch: gevent has no part called {', '.join(unknown) or '(nothing)'}",
            hint=f"all, none, or some of {', '.join(PARTS)}",
        )
    return {part: part in parts for part in PARTS}


def _patch(wanted: dict[str, bool]) -> None:
    from gevent import monkey
    from warnings import catch_warnings, simplefilter

    with catch_warnings():
        # We say ourselves what came too early, and who brought it.
        simplefilter("ignore", monkey.MonkeyPatchWarning)
        monkey.patch_all(**wanted)


def _origins(early: list[str]) -> dict[str, str]:
    """Who brought the modules that came too early, as far as that can be found out."""
    if not early:
        return {}
    from verdigris.early import at_start

    return at_start(early)


def _too_early(name: str, origin: str | None) -> str:
    holders = origin or ", ".join(users(name)[:3])
    by = f"by {holders}" if holders else "before Verdigris was started (a .pth file or sitecustomize)"
    return (
        f"{name} was imported before gevent could patch the standard library, {by}: it may block the whole worker, "
        "or fail with RecursionError\n"
        "hint: keep it out of sitecustomize and .pth files, or import gevent.monkey and patch there first"
    )


def users(name: str) -> list[str]:
    """The modules that hold the module, or something out of it."""
    module = sys.modules[name]

    def holds(other) -> bool:
        values = list(getattr(other, "__dict__", {}).values())
        return any(value is module or getattr(value, "__module__", None) == name for value in values)

    return [
        other
        for other, held in list(sys.modules.items())
        if other != name and not other.startswith((name + ".", "gevent", "_")) and holds(held)
    ]
