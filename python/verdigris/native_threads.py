"""Threads of C libraries: what they are called, and which of them no fork can hurt.

OpenBLAS, which comes with numpy, starts its threads as soon as it is loaded, ends them before every fork, and starts
them again on both sides when they are needed. They are no reason to load an app more than once.
"""

from __future__ import annotations

import os

_MAPS = "/proc/self/maps"
_THREADS = "/proc/self/task"
_VARIANTS = [prefix + "openblas_get_{}" + suffix for prefix in ("", "scipy_") for suffix in ("", "64_")]
_BY_PTHREADS = 1  # not OpenMP, whose threads come with the first use and do not outlive a fork


def count() -> int | None:
    """The threads of this process that a fork would lose for good, and the main one; None where the system does not
    say."""
    try:
        threads = len(os.listdir(_THREADS))
    except OSError:
        return None
    return threads if threads == 1 else max(threads - _self_mending(), 1)


def names() -> list[str]:
    """The names that libraries have given to threads of this process."""
    found = []
    try:
        own = _name(str(os.getpid()))
        found = [_name(thread) for thread in os.listdir(_THREADS)]
    except OSError:  # a thread that ends meanwhile has no name any more
        return []
    return sorted(name for name in set(found) if name != own)


def _name(thread: str) -> str:
    with open(f"{_THREADS}/{thread}/comm", encoding="utf-8", errors="replace") as name:
        return name.read().strip()


def _self_mending() -> int:
    """How many threads belong to OpenBLAS; numpy and scipy may each have brought one."""
    try:
        with open(_MAPS, encoding="utf-8", errors="replace") as lines:
            paths = {line.split(maxsplit=5)[-1].rstrip("\n") for line in lines if "openblas" in line}
    except OSError:
        return 0
    return sum(_threads_of(path) for path in paths)


def _threads_of(path: str) -> int:
    from ctypes import CDLL

    try:
        library = CDLL(path)  # it is loaded already: this finds it
    except OSError:
        return 0
    for variant in _VARIANTS:
        if hasattr(library, variant.format("num_threads")) and hasattr(library, variant.format("parallel")):
            if library[variant.format("parallel")]() != _BY_PTHREADS:
                return 0
            return max(library[variant.format("num_threads")]() - 1, 0)
    return 0
