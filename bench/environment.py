"""What the measurements stand on: the virtual environment of the peers, the tools, the machine.

The peers live in `.venvs/bench`, away from Verdigris' own environment, and are installed by package name.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VIRTUAL_ENVIRONMENT = REPOSITORY / ".venvs" / "bench"
RESULTS = REPOSITORY / "bench" / "results"
# Installed one by one, so that a compiler's complaint about one peer does not cost the others.
PACKAGES = ("Flask", "Django", "gevent", "gunicorn", "granian", "fastpysgi", "uWSGI", "bjoern")
STAMP = VIRTUAL_ENVIRONMENT / "bench-packages.json"
# Tool on PATH -> Debian package that has it.
TOOLS = {"wrk": "wrk", "ab": "apache2-utils", "nginx": "nginx-light", "cc": "build-essential"}
# bjoern compiles against this header.
LIBEV_HEADER = Path("/usr/include/ev.h")


def program(name: str) -> str:
    """The path of a command of the peers' environment."""
    return str(VIRTUAL_ENVIRONMENT / "bin" / name)


def find_tool(name: str) -> str | None:
    """The path of nginx, wrk or ab; nginx is often in a directory that is only on root's PATH."""
    return shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


def set_up(again: bool = False) -> None:
    """Make the environment and install what is missing; does nothing the second time unless told `again`."""
    install_tools()
    tried = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    if not (VIRTUAL_ENVIRONMENT / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VIRTUAL_ENVIRONMENT)], check=True)
        tried = {}
    for package in PACKAGES:
        if again or package not in tried:
            tried[package] = install(package)
    STAMP.write_text(json.dumps(tried, indent=2))


def install_tools() -> None:
    """Install the Debian packages of missing tools where that is allowed, else say what to type."""
    missing = [package for tool, package in TOOLS.items() if not find_tool(tool)]
    if not LIBEV_HEADER.exists():
        missing.append("libev-dev")
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        tell(f"missing: {', '.join(missing)}\nhint: sudo {' '.join(command)}")
        return
    subprocess.run(["apt-get", "update", "-q"], stdout=subprocess.DEVNULL, check=False)
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        tell(f"could not install {', '.join(missing)}; what needs them is left out")


def install(package: str) -> bool:
    """Install one peer; a failure is said in one line and the peer is left out."""
    tell(f"installing {package}")
    command = [program("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        reasons = (
            re.findall(r"(?:fatal )?error: .*", done.stdout) or done.stdout.splitlines()[-1:] or ["no reason given"]
        )
        tell(f"{package} is left out: {reasons[0].strip()}")
    return done.returncode == 0


def installed_packages() -> dict[str, str]:
    """Package name in lower case -> version, of the peers' environment."""
    command = [program("python"), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    try:
        listed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {entry["name"].lower(): entry["version"] for entry in json.loads(listed)}


def versions(verdigris: str | None) -> dict[str, str]:
    """The version of everything that takes part in a measurement."""
    found = {name: version for name, version in installed_packages().items() if name not in ("pip", "setuptools")}
    found["python"] = platform.python_version()
    for tool, question in (("wrk", "-v"), ("ab", "-V"), ("nginx", "-v")):
        if path := find_tool(tool):
            found[tool] = number_in(first_line_of([path, question]))
    if verdigris:
        found["verdigris"] = number_in(first_line_of([verdigris, "--version"]))
    return found


def first_line_of(command: list[str]) -> str:
    """The first line a command prints, whichever stream and exit code it chooses."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown ({error})"
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def number_in(text: str) -> str:
    """The version number in a line that says more."""
    number = re.search(r"\d+(\.\d+)+", text)
    return number.group() if number else text


def machine() -> dict[str, object]:
    """The machine and its kernel, as far as they say something about speed."""
    facts = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", facts, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "cpu": model.group(1) if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(memory.group(1)) // 1024 if memory else None,
        "kernel": f"{platform.system()} {platform.release()}",
        "load_average": os.getloadavg(),
    }


def tell(text: str) -> None:
    """Talk goes to stderr, so that stdout has only tables."""
    print(text, file=sys.stderr, flush=True)
