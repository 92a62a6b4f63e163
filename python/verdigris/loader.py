"""Find the app: import its module or run its file, take the callable out of it, and see what kind of app it is.

Everything that can go wrong on the way ends in a `LoadFailure` that says what was looked for, where, what the app's
own code said, and what else is there. The code that searches for that is in `near.py`, imported only then.
"""

from __future__ import annotations

import os
import sys
from types import FunctionType, MethodType

from verdigris.failure import LoadFailure, frames_of_others, search_path, sentence, trimmed_traceback
from verdigris.target import Target, parse_callable, split

_COROUTINE_FUNCTION = 0x80  # inspect.CO_COROUTINE
_ASYNC_GENERATOR = 0x200  # inspect.CO_ASYNC_GENERATOR


class App:
    """A loaded app."""

    def __init__(self, function, name: str, kind: str = "wsgi") -> None:
        self.function = function  # what the engine calls
        self.name = name  # as the user would write it, such as "shop.wsgi:application"
        self.kind = kind  # "wsgi" or "asgi"


def load(settings: dict) -> dict[str, App]:
    """Import what the settings name; the apps found there, by mountpoint: one at the root, or those that a dict called
    `applications` lists when a module is named and no callable. In a `wsgi-file` such a dict is just a variable, as in
    uWSGI."""
    if settings.get("paste") and not (settings.get("module") or settings.get("wsgi_file")):
        return {"": _described(settings["paste"])}
    module, module_name, expression = _module(settings)
    if settings.get("module") and not expression:
        applications = getattr(module, "applications", None)
        if isinstance(applications, dict) and applications:
            return apps_of_dict(module, module_name, applications)
    return {"": _app_in(module, module_name, expression, settings)}


def _described(paste: dict) -> App:
    from verdigris import pastedeploy

    app = App(*pastedeploy.load(paste))
    _check_kind(app)
    return app


def load_one(settings: dict) -> App:
    """Import what the settings name and return that one app."""
    return _app_in(*_module(settings), settings)


def _module(settings: dict):
    """The module, its name, and the callable's expression (empty when none is named)."""
    if settings.get("module"):  # before wsgi-file, as in uWSGI
        module_name, expression = split(settings["module"])
        module = import_module(module_name)
    elif settings.get("wsgi_file"):
        module, module_name, expression = _run_wsgi_file(settings["wsgi_file"])
    else:
        raise LoadFailure("no app named", "no app was named", hint="name one: verdigris module:callable")
    return module, module_name, expression or settings.get("callable") or ""


def _app_in(module, module_name: str, expression: str, settings: dict) -> App:
    target = _choose(module, module_name, expression, settings)
    app = App(_take(module, module_name, target), f"{module_name}:{target.dotted}")
    _check_kind(app)
    return app


def apps_of_dict(module, module_name: str, applications: dict) -> dict[str, App]:
    """The apps of an `applications` dict: mountpoint to callable, or to the name of one in the module."""
    apps = {}
    for mountpoint, what in applications.items():
        name = f"{module_name}:applications[{mountpoint!r}]"
        place = mountpoint.decode("latin-1") if isinstance(mountpoint, bytes) else mountpoint
        if not isinstance(place, str) or not (isinstance(what, str) or callable(what)):
            raise LoadFailure(
                "applications not understood",
                f"{name} is {_a(what)}",
                hint='applications = {"": app, "/api": api, "/admin": "name_of_a_callable"}',
            )
        if isinstance(what, str):
            target = parse_callable(what)
            name = f"{module_name}:{target.dotted}"
            what = _take(module, module_name, target)
        app = App(what, name)
        _check_kind(app)
        apps[place.rstrip("/")] = app
    return apps


def import_module(name: str):
    """Import a module by its dotted name."""
    if name.endswith(".py") or os.sep in name:
        raise _looks_like_a_file(name)
    if not all(part.isidentifier() for part in name.split(".")):
        raise LoadFailure(
            "module not understood",
            f"{name!r} is not the name of a module",
            hint="write package.module:callable, such as shop.wsgi:application",
        )
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        if _is_missing_itself(error, name):
            raise _module_not_found(name, error) from None
        raise import_failed(f'module "{name}"', error) from None
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: they would end the mold without a word
        raise import_failed(f'module "{name}"', error) from None
    return sys.modules[name]


def _run_wsgi_file(path: str):
    """Run a file as a module of uWSGI's name for it; `file.py:callable` is understood when no file has that name."""
    expression = ""
    if not os.path.exists(path) and ":" in path:
        path, _, expression = path.rpartition(":")
    return run_file(path), _shown(path), expression


def run_file(path: str):
    """Run a Python file, whatever its suffix, as the module `uwsgi_file_<its path>`."""
    from importlib.machinery import ModuleSpec, SourceFileLoader

    name = file_module_name(path)
    full_path = os.path.abspath(path)
    loader = SourceFileLoader(name, full_path)
    spec = ModuleSpec(name, loader, origin=full_path)
    spec.has_location = True
    try:
        source = loader.get_data(full_path)
    except OSError as error:
        raise _file_not_readable(path, error) from None
    module = type(sys)(name)
    module.__file__ = full_path
    module.__loader__ = loader
    module.__spec__ = spec
    module.__package__ = ""
    sys.modules[name] = module
    try:
        exec(loader.source_to_code(source, full_path), module.__dict__)
    except BaseException as error:
        del sys.modules[name]
        raise import_failed(f'file "{path}"', error) from None
    return sys.modules.get(name, module)


def file_module_name(path: str) -> str:
    """uWSGI's name for the module of a file: `uwsgi_file_shop_wsgi` for shop/wsgi.py."""
    stem = path.removesuffix(".py")
    return "uwsgi_file_" + "".join("_" if character in "./" else character for character in stem)


def import_extra(name: str):
    """One value of `import` or `shared-import`: a module, or a file when it looks like one."""
    if os.sep in name or name.endswith(".py"):
        return run_file(name)
    return import_module(name)


def _choose(module, module_name: str, expression: str, settings: dict) -> Target:
    """The callable that is meant: the one named, or `application`, or (outside uWSGI configs) `app`."""
    if expression:
        return parse_callable(expression)
    defaults = ["application"] if settings.get("uwsgi_compat") else ["application", "app"]
    for name in defaults:
        if hasattr(module, name):
            return Target([name])
    from verdigris import near

    raise near.no_default_callable(module, module_name, defaults)


def _take(module, module_name: str, target: Target):
    """Walk the attributes, call the factory if it is one, and make sure that the result can be called."""
    found = module
    for depth, name in enumerate(target.names):
        try:
            found = getattr(found, name)
        except AttributeError:
            from verdigris import near

            raise near.callable_missing(module, module_name, target, depth) from None
        except Exception as error:  # a module's __getattr__, or a property, is the app's code
            raise import_failed(f'"{module_name}:{target.dotted}"', error) from None
    shown = f"{module_name}:{target.dotted}"
    if target.arguments is not None:
        found = _call_factory(found, shown, target.arguments)
        shown += "(…)" if any(target.arguments) else "()"
    if not callable(found):
        from verdigris import near

        raise near.not_callable(module, module_name, target, found, shown)
    return found


def _call_factory(factory, shown: str, arguments: tuple[list, dict]):
    if not callable(factory):
        raise LoadFailure("not callable", f'"{shown}" is {_a(factory)}, which cannot be called to make an app')
    positional, named = arguments
    try:
        return factory(*positional, **named)
    except BaseException as error:
        hint = ""
        if isinstance(error, TypeError) and not frames_of_others(error):
            hint = f'give it the arguments it wants: {shown}("argument", name="value")'
        raise LoadFailure(
            "factory failed",
            f'calling the factory "{shown}" failed: {sentence(error)}',
            hint=hint,
            traceback=trimmed_traceback(error),
        ) from None


def _check_kind(app: App) -> None:
    """Find out whether the callable is a WSGI or an ASGI app; only WSGI is served yet."""
    if not is_asgi(app.function):
        return
    from verdigris import near

    raise near.asgi_not_served(app.name)


def is_asgi(function) -> bool:
    """Whether a callable is an ASGI app: a coroutine function, or an object called through one.

    Seen from its type alone; an app may be a lazy object that does not want to be asked for attributes yet.
    """
    while type(function).__name__ == "partial" and hasattr(type(function), "func"):
        function = function.func
    if type(function) is MethodType:
        function = function.__func__
    if type(function) is not FunctionType:
        function = getattr(type(function), "__call__", None)
    if type(function) is not FunctionType:
        return False
    code = function.__code__
    if code.co_flags & (_COROUTINE_FUNCTION | _ASYNC_GENERATOR):
        return True
    return code.co_varnames[: code.co_argcount][-3:] == ("scope", "receive", "send")


def import_failed(subject: str, error: BaseException) -> LoadFailure:
    """The module or file is there, but running it ended in an exception."""
    if isinstance(error, SyntaxError):
        place = f" in {error.filename}, line {error.lineno}" if error.filename else ""
        return LoadFailure(
            "syntax error",
            f"{subject} cannot be imported: {type(error).__name__}: {error.msg}{place}",
            traceback=trimmed_traceback(error),
        )
    from verdigris import near

    if isinstance(error, SystemExit):
        return LoadFailure(
            "exit while importing",
            f"{subject} ended the process while it was imported ({_said_at_exit(error)})",
            hint='does it start a server or parse arguments? Put that under `if __name__ == "__main__":`',
            traceback=trimmed_traceback(error),
        )
    return LoadFailure(
        "import failed",
        f"{subject} was found, but importing it failed: {sentence(error)}",
        hint=near.hint_for_missing_import(error) if isinstance(error, ModuleNotFoundError) else "",
        looked=search_path() if isinstance(error, ModuleNotFoundError) else None,
        traceback=trimmed_traceback(error),
    )


def _is_missing_itself(error: ModuleNotFoundError, name: str) -> bool:
    """Whether the module asked for (or a package on the way to it) is missing, and not one that it imports."""
    on_the_way = error.name is not None and (name == error.name or name.startswith(f"{error.name}."))
    return on_the_way and not frames_of_others(error)


def _module_not_found(name: str, error: ModuleNotFoundError) -> LoadFailure:
    from verdigris import near

    return near.module_not_found(name, error)


def _looks_like_a_file(name: str) -> LoadFailure:
    stem = name.removesuffix(".py")
    dotted = os.path.normpath(stem).strip(os.sep).replace(os.sep, ".")
    option = f"use wsgi-file = {name}" if os.path.exists(name) else "name a module"
    return LoadFailure(
        "module not understood",
        f"{name!r} is a path, not the name of a module",
        hint=f"{option}, or module = {dotted}",
    )


def _file_not_readable(path: str, error: OSError) -> LoadFailure:
    from verdigris import near

    return near.file_not_readable(path, error)


def _said_at_exit(error: SystemExit) -> str:
    return "SystemExit" if error.code is None else f"SystemExit: {error.code}"


def _shown(path: str) -> str:
    return path


def _a(thing) -> str:
    return f"a {type(thing).__name__}"
