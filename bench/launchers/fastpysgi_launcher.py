"""FastPySGI's command cannot start several workers: `fastpysgi_launcher.py MODULE:CALLABLE HOST PORT PROCESSES`."""

import importlib
import os
import sys

import fastpysgi


def main(application_name: str, host: str, port: str, processes: str) -> None:
    """Serve with the server's own defaults."""
    sys.path.insert(0, os.getcwd())
    module, _, callable_name = application_name.partition(":")
    application = getattr(importlib.import_module(module), callable_name)
    fastpysgi.run(application, host, int(port), workers=int(processes))


main(*sys.argv[1:])
