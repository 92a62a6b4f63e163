"""What is served where there is no app: uWSGI's plain 500 answer, and a line in the log that says why."""

from __future__ import annotations

NO_APP = "--- no python application found, check your startup logs for errors ---"

NOTHING_NAMED = (
    "--- no python application found: the request names none (UWSGI_SCRIPT, UWSGI_MODULE or UWSGI_FILE), "
    "and neither does the configuration ---"
)


def application(environ, start_response):
    """No app could be loaded, and the user said `need-app = false`; or none that the request names."""
    start_response.serves(-1)
    return _answer(environ, start_response, NO_APP)


def nothing_named(environ, start_response):
    """Every request has to name its app, and this one does not."""
    return _answer(environ, start_response, NOTHING_NAMED)


def _answer(environ, start_response, line: str):
    print(line, file=environ["wsgi.errors"])
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [b"Internal Server Error"]
