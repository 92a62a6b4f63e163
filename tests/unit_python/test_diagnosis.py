"""The doctor's decisions, and what a free-threaded Python is told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("python", "gevent", "greenlet", "told"),
    [
        ((3, 11), "26.9.0", "3.5.6", []),
        ((3, 12), "23.9.1", "3.0.0rc1", []),
        ((3, 12), "22.10.2", "3.0.0", ["gevent 22.10.2 does not know Python 3.12"]),
        ((3, 13), "24.2.1", "3.0.3", ["gevent 24.2.1 does not know Python 3.13", "greenlet 3.0.3 does not know"]),
        ((3, 99), "1", "1", []),
    ],
)
def test_versions_that_fit(python, gevent, greenlet, told):
    from verdigris.doctor.versions import misfits

    found = misfits(python, gevent, greenlet)
    assert [text.startswith(start) for (text, _), start in zip(found, told, strict=True)] == [True] * len(told)
    assert all("-m pip install --upgrade" in hint for _, hint in found)


def test_libraries_of_wheels_have_a_hash_in_their_names():
    from verdigris.doctor.libraries import _NAME

    names = {
        "libpq-9b38f5e3.so.5.17": "libpq",
        "libpq.so.5": "libpq",
        "libssh2-4ffb6a8b.so.1.0.1": "libssh2",
        "libmariadb.so.3": "libmariadb",
        "libodbc.so": "libodbc",
        "_psycopg.cpython-311-x86_64-linux-gnu.so": None,
    }
    assert {name: match[1] if (match := _NAME.match(name)) else None for name in names} == names


def test_where_an_early_import_came_from():
    from verdigris.early import _origin, shown

    lines = [(0, "os"), (2, "_ssl"), (1, "ssl"), (0, "sitecustomize"), (0, "site"), (0, "time")]
    assert _origin(lines, "ssl") == "sitecustomize → ssl"
    assert _origin(lines, "_ssl") == "sitecustomize → ssl → _ssl"
    assert _origin(lines, "requests") == ""
    assert shown(list("abcdefg")) == "a → b → … → e → f → g"


@pytest.mark.parametrize(("flags", "free"), [("", False), ("d", False), ("t", True), ("td", True)])
def test_a_free_threaded_build_is_known_by_its_flags(flags, free, monkeypatch):
    from verdigris import __mold__

    assert __mold__.is_free_threaded(flags) is free
    monkeypatch.setattr(sys, "abiflags", flags)
    read, write = os.pipe()
    if free:
        with pytest.raises(SystemExit):
            __mold__.refuse_free_threaded_python(write)
    else:
        __mold__.refuse_free_threaded_python(write)
    os.close(write)
    with open(read) as said:
        assert ("free-threaded build of Python" in said.read()) is free


def test_the_flags_say_what_sysconfig_says():
    """On every interpreter that runs these tests, whichever build it is."""
    import sysconfig

    from verdigris.__mold__ import is_free_threaded

    assert is_free_threaded(sys.abiflags) is bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def test_a_mold_refuses_a_free_threaded_python(start, tmp_path):
    """The flags are all that tells it there, so a sitecustomize that sets them stands for such a build."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.abiflags = 't'\n")
    mold = start(env={"PYTHONPATH": str(tmp_path)})
    refused = mold.receive()
    assert (refused["event"], refused["what"]) == ("failed", "free-threaded Python")
    assert refused["message"].startswith(f"{sys.executable} is a free-threaded build of Python")
    assert "hint" in refused
    assert mold.wait() == 1


def test_checking_imports_nothing():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules)\n"
        "from verdigris import __mold__; __mold__.refuse_free_threaded_python(-1)\n"
        "print(sorted({'sysconfig', 'threading', 'socket', 'ssl'} & (set(sys.modules) - before)))"
    )
    from verdigris import __file__ as package

    answer = subprocess.run(
        [sys.executable, "-I", "-c", code, package.rpartition("/verdigris/")[0]],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert answer.stdout == "[]\n"
