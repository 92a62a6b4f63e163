"""Reloading while clients are served: SIGHUP, touched files, changed code, the command pipe. No request is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.client import HTTP_SOCKET, Client
from harness.launch import engine_options
from harness.load import Load
from harness.server import Home, Server
from harness.waiting import wait_until

APP = """
import os
import words
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{word} " + words.WORD.encode() + b" %d" % os.getpid()]
"""


def write_app(home: Home, word: str) -> None:
    """The app answers this word, one from another module, and its pid."""
    home.write("site.d/web.py", APP.replace("{word}", word))


def serve(start, home: Home, *options: str, processes: int = 2) -> Server:
    write_app(home, "old")
    home.write("site.d/words.py", 'WORD = "first"\n')
    arguments = ("--http-socket", "127.0.0.1:0", "--chdir", str(home / "site.d"), "--module", "web")
    server = start(*arguments, "--processes", str(processes), *engine_options(1), *options, home=home)
    return server.wait_ready()


def said(client: Client) -> list[str]:
    return client.get("/").body.decode().split()


def touch(path: Path) -> None:
    """Give a file a time that it never had, however coarse the clock of the file system is."""
    moment = time.time_ns() + touch.count * 10_000_000
    touch.count += 1
    os.utime(path, ns=(moment, moment))


touch.count = 1


def under_load(client: Client, act: Callable[[], None], done: Callable[[], bool]) -> None:
    """While many clients ask, do something and wait until it is done: each of them gets its answer."""
    load = Load(client.address, 8, lambda c, n: f"/{c}/{n}").start()
    wait_until(lambda: load.count > 100, "a running load")
    act()
    wait_until(done, "what was asked for", 30)
    reached = load.count
    wait_until(lambda: load.count > reached + 100, "the load goes on")
    answers = load.stop()
    assert [answer for answer in answers if answer.status != 200] == []


def test_hangup_loads_the_app_anew(start, home) -> None:
    server = serve(start, home)
    client = Client(server, HTTP_SOCKET)
    assert said(client)[0] == "old"
    write_app(home, "new")
    under_load(client, lambda: server.send_signal(signal.SIGHUP), lambda: said(client)[0] == "new")
    server.wait_line(r"reloaded: 2 workers")


@pytest.mark.parametrize("what", ["file", "new file", "directory", "config"])
def test_a_touched_file_reloads(start, home, what) -> None:
    home.write("app.ini", "[uwsgi]\ntouch-reload = %p\n")
    watched = {"config": home / "app.ini", "directory": home / "site.d"}.get(what, home / "watched")
    if what == "file":
        watched.touch()
    options = ("--ini", str(home / "app.ini")) if what == "config" else ("--touch-reload", str(watched))
    server = serve(start, home, *options)
    client = Client(server, HTTP_SOCKET)
    home.write("site.d/web.py", APP.replace("{word}", "new"))

    def change() -> None:
        if what == "new file":
            watched.touch()
        else:
            touch(watched)

    under_load(client, change, lambda: said(client)[0] == "new")
    server.wait_line(rf"{watched} was touched")


def test_a_reload_that_fails_changes_nothing_and_the_next_one_works(start, home) -> None:
    watched = home.write("watched", "")
    server = serve(start, home, "--touch-reload", str(watched))
    client = Client(server, HTTP_SOCKET)
    write_app(home, 'new" broken')
    mark = server.mark()

    def failed() -> bool:
        return any("the reload failed" in line for line in server.lines_since(mark))

    under_load(client, lambda: touch(watched), failed)
    assert said(client)[0] == "old"
    write_app(home, "newer")
    touch(watched)
    wait_until(lambda: said(client)[0] == "newer", "the new app", 20)


@pytest.mark.parametrize("lazy", ["false", "true"], ids=["preloaded", "lazy"])
@pytest.mark.parametrize("option", ["touch-workers-reload", "touch-chain-reload"])
def test_workers_are_replaced(start, home, option, lazy) -> None:
    """With lazy-apps the new workers have the new code, without they are fresh copies of the app as it was loaded."""
    watched = home.write("watched", "")
    server = serve(start, home, f"--{option}", str(watched), f"--lazy-apps={lazy}", processes=3)
    client = Client(server, HTTP_SOCKET)
    write_app(home, "new")
    before = {member.pid for member in server.family()}
    mark = server.mark()
    expected = "new" if lazy == "true" else "old"

    def replaced() -> bool:
        answer = said(client)
        alive = {member.pid for member in server.family()}
        return len(before - alive) == 3 and answer[0] == expected and int(answer[2]) not in before

    under_load(client, lambda: touch(watched), replaced)
    how = "one by one" if "chain" in option else "all at once"
    server.wait_line(rf"the workers are replaced {how}", after=mark)


@pytest.mark.parametrize("lazy", ["false", "true"], ids=["preloaded", "lazy"])
def test_changed_code_reloads(start, home, lazy) -> None:
    """Any module that the app has imported counts; a mistake is survived, and its correction noticed."""
    server = serve(start, home, "--py-autoreload", "1", f"--lazy-apps={lazy}")
    client = Client(server, HTTP_SOCKET)
    words = home / "site.d/words.py"
    words.write_text('WORD = "second"\n')
    touch(words)
    wait_until(lambda: said(client)[1] == "second", "the changed word", 20)
    server.wait_line(r"words\.py has changed")
    mark = server.mark()
    words.write_text("WORD = \n")
    touch(words)
    server.wait_line(r"the reload failed", after=mark)
    assert said(client)[1] == "second"
    words.write_text('WORD = "third"\n')
    touch(words)
    wait_until(lambda: said(client)[1] == "third", "the corrected word", 20)


def test_commands_through_a_pipe(start, home) -> None:
    pipe = home / "fifo"
    server = serve(start, home, "--master-fifo", str(pipe), "--pidfile", str(home / "pid"))
    client = Client(server, HTTP_SOCKET)

    def command(letters: str) -> int:
        mark = server.mark()
        with open(pipe, "w") as file:
            file.write(letters)
        return mark

    write_app(home, "new")
    mark = command("r")
    server.wait_line(r"reloaded: 2 workers", after=mark)
    assert said(client)[0] == "new"
    server.wait_line(r"worker 1 \(pid \d+\) serves", after=command("s"))
    server.wait_line(r"the workers are replaced one by one", after=command("c"))
    server.wait_line(r"the command 'Z' is not known", after=command("Z\n"))
    (home / "pid").unlink()
    command("P")
    wait_until((home / "pid").exists, "the pid file")
    server.stopped = True
    command("q")
    assert server.wait_exit() == 0
    assert not pipe.exists()


def test_exit_on_reload(start, home) -> None:
    server = serve(start, home, "--exit-on-reload")
    server.stopped = True
    server.send_signal(signal.SIGHUP)
    assert server.wait_exit() == 0
    server.wait_line(r"exit-on-reload")


def test_a_reload_reads_the_configuration_again(start, home) -> None:
    """`touch-reload = %p`: the file that says what runs is the file that is touched when that changes."""
    write_app(home, "old")
    home.write("site.d/words.py", 'import os\nWORD = os.environ.get("WORD", "none")\n')
    config = home / "app.ini"

    def write(*lines: str) -> None:
        common = ("http-socket = 127.0.0.1:0", "chdir = %dsite.d", "module = web", "touch-reload = %p")
        home.write("app.ini", "\n".join(["[uwsgi]", *common, *lines]) + "\n")
        touch(config)

    write("processes = 1", "env = WORD=first", "buffer-size = 8192")
    server = start(str(config), home=home).wait_ready()
    client = Client(server, HTTP_SOCKET)
    assert said(client)[1] == "first"
    under_load(
        client,
        lambda: write("processes = 3", "env = WORD=second", "buffer-size = 16384"),
        lambda: said(client)[1] == "second",
    )
    server.wait_line(r"reloaded: 3 workers")
    server.wait_line(r"what is new about limits counts after a restart")
    mark = server.mark()
    write("processes = 3", "set = nonsense")
    server.wait_line(r"the reload failed", after=mark)
    assert any("app.ini:" in line and "set" in line for line in server.lines_since(mark))
    mark = server.mark()
    write("processes = 1", "threads = 2", "env = WORD=third")
    server.wait_line(r"reloaded: 1 worker \(2 threads each\)", after=mark)
    assert said(client)[1] == "third"
    config.unlink()
    mark = server.mark()
    server.send_signal(signal.SIGHUP)
    server.wait_line(r"the reload failed", after=mark)
    assert said(client)[1] == "third"
