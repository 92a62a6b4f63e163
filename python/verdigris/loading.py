"""Loading as the mold and the worker see it: surroundings first, then the app, with the garbage collector resting."""

from __future__ import annotations

import gc
import sys

from verdigris.failure import LoadFailure


def load(settings: dict, warnings: list[str], before_app=lambda: None):
    """Load the app that the settings name. Without `need-app` a failure becomes a warning and a stand-in is served.

    `before_app` is called when everything is arranged and patched, and nothing of the app is imported yet.

    An import makes little garbage and many objects, so that collections only cost. The threshold is set to none
    instead of calling `gc.disable()`: an app that sets either keeps its choice.
    """
    from verdigris import surroundings

    usual = gc.get_threshold()
    gc.set_threshold(0)
    try:
        surroundings.arrange(settings)
        if settings.get("engine") == "gevent":
            from verdigris import drivers, patching

            patching.prepare(settings, warnings)
        before_app()
        app = _load_app(settings, warnings)
        if settings.get("engine") == "gevent":
            warnings += drivers.blocking()
        surroundings.change_directory(settings.get("chdir2"), "chdir2")
        return app
    except LoadFailure as failure:
        if settings.get("need_app", True):
            raise
        return _stand_in(failure, warnings)
    finally:
        if gc.get_threshold()[0] == 0:
            gc.set_threshold(*usual)


def _load_app(settings: dict, warnings: list[str]):
    """Everything of the user's code, in uWSGI's order."""
    from verdigris import debugging, mounts

    if settings.get("debugger"):
        debugging.prepare()
    _name_modules(settings.get("module_aliases"), "pymodule-alias")
    _import_extras(settings, warnings)
    app = mounts.load(settings, warnings)
    _name_modules(settings.get("late_module_aliases"), "post-pymodule-alias")
    if settings.get("accept_buffers"):
        from verdigris import buffers

        app.function = buffers.accepting(app.function)
    return debugging.wrapped(app, warnings) if settings.get("debugger") else app


def _import_extras(settings: dict, warnings: list[str]) -> None:
    """`shared-import` and `import`, which come before the app. uWSGI goes on when one fails, so its configs do here."""
    from verdigris.loader import import_extra

    names = list(settings.get("shared_imports") or ())
    if settings.get("worker", 1) == 1:  # with lazy-apps `import` is for the first worker only
        names += settings.get("imports") or ()
    for name in names:
        try:
            import_extra(name)
        except LoadFailure as failure:
            if not settings.get("uwsgi_compat"):
                raise
            warnings.append(f"import = {name}: {failure.text()}")


def _name_modules(aliases: list | None, option: str) -> None:
    """`pymodule-alias = name=module`: let the module be imported under another name too."""
    for name, subject in aliases or ():
        from verdigris.loader import import_extra

        try:
            sys.modules[name] = import_extra(subject)
        except LoadFailure as failure:
            failure.message = f"{option} = {name}={subject}: {failure.message}"
            raise


def settle() -> None:
    """Collect once, then take everything that lives out of the collector's sight, so that the pages stay shared."""
    gc.collect()
    gc.freeze()


def _stand_in(failure: LoadFailure, warnings: list[str]):
    from verdigris.loader import App
    from verdigris.standin import application

    warnings.append(f"no app is loaded, every request gets 500 (need-app is off)\n{failure.text()}")
    return App(application, "no app")
