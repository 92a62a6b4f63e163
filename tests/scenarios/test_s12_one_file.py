"""S12: the one-file demo, and an application factory with its development life."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from harness.client import HTTP_SOCKET, Client
from harness.scene import CONTROL, put_site
from harness.server import Server
from harness.waiting import wait_until

pytestmark = pytest.mark.once


def serve_shop(start, home, app: str, *options: str, environment: dict[str, str] | None = None) -> Server:
    """The shop with the one command."""
    site = put_site(home, "shop")
    line = ["--gevent", "100", *options, app]
    doors = [] if any("http" in option for option in options) else ["--http-socket", "127.0.0.1:0"]
    return start(*doors, *line, home=home, directory=site, environment=environment or {}).wait_ready()


def test_the_quick_page_does_not_wait_for_the_slow_one(start, home) -> None:
    site = put_site(home, "streaming")
    line = ["--http-socket", "127.0.0.1:0", "--gevent", "100", "demo:app"]
    server: Server = start(*line, home=home, directory=site, environment=CONTROL).wait_ready()
    client = Client(server, HTTP_SOCKET)
    slow = client.begin("GET", "/", timeout=40)
    home.wait_entry("slow")
    began = time.monotonic()
    assert client.get("/index").text == "index"
    assert time.monotonic() - began < 8, "the slow one has 10 s to sleep"
    assert slow.response().text == "slow"


def test_the_factory_in_production(start, home) -> None:
    """As a production config has it: nothing of what helps developers is there, whatever the environment says."""
    environment = {"FLASK_DEBUG": "1", "WERKZEUG_DEBUG_PIN": "off"}
    server = serve_shop(start, home, 'shop:create_app("prd")', "--processes", "2", environment=environment)
    client = Client(server, HTTP_SOCKET)
    word, name, _pid = client.get("/").text.split()
    assert (word, name) == ("first", "prd")
    answer = client.get("/broken")
    assert (answer.status, "a value of this frame" in answer.text) == (500, False)
    console = client.get("/console")
    assert console.status == 404
    assert client.get("/?__debugger__=yes&cmd=resource&f=debugger.js").text.split()[:2] == ["first", "prd"]
    server.wait_line(r"LookupError: broken by a value of this frame")
    (home / "shop/shop/words.py").write_text('WORD = "second"\n')
    assert {client.get("/").text.split()[0] for _ in range(20)} == {"first"}
    assert all(line.startswith("error: the app failed") for line in server.complaints())
    assert "has changed" not in server.log.text


def test_reload_on_change(start, home) -> None:
    server = serve_shop(start, home, 'shop:create_app("dev")', "--py-autoreload", "1")
    client = Client(server, HTTP_SOCKET)
    assert client.get("/").text.split()[:2] == ["first", "dev"]
    (home / "shop/shop/words.py").write_text('WORD = "a longer second"\n')
    wait_until(lambda: client.get("/").text.startswith("a longer second"), "the changed code", 30)
    server.wait_line(r"words\.py has changed")
    assert "MonkeyPatch" not in server.log.text


def test_the_interactive_debugger_when_asked(start, home) -> None:
    """The page of an exception lets its reader look into the frames; the log has said so, and the PIN."""
    server = serve_shop(start, home, 'shop:create_app("dev")', "--debugger")
    server.wait_line(r"the interactive debugger is on: .* can run any code")
    client = Client(server, HTTP_SOCKET)
    assert client.get("/").text.split()[:2] == ["first", "dev"]
    here = [("Host", "127.0.0.1")]
    page = client.get("/broken", here)
    assert page.status == 500
    secret = re.search(r'SECRET = "(\w+)"', page.text)[1]  # type: ignore[index]
    frame = re.findall(r'id="frame-(\d+)"', page.text)[-1]
    query = f"/?__debugger__=yes&cmd=secret&frm={frame}&s={secret}"
    assert "value of this frame" not in client.get(query, here).text, "without the PIN nothing is shown"
    pin = server.wait_line(r"PIN: (\d{3}-\d{3}-\d{3})").group(1)
    entered = client.get(f"/?__debugger__=yes&cmd=pinauth&pin={pin}&s={secret}", here)
    cookie = (entered.header("Set-Cookie") or "").partition(";")[0]
    shown = client.get(query, [("Cookie", cookie), *here])
    assert "a value of this frame" in shown.text


def test_the_debugger_needs_werkzeug(start, home) -> None:
    """The message names the environment that lacks it, and what to type."""
    environment = home / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    home.write("web.py", "def application(environ, start_response): ...\n")
    line = ["--http-socket", "127.0.0.1:0", "--home", str(environment), "--debugger", "--module", "web"]
    server: Server = start(*line, home=home)
    assert server.wait_exit() == 22
    assert f"debugger = true needs Werkzeug in the app's own environment, {environment}" in server.log.text
    assert "-m pip install werkzeug" in server.log.text
    server.wait_alone()


def test_flask_s_command_line_beside_it(start, home) -> None:
    """Flask-Migrate works on the same site, and the server goes on."""
    server = serve_shop(start, home, "manage:app")
    for command in (["init"], ["migrate", "-m", "first"], ["upgrade"]):
        line = [sys.executable, "-m", "flask", "--app", "manage", "db", *command]
        done = subprocess.run(line, cwd=home / "shop", capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    assert (home / "shop/migrations/alembic.ini").exists()
    assert Client(server, HTTP_SOCKET).get("/").text.startswith("first dev")
