"""What is served when no app could be loaded and the user said `need-app = false`: uWSGI's plain 500 answer."""

from __future__ import annotations

NO_APP = "--- no python application found, check your startup logs for errors ---"


def application(environ, start_response):
    """Say in the log and to the client that there is no app."""
    start_response.serves(-1)
    print(NO_APP, file=environ["wsgi.errors"])
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [b"Internal Server Error"]
