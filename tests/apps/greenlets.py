"""Waits, streams, spawns, fails and computes under gevent."""

import os
import socket
import threading
import time

import control
import gevent
from gevent.event import Event

app = control.Router()
control.note(f"imported {os.getpid()}")
EVENTS = {}


@app.add
def sleep(environ, start_response):
    """Sleep for ?ms; the answer names the process and how many system threads it has."""
    time.sleep(float(control.query(environ)["ms"]) / 1000)
    return control.plain(start_response, f"{os.getpid()} {len(os.listdir('/proc/self/task'))}")


@app.add
def wait(environ, start_response):
    """Wait for the event ?event, for ever if nobody sets it."""
    name = control.query(environ)["event"]
    control.note(f"waiting {name}")
    try:
        EVENTS.setdefault(name, Event()).wait()
    except BaseException as error:
        control.note(f"{type(error).__name__} {name}")
        raise
    return control.plain(start_response, name)


@app.add
def set_event(environ, start_response):
    name = control.query(environ)["event"]
    EVENTS.setdefault(name, Event()).set()
    return control.plain(start_response, name)


@app.add
def scenario(environ, start_response):
    """Counts in a greenlet, streams, looks names up in parallel, leaves a greenlet behind."""

    def count():
        for number in range(3):
            gevent.sleep(0.001)
            control.note(f"counted {number}")

    def afterwards():
        control.wait_at("afterwards")
        control.note("afterwards")

    gevent.spawn(count).join()
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"sleeping\n"
    control.wait_at("stream")
    yield b"looking up\n"
    jobs = [gevent.spawn(gevent.socket.gethostbyname, "localhost") for _ in range(4)]
    gevent.joinall(jobs, timeout=2)
    yield " ".join(job.value for job in jobs).encode() + b"\n"
    gevent.spawn(afterwards)


@app.add
def raises(environ, start_response):
    """Raise what ?what names."""
    what = control.query(environ)["what"]
    raise {"exit": SystemExit(3), "interrupt": KeyboardInterrupt(), "greenlet": gevent.GreenletExit("enough")}[what]


@app.add
def background(environ, start_response):
    """Leave something behind: ?what = endless, thread or exit."""
    what = control.query(environ)["what"]
    if what == "endless":
        gevent.spawn(lambda: [gevent.sleep(0.05) for _ in iter(int, 1)])
    elif what == "thread":
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    else:
        gevent.spawn(os._exit if what == "_exit" else exit, 3)
    gevent.sleep(0)
    return control.plain(start_response, str(os.getpid()))


@app.add
def in_thread(environ, start_response):
    """The body is read, and the answer is written, in a thread of gevent's pool."""
    pool = gevent.get_hub().threadpool
    body = pool.apply(environ["wsgi.input"].read)
    write = start_response("200 OK", [("Content-Length", str(len(body)))])
    pool.apply(write, (body,))
    return []


@app.add
def in_hub(environ, start_response):
    """What the hub itself may not do."""
    found = []

    def read():
        try:
            environ["wsgi.input"].read()
        except RuntimeError as error:
            found.append(str(error))

    gevent.get_hub().loop.run_callback(read)
    gevent.sleep(0.01)
    return control.plain(start_response, " ".join(found))


@app.add
def both_ways(environ, start_response):
    """One greenlet reads, another writes."""
    reader = gevent.spawn(environ["wsgi.input"].read)
    start_response("200 OK", [])
    yield b"first|"
    yield str(len(reader.get())).encode()


@app.add
def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    return control.plain(start_response, f"{environ['PATH_INFO']} {len(body)}")


@app.add
def large(environ, start_response):
    """Many pieces; a client that does not read them stops only this one."""
    start_response("200 OK", [])
    for number in range(200):
        yield b"x" * 65536
        control.note(f"piece {number}")


@app.add
def fork(environ, start_response):
    """A child that uses the hub and leaves; it must not take anything of the parent's."""
    pid = os.fork()
    if pid == 0:
        try:
            gevent.sleep(0.2)
            socket.gethostbyname("localhost")
        finally:
            os._exit(7)
    _, status = os.waitpid(pid, 0)
    return control.plain(start_response, str(os.waitstatus_to_exitcode(status)))


@app.add
def current(environ, start_response):
    """What libraries may expect of the greenlet of a request."""
    greenlet = gevent.getcurrent()
    names = [name for name in ("link", "kill", "value", "ready") if hasattr(greenlet, name)]
    return control.plain(start_response, f"{isinstance(greenlet, gevent.Greenlet)} {' '.join(names)}")
