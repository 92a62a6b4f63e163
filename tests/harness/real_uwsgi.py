"""A real uWSGI, asked what it makes of a configuration. It ends before it would start anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# The option that names a file, by its extension.
OPTION = {".ini": "--ini", ".yaml": "--yaml", ".xml": "--xml"}

# With `log-date` in the file, every line begins with a date: whatever stands before our own option.
_FIRST = re.compile(r"^(?P<date>.*?)show-config = true$", re.MULTILINE)


def uwsgi_command() -> str:
    """The uWSGI beside this Python, or the one on the path."""
    beside = Path(sys.executable).with_name("uwsgi")
    command = str(beside) if beside.exists() else shutil.which("uwsgi")
    assert command, "uWSGI is not there: pip install -r tests/requirements.txt"
    return command


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment without variables that are options."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UWSGI_", "VERDIGRIS_"))}
    return {**kept, **variables}


def listing_of_uwsgi(file: Path, *, typed: str = "", **variables: str) -> list[str]:
    """What `uwsgi --show-config` lists for a file, without what the command line added.

    `typed` is how the file is named from its own directory, if not simply by its name.
    """
    done = subprocess.run(
        [
            *(uwsgi_command(), "--show-config", "--hook-pre-jail", "exit:0"),
            *(OPTION[file.suffix], typed or file.name),
        ],
        cwd=file.parent,
        env=clean_environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    first = _FIRST.search(text)
    assert first, f"uWSGI did not show {file.name}:\n{text}"
    date = len(first["date"])
    lines: list[str] = []
    for line in text[first.start() :].splitlines():
        if line[date:].startswith(";end of configuration"):
            return lines[3:]
        lines.append(line[date:].rstrip())
    raise AssertionError(f"uWSGI did not finish the list of {file.name}:\n{text}")


def listing_of_verdigris(command: str, file: Path, *, typed: str = "", **variables: str) -> list[str]:
    """The same from `verdigris config --as-uwsgi`."""
    done = subprocess.run(
        # `--json` of this command asks for its answer in JSON.
        [command, "config", OPTION.get(file.suffix, "--config"), typed or file.name, "--as-uwsgi"],
        cwd=file.parent,
        env=clean_environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    lines = [line.rstrip() for line in done.stdout.decode().splitlines()]
    assert lines[:1] == ["[uwsgi]"], done.stderr.decode()
    return lines[2:]
