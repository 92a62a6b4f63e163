"""Which Python it is, and whether its gevent and greenlet fit it."""

from __future__ import annotations

import sys

from verdigris.doctor.report import Section

NEEDED = {
    (3, 10): ((21, 8), (1, 1)),
    (3, 11): ((22, 10), (2, 0)),
    (3, 12): ((23, 9), (3, 0)),
    (3, 13): ((24, 10), (3, 1)),
    (3, 14): ((25, 8), (3, 2)),
}
"""The first gevent and greenlet that know a Python, by its version."""


def about_python(section: Section) -> None:
    """The interpreter, and the environment it takes packages from."""
    version = sys.version.partition(" ")[0]
    in_environment = sys.prefix != sys.base_prefix
    place = f"virtual environment {sys.prefix}" if in_environment else f"no virtual environment: {sys.prefix}"
    section.good(f"Python {version}, {sys.executable}; {place}")


def about_gevent(section: Section) -> None:
    """gevent as it is after the app was loaded."""
    import gevent
    import greenlet

    resolver = gevent.config.resolver
    resolver = resolver[0] if isinstance(resolver, (list, tuple)) else resolver
    names = f"{resolver.__module__}.{resolver.__qualname__}" if isinstance(resolver, type) else str(resolver)
    how = "in a pool of threads" if "thread" in names else f"by {names}"
    loop = gevent.config.loop
    kind = loop.__module__.removeprefix("gevent.").partition(".")[0] if isinstance(loop, type) else str(loop)
    section.good(f"gevent {gevent.__version__}, greenlet {greenlet.__version__}; loop {kind}, names looked up {how}")
    for text, hint in misfits(sys.version_info[:2], gevent.__version__, greenlet.__version__):
        section.problem(text, hint)
    if _is_slow():
        section.note(
            "gevent runs without its compiled parts, and so several times slower",
            "unset PURE_PYTHON, or install gevent's wheel: pip install --force-reinstall gevent",
        )


def misfits(python: tuple[int, int], gevent: str, greenlet: str) -> list[tuple[str, str]]:
    """What is too old for this Python, and what to type."""
    oldest = NEEDED.get(python)
    if oldest is None:
        return []
    found = []
    for name, version, needed in (("gevent", gevent, oldest[0]), ("greenlet", greenlet, oldest[1])):
        if parsed(version) < needed:
            least = ".".join(map(str, needed))
            found.append(
                (
                    f"{name} {version} does not know Python {python[0]}.{python[1]}",
                    f"{sys.executable} -m pip install --upgrade '{name}>={least}'",
                )
            )
    return found


def parsed(version: str) -> tuple[int, ...]:
    """The numbers a version begins with."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _is_slow() -> bool:
    return "gevent._gevent_c_hub_primitives" not in sys.modules
