"""Several apps in one server: `mount`, `manage-script-name`, `applications`, and who is the default.

The same requests are put to a real uWSGI as well, and the answers compared.
"""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from harness import uwsgi
from harness.launch import engine_lines
from harness.real_uwsgi import uwsgi_command
from harness.server import Home, Server
from harness.waiting import wait_until

APP = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["{}|{}|{}".format(__name__, environ.get("SCRIPT_NAME"), environ["PATH_INFO"]).encode("latin-1")]
named = application
"""
REQUESTS = [
    ("/x", None),
    ("/x/", None),
    ("/x/y", None),
    ("/xy", None),
    ("/x/y/z", None),
    ("/x/yz", None),
    ("/nope", None),
    ("//x", None),
    ("/foo", "/x"),
    ("/foo", "/bar"),
    ("/x/foo", "/bar"),
]
MOUNTS = ("mount = /x=two.py", "mount = /x/y=three:named")


def write_apps(home: Home) -> None:
    for name in ("one", "two", "three"):
        home.write(f"{name}.py", APP)


def serve(start, home: Home, *lines: str, **files: str) -> Server:
    """A server of a uWSGI file with these lines, on an http-socket and a uwsgi socket."""
    write_apps(home)
    for name, text in files.items():
        home.write(f"{name}.py", text)
    doors = ("http-socket = 127.0.0.1:0", "socket = 127.0.0.1:0")
    config = home.write("app.ini", "\n".join(["[uwsgi]", *doors, *engine_lines(1), *lines]))
    return start(str(config), home=home).wait_ready()


def ask(address: tuple[str, int], path: str, script: str | None, **more: str) -> tuple[str, str]:
    """One request by the uwsgi protocol: the status line's number, and the body."""
    named = {} if script is None else {"SCRIPT_NAME": script}
    return uwsgi.ask(address, path, **named, **more)


def address_of(server: Server) -> tuple[str, int]:
    address = server.address("socket")
    assert isinstance(address.target, tuple)
    return address.target


def test_the_longest_mountpoint_at_a_slash(start, home) -> None:
    server = serve(start, home, "module = one", *MOUNTS, "manage-script-name = true")
    answers = {request: ask(address_of(server), *request)[1] for request in REQUESTS}
    assert answers == {
        ("/x", None): "uwsgi_file_two|/x|",
        ("/x/", None): "uwsgi_file_two|/x|/",
        ("/x/y", None): "three|/x/y|",
        ("/xy", None): "one||/xy",
        ("/x/y/z", None): "three|/x/y|/z",
        ("/x/yz", None): "uwsgi_file_two|/x|/yz",
        ("/nope", None): "one||/nope",
        ("//x", None): "one||//x",
        ("/foo", "/x"): "uwsgi_file_two|/x|/foo",
        ("/foo", "/bar"): "one|/bar|/foo",
        ("/x/foo", "/bar"): "uwsgi_file_two|/x|/foo",
    }
    for pattern in (r"app: 2\|.*GET /x/y/z ", r"app: 1\|.*GET /x/yz ", r"app: 0\|.*GET /nope "):
        server.wait_line(pattern)


def test_without_manage_script_name_the_web_server_chooses(start, home) -> None:
    server = serve(start, home, "module = one", *MOUNTS)
    address = address_of(server)
    assert ask(address, "/x/y", None)[1] == "one||/x/y"
    assert ask(address, "/foo", "/x")[1] == "uwsgi_file_two|/x|/foo"
    assert ask(address, "/foo", None, UWSGI_APPID="/x/y")[1] == "three||/foo"


def test_over_http(start, home) -> None:
    """The variables of an HTTP request come from the server, and a client cannot choose the app by a header."""
    server = serve(start, home, "module = one", *MOUNTS, "manage-script-name = true")
    http = server.address("http-socket")
    with socket.create_connection(http.target, 10) as connection:
        headers = b"Host: h\r\nSCRIPT_NAME: /q\r\nUWSGI_APPID: /x\r\nConnection: close\r\n"
        connection.sendall(b"GET /x/%79/z?a HTTP/1.1\r\n" + headers + b"\r\n")
        answer = connection.makefile("rb").read()
    assert answer.endswith(b"three|/x/y|/z")


def test_no_default_app(start, home) -> None:
    server = serve(start, home, *MOUNTS, "manage-script-name = true", "no-default-app = true")
    address = address_of(server)
    assert ask(address, "/x/1", None) == ("200", "uwsgi_file_two|/x|/1")
    assert ask(address, "/nope", None) == ("404", "Not Found")
    server.wait_line(r"app: -1\|.*GET /nope ")


def test_the_first_mount_is_the_default_unless_the_root_is_mounted(start, home) -> None:
    server = serve(start, home, *MOUNTS)
    assert ask(address_of(server), "/nope", None)[1] == "uwsgi_file_two||/nope"


def test_a_mount_at_the_root(start, home) -> None:
    server = serve(start, home, "mount = /x/=two.py", "mount = /=one.py:named", "manage-script-name = true")
    address = address_of(server)
    assert ask(address, "/a", None)[1] == "uwsgi_file_one||/a"
    assert ask(address, "/x/a", None)[1] == "uwsgi_file_two|/x|/a"


def test_a_dict_of_applications(start, home) -> None:
    many = APP + """
def admin(environ, start_response):
    start_response("200 OK", [])
    return [b"admin"]
applications = {"/": application, "/admin": "admin", b"/api": admin}
"""
    server = serve(start, home, "module = many", "manage-script-name = true", many=many)
    address = address_of(server)
    assert ask(address, "/a", None)[1] == "many||/a"
    assert [ask(address, path, None)[1] for path in ("/admin/1", "/api")] == ["admin", "admin"]
    server.wait_line(r"app: 1\|.*GET /admin/1 ")


def test_a_dict_in_a_wsgi_file_is_a_variable(start, home) -> None:
    many = APP + """
def api(environ, start_response):
    start_response("200 OK", [])
    return [b"api"]
applications = {b"/api": api}
"""
    server = serve(start, home, "wsgi-file = many.py", "manage-script-name = true", many=many)
    answers = [ask(address_of(server), path, None)[1] for path in ("/", "/api/1")]
    assert answers == ["uwsgi_file_many||/", "uwsgi_file_many||/api/1"]


def test_a_mount_that_cannot_be_loaded(start, home) -> None:
    write_apps(home)
    options = ("--http-socket", "127.0.0.1:0", "--module", "one", "--mount", "/x=gone.py")
    refused = start(*options, home=home)
    assert refused.wait_exit() == 22
    assert "gone.py" in refused.log.text
    tolerated = start(*options, "--need-app=false", home=home).wait_ready()
    tolerated.wait_line(r"mount /x is not served \(need-app is off\)")


def test_the_same_place_twice(start, home) -> None:
    server = serve(start, home, "module = one", "mount = /x=two.py", "mount = /x=three.py", "manage-script-name = true")
    assert ask(address_of(server), "/x/1", None)[1] == "uwsgi_file_two|/x|/1"
    server.wait_line(r"mount /x is taken by two\.py:application")


SITE = """
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "{name}_settings"
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
"""


def test_two_django_sites_are_warned_of(start, home) -> None:
    """Django keeps its settings once per process; the second site would be served with the first one's."""
    sites = {f"{name}_site": SITE.format(name=name) for name in ("first", "second")}
    settings = {f"{name}_settings": f"SECRET_KEY = '{name}'\n" for name in ("first", "second")}
    server = serve(start, home, "module = first_site", "mount = /x=second_site", **sites, **settings)
    server.wait_line(r"mount /x: it wants the Django settings second_settings, but first_settings are in use already")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.parametrize("managed", [True, False], ids=["managed", "given"])
def test_real_uwsgi_answers_the_same(start, home, managed) -> None:
    lines = ["module = one", *MOUNTS, f"manage-script-name = {str(managed).lower()}"]
    server = serve(start, home, *lines)
    ours = [ask(address_of(server), *request) for request in REQUESTS if request[1] is not None or managed]
    port = free_port()
    config = home.write("real.ini", "\n".join(["[uwsgi]", f"socket = 127.0.0.1:{port}", *lines]))
    with open(home / "real.log", "wb") as log:
        real = subprocess.Popen([uwsgi_command(), str(config)], cwd=home.path, stdout=log, stderr=log)
    try:
        wait_until(lambda: b"spawned uWSGI worker 1" in Path(home / "real.log").read_bytes(), "a running uWSGI")
        theirs = [ask(("127.0.0.1", port), *request) for request in REQUESTS if request[1] is not None or managed]
    finally:
        real.kill()
        real.wait()
    assert ours == theirs
