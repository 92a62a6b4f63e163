"""S9: lines that an app yields while it sleeps and looks names up arrive one by one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest
from harness.nginx import Nginx, uwsgi_location
from harness.scene import CONTROL, put_site
from harness.server import Server

pytestmark = pytest.mark.once

LINES = [
    "sleeping for 3 seconds...<br/>",
    "done<br/>",
    "localhost = 127.0.0.1<br/>",
    "127.0.0.1 = 127.0.0.1<br/>",
    "localhost = 127.0.0.1<br/>",
    "no-such-host.invalid = None<br/>",
]


def serve(start, home, *doors: str) -> Server:
    """The example as its document starts it."""
    site = put_site(home, "streaming")
    line = ["--gevent", "100", *doors, "--module", "myapp", "--chdir", str(site)]
    return start(*line, home=home, environment=CONTROL).wait_ready()


@pytest.fixture(params=["http", "http-socket", "nginx"])
def url(request: pytest.FixtureRequest, start, home) -> Iterator[str]:
    """Where the example is served: by the server itself, and behind nginx with `uwsgi_buffering off`."""
    if request.param != "nginx":
        yield serve(start, home, f"--{request.param}", "127.0.0.1:0").address(request.param).url + "/"
        return
    server = serve(start, home, "--socket", "127.0.0.1:0")
    nginx = Nginx([uwsgi_location("/", server.address("socket"), "uwsgi_buffering off;")])
    yield nginx.address.url + "/"
    nginx.stop()


def test_curl_sees_each_line_when_it_is_yielded(url: str, home) -> None:
    with subprocess.Popen(["curl", "-sS", "-N", "-m", "60", url], stdout=subprocess.PIPE, text=True) as curl:
        assert curl.stdout is not None
        assert curl.stdout.readline().strip() == LINES[0]
        first = time.monotonic()
        assert "answered" not in home.entries(), "the app is asleep"
        assert curl.stdout.readline().strip() == LINES[1]
        assert time.monotonic() - first > 1, "3 s are between them, less what this machine was late with the first"
        assert [line.strip() for line in curl.stdout] == LINES[2:]
    assert curl.returncode == 0
    assert home.entries()[:2] == ["background 1", "background 2"], "joined before the first line"
    home.wait_entry("long background 3")


def test_thirty_at_once(start, home) -> None:
    server = serve(start, home, "--http", "127.0.0.1:0")
    began = time.monotonic()
    line = ["curl", "-sS", "-N", "-m", "60", server.address("http").url + "/"]
    running = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(30)]
    answers = {process.communicate()[0] for process in running}
    assert answers == {"\n".join(LINES) + "\n"}
    assert time.monotonic() - began < 45, "30 × 3 s one after the other would be 90 s"
    home.wait_entry("long background 3", times=30)
