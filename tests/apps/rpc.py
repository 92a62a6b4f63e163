"""Waits for a grpc server, whose socket is in the directory PLACE. Each worker makes its channel with the first call."""

import functools
import os

import control
import grpc

app = control.Router()


@functools.cache
def method():
    """The remote method, on the one channel of this worker."""
    return grpc.insecure_channel(f"unix:{os.environ['PLACE']}/socket").unary_unary("/slow/sleep")


@app.add
def sleep(environ, start_response):
    seconds = control.query(environ)["seconds"]
    with control.together("sleep"):
        said = method()(seconds.encode(), timeout=30)
    return control.plain(start_response, said)


@app.add
def late(_environ, start_response):
    """A call whose own deadline comes first."""
    try:
        with control.together("late"):
            method()(b"20", timeout=0.5)
    except grpc.RpcError as error:
        return control.plain(start_response, error.code().name)
