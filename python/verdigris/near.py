"""What the user may have meant: candidates and hints for a failed load. Imported only when a load has failed.

Nothing here imports the user's code: files are searched as text, in bounded numbers and sizes.
"""

from __future__ import annotations

import os
import re
import sys
from types import FunctionType, ModuleType

from verdigris.failure import LoadFailure, search_path

_MOST_FILES = 200
_MOST_BYTES = 256 * 1024
_MOST_SHOWN = 6
_SKIPPED_DIRECTORIES = {"node_modules", "__pycache__", "site-packages", "tests", "test", "docs", "venv", "env"}
# Modules that are installed under another name than they are imported by.
_DISTRIBUTIONS = {
    "MySQLdb": "mysqlclient",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "corsheaders": "django-cors-headers",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "jwt": "PyJWT",
    "rest_framework": "djangorestframework",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
_FACTORIES = ("create_app", "make_app", "app_factory")
_APP_LIKE = re.compile(
    r"^(?:"
    r"(?P<name>application|app|wsgi_app|wsgi)\s*(?::[^=\n]+)?=[^=]"
    r"|def\s+(?P<function>application|app)\s*\("
    r"|def\s+(?P<factory>create_app|make_app|app_factory)\s*\()",
    re.MULTILINE,
)


def module_not_found(name: str, error: ModuleNotFoundError) -> LoadFailure:
    """Neither the module nor anything of its name is on the path."""
    missing = error.name or name
    if missing != name or "." not in name:
        message = f'no module named "{missing}" was found'
    else:
        message = f'the package "{name.rpartition(".")[0]}" has no module "{name.rpartition(".")[2]}"'
    if "is not a package" in str(error):
        message = f"{message} ({error.msg.partition('; ')[2]})"
    below = _directories_below_with(missing.partition(".")[0])
    similar = _similar(missing.rpartition(".")[2], _modules_beside(missing))
    apps = apps_in(os.getcwd())
    # An app in a module with a similar name says more than the module's name.
    near = []
    for package, module in similar:
        near += [app for app in apps if app.startswith(f"{package}{module}:")] or [f"{package}{module}"]
    near += apps
    hint = ""
    if below:
        hint = f"it is in {below[0]}: add chdir = {below[0]} (or pythonpath = {below[0]})"
    elif near:
        hint = f"perhaps you meant {near[0]}"
    else:
        hint = "start it in the app's directory, or name that directory: chdir = DIRECTORY"
    return LoadFailure("module not found", message, hint=hint, looked=search_path(), near=_few(near))


def file_not_readable(path: str, error: OSError) -> LoadFailure:
    """The wsgi-file cannot be opened."""
    full_path = os.path.abspath(path)
    directory = os.path.dirname(full_path)
    files = _python_files(directory)
    similar = [name for _, name in _similar(os.path.basename(path), [("", name) for name in files])]
    near = _few([os.path.join(os.path.dirname(path), name) for name in (similar or files)])
    if isinstance(error, FileNotFoundError):
        what, message = "file not found", f'there is no file "{path}"'
    else:
        what, message = "file not readable", f'the file "{path}" cannot be read: {error.strerror}'
    hint = f"perhaps you meant {near[0]}" if similar else f"the path is relative to {os.getcwd()}"
    return LoadFailure(what, message, hint=hint, looked=[full_path], near=near)


def no_default_callable(module, module_name: str, defaults: list[str]) -> LoadFailure:
    """The module is there, but has none of the names that an app usually has."""
    wanted = " or ".join(f'"{name}"' for name in defaults)
    near = callables_of(module, module_name)
    return LoadFailure(
        "callable missing",
        f'module "{module_name}"{_place_of(module)} has no {wanted}{_about(module)}',
        hint=_hint_to_name(near) or f"name the callable: {module_name}:NAME",
        near=near,
    )


def callable_missing(module, module_name: str, target, depth: int) -> LoadFailure:
    """The callable named is not in the module; `depth` says which of its names."""
    missing = target.names[depth]
    holder = ".".join(target.names[:depth])
    where = f'module "{module_name}"{_place_of(module)}' if not holder else f'"{module_name}:{holder}"'
    near = callables_of(module, module_name, like=target.names[0])
    return LoadFailure(
        "callable missing",
        f'{where} has no "{missing}"{_about(module)}',
        hint=_hint_to_name(near),
        near=near,
    )


def not_callable(module, module_name: str, target, found, shown: str) -> LoadFailure:
    """What was found cannot be called."""
    near = [name for name in callables_of(module, module_name) if name != shown]
    if issubclass(type(found), ModuleType):
        near = [*callables_of(found, found.__name__), *near]
        what_it_is = f'is the module "{found.__name__}"'
    elif found is None and target.arguments is not None:
        what_it_is = "returned None"
    else:
        what_it_is = f"is of type {type(found).__name__}"
    hint = "does the factory end with `return app`?" if found is None and target.arguments is not None else ""
    return LoadFailure(
        "not callable",
        f'"{shown}" {what_it_is}, not a WSGI app',
        hint=hint or _hint_to_name(near),
        near=_few(near),
    )


def asgi_not_served(name: str) -> LoadFailure:
    """The app is an ASGI app."""
    module_name = name.partition(":")[0]
    package, _, last = module_name.rpartition(".")
    near = []
    if last == "asgi" and package:
        beside = os.path.dirname(getattr(sys.modules.get(module_name), "__file__", None) or "")
        if os.path.exists(os.path.join(beside, "wsgi.py")):
            near.append(f"{package}.wsgi:application")
    return LoadFailure(
        "ASGI app",
        f'"{name}" is an ASGI app; this version serves WSGI apps only',
        hint=_hint_to_name(near) or "name a WSGI app, or run this one with an ASGI server for now",
        near=near,
    )


def hint_for_missing_import(error: ModuleNotFoundError) -> str:
    """How to get at a module that the app imports and that is not there."""
    name = error.name or ""
    missing = name.partition(".")[0]
    if not missing:
        return ""
    if missing in sys.modules or missing in sys.stdlib_module_names:
        # The package is there, a module in it is not: installing the package again would not help.
        similar = _similar(name.rpartition(".")[2], _modules_beside(name)) if "." in name else []
        return f"perhaps {similar[0][0]}{similar[0][1]} is meant" if similar else ""
    for environment in _environments_nearby():
        if _has_module(environment, missing):
            return f"{missing!r} is installed in {environment}: use home = {environment}"
    for place in (*_directories_below_with(missing), ".."):
        if _holds_module(place, missing):
            return f"{missing!r} is in {place}: add pythonpath = {place}"
    return f"install it for this Python: {sys.executable} -m pip install {_DISTRIBUTIONS.get(missing, missing)}"


def callables_of(module, module_name: str, like: str = "") -> list[str]:
    """Names in a module that look like apps or factories, the likeliest first.

    Values are judged by their types alone: a lazy object (Flask's `request`) does not want to be asked for attributes.
    """
    ranked = []
    for name, value in list(vars(module).items()):
        rank = None if name.startswith("_") else _rank(name, value, module)
        if rank is not None:
            shown = f"{name}()" if name in _FACTORIES else name
            ranked.append((rank - _likeness(name, like), f"{module_name}:{shown}"))
    found = [shown for _, shown in sorted(ranked)]
    return _few([*found, *_submodules_with_apps(module, module_name)])


def _rank(name: str, value, module) -> float | None:
    """How unlike an app a value is; None when it cannot be one."""
    kind = type(value)
    if issubclass(kind, type) or not callable(value):
        return None
    if name in ("application", "app", *_FACTORIES):
        return 0
    if kind is FunctionType:
        return 2 if value.__module__ == module.__name__ and value.__code__.co_argcount == 2 else None
    call = getattr(kind, "__call__", None)
    is_method_of_two = type(call) is FunctionType and call.__code__.co_argcount == 3
    return 1 if is_method_of_two or hasattr(kind, "wsgi_app") else None


def _likeness(name: str, like: str) -> float:
    if not like:
        return 0
    from difflib import SequenceMatcher

    return 3 * SequenceMatcher(None, name, like).ratio()


def _submodules_with_apps(module, module_name: str) -> list[str]:
    return [
        f"{module_name}.{found}"
        for directory in list(getattr(module, "__path__", ()))
        for found in _apps_of_files(directory)
    ]


def apps_in(directory: str) -> list[str]:
    """Apps that the files of a directory, and of the packages in it, seem to define."""
    found = _apps_of_files(directory)
    for name in _subdirectories(directory):
        if os.path.exists(os.path.join(directory, name, "__init__.py")):
            found.extend(f"{name}.{app}" for app in _apps_of_files(os.path.join(directory, name)))
    return found


def _apps_of_files(directory: str) -> list[str]:
    found = []
    for file in _python_files(directory):
        match = _APP_LIKE.search(_text(os.path.join(directory, file)))
        module = file[:-3]
        if match and module.isidentifier() and module != "__init__":
            found.append(f"{module}:{match['name'] or match['function'] or match['factory'] + '()'}")
    return found


def _modules_beside(missing: str) -> list[tuple[str, str]]:
    """(prefix, name) of the modules where the missing one should be."""
    package, _, _ = missing.rpartition(".")
    if package:
        directories = list(getattr(sys.modules.get(package), "__path__", ()))
        prefix = f"{package}."
    else:
        # The interpreter's own directories are full of names that nobody means.
        directories = [entry for entry in search_path() if not entry.startswith((sys.base_prefix, sys.prefix))]
        prefix = ""
    return [(prefix, name) for directory in directories for name in _modules_in(directory)]


def _modules_in(directory: str) -> list[str]:
    modules = [name[:-3] for name in _python_files(directory)]
    return modules + [name for name in _subdirectories(directory) if name.isidentifier()]


def _similar(name: str, names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    from difflib import get_close_matches

    lowered = {candidate.lower(): (prefix, candidate) for prefix, candidate in names}
    return [lowered[match] for match in get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.6)]


def _directories_below_with(module: str) -> list[str]:
    """Directories under the working directory, at most two steps down, that hold a module of this name."""
    here = os.getcwd()
    found = []
    for first in _subdirectories(here):
        for step in (first, *(os.path.join(first, second) for second in _subdirectories(os.path.join(here, first)))):
            if _holds_module(os.path.join(here, step), module):
                found.append(step)
    return found


def _holds_module(directory: str, module: str) -> bool:
    place = os.path.join(directory, module)
    return os.path.isfile(f"{place}.py") or os.path.isfile(os.path.join(place, "__init__.py"))


def _environments_nearby() -> list[str]:
    """Virtual environments in the working directory that are not the one in use."""
    names = (".venv", "venv", "env", ".env")
    places = [os.path.abspath(name) for name in names if os.path.isfile(os.path.join(name, "pyvenv.cfg"))]
    return [place for place in places if os.path.realpath(place) != os.path.realpath(sys.prefix)]


def _has_module(environment: str, module: str) -> bool:
    from glob import glob

    pattern = os.path.join(environment, "lib", "python3*", "site-packages", module)
    return bool(glob(pattern) or glob(f"{pattern}.py"))


def _python_files(directory: str) -> list[str]:
    return [name for name in _entries(directory) if name.endswith(".py")][:_MOST_FILES]


def _subdirectories(directory: str) -> list[str]:
    return [
        name
        for name in _entries(directory)
        if not name.startswith(".")
        and name not in _SKIPPED_DIRECTORIES
        and os.path.isdir(os.path.join(directory, name))
    ][:_MOST_FILES]


def _entries(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return ""


def _place_of(module) -> str:
    file = getattr(module, "__file__", None)
    return f" ({file})" if file else ""


def _about(module) -> str:
    """A word on modules that are not what they seem."""
    if getattr(module, "__file__", None) is None and hasattr(module, "__path__"):
        return "; it is a directory without __init__.py"
    return ""


def _hint_to_name(near: list[str]) -> str:
    return f"perhaps you meant {near[0]}" if near else ""


def _few(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))[:_MOST_SHOWN]
