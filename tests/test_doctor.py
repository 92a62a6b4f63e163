"""`verdigris doctor`: what it finds in an app, what it says about it, and that it leaves nothing behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.server import Home, Server

pytestmark = pytest.mark.once

APP = "def application(environ, start_response): ...\n"
FINE = {
    "a small app": APP,
    "requests": "import requests\nsession = requests.Session()\n" + APP,
    "an app that patches as well": "from gevent import monkey; monkey.patch_all()\nimport ssl\n" + APP,
    "locks and locals": (
        "import threading, queue, ssl\nlock, state, jobs = threading.Lock(), threading.local(), queue.Queue()\n"
        "class Poller(threading.Thread): ...\nclass Context(ssl.SSLContext): ...\n" + APP
    ),
}


class Answer:
    """What the doctor said."""

    def __init__(self, server: Server) -> None:
        self.code = server.wait_exit(60)
        assert server.out.finished() and server.log.finished()
        self.text = server.out.text
        self.talk = server.log.text
        server.wait_alone()
        server.assert_nothing_left()

    def has(self, level: str, text: str) -> bool:
        """Whether there is a finding of this level with this text in it."""
        return any(line.strip().startswith(level) and text in line for line in self.text.splitlines())

    def hints(self) -> list[str]:
        return [line.strip() for line in self.text.splitlines() if line.strip().startswith("hint: ")]


@pytest.fixture
def doctor(start, home: Home) -> Callable[..., Answer]:
    """Ask the doctor about `web.py` with this code."""

    def ask(code: str, *options: str, environment: dict[str, str] | None = None) -> Answer:
        home.write("web.py", code)
        server = start("doctor", *(options or ("web",)), home=home, environment=environment)
        server.stopped = True
        return Answer(server)

    return ask


def test_a_sound_app(doctor, home: Home) -> None:
    answer = doctor("print('hello from the import')\n" + APP)
    assert answer.code == 0, answer.text + answer.talk
    first, *lines = answer.text.splitlines()
    assert first == "verdigris doctor: web:application under threads"
    assert lines[-1] == "verdict: nothing speaks against threads"
    assert answer.has("ok", f"Python {sys.version.split()[0]}")
    assert answer.has("ok", "web:application (WSGI) loads in") and f"from {home / 'web.py'}" in answer.text
    assert answer.has("ok", "leaves no greenlet, thread or connection behind")
    assert answer.talk == "hello from the import", "what the app prints is no part of the report"
    assert "\x1b" not in answer.text
    assert sorted(path.name for path in home.path.iterdir()) == ["journal", "tmp", "web.py"]


@pytest.mark.parametrize("what", FINE)
def test_apps_that_are_fit_for_gevent(doctor, what: str) -> None:
    answer = doctor(FINE[what], "--gevent", "web:application")
    assert answer.code == 0, answer.text + answer.talk
    assert answer.has("ok", "; loop libev, names looked up in a pool of threads") and answer.has(
        "ok", "patched before anything was imported"
    )
    assert answer.has("ok", "no module has kept an unpatched name")
    assert answer.text.splitlines()[-1] == "verdict: nothing speaks against gevent"
    assert "problem" not in answer.text


def test_in_json(doctor) -> None:
    answer = doctor("import MySQLdb\n" + APP, "--json", "--gevent", "web")
    assert answer.code == 22
    assert json.loads(answer.text)["failed"]["what"] == "import failed"
    answer = doctor(APP, "--gevent", "--json", "web")
    report = json.loads(answer.text)
    assert (answer.code, report["problems"], report["engine"]) == (0, 0, "gevent")
    assert (report["app"], report["kind"]) == ("web:application", "wsgi")
    assert {finding["level"] for section in report["sections"] for finding in section["findings"]} == {"ok"}
    assert [section["title"] for section in report["sections"]][:2] == ["Python", "App"]


def test_sitecustomize_comes_before_the_patching(doctor, home: Home) -> None:
    home.write("early/sitecustomize.py", "import tools\n")
    home.write("early/tools.py", "import ssl\n")
    answer = doctor(APP, "--gevent", "web", environment={"PYTHONPATH": str(home / "early")})
    assert answer.code == 1
    assert answer.has(
        "problem", "ssl was imported before gevent could patch the standard library: by sitecustomize → tools → ssl"
    )
    assert any("keep it out of sitecustomize" in hint for hint in answer.hints())


def test_a_pth_file_comes_before_the_patching(doctor, home: Home) -> None:
    environment = home / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    packages = next(environment.glob("lib/python*/site-packages"))
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "others.pth").write_text(f"{here}\nimport early_tool\n")
    (packages / "early_tool.py").write_text("import ssl\n")
    answer = doctor(APP, "--gevent", "--home", str(environment), "web")
    assert answer.code == 1
    assert answer.has("problem", f"by {packages / 'others.pth'} → early_tool → ssl")
    assert answer.has("ok", f"virtual environment {environment}")


def test_names_that_were_taken_early(doctor, home: Home) -> None:
    home.write("early/sitecustomize.py", "import tools\n")
    home.write(
        "early/tools.py",
        "import threading, socket\nfrom time import sleep\n"
        "class Line(socket.socket): ...\n"
        "class Store:\n    lock = threading.Lock\n"
        "state = threading.local()\n",
    )
    answer = doctor(APP, "--gevent", "web", environment={"PYTHONPATH": str(home / "early")})
    assert answer.code == 1
    for told in (
        "sleep is the unpatched time.sleep",
        "Line is made of the unpatched socket.socket",
        "state is an unpatched threading.local",
        "Store.lock is the unpatched threading.Lock",
    ):
        assert answer.has("problem", told), (told, answer.text)
    assert answer.has("problem", "tools: ")


def test_a_module_that_wants_an_unpatched_name_on_purpose(doctor, home: Home) -> None:
    """As profilers do, which run in threads of their own."""
    home.write("profiler.py", "from gevent.monkey import get_original\nsleep = get_original('time', 'sleep')\n")
    answer = doctor("import profiler\n" + APP, "--gevent", "web")
    assert answer.code == 0, answer.text
    assert answer.has("note", "profiler: sleep is the unpatched time.sleep; imported by web")
    assert "on purpose" in answer.text


def test_an_app_that_patches_too_late(doctor, home: Home) -> None:
    home.write("shop.py", "from time import sleep\nimport ssl\n")
    answer = doctor(
        "import shop\nfrom gevent import monkey\nmonkey.patch_all()\n" + APP,
        *("--gevent", "--gevent-patch", "none", "web"),
    )
    assert answer.code == 1
    assert answer.has(
        "problem", "ssl was imported before gevent could patch the standard library: imported by web → shop"
    )
    assert f"({home / 'shop.py'}:2)" in answer.text
    assert answer.has("note", f"the app patches by itself: {home / 'web.py'}:3")
    assert answer.has("problem", "shop: sleep is the unpatched time.sleep; imported by web")


def test_nothing_patches(doctor) -> None:
    answer = doctor(APP, "--gevent", "--gevent-patch", "none", "web")
    assert answer.code == 1
    assert answer.has("problem", "nothing patches the standard library")
    assert any("remove gevent-patch = none" in hint for hint in answer.hints())


def test_a_part_is_patched(doctor) -> None:
    answer = doctor(APP, "--gevent", "--gevent-patch", "socket,select,dns,os", "web")
    assert answer.code == 0, answer.text
    assert answer.has("note", "not patched: ssl, time, thread, subprocess, queue")


def test_drivers(doctor, home: Home) -> None:
    home.write("MySQLdb/__init__.py", "")
    home.write("models.py", "import psycopg2\nimport MySQLdb\nimport sqlite3\n")
    answer = doctor("import models\n" + APP, "--gevent", "web")
    assert answer.code == 1
    assert answer.has("problem", "mysqlclient blocks while it waits for the server; imported by web → models")
    assert f"({home / 'models.py'}:2)" in answer.text
    assert "hint: use PyMySQL" in answer.hints()
    assert answer.has("ok", "psycopg2 waits through gevent")
    assert answer.has("note", "sqlite3 does not yield")
    assert answer.text.splitlines()[-1] == "verdict: 1 problem"


def test_psycopg2_that_nobody_has_told(doctor) -> None:
    code = "from gevent import monkey; monkey.patch_all()\nimport psycopg2\n" + APP
    answer = doctor(code, "--gevent", "--gevent-patch", "none", "web")
    assert answer.code == 1
    assert answer.has("problem", "psycopg2 blocks, since it has no wait callback; imported by web")


def test_psycopg_looks_whether_select_is_patched(doctor) -> None:
    answer = doctor("import psycopg\n" + APP, "--gevent", "web")
    assert (answer.code, answer.has("ok", "psycopg waits through the patched `select`")) == (0, True), answer.text
    code = "import psycopg\nfrom gevent import monkey; monkey.patch_all()\n" + APP
    answer = doctor(code, "--gevent", "--gevent-patch", "none", "web")
    assert answer.code == 1
    assert answer.has("problem", "psycopg blocks, since it was imported before gevent patched `select`"), answer.text


def test_a_c_library_that_no_driver_accounts_for(doctor, home: Home) -> None:
    """Any shared object will do; what counts is the name under which the kernel has mapped it."""
    import _ctypes

    shutil.copy(_ctypes.__file__, home / "libcurl-0815.so.4")
    code = f"import ctypes\nlibrary = ctypes.CDLL({str(home / 'libcurl-0815.so.4')!r})\n" + APP
    answer = doctor(code, "--gevent", "web")
    assert answer.code == 0, answer.text
    assert answer.has("note", "libcurl (HTTP) is loaded: waiting in it stops all requests of a worker")


def test_what_a_fork_would_break(doctor) -> None:
    code = "import gevent\ndef tick():\n    gevent.sleep(3600)\ngevent.spawn(tick)\n" + APP
    answer = doctor(code, "--gevent", "web")
    assert answer.code == 0, "the server copes"
    assert answer.has(
        "note", "the app is loaded in each worker, as with lazy-apps, because its import started 1 greenlet"
    )
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,), daemon=True).start()\n" + APP
    answer = doctor(thread)
    assert answer.code == 1
    assert answer.has("problem", "1 thread is running after the import")
    answer = doctor(thread, "--lazy-apps", "web")
    assert (answer.code, answer.has("ok", "not done: lazy-apps")) == (0, True)


def test_processes_of_the_import_are_ended(doctor) -> None:
    code = (
        "import os, subprocess, threading, time\n"
        "subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "if os.fork() == 0:\n    time.sleep(1000)\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()\n" + APP
    )
    answer = doctor(code)  # that nobody is left, every answer asserts
    assert answer.has("problem", "1 thread is running")


def test_an_import_that_hangs_can_be_broken_off(start, home: Home) -> None:
    home.write("web.py", "import control, time\ncontrol.note('begun')\ntime.sleep(1000)\n")
    apps = Path(__file__).resolve().parent / "apps"
    server: Server = start("doctor", "--pythonpath", str(apps), "web", home=home)
    server.stopped = True
    server.home.wait_entry("begun")
    server.send_signal(signal.SIGINT)
    answer = Answer(server)
    assert (answer.code, answer.text) == (2, "")


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("web",), 22, "importing it failed: ZeroDivisionError"),
        (("wab",), 22, "wab"),
        (("--gevent", "--gevent-patch", "sockets", "web"), 22, "gevent has no part called sockets"),
        (("--home", "/nowhere", "web"), 2, "the virtual environment /nowhere is not a directory"),
        (("--proceses", "4", "web"), 2, "proceses"),
    ],
    ids=["app", "name", "patch", "python", "option"],
)
def test_what_cannot_be_examined(doctor, options: tuple[str, ...], code: int, told: str) -> None:
    answer = doctor("1 / 0\n", *options)
    assert answer.code == code, answer.talk
    assert told in answer.talk
    assert "hint: " in answer.talk or code == 22
    assert answer.text == ""


def test_python_that_ends_without_a_word(doctor) -> None:
    answer = doctor("import os\nos._exit(3)\n")
    assert answer.code == 22
    assert "Python ended while it imported the app: exit code 3" in answer.talk


def test_a_configuration_file(doctor, home: Home) -> None:
    home.write("app.ini", "[uwsgi]\nhttp-socket = :0\ngevent = 50\nmodule = web\nthreads = 4\nneed-app = false\n")
    answer = doctor(APP, "app.ini")
    assert (answer.code, answer.has("ok", "gevent ")) == (0, True), answer.text + answer.talk
    home.write("app.ini", "[uwsgi]\nhttp-socket = :0\nmodule = web\nneed-app = false\n")
    answer = doctor(APP, "--gevent", "app.ini")
    assert (answer.code, answer.has("ok", "gevent ")) == (0, True), answer.text + answer.talk
    answer = doctor("1 / 0\n", "app.ini")
    assert answer.code == 22, "a stand-in would hide what was asked for"


def test_how_to_ask(doctor) -> None:
    answer = doctor("", "--help")
    assert answer.code == 0
    assert "verdigris doctor --gevent app:app" in answer.text
    assert "22 the app cannot be loaded" in answer.text
