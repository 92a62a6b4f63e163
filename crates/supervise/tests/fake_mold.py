"""A mold without an app, for tests: it speaks the protocol, and its workers wait for a wake-up and leave.

With the setting `fail` it cannot load; with `lazy_fail` its workers cannot; with `view` they wait in that piece of code,
of an app, and tell where they are when they are asked.
"""

import faulthandler
import json
import os
import signal
import socket
import sys

control = socket.socket(fileno=int(os.environ.pop("VERDIGRIS_CONTROL")))
signal.signal(signal.SIGCHLD, lambda *_: None)
wake_read, wake_write = os.pipe()
os.set_blocking(wake_write, False)
signal.set_wakeup_fd(wake_write)


def send(**message):
    control.send(json.dumps(message).encode())


def work(descriptors, settings):
    memory, wake_worker, wake_server, own_control, stacks = descriptors
    control.close()
    signal.set_wakeup_fd(-1)
    if settings.get("lazy_fail"):
        with socket.socket(fileno=own_control) as own:
            own.send(json.dumps({"event": "failed", "message": "nothing to load"}).encode())
        os._exit(22)
    if settings.get("view"):
        faulthandler.register(signal.SIGRTMAX - 2, file=stacks, all_threads=False, chain=False)
        os.write(settings["told"], b".")
        exec(compile(settings["view"], "/srv/shop/views.py", "exec"), {"os": os, "wake_up": wake_worker})
    else:
        os.read(wake_worker, 8)
    os._exit(0)


def wait_until_it_sleeps(pid, settings):
    """Wait until the view of a worker sleeps: nothing else does after that byte."""
    os.read(settings["hear"], 1)
    while True:
        with open(f"/proc/{pid}/stat") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "S":
                return


def main():
    import select

    settings = json.loads(control.recv(131072))["settings"]
    settings["hear"], settings["told"] = os.pipe()
    if settings.get("fail"):
        send(event="failed", what="module not found", message="there is no module `ap`", hint="app", looked=["/srv"])
        sys.exit(22)
    send(event="loaded", seconds=0.5, app="app:app", kind="wsgi", python="3", executable=sys.executable)
    children, stopping = {}, False
    while not (stopping and not children):
        ready, _, _ = select.select([control, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 512)
        if control in ready:
            packet, descriptors, _, _ = socket.recv_fds(control, 131072, 5)
            if not packet:
                break
            message = json.loads(packet)
            if message["do"] == "stop":
                stopping = True
            else:
                pid = os.fork()
                if pid == 0:
                    work(descriptors, settings)
                if settings.get("view"):
                    wait_until_it_sleeps(pid, settings)
                name = {"worker": message["worker"], "incarnation": message["incarnation"]}
                children[pid] = name
                send(event="forked", pid=pid, **name)
            for descriptor in descriptors:
                os.close(descriptor)
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            send(event="exited", pid=pid, status=status, **children.pop(pid))


main()
