"""Where a mold begins. The server runs this file by its path, with the interpreter of the app's virtual environment:

    <home>/bin/python DIR/verdigris/__mold__.py        with VERDIGRIS_CONTROL=<descriptor> in the environment

That environment need not have Verdigris installed, so the package is taken from where this file is, and nothing else
from there: the app must not see the packages of the environment that Verdigris lives in.

The interpreter can be any that a config names, so this one file is written for Pythons as old as 2.7: they get to say
in a sentence that they are too old.
"""

import json
import os
import sys

OLDEST = (3, 10)


def control_descriptor():
    """The control socket's number; it leaves the environment at once, so that no child of the app inherits it."""
    number = os.environ.pop("VERDIGRIS_CONTROL", "")
    if not number.isdigit():
        sys.exit("this file is started by the verdigris server, not by hand\nhint: verdigris --help")
    return int(number)


def import_own_package():
    """Import `verdigris` from this file's own place; `sys.path` is afterwards as if the interpreter ran no script."""
    here = os.path.dirname(os.path.abspath(__file__))
    # Python puts the script's directory first, unless it was told not to (-P, PYTHONSAFEPATH).
    if sys.path and os.path.realpath(sys.path[0] or ".") == os.path.realpath(here):
        del sys.path[0]
    sys.path.insert(0, os.path.dirname(here))
    try:
        import verdigris  # noqa: F401  (what follows is found through the package's own __path__)
    finally:
        del sys.path[0]


def forget_this_file():
    """Leave `__main__` as empty as in an embedded interpreter.

    `multiprocessing` imports the file of `__main__` in the processes that it spawns: that would be a second mold.
    """
    for name in ("__file__", "__cached__"):
        globals().pop(name, None)


def refuse(control, what, message, hint):
    """Tell the server why there will be no mold, and end. The socket keeps packets, so that a write is a message."""
    failure = {"event": "failed", "what": what, "message": message, "hint": hint}
    os.write(control, json.dumps(failure).encode("ascii"))
    sys.exit(1)


def refuse_old_python(control):
    """Refuse interpreters that the rest of the package is not written for."""
    if sys.version_info[:2] < OLDEST:
        refuse(
            control,
            "Python too old",
            "%s is Python %d.%d; Verdigris serves apps of Python 3.10 and newer"
            % ((sys.executable,) + sys.version_info[:2]),
            "name the app's virtual environment with home = DIRECTORY, or make a new one with a newer Python",
        )


def is_free_threaded(flags):
    """Whether this is a build of Python that can run without its lock, by its `sys.abiflags`.

    `sysconfig` knows it as Py_GIL_DISABLED, but would bring `threading`, before gevent could patch it.
    """
    return "t" in flags


def refuse_free_threaded_python(control):
    """Refuse builds without the lock: Verdigris's extension cannot be loaded there, and gevent does not support them."""
    if is_free_threaded(getattr(sys, "abiflags", "")):
        refuse(
            control,
            "free-threaded Python",
            "%s is a free-threaded build of Python, which Verdigris cannot serve apps with yet" % sys.executable,
            "name an environment of the usual build with home = DIRECTORY",
        )


if __name__ == "__main__":
    control = control_descriptor()
    refuse_old_python(control)
    refuse_free_threaded_python(control)
    import_own_package()
    forget_this_file()
    try:
        from verdigris.mold import main
    except ImportError as error:
        refuse(
            control,
            "extension not loadable",
            "%s cannot load Verdigris's own extension: %s" % (sys.executable, error),
            "it is made for CPython on the kind of machine that Verdigris was installed on; install Verdigris again there",
        )
    main(control)
