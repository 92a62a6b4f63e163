"""Views that stop a loop in different ways, and one that does not."""

import ctypes
import os
import socket
import time

import control

app = control.Router()


@app.add
def who(environ, start_response):
    return control.plain(start_response, str(os.getpid()))


@app.add
def patient(environ, start_response):
    """Sleep as the loop wants it."""
    time.sleep(float(control.query(environ)["seconds"]))
    return control.plain(start_response, str(os.getpid()))


@app.add
def stuck(environ, start_response):
    """Sleep in C with the interpreter lock in hand."""
    deadline = time.monotonic() + float(control.query(environ)["seconds"])
    pause = ctypes.PyDLL(None).usleep
    control.note(f"stuck {os.getpid()}")
    while time.monotonic() < deadline:
        pause(50_000)
    return control.plain(start_response, str(os.getpid()))


@app.add
def computing(environ, start_response):
    deadline = time.monotonic() + float(control.query(environ)["seconds"])
    control.note(f"computing {os.getpid()}")
    while time.monotonic() < deadline:
        pass
    return control.plain(start_response, str(os.getpid()))


@app.add
def receiving(environ, start_response):
    """Receive in C from a peer that says nothing, as a database driver of C does."""
    connection = socket.create_connection(("127.0.0.1", int(control.query(environ)["port"])))
    number = os.dup(connection.fileno())
    os.set_blocking(number, True)
    control.note(f"receiving {os.getpid()}")
    ctypes.CDLL(None).recv(number, ctypes.create_string_buffer(1), 1, 0)
    os.close(number)
    return control.plain(start_response, str(os.getpid()))
