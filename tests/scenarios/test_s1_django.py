"""S1: a Django site moves from blocking workers to greenlets by one line of its ini file."""

from __future__ import annotations

import sys

import pytest
from harness.client import UWSGI_TCP, Client
from harness.scene import put_site, start_in_background, stop_background
from harness.server import Home, Server
from harness.waiting import wait_until

pytestmark = pytest.mark.once

CONFIG = """\
[uwsgi]
chdir = {site}
module = project.wsgi
plugins = python
home = {environment}
master = true
processes = 4
socket = 127.0.0.1:0
vacuum = true
daemonize = {home}/uwsgi.log
pidfile = {home}/uwsgi.pid
buffer-size = 65535
"""

PATCHES = "from gevent import monkey\n\nmonkey.patch_all()\n\n"


def start(launcher, home: Home, *, more: str = "", patches_itself: bool = False) -> Server:
    """The site in the background, with one more line in its ini file."""
    site = put_site(home, "django_site")
    if patches_itself:
        file = site / "project/wsgi.py"
        file.write_text(PATCHES + file.read_text())
    config = home.write("site.ini", CONFIG.format(site=site, home=home.path, environment=sys.prefix) + more)
    return start_in_background(launcher, "--ini", str(config), home=home, log=home / "uwsgi.log")


def running(home: Home) -> list[str]:
    """The slow requests that have begun: `slow PID THREAD`."""
    return [entry for entry in home.entries() if entry.startswith("slow ")]


def finish(server: Server, home: Home) -> None:
    """Stop it; `vacuum` and the pid file leave nothing behind."""
    stop_background(server, home / "uwsgi.pid")
    assert not (home / "uwsgi.pid").exists()


def test_before_four_requests_run_at_once(launcher, home) -> None:
    server = start(launcher, home)
    outside = home.gate("outside")
    client = Client(server, UWSGI_TCP)
    slow = [client.begin("GET", "/slow") for _ in range(8)]
    wait_until(lambda: len(running(home)) == 4, "one request in each process")
    other = client.begin("GET", "/")
    assert len({entry.split()[1] for entry in running(home)}) == 4
    outside.open(4)
    wait_until(lambda: len(running(home)) == 8, "the others take their places")
    outside.open(4)
    assert [exchange.response().status for exchange in slow] == [200] * 8
    assert other.response().text == "index 0"
    outside.close()
    finish(server, home)


@pytest.mark.parametrize("patches_itself", [False, True], ids=["as it was", "patches itself"])
def test_after_all_run_at_once(launcher, home, patches_itself: bool) -> None:
    server = start(launcher, home, more="gevent = 100\n", patches_itself=patches_itself)
    server.wait_line(r"ready: 4 workers \(100 greenlets each\)")
    outside = home.gate("outside")
    client = Client(server, UWSGI_TCP)
    slow = [client.begin("GET", "/slow", timeout=60) for _ in range(400)]
    wait_until(lambda: len(running(home)) == 400, "4 × 100 requests at once", 60)
    other = client.begin("GET", "/")
    assert len({entry.split()[1] for entry in running(home)}) == 4
    outside.open(400)
    assert [exchange.response().status for exchange in slow] == [200] * 400
    assert other.response().text == "index 0", "the request beyond 4 × 100 has waited"
    assert server.complaints() == []
    outside.close()
    finish(server, home)
