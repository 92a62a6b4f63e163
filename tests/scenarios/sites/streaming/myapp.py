"""The streaming example: greenlets, sleeps and name look-ups inside a generator."""

import control
import gevent
import gevent.socket


def bg_task():
    for number in range(1, 3):
        control.note(f"background {number}")
        gevent.sleep(0.1)


def long_bg_task():
    for number in range(1, 4):
        control.note(f"long background {number}")
        gevent.sleep(1)


def application(environ, start_response):
    gevent.spawn(bg_task).join()
    start_response("200 OK", [("Content-Type", "text/html")])
    yield b"sleeping for 3 seconds...<br/>\n"
    gevent.sleep(3)
    yield b"done<br/>\n"
    names = ["localhost", "127.0.0.1", "localhost", "no-such-host.invalid"]
    jobs = [gevent.spawn(gevent.socket.gethostbyname, name) for name in names]
    gevent.joinall(jobs, timeout=2)
    for name, job in zip(names, jobs):
        yield f"{name} = {job.value}<br/>\n".encode()
    control.note("answered")
    gevent.spawn(long_bg_task)
