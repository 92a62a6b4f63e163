"""The fork audit names threads and sockets that the import left behind."""

from __future__ import annotations

import socket

APP = "\ndef application(environ, start_response): return []\n"


def warnings_of(load, directory, code: str) -> list[str]:
    (directory / "web.py").write_text(code + APP)
    answer = load(module="web")
    assert answer["event"] == "loaded", answer
    return answer["warnings"]


def test_nothing_to_say(load, directory):
    assert warnings_of(load, directory, "import socket, threading\nsocket.socket().close()") == []


def test_threads(load, directory):
    [warning] = warnings_of(
        load,
        directory,
        "import threading\n"
        "class Poller(threading.Thread):\n"
        "    def run(self): threading.Event().wait()\n"
        "threading.Thread(target=threading.Event().wait, daemon=True, name='reporter').start()\n"
        "Poller(daemon=True, name='poll').start()\n",
    )
    assert warning.startswith(
        "2 threads are running after the import (reporter: threading.Event.wait, poll: web.Poller): "
        "they do not exist in the workers\nhint: "
    )
    assert "lazy-apps = true" in warning


def test_one_thread_that_python_does_not_know(load, directory):
    [warning] = warnings_of(
        load, directory, "import _thread\n_thread.start_new_thread(__import__('time').sleep, (3600,))"
    )
    assert warning.startswith("1 thread is running after the import (1 not started by Python): it does not exist")


def test_sockets(load, directory):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        [warning] = warnings_of(
            load,
            directory,
            "import socket\n"
            f"database = socket.create_connection(('127.0.0.1', {port}))\n"
            "listening = socket.create_server(('127.0.0.1', 0))\n"
            "idle = socket.socket()\n",
        )
    assert warning.startswith(f"3 sockets are open after the import (to 127.0.0.1:{port}, listening on 127.0.0.1:")
    assert ", not connected): all workers would share them" in warning


def test_unix_socket_peer(load, directory):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "s"))
        listener.listen()
        [warning] = warnings_of(
            load, directory, f"import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect({str(directory / 's')!r})"
        )
    assert f"1 socket is open after the import (to unix socket {directory}/s): all workers would share it" in warning


def test_threads_of_numpy_survive_a_fork(load, directory):
    """OpenBLAS ends them before a fork and starts them again, on machines with several cores; others count as ever."""
    code = "import numpy, os\nnumpy.ones((300, 300)) @ numpy.ones((300, 300))\n"
    assert warnings_of(load, directory, code) == []
    [warning] = warnings_of(
        load, directory, code + "import _thread, time\n_thread.start_new_thread(time.sleep, (3600,))\n"
    )
    assert warning.startswith("1 thread is running after the import (1 not started by Python)")
