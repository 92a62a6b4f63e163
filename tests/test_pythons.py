"""Other Pythons: one server and one extension for all of them, under gevent and with threads.

`scripts/make-pythons` makes an environment for each CPython of the machine; where there is none, the tests' own counts.
`make test-pythons` runs far more of the tests over each.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.client import HTTP_SOCKET, Client
from harness.load import Load
from harness.server import Server
from harness.waiting import wait_until

pytestmark = pytest.mark.once

MADE = sorted(file.parent for file in (Path(__file__).resolve().parent.parent / ".venvs").glob("python3.*/.made"))
HOMES = MADE or [Path(sys.prefix)]


@pytest.fixture(params=HOMES, ids=lambda home: home.name, scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """The environment of a Python."""
    return request.param


def version_of(home: Path) -> str:
    """The whole version of an environment's Python."""
    return subprocess.check_output(
        [home / "bin" / "python", "-c", "import sys; print(sys.version.split()[0])"], text=True
    ).strip()


def serve_with(serve, home: Path, app: str, *options: str, **other) -> Server:
    """A server with greenlets, whose app runs in this Python."""
    server = serve(app, "--home", str(home), *options, threads=500, engine="gevent", **other)
    server.wait_line(rf"loaded in .* by Python {re.escape(version_of(home))} ")
    complaints = [line for line in server.log.lines if "arning" in line and "running as root" not in line]
    assert complaints == []
    return server


def test_greenlets(serve, python: Path) -> None:
    """Many at once, twice, so that their memory is used again; then one that streams."""
    server = serve_with(serve, python, "greenlets:app", processes=2)
    client = Client(server, HTTP_SOCKET)
    for _ in range(2):
        began = time.monotonic()
        exchanges = [client.begin("GET", "/sleep?ms=500") for _ in range(200)]
        assert [exchange.response().status for exchange in exchanges] == [200] * 200
        assert time.monotonic() - began < 20, "one after the other it would be 100 s, in two processes 50 s"
    assert client.get("/current").text == "True link kill value ready"
    assert client.request("POST", "/in-thread", body=b"b" * 300_000).body == b"b" * 300_000
    assert client.get("/fork").text == "7"


def test_greenlets_use_their_memory_again(serve, python: Path) -> None:
    """Since 3.11 each greenlet takes 16 KiB from the system and gives them back: page faults, unless they are kept."""
    server = serve_with(serve, python, "greenlets:app")
    client = Client(server, HTTP_SOCKET)
    worker = int(client.get("/sleep?ms=0").text.split()[0])
    load = Load(client.address, 8, lambda c, n: "/sleep?ms=1").start()
    wait_until(lambda: load.count > 500, "a warm worker")
    before, answered = faults(worker), load.count
    wait_until(lambda: load.count > answered + 3000, "3000 requests", 60)
    grown = faults(worker) - before
    assert [answer for answer in load.stop() if answer.status != 200] == []
    assert grown < 1500


def faults(pid: int) -> int:
    """How many pages a process has been given so far."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[7])


def test_a_deadline_hits_one_request(serve, python: Path) -> None:
    """The exception reaches the late greenlet's own frames, and no other's."""
    server = serve_with(serve, python, "greenlets:app", "--harakiri", "1")
    client = Client(server, HTTP_SOCKET)
    late = [client.begin("GET", f"/wait?event=late{number}") for number in range(20)]
    beside = [client.begin("GET", "/sleep?ms=700") for _ in range(20)]
    assert [exchange.response().status for exchange in late] == [504] * 20
    assert [exchange.response().status for exchange in beside] == [200] * 20
    for number in range(20):
        server.home.wait_entry(f"DeadlineExceeded late{number}")
    server.wait_line(r"greenlets\.py\", line \d+, in wait")
    assert client.get("/sleep?ms=0").status == 200
    assert len({entry for entry in server.home.entries() if entry.startswith("imported ")}) == 1


def test_a_blocked_hub_is_seen_from_outside(serve, python: Path) -> None:
    server = serve_with(serve, python, "blocking:app")
    assert Client(server, HTTP_SOCKET).get("/stuck?seconds=1.5").status == 200
    server.wait_line(r"hub blocked \d+ ms by apps/blocking\.py:\d+ in stuck \((clock_nanosleep|computing)\)")


def test_threads_and_flask(serve, python: Path) -> None:
    server = serve("frameworks:app", "--home", str(python), threads=4, engine="threads", home=None)
    assert Client(server, HTTP_SOCKET).get("/flask/?q=a").text.startswith("flask a http://")


def test_what_came_too_early_is_named(start, home, python: Path) -> None:
    """The doctor, in that Python: what its own start brings along must not look like the user's doing."""
    home.write("web.py", "import ssl, requests\ndef application(environ, start_response): ...\n")
    fine = start("doctor", "--gevent", "--home", str(python), "web", home=home)
    assert fine.wait_exit(60) == 0, fine.out.text + fine.log.text
    assert fine.out.finished() and version_of(python) in fine.out.text
    home.write("early/sitecustomize.py", "import ssl\nfrom time import sleep\n")
    late = start(
        *("doctor", "--gevent", "--home", str(python), "web"),
        home=home,
        environment={"PYTHONPATH": str(home / "early")},
    )
    assert late.wait_exit(60) == 1
    assert late.out.finished() and "by sitecustomize → ssl" in late.out.text
    assert "sitecustomize: sleep is the unpatched time.sleep" in late.out.text
    fine.stopped = late.stopped = True
