"""The first things: it starts, serves the app on every door, and stops."""

from __future__ import annotations

import signal

from harness.client import Client
from harness.server import Server

APP = "hello:app"


def test_answers_on_every_door(client: Client) -> None:
    response = client.get("/")
    assert (response.status, response.body) == (200, b"hello\n")
    assert response.header("Content-Type") == "text/plain"
    assert response.header("Content-Length") == "6"


def test_many_requests_one_after_another(client: Client) -> None:
    for number in range(50):
        assert client.get(f"/{number}").body == b"hello\n"


def test_stops_on_term(serve) -> None:
    server: Server = serve("hello:app")
    assert server.stop(signal.SIGTERM) == 0
