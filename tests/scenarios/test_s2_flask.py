"""S2: Flask with every option that people put into one ini file."""

from __future__ import annotations

import os
import stat
import time

import pytest
from harness.client import UWSGI_UNIX, Client
from harness.scene import put_site, start_in_background, stop_background
from harness.server import Home, Server
from harness.uwsgi import packet, variables
from harness.waiting import wait_until

pytestmark = pytest.mark.once

CONFIG = """\
[uwsgi]
master = true
vhost = true
workers = 2
reload-mercy = 10
vacuum = true
max-requests = 1000
limit-as = 6048
chmod-socket = 666
socket = {home}/uwsgi.sock
chdir = {site}
module = myapp
callable = app
touch-reload = {site}
pidfile = {home}/uwsgi.pid
daemonize = {home}/uwsgi.log
gevent = 100
"""

NOW = "min-worker-lifetime = 0\n"


def start(launcher, home: Home, more: str = "") -> Server:
    """The site in the background, perhaps with one more line in its ini file."""
    config = home.write("everything.ini", CONFIG.format(site=put_site(home, "everything"), home=home.path) + more)
    return start_in_background(launcher, str(config), home=home, log=home / "uwsgi.log")


def ask(client: Client, path: str = "/") -> list[str]:
    """The words of an answer."""
    answer = client.get(path)
    assert answer.status == 200
    return answer.text.split()


def test_as_it_is(launcher, home) -> None:
    server = start(launcher, home)
    client = Client(server, UWSGI_UNIX)
    socket_file = home / "uwsgi.sock"
    assert stat.S_IMODE(socket_file.stat().st_mode) == 0o666
    assert ask(client)[0] == "first"
    began = time.monotonic()
    sleeping = [client.begin("GET", "/sleep") for _ in range(100)]
    assert {exchange.response().text for exchange in sleeping} == {"slept"}
    assert time.monotonic() - began < 15, "100 × 0.5 s by two workers would be 25 s"
    limits = [open(f"/proc/{pid}/limits").read() for pid in {ask(client)[1] for _ in range(10)}]
    assert all(f"Max address space         {6048 << 20} " in text for text in limits)
    assert [line for line in server.complaints() if "vhost" not in line] == []
    stop_background(server, home / "uwsgi.pid")
    assert not socket_file.exists()


def test_a_touched_directory_reloads(launcher, home) -> None:
    """A file that is written into the directory is enough, as an editor or `git pull` does it."""
    server = start(launcher, home)
    client = Client(server, UWSGI_UNIX)
    assert ask(client)[0] == "first"
    running = [client.begin("GET", "/sleep") for _ in range(20)]
    module = home / "everything/myapp.py"
    new = home.write("everything/myapp.new", module.read_text().replace('"first"', '"second"'))
    os.rename(new, module)
    wait_until(lambda: ask(client)[0] == "second", "the new code", 30)
    assert {exchange.response().text for exchange in running} == {"slept"}, "what ran has finished"
    server.wait_line(r"everything was touched")
    stop_background(server, home / "uwsgi.pid")


def test_workers_are_replaced_after_a_thousand_requests(launcher, home) -> None:
    server = start(launcher, home, NOW)
    client = Client(server, UWSGI_UNIX)
    first = {ask(client)[1] for _ in range(20)}
    request = packet(variables("GET", "/", [("Host", "example.org")]))
    asked = 0
    while len({ask(client)[1] for _ in range(20)} & first) == len(first):
        exchanges = [client.connect() for _ in range(50)]
        for exchange in exchanges:
            exchange.send(request)
        assert {exchange.response().status for exchange in exchanges} == {200}
        for exchange in exchanges:
            exchange.close()
        asked += 70
        assert asked < 4000, "nobody was replaced"
    stop_background(server, home / "uwsgi.pid")
