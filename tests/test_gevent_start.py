"""Starting under gevent: what is patched when, what a fork would break, and what is said when something is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from harness.client import HTTP_SOCKET, Client
from harness.server import APPS, Server

pytestmark = pytest.mark.once

AUDITED = {
    "a greenlet": (
        "import gevent\ndef tick():\n    gevent.sleep(3600)\ngevent.spawn(tick)\n",
        r"1 greenlet \(web\.tick\)",
    ),
    "a thread of the standard library": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,), name='sender', daemon=True).start()\n",
        r"1 greenlet \(sender: gevent\.hub\.sleep\)",
    ),
    "a connection": (
        "import socket\nlistener = socket.create_server(('127.0.0.1', 0))\n"
        "connection = socket.create_connection(listener.getsockname())\n",
        r"1 connection \(to 127\.0\.0\.1:\d+\)",
    ),
}
HARMLESS = {
    "nothing": "",
    "a name that was looked up": "import socket\nsocket.gethostbyname('localhost')\n",
    "a program that was run": "import subprocess\nsubprocess.run(['true'], check=True)\n",
    "a request that was made": "import urllib3, requests\n",
    "threads of OpenBLAS, which survive a fork": (
        "import numpy\nassert (numpy.ones((300, 300)) @ numpy.ones((300, 300)))[0][0] == 300\n"
    ),
}


def serve_code(serve, home, code: str, *options: str, **other) -> Server:
    """Serve a module with this code in front of a small app."""
    home.write("web.py", code + "from greenlets import app\n")
    return serve("web:app", *options, engine="gevent", threads=20, home=home, directory=home.path, **other)


def answers(server: Server) -> None:
    """Each of two workers answers, and looks names up."""
    client = Client(server, HTTP_SOCKET)
    exchanges = [client.begin("GET", "/sleep?ms=100") for _ in range(10)]
    assert {exchange.response().status for exchange in exchanges} == {200}
    assert client.get("/fork").text == "7"


@pytest.mark.parametrize("what", AUDITED)
def test_what_a_fork_would_break_is_loaded_in_each_worker(serve, home, what: str) -> None:
    code, named = AUDITED[what]
    server = serve_code(serve, home, code, processes=2)
    server.wait_line(rf"loaded in each worker, as with lazy-apps, because its import started {named}: a fork would")
    answers(server)
    processes = [entry for entry in server.home.entries() if entry.startswith("imported ")]
    assert len(set(processes)) == 3, "once to find out, then once in each worker"


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_harmless_is_loaded_once(serve, home, what: str) -> None:
    server = serve_code(serve, home, HARMLESS[what], processes=2)
    answers(server)
    assert len([entry for entry in server.home.entries() if entry.startswith("imported ")]) == 1
    assert "Monkey" not in server.log.text
    assert "lazy-apps" not in server.log.text


def test_lazy_apps(serve, home) -> None:
    answers(serve_code(serve, home, "import socket\nsocket.gethostbyname('localhost')\n", "--lazy-apps", processes=2))


def test_an_app_that_patches_by_itself(serve, home) -> None:
    server = serve_code(serve, home, "from gevent import monkey; monkey.patch_all()\nimport ssl\n")
    answers(server)
    assert "Warning" not in server.log.text


def test_what_came_too_early_is_named(serve, home) -> None:
    home.write("sitecustomize.py", "import tracer\n")
    home.write("tracer.py", "import ssl\n")
    server = serve_code(serve, home, "", environment={"PYTHONPATH": str(home.path)})
    server.wait_line(
        r"warning: ssl was imported before gevent could patch the standard library, by sitecustomize → tracer → ssl: "
    )
    assert "MonkeyPatchWarning" not in server.log.text


def test_patching_can_be_switched_off(serve, home) -> None:
    code = "from gevent import monkey\nassert not monkey.is_module_patched('socket')\n"
    answers(serve_code(serve, home, code, "--gevent-patch", "none"))


def test_a_part_can_be_patched(serve, home) -> None:
    code = (
        "from gevent import monkey\nassert monkey.is_module_patched('time') and not monkey.is_module_patched('ssl')\n"
    )
    answers(serve_code(serve, home, code, "--gevent-patch", "time,socket,select,os,subprocess,thread"))


def test_an_unknown_part(start) -> None:
    server: Server = start(
        *("--http-socket", "127.0.0.1:0", "--module", "web", "--gevent", "10", "--gevent-patch", "sockets")
    )
    assert server.wait_exit() == 22
    assert "gevent has no part called sockets" in server.log.text
    server.wait_alone()


def test_gevent_is_missing(start, home) -> None:
    """The message names the environment that lacks it, and what to type."""
    environment = home / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    home.write("web.py", "def application(environ, start_response): ...\n")
    server: Server = start(
        *("--http-socket", "127.0.0.1:0", "--home", str(environment), "--gevent", "10", "--module", "web"),
        directory=home.path,
        home=home,
    )
    assert server.wait_exit() == 22
    assert f"gevent = N needs gevent in the app's own environment, {environment}" in server.log.text
    assert "-m pip install gevent" in server.log.text
    server.wait_alone()


def test_psycopg2_gets_something_to_wait_with(serve, home) -> None:
    """A stand-in for the driver: what counts is that the callback is set as soon as it is imported."""
    home.write("psycopg2/__init__.py", "class OperationalError(Exception): ...\n")
    home.write(
        "psycopg2/extensions.py",
        "callback = None\ndef set_wait_callback(given):\n    global callback\n    callback = given\n",
    )
    server = serve_code(serve, home, "import psycopg2.extensions as e\nassert e.callback is not None\n")
    answers(server)


def test_blocking_drivers_are_named(serve, home) -> None:
    home.write("MySQLdb.py", "")
    server = serve_code(serve, home, "import MySQLdb\n")
    server.wait_line(r"warning: mysqlclient blocks while it waits for the server: use PyMySQL")


def test_loop_and_async(start, home) -> None:
    config = home.write(
        "uwsgi.ini",
        "[uwsgi]\nhttp-socket = 127.0.0.1:0\npythonpath = " + str(APPS) + "\nmodule = greenlets:app\n"
        "loop = gevent\nasync = 7\n",
    )
    server: Server = start(str(config), home=home).wait_ready()
    server.wait_line(r"ready: 1 worker \(7 greenlets each\)")
    assert Client(server, HTTP_SOCKET).get("/current").text.startswith("True")
