"""Starting: every usual way to say what to serve, and every usual mistake answered with a hint."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import venv
from typing import Any

import pytest
from harness.client import HTTP_SOCKET, UWSGI_UNIX, Client
from harness.server import APPS, Home, Server, verdigris_command

pytestmark = pytest.mark.once

DOOR = ["--http-socket", "127.0.0.1:0"]
PATH = ["--pythonpath", str(APPS)]


def get(server: Server, target: str = "/") -> str:
    """The body of a GET over the http-socket."""
    response = Client(server, HTTP_SOCKET).get(target)
    assert response.status == 200
    return response.text


def who(server: Server) -> dict[str, Any]:
    """What the app `workers` says about its process."""
    return json.loads(get(server, "/who"))


# Ways to start


def test_the_lines_of_a_start(start) -> None:
    """What is served, where, by how many workers, from which Python."""
    server: Server = start(*DOOR, *PATH, "--module", "hello:app", "--processes", "2").wait_ready()
    text = server.log.text
    assert "hello:app" in text
    assert re.search(r"listening on http://127\.0\.0\.1:[1-9]\d* \(http-socket\)", text)
    assert re.search(r"\b3\.\d+\.\d+\b", text), "which Python"
    assert re.search(r"ready: 2 workers", text)
    assert len(server.log.lines) <= 12, "a start is a few lines"
    assert get(server) == "hello\n"


def test_positional_module_and_callable(start) -> None:
    assert get(start("hello:app", *DOOR, *PATH).wait_ready()) == "hello\n"


def test_module_in_the_current_directory(start) -> None:
    assert get(start("hello:app", *DOOR, directory=APPS).wait_ready()) == "hello\n"


def test_positional_file(start, home: Home) -> None:
    home.write("site.py", (APPS / "hello.py").read_text())
    assert get(start("site.py", *DOOR, home=home).wait_ready()) == "hello\n"


def test_wsgi_file_and_callable(start, home: Home) -> None:
    home.write(
        "my-site.wsgi",
        (APPS / "hello.py").read_text() + "\ndef named(e, s):\n    s('200 OK', [])\n    return [__name__.encode()]\n",
    )
    server = start(*DOOR, "--wsgi-file", "my-site.wsgi", "--callable", "named", home=home).wait_ready()
    assert get(server).startswith("uwsgi_file_")


def test_default_callable_is_application(start, home: Home) -> None:
    home.write("only.py", "from hello import application\n")
    assert get(start(*DOOR, *PATH, "--module", "only", home=home).wait_ready()) == "hello\n"


@pytest.mark.parametrize(
    ("module", "body"),
    [
        ("hello:create_app()", "made hello\n"),
        ('hello:create_app("prd")', "made prd\n"),
        ("package.site:inner.app", "hello\n"),
        ("package.site:app", "hello\n"),
    ],
)
def test_callables(start, home: Home, module: str, body: str) -> None:
    home.write("package/__init__.py", "")
    home.write("package/site.py", "from hello import app\n\nclass inner:\n    app = staticmethod(app)\n")
    assert get(start(*DOOR, *PATH, "--module", module, home=home).wait_ready()) == body


def test_short_options_as_uwsgi_users_type_them(start) -> None:
    """`-s x.sock -w app -p 4`."""
    server: Server = start(
        "-s", "x.sock", "-w", "hello", "-p", "4", directory=None, environment={"PYTHONPATH": str(APPS)}
    )
    server.wait_ready()
    server.wait_line(r"ready: 4 workers")
    assert Client(server, UWSGI_UNIX).get("/").body == b"hello\n"


INI = """\
; a usual uWSGI file
[uwsgi]
http-socket = 127.0.0.1:0
socket = app.sock
chdir = {apps}
module = workers
callable = app
master = true
processes = 2
threads = 2
vacuum = true
plugins = python3
buffer-size = 65535
enable-threads = true
single-interpreter = true
thunder-lock = true
die-on-term = true
need-app = true
harakiri = 60
max-requests = 5000
env = SITE=shop
pyargv = --one two
"""


@pytest.mark.parametrize("arguments", [["--ini", "x.ini"], ["x.ini"], ["--ini", "x.ini:uwsgi"]], ids=" ".join)
def test_ini(start, home: Home, arguments: list[str]) -> None:
    home.write("x.ini", INI.format(apps=APPS))
    server: Server = start(*arguments, home=home).wait_ready()
    found = who(server)
    assert found["cwd"] == str(APPS)
    assert found["variables"]["SITE"] == "shop"
    assert found["argv"] == ["uwsgi", "--one", "two"]
    assert Client(server, UWSGI_UNIX).get("/echo").status == 200
    assert (server.home / "app.sock").is_socket()


def test_command_line_beats_the_file_before_it(start, home: Home) -> None:
    home.write("x.ini", INI.format(apps=APPS))
    start("--ini", "x.ini", "--processes", "3", home=home).wait_line(r"ready: 3 workers")


@pytest.mark.parametrize("prefix", ["UWSGI", "VERDIGRIS"])
def test_environment_variables(start, prefix: str) -> None:
    variables = {
        f"{prefix}_HTTP_SOCKET": "127.0.0.1:0",
        f"{prefix}_MODULE": "hello:app",
        f"{prefix}_PYTHONPATH": str(APPS),
    }
    assert get(start(environment=variables).wait_ready()) == "hello\n"


def test_chdir_pythonpath_env_and_argv(start, home: Home) -> None:
    (home / "work").mkdir()
    (home / "extra").mkdir()
    server: Server = start(
        *(*DOOR, *PATH, "--module", "workers:app", "--chdir", str(home / "work"), "--pythonpath", str(home / "extra")),
        *("--env", "ONE=1", "--env", "TWO=a=b", "--pyargv", "x y"),
        home=home,
        environment={"KEPT": "yes"},
    ).wait_ready()
    found = who(server)
    assert found["cwd"] == str(home / "work")
    assert found["path"].index(str(home / "extra")) < found["path"].index(str(APPS))
    variables = found["variables"]
    assert (variables["ONE"], variables["TWO"], variables["KEPT"]) == ("1", "a=b", "yes")
    assert found["argv"][1:] == ["x", "y"]
    assert not [name for name in variables if name.startswith("VERDIGRIS_")]


def test_a_virtual_environment_without_verdigris(start, home: Home) -> None:
    venv.create(home / "environment", with_pip=False, symlinks=True)
    server: Server = start(*DOOR, *PATH, "--module", "workers:app", "--home", str(home / "environment"), home=home)
    found = who(server.wait_ready())
    assert found["prefix"] == str(home / "environment")
    assert not any("site-packages" in entry and not entry.startswith(str(home.path)) for entry in found["path"])


def test_umask_and_process_identity(start, home: Home) -> None:
    server: Server = start(*DOOR, *PATH, "--module", "workers:app", "--umask", "027", home=home).wait_ready()
    assert json.loads(get(server, "/who?umask"))["umask"] == 0o027


def everybodys_python() -> str:
    """The prefix of a Python that not only root may run (some live in root's own directory)."""
    for prefix in (sys.prefix, "/usr", "/usr/local"):
        try:
            subprocess.run([f"{prefix}/bin/python3", "-c", ""], user=65534, group=65534, extra_groups=[], check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return prefix
    pytest.skip("no Python on this machine that others than root may run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_privileges_are_dropped(start, home: Home) -> None:
    os.chmod(home.path, 0o777)
    os.chmod(home.journal, 0o666)
    server: Server = start(
        *(*DOOR, *PATH, "--module", "workers:app", "--uid", "65534", "--gid", "65534", "--home", everybodys_python()),
        home=home,
    )
    found = who(server.wait_ready())
    assert (found["uid"], found["gid"]) == (65534, 65534)
    assert 0 not in found["groups"]
    for member in server.family():
        with open(f"/proc/{member.pid}/status") as status:
            assert "Uid:\t65534\t65534\t65534\t65534" in status.read()


# Asking for words


def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with a text on its standard input."""
    return subprocess.run(
        [verdigris_command(), *arguments], capture_output=True, text=True, timeout=20, input=text
    )


def test_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert re.match(r"(?i)verdigris \d+\.\d+", done.stdout)
    assert done.stderr == ""


@pytest.mark.parametrize("option", ["--help", "--help-all"])
def test_help(option: str) -> None:
    done = run(option)
    assert done.returncode == 0
    assert "http-socket" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("tool", ["check", "explain", "config", "doctor", "options"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_of_a_tool(tool: str, option: str) -> None:
    done = run(tool, option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"verdigris {tool} ")
    assert "Exit code: 0" in done.stdout


def test_a_dash_is_standard_input_everywhere() -> None:
    text = "[uwsgi]\nmodule = nobody_home\nhttp-socket = 127.0.0.1:0\nneed-app = true\n"
    for arguments in (["config", "-", "--show"], ["check", "-"], ["explain", "-"]):
        done = run(*arguments, text=text)
        assert done.returncode == 0, done.stderr
        assert "module = -" not in done.stdout
    assert "module = nobody_home" in run("config", "-", "--show", text=text).stdout
    started = run("-", text=text)
    assert started.returncode == 22
    assert "nobody_home" in started.stderr


# Mistakes


def fails(start, *arguments: str, **more: Any) -> str:
    """The start ends with an error; what it said."""
    server: Server = start(*arguments, **more)
    code = server.wait_exit(30)
    server.stopped = True
    assert code > 0, f"ended with {code}"
    server.wait_alone(2)
    server.log.finished()
    server.assert_nothing_left()
    assert "panicked" not in server.log.text
    server.exit_code = code
    return server.log.text


def hint_of(text: str) -> str:
    """The hint, which every error must have."""
    assert "hint:" in text, text
    return text[text.index("hint:") :]


def test_no_app_named(start) -> None:
    assert "module" in hint_of(fails(start, *DOOR))


def test_module_not_found(start) -> None:
    text = fails(start, *DOOR, *PATH, "--module", "helo:app")
    assert "helo" in text
    assert str(APPS) in text, "where was looked"
    assert "hello" in hint_of(text), "the near candidate"


def test_file_not_found(start) -> None:
    text = fails(start, *DOOR, "--wsgi-file", "nowhere.py")
    assert "nowhere.py" in text


def test_callable_not_found(start) -> None:
    text = fails(start, *DOOR, *PATH, "--module", "hello:ap")
    assert "ap" in text and "hello" in text
    assert "app" in hint_of(text)


def test_not_callable(start) -> None:
    assert "not_callable" in fails(start, *DOOR, *PATH, "--module", "hello:not_callable")


BROKEN = {
    "import inside": ("import json\nimport no_such_dependency\n", ["no_such_dependency", "broken.py", "line 2"]),
    "syntax": ("x = 1\ndef app(:\n", ["SyntaxError", "broken.py", "line 2"]),
    "exception": (
        "x = 1\n\nraise RuntimeError('settings are missing')\n",
        ["settings are missing", "broken.py", "line 3"],
    ),
    "exit": ("import sys\nsys.exit('I refuse')\n", ["broken.py"]),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("lazy", [[], ["--lazy-apps"]], ids=["preloaded", "lazy"])
def test_broken_modules(start, home: Home, kind: str, lazy: list[str]) -> None:
    source, expected = BROKEN[kind]
    home.write("broken.py", source)
    text = fails(start, *DOOR, "--module", "broken:app", *lazy, home=home)
    for part in expected:
        assert part in text
    assert "__mold__" not in text, "our own frames are of no use to the reader"


def test_exit_code_of_an_app_that_cannot_be_loaded(start) -> None:
    """The same code that uWSGI gives with need-app, which supervisors know."""
    server: Server = start(*DOOR, *PATH, "--module", "nowhere:app")
    assert server.wait_exit(30) == 22


def test_an_asgi_app_is_named_as_such(start, home: Home) -> None:
    home.write("asynchronous.py", "async def app(scope, receive, send):\n    pass\n")
    assert "ASGI" in fails(start, *DOOR, "--module", "asynchronous:app", home=home)


def test_port_taken(start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = fails(start, "--http-socket", f"127.0.0.1:{port}", *PATH, "--module", "hello:app")
    assert f"127.0.0.1:{port}" in text
    assert re.search("(?i)in use|taken", text)
    assert str(os.getpid()) in text, "who has it"
    assert f"kill {os.getpid()}" in hint_of(text)


def test_no_permission(start, home: Home) -> None:
    closed = home / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    os.chmod(home.path, 0o755)
    command = [verdigris_command()]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.fail("setpriv (util-linux) is needed to be somebody else than root")
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    text = fails(start, "--socket", str(closed / "a.sock"), *PATH, "--module", "hello:app", home=home, command=command)
    assert "a.sock" in text
    assert re.search("(?i)permission", text)
    hint_of(text)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--http-socket", "127.0.0.1:99999"], "99999"),
        (["--http-socket", "127.0.0.1:port"], "port"),
        (["--http-socket", "no.such.host.invalid:8000"], "no.such.host.invalid"),
        (["--socket", "nowhere/at/all.sock"], "nowhere/at/all.sock"),
        ([*DOOR, "--processes", "many"], "processes"),
        ([*DOOR, "--processes", "-1"], "processes"),
        ([*DOOR, "--threads", "few"], "threads"),
        ([*DOOR, "--chdir", "/no/such/directory"], "/no/such/directory"),
        ([*DOOR, "--home", "/no/such/environment"], "/no/such/environment"),
        ([*DOOR, "--uid", "nobody-of-this-name"], "nobody-of-this-name"),
        ([*DOOR, "--chmod-socket", "999"], "chmod-socket"),
        ([*DOOR, "--ini", "missing.ini"], "missing.ini"),
        ([*DOOR, "--logto", "/no/such/directory/log"], "/no/such/directory/log"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_wrong_values(start, arguments: list[str], expected: str) -> None:
    text = fails(start, *arguments, *PATH, "--module", "hello:app")
    assert expected in text


def test_unknown_option(start) -> None:
    text = fails(start, *DOOR, *PATH, "--module", "hello:app", "--proceses", "2")
    assert "proceses" in text
    assert "processes" in hint_of(text)


def test_all_mistakes_at_once(start) -> None:
    text = fails(start, "--http-socket", "127.0.0.1:99999", "--processes", "many", *PATH, "--module", "hello:app")
    assert "99999" in text
    assert "many" in text


def test_unknown_key_in_a_file_is_a_warning(start, home: Home) -> None:
    home.write("x.ini", INI.format(apps=APPS) + "proceses = 3\n")
    server: Server = start("--ini", "x.ini", home=home).wait_ready()
    line = INI.count("\n") + 1
    server.wait_line(rf"x\.ini:{line}\b")
    server.wait_line("proceses")
    assert "processes" in server.log.text


def test_unknown_key_is_an_error_when_strict(start, home: Home) -> None:
    home.write("x.ini", INI.format(apps=APPS) + "strict = true\nproceses = 3\n")
    text = fails(start, "--ini", "x.ini", home=home)
    assert "proceses" in text
    assert re.search(r"x\.ini:\d+", text)


def test_planned_options_are_accepted_aloud(start, home: Home) -> None:
    home.write("x.ini", INI.format(apps=APPS) + "cron = -1 -1 -1 -1 -1 true\n")
    start("--ini", "x.ini", home=home).wait_line(r"x\.ini:\d+: cron: accepted; not active yet")


def test_arguments_that_are_no_text(start) -> None:
    text = fails(start, *DOOR, *PATH, "--module", "hello:app", "--env", os.fsdecode(b"RAW=\xff\xfe"))
    assert "UTF-8" in text


def test_python_is_the_one_of_the_environment(start) -> None:
    found = who(start(*DOOR, *PATH, "--module", "workers:app").wait_ready())
    assert f"{sys.version_info[0]}." in found["executable"] or "python" in found["executable"]
