"""Run every test of the repository, as `make test` does, and add up the counts.

All steps run, whatever the earlier ones said. The last line is `N passed, N failed`; the exit code is 0 only when
nothing has failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VERDIGRIS = Path(sys.executable).parent / "verdigris"

_CARGO_RESULT = re.compile(
    r"^test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed; (?P<skipped>\d+) ignored;"
)
_PYTEST_RESULT = re.compile(r"^=* ?(?=.*\d+ (?:passed|failed|error|skipped|deselected))(?P<counts>[^=]*) in [\d.]+s")
_PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")
_PYTEST_KINDS = {"error": "failed", "errors": "failed", "xfailed": "skipped", "xpassed": "failed"}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Counts:
    """How many tests did what."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Counts) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


@dataclass
class Step:
    """One test runner."""

    name: str
    command: list[str]
    whole: bool = False  # it is one test, passed or failed: it prints no counts


PYTEST = [sys.executable, "-m", "pytest", "-n", str(max(2, os.cpu_count() or 1))]

STEPS = [
    Step("rust tests", ["cargo", "test", "--workspace", "--locked", "--no-fail-fast"]),
    Step("checks", ["cargo", "xtask", "check"], whole=True),
    Step("python tests", [*PYTEST, "tests"]),
    Step("python tests over gevent", [*PYTEST, "--engine", "gevent", "--ignore", "tests/unit_python", "tests"]),
]


def counts_in(line: str) -> Counts:
    """What one line of a runner's output counts, if it is a closing line."""
    line = _COLOUR.sub("", line).strip()
    counts = Counts()
    if match := _CARGO_RESULT.match(line):
        counts.add(Counts(int(match["passed"]), int(match["failed"]), int(match["skipped"])))
    elif match := _PYTEST_RESULT.match(line):
        for number, kind in _PYTEST_COUNT.findall(match["counts"]):
            counts.add(Counts(**{_PYTEST_KINDS.get(kind, kind): int(number)}))
    return counts


def run(step: Step) -> Counts:
    """Run one step, showing its output as it comes."""
    print(f"\n=== {step.name}: {' '.join(step.command)}", flush=True)
    started = time.monotonic()
    counts = Counts()
    environment = {"VERDIGRIS_BIN": str(VERDIGRIS), **os.environ}
    with subprocess.Popen(
        step.command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for raw_line in process.stdout:
            line = raw_line.decode("utf-8", "replace")
            print(line, end="", flush=True)
            counts.add(counts_in(line))
    if step.whole:
        counts = Counts(passed=int(process.returncode == 0), failed=int(process.returncode != 0))
    elif process.returncode != 0 and counts.failed == 0:
        counts.failed = 1  # it did not come to its tests, or ended early
    elif counts.passed + counts.failed == 0:
        counts.failed = 1  # a runner without a test is a mistake, not a success
    print(f"=== {step.name}: {counts} ({time.monotonic() - started:.0f} s)", flush=True)
    return counts


def main() -> int:
    """Run all steps and print the sum."""
    total = Counts()
    results = []
    for step in STEPS:
        counts = run(step)
        total.add(counts)
        results.append(f"{step.name}: {counts}")
    print("\n" + "\n".join(results), flush=True)
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
