"""Apps that a PasteDeploy configuration describes (`paste = config:production.ini`): Pyramid, CKAN and their like."""

from __future__ import annotations

import os

from verdigris.failure import LoadFailure, sentence, trimmed_traceback


def load(wanted: dict):
    """The app that the configuration makes, and its name for people."""
    try:
        from paste.deploy import loadapp
    except ModuleNotFoundError:
        raise LoadFailure(
            "PasteDeploy is missing",
            "`paste` needs the package PasteDeploy, which is not there",
            hint="pip install PasteDeploy, into the environment that `home` names",
        ) from None
    uri = wanted["uri"]
    if wanted.get("logging"):
        _set_up_logging(uri)
    try:
        app = loadapp(uri, name=wanted.get("name"), relative_to=os.getcwd())
    except BaseException as error:  # SystemExit too: it would end the mold without a word
        raise LoadFailure(
            "PasteDeploy failed",
            f"paste: {uri} gave no app: {sentence(error)}",
            hint="write paste = config:/path/to/file.ini, and paste-name = NAME if the app is not called main",
            traceback=trimmed_traceback(error),
        ) from None
    return app, f"{uri}#{wanted['name']}" if wanted.get("name") else uri


def _set_up_logging(uri: str) -> None:
    """The `[loggers]`, `[handlers]` and `[formatters]` of the same file."""
    from logging.config import fileConfig

    path = uri.removeprefix("config:").partition("#")[0]
    directory = os.path.dirname(os.path.abspath(path))
    try:
        fileConfig(path, {"__file__": os.path.abspath(path), "here": directory}, disable_existing_loggers=False)
    except Exception as error:
        raise LoadFailure(
            "logging not understood",
            f"paste-logger: {path} sets up no logging: {sentence(error)}",
            hint="it needs the sections [loggers], [handlers] and [formatters]; leave paste-logger out otherwise",
        ) from None
