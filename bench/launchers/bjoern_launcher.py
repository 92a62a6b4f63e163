"""bjoern has no command of its own: `bjoern_launcher.py MODULE:CALLABLE HOST PORT PROCESSES`."""

import importlib
import os
import sys

import bjoern


def main(application_name: str, host: str, port: str, processes: str) -> None:
    """Listen once, fork one process per worker, and serve in each."""
    sys.path.insert(0, os.getcwd())
    module, _, callable_name = application_name.partition(":")
    application = getattr(importlib.import_module(module), callable_name)
    bjoern.listen(application, host, int(port))
    if int(processes) == 1:
        bjoern.run()
        return
    children = []
    for _ in range(int(processes)):
        child = os.fork()
        if child == 0:
            bjoern.run()
            return
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


main(*sys.argv[1:])
