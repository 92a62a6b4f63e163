"""The soak of `bench/soak.py`, a short one: no request is lost, answered twice or crossed, and memory stays flat."""

from __future__ import annotations

import subprocess
import sys

import pytest
from harness import launch
from harness.server import TESTS, verdigris_command

SOAK = TESTS.parent / "bench" / "soak.py"


@pytest.mark.timeout(180)
def test_a_short_soak(command: str) -> None:
    assert command == verdigris_command()
    line = [
        *(sys.executable, str(SOAK), "--requests", "20000", "--connections", "200", "--growth", "8"),
        *("--at-once", "120" if launch.ENGINE == "gevent" else "20", "--engine", launch.ENGINE),
        *("--verdigris", command, "--home", sys.prefix),
    ]
    done = subprocess.run(line, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none lost, none twice, none crossed, memory flat" in done.stdout
