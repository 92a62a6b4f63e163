"""Options around the app's loading: `envdir`, `optimize`, aliases, early imports, PasteDeploy, buffers."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from pathlib import Path

from harness.client import Client, Door
from harness.real_uwsgi import uwsgi_command
from harness.server import Home, Server
from harness.uwsgi import packet, variables
from harness.waiting import wait_until

HTTP = Door("http-socket", "http-socket", "http")

TELLING = """
import json
import os
import sys


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    names = ("A", "B", "C", "D", "E", "F", ".hidden", "G")
    told = {name: os.environ.get(name) for name in names}
    told["optimize"] = sys.flags.optimize
    told["alias"] = getattr(sys.modules.get("other_name"), "__name__", None)
    told["alias of a file"] = hasattr(sys.modules.get("file_name"), "IN_A_FILE")
    told["late"] = getattr(sys.modules.get("late_name"), "__name__", None)
    told["early"] = "early_module" in sys.modules and sys.modules["early_module"].ORDER
    return [json.dumps(told).encode()]
"""


def write(home: Home) -> None:
    """The app, a directory of variables, and modules that are named otherwise."""
    home.write("telling.py", TELLING)
    home.write("in_a_file.py", "IN_A_FILE = 1\n")
    home.write("early/early_module.py", "import sys\nORDER = 'telling' not in sys.modules\n")
    directory = home / "env"
    directory.mkdir()
    for name, content in {
        "A": b"one",
        "B": b"two  \nmore\n",
        "C": b"",
        "D": b"x\0y",
        "E": b" lead\n\n",
        ".hidden": b"dot",
    }.items():
        (directory / name).write_bytes(content)


LINES = (
    "module = telling",
    "env = F=option",
    "envdir = env",
    "env = A=after",
    "optimize = 2",
    "pymodule-alias = other_name=ast",
    "pymodule-alias = file_name=%d/in_a_file.py",
    "post-pymodule-alias = late_name=telling",
)


def serve(start, home: Home, *lines: str, **environment: str) -> Server:
    """A server of a uWSGI file with these lines."""
    config = home.write("app.ini", "\n".join(["[uwsgi]", "http-socket = 127.0.0.1:0", *lines, ""]))
    return start(str(config), home=home, environment=environment).wait_ready()


def told(server: Server) -> dict:
    """What the app says."""
    return json.loads(Client(server, HTTP).get("/").body)


def told_by_real_uwsgi(home: Home, *lines: str, **environment: str) -> dict:
    """What the same app says under uWSGI."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = home.write("real.ini", "\n".join(["[uwsgi]", f"socket = 127.0.0.1:{port}", *lines, ""]))
    with open(home / "real.log", "wb") as log:
        real = subprocess.Popen([uwsgi_command(), str(config)], cwd=home.path, stdout=log, stderr=log, env=environment)
    try:
        wait_until(lambda: b"spawned uWSGI worker 1" in Path(home / "real.log").read_bytes(), "a running uWSGI")
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(packet(variables("GET", "/", [("Host", "h")])))
            answer = connection.makefile("rb").read()
        return json.loads(answer.partition(b"\r\n\r\n")[2])
    finally:
        real.kill()
        real.wait()


def test_variables_aliases_and_optimising_as_in_uwsgi(start, home) -> None:
    write(home)
    ours = told(serve(start, home, *LINES, C="set before"))
    assert ours == {
        **{"A": "one", "B": "two  \nmore", "C": None, "D": "x", "E": " lead", "F": "option", ".hidden": None},
        **{"G": None, "optimize": 2, "alias": "ast", "alias of a file": True, "late": "telling", "early": False},
    }
    assert ours == told_by_real_uwsgi(home, *LINES, C="set before")


def test_an_early_directory_can_be_referred_to(start, home) -> None:
    write(home)
    lines = "module = telling", "early-envdir = env", "env = G=$(A)"
    assert told(serve(start, home, *lines))["G"] == "one"
    late = told(serve(start, home, "module = telling", "envdir = env", "env = G=$(A)"))
    assert (late["A"], late["G"]) == ("one", "$(A)")


def test_early_imports_come_before_the_app(start, home) -> None:
    write(home)
    server = serve(start, home, "module = telling", "early-pythonpath = early", "early-pyimport = early_module")
    assert told(server)["early"] is True


def test_a_directory_of_variables_that_is_not_there(command: str, home) -> None:
    config = home.write("app.ini", "[uwsgi]\nmodule = telling\nsocket = app.sock\nenvdir = nowhere\n")
    done = subprocess.run([command, "check", str(config)], capture_output=True, text=True, cwd=home.path)
    assert done.returncode == 1
    assert "app.ini:4: envdir: cannot read the directory nowhere: there is no such file" in done.stderr


def test_an_alias_of_nothing_says_which_line(start, home) -> None:
    write(home)
    config = home.write("app.ini", "[uwsgi]\nsocket = app.sock\nmodule = telling\npymodule-alias = a=no_such_module\n")
    refused = start(str(config), home=home)
    assert refused.wait_exit() == 22
    refused.wait_line(re.escape('pymodule-alias = a=no_such_module: no module named "no_such_module" was found'))


PASTE = """
[uwsgi]
http-socket = 127.0.0.1:0
master = true

[app:main]
paste.app_factory = pasted:make
greeting = hello from %(here)s

[app:second]
paste.app_factory = pasted:make
greeting = the second

[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = INFO
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = LOGGED %(message)s
"""
PASTED = """
import logging


def make(global_conf, greeting):
    def app(environ, start_response):
        logging.getLogger("shop").info("asked for %s", environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [greeting.encode()]

    return app
"""


def test_paste_deploy(start, home) -> None:
    home.write("pasted.py", PASTED)
    file = home.write("production.ini", PASTE)
    server = serve(start, home, f"paste = config:{file}", "paste-logger = true")
    assert Client(server, HTTP).get("/x").body.decode() == f"hello from {home.path}"
    server.wait_line("LOGGED asked for /x")
    server = serve(start, home, "paste = config:production.ini", "paste-name = second")
    assert Client(server, HTTP).get("/").body == b"the second"
    server = start("--ini-paste-logged", "production.ini", home=home).wait_ready()
    assert Client(server, HTTP).get("/y").body.decode() == f"hello from {home.path}"
    server.wait_line("LOGGED asked for /y")


def test_paste_deploy_that_fails(start, home) -> None:
    home.write("production.ini", PASTE)
    config = home.write("app.ini", "[uwsgi]\nsocket = app.sock\npaste = config:production.ini\n")
    refused = start(str(config), home=home)
    assert refused.wait_exit() == 22
    refused.wait_line(re.escape("paste: config:production.ini gave no app"))
    refused.wait_line(re.escape("hint: write paste = config:"))


BUFFERS = """
import array
import sys


class Answer:
    def __init__(self, pieces):
        self.pieces = pieces

    def __iter__(self):
        return iter(self.pieces)

    def close(self):
        print("closed the answer", file=sys.stderr)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/whole":
        return memoryview(b"whole")
    return Answer([bytearray(b"one "), memoryview(b"two "), array.array("B", b"three "), b"four"])
"""


def test_buffers_as_answers(start, home) -> None:
    home.write("buffered.py", BUFFERS)
    client = Client(serve(start, home, "module = buffered", "wsgi-accept-buffer = true"), HTTP)
    assert client.get("/").body == b"one two three four"
    assert client.get("/whole").body == b"whole"
    client.server.wait_line("closed the answer")
    strict = serve(start, home, "module = buffered")
    assert Client(strict, HTTP).get("/").status == 500
