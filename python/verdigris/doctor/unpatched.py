"""Names left unpatched: modules that took something out of the standard library before gevent could replace it.

Such a name goes on blocking the whole worker, however well the rest is patched: a `sleep` that came from
`from time import sleep`, a class made of the old `socket`, a `local` that all requests share.
"""

from __future__ import annotations

import sys

_MATTERS = {
    "socket": None,
    "ssl": None,
    "select": None,
    "selectors": None,
    "time": ("sleep",),
    "subprocess": ("Popen", "call", "check_call", "check_output", "run"),
    "queue": None,
    "threading": ("local", "Lock", "Thread", "Timer", "Event", "_allocate_lock", "_start_new_thread"),
    "_thread": ("allocate_lock", "start_new_thread", "LockType", "_local"),
    "_threading_local": ("local",),
    "os": ("waitpid",),
}
"""What blocks, or mixes requests, when it stays: modules, and which of their names (None: all)."""

_OWN = ("verdigris", "gevent", "greenlet", "zope", "__main__")


def left_unpatched() -> dict[str, list[str]]:
    """Modules outside the standard library, and what each of them holds that is not patched."""
    originals = _originals()
    found = {}
    for name, module in list(sys.modules.items()):
        if _is_looked_at(name) and (held := _held(module, originals)):
            found[name] = held
    return found


def _originals() -> dict[int, str]:
    """What gevent has replaced: the id of each old object, and its name for people."""
    from gevent import monkey

    names: dict[int, str] = {}
    for module, wanted in _MATTERS.items():  # the names that people know come first
        saved = monkey.saved.get(module, {})
        for name in wanted or saved:
            original = saved.get(name)
            if callable(original) and not _is_still_there(module, name, original):
                names.setdefault(id(original), f"{module}.{name}")
    return names


def _is_still_there(module: str, name: str, original) -> bool:
    """Whether gevent has put the same object back: then there is nothing to tell apart."""
    return getattr(sys.modules.get(module), name, None) is original


def _is_looked_at(name: str) -> bool:
    top = name.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in _OWN


def _held(module, originals: dict[int, str]) -> list[str]:
    found = {}
    name_of_module = getattr(module, "__name__", None)
    for name, value in list(getattr(module, "__dict__", {}).items()):
        told = _about(value, originals)
        if told:
            found.setdefault(told, name)
        if _is_class(value) and vars(value).get("__module__") == name_of_module:
            for attribute, inner in list(vars(value).items()):
                told = _about(inner, originals)
                if told:
                    found.setdefault(told, f"{name}.{attribute}")
    return [f"{name} is {told}" for told, name in found.items()]


def _about(value, originals: dict[int, str]) -> str:
    """What a value has of the unpatched library; empty for nothing."""
    if isinstance(value, staticmethod):
        value = value.__func__
    own = originals.get(id(value))
    if own:
        return f"the unpatched {own}"
    if _is_class(value):
        base = _first_original(value, originals)
        return f"made of the unpatched {base}" if base else ""
    base = _first_original(type(value), originals)
    return f"an unpatched {base}" if base else ""


def _is_class(value) -> bool:
    """Whether it is one indeed; lazy objects and mocks say so of themselves."""
    return issubclass(type(value), type)


def _first_original(kind: type, originals: dict[int, str]) -> str:
    # gevent's own classes are made of the old ones, and are what the old ones were replaced by.
    for base in type.__dict__["__mro__"].__get__(kind):
        if _top_module(base) in _OWN:
            return ""
        if id(base) in originals:
            return originals[id(base)]
    return ""


def _top_module(kind: type) -> str:
    """The first part of the module that a class says it is from; some classes say odd things."""
    module = type.__getattribute__(kind, "__dict__").get("__module__")
    return module.partition(".")[0] if isinstance(module, str) else ""
