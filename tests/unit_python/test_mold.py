"""The mold's protocol: fork, report, reap, stop, and the end of the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

APP = """
import os, sys
def application(environ, start_response):
    start_response("200 OK", [])
    return [eval(environ["do"], globals()).encode()]
"""


@pytest.fixture
def mold(start, directory):
    (directory / "web.py").write_text(APP)
    mold = start()
    mold.load(module="web", title="verdigris web:application")
    return mold


def process_exists(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_worker_serves_and_leaves(mold):
    worker = mold.fork(3, 7)
    pid = mold.forked()
    assert worker.answer() == {
        "ready": True,
        "pid": pid,
        "title": "verdigris web:application worker 3",
        "worker": 3,
        "incarnation": 7,
    }
    assert worker.ask(do="'hello'") == {"status": "200 OK", "body": "hello"}
    worker.leave()
    assert mold.receive() == {"event": "exited", "pid": pid, "worker": 3, "incarnation": 7, "status": 0}
    assert not process_exists(pid)


def test_worker_has_nothing_of_the_mold(mold):
    """Its descriptors are the standard three, its own five and a way to the mold, whatever was forked before it."""
    for number in (1, 2):
        worker = mold.fork(number)
        mold.forked()
        assert worker.answer()["worker"] == number
        listing = worker.ask(do="' '.join(sorted(os.listdir('/proc/self/fd')))")["body"].split()
        assert len(listing) - 1 == 3 + 5 + 1, listing  # one is the directory being read


def test_mold_keeps_nothing_of_its_workers(mold):
    before = len(os.listdir(f"/proc/{mold.process.pid}/fd"))
    for number in range(1, 6):
        worker = mold.fork(number)
        mold.forked()
        worker.answer()
        worker.leave()
        assert mold.receive()["event"] == "exited"
    assert len(os.listdir(f"/proc/{mold.process.pid}/fd")) - before <= 2


def test_killed_worker_is_reported(mold):
    worker = mold.fork()
    pid = mold.forked()
    worker.answer()
    os.kill(pid, signal.SIGKILL)
    event = mold.receive()
    assert (event["pid"], event["status"]) == (pid, signal.SIGKILL)
    assert worker.answer() == {}


def test_sigterm_to_a_worker_asks_the_server(mold):
    """A worker does not leave by itself: its requests, and at a service's stop the waiting ones, would be lost."""
    worker = mold.fork(2, 5)
    pid = mold.forked()
    worker.answer()
    os.kill(pid, signal.SIGTERM)
    assert mold.receive() == {"event": "leaving", "worker": 2, "incarnation": 5, "pid": pid}
    assert worker.ask(do="'still here'")["body"] == "still here"
    worker.leave()
    assert mold.receive()["status"] == 0


def test_signals_of_a_terminal_do_not_end_anything(mold):
    worker = mold.fork()
    pid = mold.forked()
    worker.answer()
    for number in (signal.SIGINT, signal.SIGHUP):
        os.kill(pid, number)
        os.kill(mold.process.pid, number)
    os.kill(mold.process.pid, signal.SIGTERM)
    assert worker.ask(do="'still here'")["body"] == "still here"
    worker.leave()
    assert mold.receive()["status"] == 0
    assert mold.process.poll() is None


def test_programs_started_by_the_app_get_default_signals(mold):
    worker = mold.fork()
    mold.forked()
    worker.answer()
    ask = "__import__('subprocess').run(['grep', 'SigIgn', '/proc/self/status'], capture_output=True, text=True).stdout"
    ignored = int(worker.ask(do=ask)["body"].split()[1], 16)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        assert not ignored >> (number - 1) & 1
    worker.leave()


def test_stop_waits_for_the_workers(mold):
    worker = mold.fork()
    pid = mold.forked()
    worker.answer()
    mold.send({"do": "stop"})
    late = mold.fork(2)
    assert mold.receive()["event"] == "warning"
    assert late.answer() == {}
    assert mold.process.poll() is None
    worker.leave()
    assert mold.receive()["pid"] == pid
    assert mold.wait() == 0


def test_end_of_the_server_ends_all(mold):
    busy, idle = mold.fork(1), mold.fork(2)
    pids = [mold.forked(), mold.forked()]
    busy.answer(), idle.answer()
    # The busy one blocks with SIGTERM masked: only the second, harder way ends it.
    busy.send(do="[__import__('signal').pthread_sigmask(0, [15]), __import__('time').sleep(3600)]")
    for end in (busy.control, idle.control, mold.control):
        end.close()
    assert mold.wait() == 0
    assert not process_exists(pids[1])
    assert busy.answer() == {}  # its end of the pipe is closed: it is gone
    assert not process_exists(pids[0])


def test_worker_outlives_its_mold(mold):
    worker = mold.fork()
    pid = mold.forked()
    worker.answer()
    mold.process.kill()
    assert mold.wait() == -signal.SIGKILL
    assert worker.ask(do="'still here'")["body"] == "still here"
    os.kill(pid, signal.SIGTERM)  # nobody is there to be asked, but the server lives
    assert worker.ask(do="'and here'")["body"] == "and here"
    worker.control.close()
    os.kill(pid, signal.SIGTERM)
    assert worker.answer() == {}


def test_worker_that_serves_nobody_ends_with_its_mold(mold):
    """Server and mold are killed at once: the kernel tells the worker, which finds the server gone."""
    worker = mold.fork()
    mold.forked()
    worker.answer()
    worker.control.close()
    mold.process.kill()
    assert worker.answer() == {}


def test_strangers_are_reaped(start, directory):
    """Processes that the import started become zombies of the mold when nobody waits for them."""
    (directory / "web.py").write_text(
        "import os, subprocess\nkept = subprocess.Popen(['true'])\n"
        "os.waitid(os.P_PID, kept.pid, os.WEXITED | os.WNOWAIT)\n" + APP
    )
    mold = start()
    mold.load(module="web")
    worker = mold.fork()
    mold.forked()
    worker.answer()
    worker.leave()
    assert mold.receive()["event"] == "exited"
    children = Path(f"/proc/{mold.process.pid}/task/{mold.process.pid}/children").read_text().split()
    assert children == []


def test_processes_started_by_the_import_end_with_the_mold(start, directory):
    (directory / "web.py").write_text(
        "import multiprocessing, time\n"
        "helper = multiprocessing.get_context('fork').Process(target=time.sleep, args=(3600,), daemon=True)\n"
        "helper.start()" + APP
    )
    mold = start()
    mold.load(module="web")
    worker = mold.fork()
    mold.forked()
    worker.answer()
    helper = int(worker.ask(do="str(helper.pid)")["body"])
    worker.leave()
    assert mold.receive()["status"] == 0
    assert process_exists(helper)
    mold.send({"do": "stop"})
    assert mold.wait() == 0
    assert not process_exists(helper)


def test_handlers_that_the_app_sets_while_importing(start, directory):
    """The app's own SIGCHLD and SIGTERM handlers do not stop the mold from reaping or the worker from finishing."""
    (directory / "web.py").write_text(
        "import signal\nfor n in (15, 17): signal.signal(n, signal.SIG_IGN)\nsignal.set_wakeup_fd(-1)" + APP
    )
    mold = start()
    mold.load(module="web")
    worker = mold.fork()
    pid = mold.forked()
    worker.answer()
    os.kill(pid, signal.SIGTERM)
    assert mold.receive()["event"] == "leaving"
    worker.leave()
    assert mold.receive()["status"] == 0


def test_lazy_apps_load_in_the_worker(start, directory):
    (directory / "web.py").write_text("import os\npid = os.getpid()" + APP)
    mold = start()
    loaded = mold.load(module="web", lazy_apps=True)
    assert (loaded["app"], loaded["warnings"]) == ("web", [])
    worker = mold.fork()
    pid = mold.forked()
    assert worker.answer()["ready"]
    assert worker.ask(do="str(pid)")["body"] == str(pid)
    worker.leave()


def test_lazy_apps_report_failure(start):
    mold = start()
    mold.load(module="absent", lazy_apps=True)
    worker = mold.fork()
    mold.forked()
    event = json.loads(worker.control.recv(200_000))
    assert (event["event"], event["what"]) == ("failed", "module not found")
    assert worker.control.recv(1) == b""
    assert mold.receive()["status"] == 22 << 8


def test_lazy_apps_without_need_app_warn(start):
    mold = start()
    mold.load(module="absent", lazy_apps=True, need_app=False)
    worker = mold.fork()
    mold.forked()
    event = mold.receive()
    assert (event["event"], event["worker"]) == ("warning", 1)
    assert worker.answer()["ready"]
    worker.leave()


def test_import_option_with_lazy_apps_is_for_worker_1(start, directory):
    (directory / "web.py").write_text(APP)
    (directory / "extra.py").write_text("")
    mold = start()
    mold.load(module="web", lazy_apps=True, imports=["extra"])
    for number, there in ((1, "True"), (2, "False")):
        worker = mold.fork(number)
        mold.forked()
        worker.answer()
        assert worker.ask(do="str('extra' in sys.modules)")["body"] == there
        worker.leave()
        mold.receive()


def test_exit_handlers_run(start, directory):
    (directory / "web.py").write_text("import atexit\natexit.register(print, 'exit handler of', end='!')" + APP)
    mold = start()
    mold.load(module="web")
    worker = mold.fork()
    mold.forked()
    worker.answer()
    worker.ask(do="__import__('threading').Thread(target=lambda: print('thread')).start() or ''")
    worker.leave()
    assert mold.receive()["status"] == 0
    assert mold.output.read_text() == "thread\nexit handler of!"


def test_worker_whose_engine_fails(start, directory):
    (directory / "web.py").write_text(APP)
    mold = start()
    mold.load(module="web")
    worker = mold.fork()
    mold.forked()
    worker.answer()
    worker.send(do="1/0")
    assert mold.receive()["status"] == 1 << 8
    assert "ZeroDivisionError" in mold.output.read_text()


def test_fork_hooks_run(start, directory):
    (directory / "web.py").write_text(
        "import os\nseen = []\nos.register_at_fork(after_in_child=lambda: seen.append('child'))" + APP
    )
    mold = start()
    mold.load(module="web")
    worker = mold.fork()
    mold.forked()
    worker.answer()
    assert worker.ask(do="str(seen)")["body"] == "['child']"
    worker.leave()


def test_started_by_hand(package):
    environment = {name: value for name, value in os.environ.items() if name != "VERDIGRIS_CONTROL"}
    done = subprocess.run(
        [sys.executable, package / "__mold__.py"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "started by the verdigris server" in done.stderr


def test_extension_that_cannot_be_loaded(start, package):
    native = package / "_native.py"
    whole = native.read_text()
    native.write_text("raise ImportError('undefined symbol: Py_Wish')")
    try:
        event = start().receive()
    finally:
        native.write_text(whole)
    assert (event["event"], event["what"]) == ("failed", "extension not loadable")
    assert "Py_Wish" in event["message"]


def test_multiprocessing_spawn_in_the_app(start, directory):
    """A spawned process must not become a second mold."""
    (directory / "task.py").write_text("def double(x): return x * 2")
    (directory / "web.py").write_text(APP)
    mold = start()
    mold.load(module="web")
    worker = mold.fork()
    mold.forked()
    worker.answer()
    ask = "str(__import__('multiprocessing').get_context('spawn').Pool(1).map(__import__('task').double, [21]))"
    assert worker.ask(do=ask)["body"] == "[42]"
    worker.leave()


def test_mold_stays_small(start, directory):
    """What the mold imports is in every worker: heavy modules of the library must not creep in."""
    (directory / "web.py").write_text(APP)
    mold = start()
    mold.load(module="web")
    worker = mold.fork()
    mold.forked()
    worker.answer()
    loaded = worker.ask(do="' '.join(sorted(sys.modules))")["body"].split()
    heavy = {
        "asyncio",
        "socket",
        "ssl",
        "logging",
        "typing",
        "subprocess",
        "inspect",
        "traceback",
        "importlib.metadata",
    }
    assert heavy.intersection(loaded) == set()
    worker.leave()
