#!/usr/bin/env python3
"""A million requests with random waits: none lost, none answered twice, none crossed, memory flat afterwards.

    python3 bench/soak.py --requests 1000000
"""

from __future__ import annotations

import argparse
import os
import signal
import struct
import sys
import time
from pathlib import Path

from asking import Questions
from measure import descendants, name_of, proportional_memory_of, resident_memory
from process import adopt_orphans, free_port, running, temporary_directory, wait_until_answering

REPOSITORY = Path(__file__).resolve().parent.parent
APPS = Path(__file__).parent / "apps"
WARM_UP_SHARE = 0.1
STEPS = 10
SETTLING_SECONDS = 30.0


def arguments() -> argparse.Namespace:
    """What may be said on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000, help="how many (default: a million)")
    parser.add_argument("--connections", type=int, default=500, help="kept connections (default: 500)")
    parser.add_argument("--processes", type=int, default=2, help="worker processes (default: 2)")
    parser.add_argument("--at-once", type=int, default=250, help="greenlets or threads of each (default: 250)")
    parser.add_argument("--engine", choices=("gevent", "threads"), default="gevent", help="(default: gevent)")
    parser.add_argument("--longest", type=int, default=20, metavar="MS", help="longest wait of a request (default: 20)")
    parser.add_argument("--growth", type=float, default=4.0, metavar="MIB", help="growth of each process (default: 4)")
    parser.add_argument("--seed", type=int, default=1, help="of the random waits (default: 1)")
    parser.add_argument("--verdigris", default=str(REPOSITORY / ".venv/bin/verdigris"), metavar="PATH")
    parser.add_argument("--home", default=str(REPOSITORY / ".venv"), metavar="PATH", help="environment with gevent")
    return parser.parse_args()


def main() -> int:
    """Ask, watch, and say what came of it."""
    chosen = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    adopt_orphans()
    with temporary_directory() as directory:
        os.environ["SOAK_DIRECTORY"] = str(directory)
        port = free_port()
        command = [
            *(chosen.verdigris, "--http-socket", f"127.0.0.1:{port}", "--module", "soaking", "--chdir", str(APPS)),
            *("--home", chosen.home, "--processes", str(chosen.processes), "--disable-logging"),
            *(f"--{chosen.engine}", str(chosen.at_once)),
        ]
        with running(command, directory) as process:
            wait_until_answering(process, port, "/0?ms=0", directory)
            problems = soak(chosen, process.pid, port, directory)
        log = next(directory.glob("*.log")).read_text(errors="replace")
    problems += [f"in the log: {line}" for line in log.splitlines() if "error" in line or "Traceback" in line][:5]
    for problem in problems:
        print(f"FAILED: {problem}")
    print("failed" if problems else "none lost, none twice, none crossed, memory flat")
    return 1 if problems else 0


def soak(chosen: argparse.Namespace, root: int, port: int, directory: Path) -> list[str]:
    """All requests, with the memory of every process before and after; what was wrong."""
    already = tallied(directory)
    show("at rest", root)
    questions = Questions(port, chosen.requests, chosen.connections, chosen.longest, chosen.seed)
    began = time.monotonic()
    questions.answer_up_to(int(chosen.requests * WARM_UP_SHARE))
    before = show("warm", root)
    for step in range(1, STEPS + 1):
        questions.answer_up_to(chosen.requests * step // STEPS)
        print(f"{questions.answered} answered after {time.monotonic() - began:.0f} s", flush=True)
    seconds = time.monotonic() - began
    show("under load", root)
    questions.close()
    after = settled(root)
    show("afterwards", root)
    ran = tallied(directory) - already
    print(f"{questions.answered} answered, {ran} ran, {seconds:.1f} s, {questions.answered / seconds:.0f} a second")
    counts = wrong_counts(questions.answered, ran, chosen.requests)
    return questions.failures + counts + grown(before, after, chosen.growth)


def wrong_counts(answered: int, ran: int, wanted: int) -> list[str]:
    """Every request is answered once and was run once."""
    problems = []
    if answered != wanted:
        problems.append(f"{wanted} were asked, {answered} answered")
    if ran != wanted:
        problems.append(f"{wanted} were asked, the app was called {ran} times")
    return problems


def grown(before: dict[int, float], after: dict[int, float], allowed: float) -> list[str]:
    """The processes that need more than when they were warm, and those that are not the same any more."""
    problems = [
        f"{name_of(pid)} ({pid}) has grown from {size:.1f} to {after[pid]:.1f} MiB"
        for pid, size in before.items()
        if pid in after and after[pid] - size > allowed
    ]
    if before.keys() != after.keys():
        problems.append(f"processes came or went: {sorted(before)} became {sorted(after)}")
    return problems


def tallied(directory: Path) -> int:
    """How often the app was called, in all processes."""
    return sum(struct.unpack("Q", path.read_bytes())[0] for path in directory.glob("*.tally"))


def settled(root: int) -> dict[int, float]:
    """The memory once nothing is given back any more: twice the same within seven seconds."""
    deadline = time.monotonic() + SETTLING_SECONDS
    last = memory(root)
    while time.monotonic() < deadline:
        time.sleep(7)
        now = memory(root)
        if all(abs(now.get(pid, 0) - size) < 0.1 for pid, size in last.items()):
            return now
        last = now
    return last


def memory(root: int) -> dict[int, float]:
    """PSS in MiB of every process."""
    return {pid: size for pid in descendants(root) if (size := proportional_memory_of(pid)) is not None}


def show(when: str, root: int) -> dict[int, float]:
    """Print the memory of every process; returns it."""
    found = memory(root)
    sizes = (f"{name_of(pid)} {resident_memory(pid) or 0:.1f}/{found[pid]:.1f}" for pid in sorted(found))
    print(f"{when + ':':<12} RSS/PSS MiB: {', '.join(sizes)}", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
