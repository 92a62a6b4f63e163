"""Apps that requests name: UWSGI_SCRIPT and its kin, `vhost`, and who may name what.

Two sites of one nginx, and two locations of one site, get different apps from one server. The same requests are put
to a real uWSGI, where it can answer them.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import uwsgi
from harness.client import encode_http
from harness.nginx import Nginx, uwsgi_location
from harness.real_uwsgi import uwsgi_command
from harness.server import Home, Server
from harness.waiting import wait_until

APP = """
import os
import sys

try:
    from local_settings import NAME
except ImportError:
    NAME = "nobody"


def application(environ, start_response):
    from shared_name import WHO

    said = "|".join([__name__, NAME, WHO, os.path.basename(os.getcwd()), environ.get("SCRIPT_NAME", "")])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [said.encode()]


def other(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"other of " + __name__.encode()]
"""

pytestmark = pytest.mark.engine("threads")


def write_apps(home: Home) -> None:
    """Two directories with apps of the same names, and one of its own each; only the first has local settings."""
    for number in (1, 2):
        directory = f"dir{number}"
        for name in ("app", f"app{number}"):
            home.write(f"{directory}/{name}.py", APP)
        home.write(f"{directory}/shared_name.py", f"WHO = 'who{number}'\n")
    home.write("dir1/local_settings.py", "NAME = 'one'\n")
    home.write("dir2/broken.py", "import shared_name\n1 / 0\n")


def serve(start, home: Home, *lines: str) -> Server:
    """A server of a uWSGI file with these lines and a uwsgi socket."""
    write_apps(home)
    config = home.write("app.ini", "\n".join(["[uwsgi]", "socket = 127.0.0.1:0", *lines, ""]))
    return start(str(config), home=home).wait_ready()


def ask(server: Server, script: str | None = None, **more: str) -> tuple[str, str]:
    """One request by the uwsgi protocol: the status, and the body."""
    address = server.address("socket").target
    assert isinstance(address, tuple)
    return ask_at(address, script, **more)


def ask_at(address: tuple[str, int], script: str | None = None, **more: str) -> tuple[str, str]:
    """The same of whoever listens there."""
    named = {} if script is None else {"UWSGI_SCRIPT": script}
    return uwsgi.ask(address, **named, **more)


def at(home: Home, number: int) -> dict[str, str]:
    """Where an app is at home."""
    return {"UWSGI_CHDIR": str(home / f"dir{number}")}


def test_two_sites_and_two_locations_of_one_site(start, home) -> None:
    """What uWSGI never could: locations of one `server` block with apps of their own."""
    server = serve(start, home)
    address = server.address("socket")

    def location(path: str, number: int, script: str) -> str:
        named = f"uwsgi_param UWSGI_SCRIPT {script}; uwsgi_param UWSGI_CHDIR {home / f'dir{number}'};"
        return uwsgi_location(path, address, named)

    nginx = Nginx(
        [location("/", 1, "app1"), location("/two/", 2, "app2"), location("/other/", 1, "app1:other")],
        sites={"two.example": [location("/", 2, "app2"), location("/same/", 2, "app")]},
    )
    try:

        def page(host: str, path: str) -> bytes:
            with nginx.connect() as connection:
                connection.send(encode_http("GET", path, [("Host", host), ("Uwsgi-Script", "app2")]))
                return connection.response("GET").body

        for _ in range(2):
            assert page("shop.example", "/") == b"app1|one|who1|dir1|"
            assert page("shop.example", "/two/") == b"app2|nobody|who2|dir2|"
            assert page("shop.example", "/other/") == b"other of app1"
            assert page("two.example", "/") == b"app2|nobody|who2|dir2|"
            assert page("two.example", "/same/") == b"app|nobody|who2|dir2|"
    finally:
        nginx.stop()


def test_modules_of_the_same_name(start, home) -> None:
    """Each app finds its own modules, also those that it imports while it answers, and never the other's."""
    server = serve(start, home)
    for _ in range(2):
        assert ask(server, "app", **at(home, 1)) == ("200", "app|one|who1|dir1|")
        assert ask(server, "app", **at(home, 2)) == ("200", "app|nobody|who2|dir2|")


def test_the_other_ways_to_name_an_app(start, home) -> None:
    server = serve(start, home)
    here = at(home, 1)
    assert ask(server, UWSGI_MODULE="app1", **here)[1] == "app1|one|who1|dir1|"
    assert ask(server, UWSGI_MODULE="app1", UWSGI_CALLABLE="other", **here)[1] == "other of app1"
    assert ask(server, UWSGI_FILE="app.py", **here)[1] == "uwsgi_file_app|one|who1|dir1|"
    assert ask(server, UWSGI_FILE="app.py", **at(home, 2))[1] == "uwsgi_file_app|nobody|who2|dir2|"
    assert ask(server, "app1:other", UWSGI_APPID="anything", SCRIPT_NAME="/x", **here)[1] == "other of app1"
    server.wait_line(r"app \d+ was named by a request and is loaded in .*UWSGI_MODULE app1, UWSGI_CALLABLE other")


def test_setenv_is_there_when_the_app_is_loaded(start, home) -> None:
    home.write("dir1/env.py", "import os\nV = os.environ['GREETING']\n" + APP.replace("NAME,", "V,"))
    server = serve(start, home)
    assert ask(server, "env", UWSGI_SETENV="GREETING=hi=ho", **at(home, 1))[1] == "env|hi=ho|who1|dir1|"


def test_no_app_is_needed_at_the_start(start, home) -> None:
    server = serve(start, home, "http-socket = 127.0.0.1:0")
    server.wait_line(r"no app is named: each request has to name its own")
    assert ask(server)[0] == "500"
    server.wait_line(r"the request names none \(UWSGI_SCRIPT")
    http = server.address("http-socket").target
    with socket.create_connection(http, 20) as connection:
        fields = [("Uwsgi-Script", "app1"), ("UWSGI_SCRIPT", "app1"), ("Uwsgi-Chdir", str(home / "dir1"))]
        connection.sendall(encode_http("GET", "/", fields))
        assert b" 500 " in connection.makefile("rb").readline()


def test_need_app_refuses_to_start_without_one(start, home) -> None:
    config = home.write("app.ini", "[uwsgi]\nsocket = 127.0.0.1:0\nneed-app = true\n")
    refused = start(str(config), home=home)
    assert refused.wait_exit() != 0
    refused.wait_line(re.escape("no application was named"))


def test_an_app_that_cannot_be_loaded_is_told_and_not_tried_for_every_request(start, home) -> None:
    server = serve(start, home)
    here = at(home, 2)
    assert [ask(server, "broken", **here)[0] for _ in range(3)] == ["500", "500", "500"]
    server.wait_line(r"ZeroDivisionError")
    assert server.log.text.count("the app that a request names is not there: UWSGI_SCRIPT broken") == 1
    assert ask(server, "app", **here)[1] == "app|nobody|who2|dir2|"
    assert ask(server, "app", UWSGI_CHDIR=str(home / "none"))[0] == "500"
    server.wait_line(r"UWSGI_CHDIR: '.*none' is not a directory")
    assert ask(server, "../app")[0] == "500"
    assert ask(server, UWSGI_FILE="exec://echo")[0] == "500"


def test_what_was_mended_is_served(start, home) -> None:
    server = serve(start, home)
    here = at(home, 2)
    assert ask(server, "broken", **here)[0] == "500"
    home.write("dir2/broken.py", APP)
    wait_until(lambda: ask(server, "broken", **here) == ("200", "broken|nobody|who2|dir2|"), "the mended app")


def test_the_app_of_the_configuration_is_served_unless_others_are_allowed(start, home) -> None:
    named = "chdir = dir1", "module = app1"
    server = serve(start, home, *named)
    assert ask(server, "app2", **at(home, 2))[1] == "app1|one|who1|dir1|"
    server.wait_line(r"`dynamic-apps = true` lets the web server in front choose")
    server = serve(start, home, *named, "dynamic-apps = true")
    for _ in range(2):
        assert ask(server, "app2", **at(home, 2))[1] == "app2|nobody|who2|dir2|"
        assert ask(server)[1] == "app1|one|who1|dir1|"
        assert ask(server, "app", **at(home, 1))[1] == "app|one|who1|dir1|"


def test_dynamic_apps_can_be_forbidden(start, home) -> None:
    config = home.write("app.ini", "[uwsgi]\nsocket = 127.0.0.1:0\ndynamic-apps = false\n")
    refused = start(str(config), home=home)
    assert refused.wait_exit() != 0
    refused.wait_line(re.escape("no application was named"))


def test_an_open_port_is_warned_of(command: str, home) -> None:
    def said(address: str) -> str:
        done = subprocess.run([command, "check", "--socket", address, "--dynamic-apps"], capture_output=True, text=True)
        return done.stderr

    assert "can have this server run any Python file" in said(":3031")
    assert "can have this server run any Python file" in said("0.0.0.0:3031")
    assert all("any Python file" not in said(address) for address in ("127.0.0.1:3031", "[::1]:3031", "app.sock"))


def test_apps_by_site(start, home) -> None:
    mounts = "chdir = dir1", "mount = one.example|/=app1.py", "mount = one.example|/x=app1:other", "mount = /=app.py"
    server = serve(start, home, "vhost = true", *mounts)
    assert ask(server, SERVER_NAME="one.example")[1] == "uwsgi_file_app1|one|who1|dir1|"
    assert ask(server, SERVER_NAME="one.example", SCRIPT_NAME="/x")[1] == "other of app1"
    assert ask(server, SERVER_NAME="two.example")[1] == "uwsgi_file_app|one|who1|dir1|"
    server.wait_line(r"^one\.example \[pid: \d+\|app: 1\|")  # uWSGI's line has the site in front
    assert ask(server, SERVER_NAME="one.example", HTTP_HOST="www.one.example")[0] == "200"
    server.wait_line(r"^www\.one\.example \[pid: ")
    server = serve(start, home, "vhost-host = true", "manage-script-name = true", *mounts)
    assert ask(server, HTTP_HOST="one.example", PATH_INFO="/x/1")[1] == "other of app1"
    assert ask(server, SERVER_NAME="one.example", HTTP_HOST="two.example", PATH_INFO="/x/1")[1].startswith("uwsgi_file")


def test_the_app_of_one_site_is_not_served_for_another(start, home) -> None:
    server = serve(start, home, "vhost = true", "chdir = dir1", "mount = one.example|=app1.py")
    assert ask(server, SERVER_NAME="one.example")[0] == "200"
    assert ask(server, SERVER_NAME="two.example") == ("404", "Not Found")


def test_script_name_does_not_choose_if_it_is_ignored(start, home) -> None:
    mounts = "chdir = dir1", "module = app1", "mount = /x=app1:other"
    server = serve(start, home, *mounts, "ignore-script-name = true")
    assert ask(server, SCRIPT_NAME="/x")[1] == "app1|one|who1|dir1|/x"
    assert ask(server, SCRIPT_NAME="/", UWSGI_APPID="/x")[1] == "other of app1"


def test_touch_reload_of_an_app(start, home) -> None:
    server = serve(start, home)
    touched = home.write("touch", "")
    more = {"UWSGI_TOUCH_RELOAD": str(touched), **at(home, 2)}
    assert ask(server, "app", **more)[1] == "app|nobody|who2|dir2|"
    home.write("dir2/shared_name.py", "WHO = 'new'\n")
    touched.write_text("x")
    os.utime(touched, (1, 1))
    wait_until(lambda: ask(server, "app", **more)[1] == "app|nobody|new|dir2|", "the new code")
    server.wait_line(r"has been touched \(UWSGI_TOUCH_RELOAD\)")


def make_environment(home: Home, name: str, version: str) -> Path:
    """What matters of a virtual environment: its packages, one of them in a directory that a .pth file names."""
    packages = home / name / "lib" / version / "site-packages"
    home.write(f"{name}/lib/{version}/site-packages/only_there.py", f"HOME = '{name}'\n")
    home.write(f"{name}/lib/{version}/site-packages/more.pth", "more\n")
    home.write(f"{name}/lib/{version}/site-packages/more/further.py", f"HOME = '{name}'\n")
    assert packages.is_dir()
    return home / name


def test_a_virtual_environment_for_an_app(start, home) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    text = "import further\nimport only_there\nNAME = only_there.HOME + further.HOME\n" + APP.replace("NAME,", "M,")
    text += "M = __import__('only_there').HOME + __import__('further').HOME\n"
    server = serve(start, home)
    home.write("dir1/packaged.py", text)
    home.write("dir2/packaged.py", text)
    environments = [make_environment(home, name, version) for name in ("env1", "env2")]
    for _ in range(2):
        for number, environment in enumerate(environments, 1):
            answer = ask(server, "packaged", UWSGI_PYHOME=str(environment), **at(home, number))
            assert answer == ("200", f"packaged|env{number}env{number}|who{number}|dir{number}|")
    strange = make_environment(home, "strange", "python2.7")
    assert ask(server, "packaged", UWSGI_PYHOME=str(strange), **at(home, 1))[0] == "500"
    server.wait_line(rf"has packages for python2\.7, and this server runs {version}")


def test_two_requests_at_a_time_do_not_mix_modules(start, home) -> None:
    """Where requests run beside each other, two apps whose modules have the same names cannot both be had."""
    server = serve(start, home, "threads = 4")
    assert ask(server, "app1", **at(home, 1))[1].startswith("app1|one|who1|")
    assert ask(server, "app2", **at(home, 2))[0] == "500"
    server.wait_line(r'is in .*dir2, but this worker already runs the ".*" of .*dir1')
    home.write("dir3/alone.py", "def application(e, s):\n    s('200 OK', [])\n    return [b'alone']\n")
    assert ask(server, "alone", **at(home, 3)) == ("200", "alone")


def ask_at_once(server: Server, script: str, times: int, **more: str) -> list[tuple[str, str]]:
    """The same request so many times, side by side."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: ask(server, script, **more), range(times)))


@pytest.mark.parametrize("engine", ["threads = 4", "gevent = 20"])
def test_requests_that_come_at_once_load_an_app_once(start, home, engine) -> None:
    server = serve(start, home, engine)
    home.write("dir3/alone.py", "import time\ntime.sleep(0.2)\n" + APP.replace("shared_name", "lonely"))
    home.write("dir3/lonely.py", "WHO = 'alone'\n")
    home.write("dir4/second.py", APP.replace("shared_name", "lonely_too"))
    home.write("dir4/lonely_too.py", "WHO = 'second'\n")
    third, fourth = ({"UWSGI_CHDIR": str(home / name)} for name in ("dir3", "dir4"))
    assert set(ask_at_once(server, "alone", 8, **third)) == {("200", "alone|nobody|alone|dir3|")}
    assert {body.split("|")[2] for _, body in ask_at_once(server, "second", 8, **fourth)} == {"second"}
    assert server.log.text.count("was named by a request and is loaded") == 2


def test_apps_take_turns(start, home) -> None:
    """Modules come and go with their apps, however often; the app of the configuration is one of them."""
    home.write("one_of_package.py", "")
    home.write("dir1/inner/__init__.py", "")
    home.write("dir1/inner/part.py", "PART = 'part'\n")
    home.write("whole.py", "import dir1.inner.part as part\n" + APP.replace("shared_name", "dir1.shared_name"))
    server = serve(start, home, "module = whole", "dynamic-apps = true")
    for _ in range(3):
        assert ask(server)[1].startswith("whole|nobody|who1|")
        assert ask(server, "app", **at(home, 1))[1] == "app|one|who1|dir1|"
        assert ask(server, "app", UWSGI_CHDIR="dir2")[1] == "app|nobody|who2|dir2|"


DJANGO = """
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
"""
SETTINGS = """
SECRET_KEY = "{name}"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "{name}_urls"
"""
URLS = """
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse(settings.SECRET_KEY))]
"""


def test_a_second_django_site_is_refused_and_not_mixed_up(start, home) -> None:
    for number, name in ((1, "first"), (2, "second")):
        home.write(f"dir{number}/{name}_wsgi.py", DJANGO.format(settings=f"{name}_settings"))
        home.write(f"dir{number}/{name}_settings.py", SETTINGS.format(name=name))
        home.write(f"dir{number}/{name}_urls.py", URLS)
    server = serve(start, home)
    assert ask(server, "first_wsgi", **at(home, 1)) == ("200", "first")
    assert ask(server, "second_wsgi", **at(home, 2))[0] == "500"
    server.wait_line(r"already runs the Django site of first_settings")
    assert ask(server, "first_wsgi", **at(home, 1)) == ("200", "first")
    assert ask(server, "app", **at(home, 2))[1] == "app|nobody|who2|dir2|"


def test_lazy_apps(start, home) -> None:
    server = serve(start, home, "lazy-apps = true", "processes = 2")
    for _ in range(4):
        assert ask(server, "app", **at(home, 1))[1] == "app|one|who1|dir1|"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_real_uwsgi_answers_the_same(start, home) -> None:
    """Where uWSGI has an answer: every app at a place of its own."""
    server = serve(start, home)
    requests = [
        ("app1", {"SCRIPT_NAME": "/a", **at(home, 1)}),
        ("app2", {"SCRIPT_NAME": "/b", **at(home, 2)}),
        ("app", {"SCRIPT_NAME": "/c", **at(home, 1)}),
        ("app", {"SCRIPT_NAME": "/d", **at(home, 2)}),
        (None, {"SCRIPT_NAME": "/e", "UWSGI_MODULE": "app1", "UWSGI_CALLABLE": "other", **at(home, 1)}),
        (None, {"SCRIPT_NAME": "/f", "UWSGI_FILE": "app.py", **at(home, 2)}),
    ]
    ours = [ask(server, script, **more) for script, more in requests]
    port = free_port()
    with open(home / "real.log", "wb") as log:
        real = subprocess.Popen(
            [uwsgi_command(), "--socket", f"127.0.0.1:{port}"], cwd=home.path, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: b"spawned uWSGI worker 1" in Path(home / "real.log").read_bytes(), "a running uWSGI")
        theirs = [ask_at(("127.0.0.1", port), script, **more) for script, more in requests]
    finally:
        real.kill()
        real.wait()
    assert ours == theirs
