"""S3: the load test of a Flask API that waits, with threads and with greenlets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness.client import encode_http
from harness.crowd import Crowd, raise_limit
from harness.scene import put_site
from harness.server import Home, Server

pytestmark = pytest.mark.once

CONFIG = """\
[uwsgi]
http-socket = 0.0.0.0:0
chdir = {site}
wsgi-file = {site}/run.py
plugins = python3
callable = app
processes = 4
pidfile = uwsgi.pid
"""

PATH = "/user_manage/user/login"
DATA = b'{"a": "1", "b": "2", "c": 200}'
WAYS = ["threads = 3000", "gevent = 3000"]
BESIDE = ["with_aiohttp.py", "with_gevent.py"]
CLIENTS = Path(__file__).parent / "clients"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", WAYS)
def test_the_load(start, home, way: str) -> None:
    """Started once: three thousand threads in each of four processes take their time."""
    config = home.write("api.ini", CONFIG.format(site=put_site(home, "api")) + way + "\n")
    server: Server = start(str(config), home=home).wait_ready(120)
    assert (home / "uwsgi.pid").read_text() == f"{server.pid}\n", "where the command was typed, as in uWSGI"
    apache_bench(server, home)
    ten_thousand_at_once(server)
    clients_beside_each_other(server)
    assert server.complaints() == []
    assert server.stop(seconds=60) == 0


def url(server: Server) -> str:
    """Where the API is."""
    return server.address("http-socket").url + PATH


def apache_bench(server: Server, home: Home) -> None:
    """`ab -n 1000 -c 1000 -p data.txt -T application/json`, without a failed request."""
    data = home / "data.txt"
    data.write_bytes(DATA)
    raise_limit(4096)
    command = ["ab", "-n", "1000", "-c", "1000", "-p", str(data), "-T", "application/json", url(server)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Complete requests: +1000\n", done.stdout), done.stdout
    assert re.search(r"Failed requests: +0\n", done.stdout), done.stdout
    assert "Non-2xx" not in done.stdout


def ten_thousand_at_once(server: Server) -> None:
    """Every request is answered, whatever waits in the server meanwhile."""
    count = min(10_000, raise_limit(11_000) - 500)
    request = encode_http("POST", PATH, [("Content-Type", "application/json")], DATA)
    crowd = Crowd(server.address("http-socket"), count, request).run(120)
    assert crowd.failures == []
    assert len(crowd.answers) == count
    assert {(status, json.loads(body)["code"]) for status, body in crowd.answers} == {(200, 200)}


def clients_beside_each_other(server: Server) -> None:
    """asyncio with aiohttp, and 300 greenlets with requests, at the same time."""
    commands = [[sys.executable, str(CLIENTS / client), url(server), "300"] for client in BESIDE]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    said = [process.communicate(timeout=100)[0] for process in running]
    assert said == ["300 × 200\n"] * 2
    assert [process.returncode for process in running] == [0, 0]
