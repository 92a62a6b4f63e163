"""Tells which process and thread answers; holds, sleeps, dies and starts programs on request."""

import atexit
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time

import control

app = control.Router()
control.note(f"imported {os.getpid()}")
os.register_at_fork(after_in_child=lambda: control.note(f"fork hook {os.getpid()}"))
IMPORTED_IN = os.getpid()


def umask():
    """The umask, which can only be read by setting it."""
    found = os.umask(0)
    os.umask(found)
    return found


@app.add
def who(environ, start_response):
    facts = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "thread": threading.get_ident(),
        "imported_in": IMPORTED_IN,
        "frozen": gc.get_freeze_count(),
        "collects": gc.isenabled(),
        "threads": len(os.listdir("/proc/self/task")),
        "variables": dict(os.environ),
        "argv": sys.argv,
        "path": sys.path,
        "prefix": sys.prefix,
        "executable": sys.executable,
        "cwd": os.getcwd(),
        "name": __name__,
        "nice": os.nice(0),
        "uid": os.getuid(),
        "gid": os.getgid(),
        "groups": os.getgroups(),
        "umask": umask() if "umask" in control.query(environ) else None,
    }
    return control.plain(start_response, json.dumps(facts))


@app.add
def held(environ, start_response):
    """Note pid and thread, wait at the gate ?gate, answer the pid."""
    gate = control.query(environ)["gate"]
    control.note(f"held {gate} {os.getpid()} {threading.get_ident()}")
    control.wait_at(gate)
    return control.plain(start_response, str(os.getpid()))


@app.add
def echo(environ, start_response):
    """The path comes back, so that crossed answers are seen."""
    return control.plain(start_response, environ["REQUEST_URI"])


@app.add
def sleep(environ, start_response):
    time.sleep(float(control.query(environ)["ms"]) / 1000)
    return control.plain(start_response, environ["REQUEST_URI"])


@app.add
def stream(environ, start_response):
    """A piece, then wait at the gate ?gate, then another."""
    gate = control.query(environ)["gate"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    control.note(f"held {gate} {os.getpid()} {threading.get_ident()}")
    yield b"one"
    control.wait_at(gate)
    yield b"two"


@app.add
def upload(environ, start_response):
    """Note the start, read the whole body, answer its length."""
    control.note(f"upload {os.getpid()}")
    return control.plain(start_response, str(len(environ["wsgi.input"].read())))


@app.add
def busy(environ, start_response):
    """Burn the processor without ever letting go (until the deadline)."""
    control.note(f"busy {os.getpid()}")
    deadline = time.monotonic() + float(control.query(environ)["seconds"])
    while time.monotonic() < deadline:
        pass
    return control.plain(start_response, "burnt")


@app.add
def hog(environ, start_response):
    """Sleep in C while holding the interpreter lock."""
    control.note(f"hog {os.getpid()}")
    ctypes.PyDLL(None).sleep(int(control.query(environ)["seconds"]))
    return control.plain(start_response, "slept")


@app.add
def stuck(environ, start_response):
    """Wait in C for what never comes, holding the interpreter lock; no signal gets it out of there."""
    control.note(f"stuck {os.getpid()}")
    reading, _writing = os.pipe()
    ctypes.PyDLL(None).read(reading, ctypes.create_string_buffer(1), 1)
    return control.plain(start_response, "something came")


@app.add
def leave(environ, start_response):
    os._exit(int(control.query(environ)["code"]))


@app.add
def crash(environ, start_response):
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


@app.add
def register_exit(environ, start_response):
    """Have the end of this process noted."""
    atexit.register(control.note, f"atexit {os.getpid()}")
    return control.plain(start_response, str(os.getpid()))


@app.add
def child_files(environ, start_response):
    """What a program started here finds open, when the app itself closes nothing."""
    listing = "import os; print([(n, os.readlink(f'/proc/self/fd/{n}')) for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')])"
    how = control.query(environ)["how"]
    if how == "subprocess":
        done = subprocess.run(
            [sys.executable, "-c", listing], close_fds=False, capture_output=True, text=True, check=True
        )
        return control.plain(start_response, done.stdout)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(writing, 1)
            os.execv(sys.executable, [sys.executable, "-c", listing])
        finally:
            os._exit(1)
    os.fdopen(writing, "w").close()  # not os.close: under gevent that waits for the hub
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    return control.plain(start_response, text)


@app.add
def program(environ, start_response):
    """Scenario: start a program with a time limit; answer status, output and whether time ran out."""
    asked = control.query(environ)
    process = subprocess.Popen(["sh", "-c", asked["command"]], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    timed_out = False
    try:
        out, err = process.communicate(timeout=float(asked["limit"]))
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        timed_out = True
    facts = {"status": process.returncode, "out": len(out), "err": err.decode(), "timed_out": timed_out}
    return control.plain(start_response, json.dumps(facts))
