"""Answers with the environ it got, as JSON; the types of the values beside it."""

import json
import os
import sys


def app(environ, start_response):
    strings = {k: v for k, v in environ.items() if isinstance(v, str)}
    others = {k: repr(v) for k, v in environ.items() if not isinstance(v, str)}
    facts = {
        "strings": strings,
        "others": others,
        "types": {k: type(v).__name__ for k, v in environ.items()},
        "exact_dict": type(environ) is dict,
        "keys_are_str": all(type(k) is str for k in environ),
        "latin1": all(all(ord(c) < 256 for c in v) for v in strings.values()),
        "pid": os.getpid(),
        "argv": sys.argv,
        "path": sys.path,
        "cwd": os.getcwd(),
        "file_wrapper_callable": callable(environ.get("wsgi.file_wrapper")),
        "errors_methods": [m for m in ("write", "writelines", "flush") if hasattr(environ["wsgi.errors"], m)],
    }
    environ["mutated"] = "the dict belongs to the app"
    body = json.dumps(facts).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
