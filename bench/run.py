#!/usr/bin/env python3
"""Measure Verdigris beside other servers: `python bench/run.py hello`, or `all`. See bench/README.md."""

from __future__ import annotations

import argparse
import difflib
import shlex
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import report
from cases import ALL, CASES, Case
from environment import REPOSITORY, RESULTS, installed_packages, machine, set_up, tell, versions
from load import LoadFailed
from process import ServerFailed, adopt_orphans
from servers import PEERS, missing
from slow_bodies import TransferFailed
from trials import Settings


def arguments() -> argparse.Namespace:
    """What may be said on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"what to measure: {', '.join(CASES)}, or all")
    parser.add_argument(
        "--setup", action="store_true", help="only install the peers into .venvs/bench, again if need be"
    )
    parser.add_argument("--verdigris", metavar="PATH", help="the verdigris command (default: .venv/bin/verdigris)")
    parser.add_argument("--verdigris-arguments", metavar="TEXT", default="", help="more options for verdigris")
    parser.add_argument("--peers", metavar="A,B", help=f"only these, of: {', '.join(PEERS)}")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds; medians are shown (default: 3)")
    parser.add_argument("--seconds", type=float, help="of load per measurement (default: 3; mixed: 20)")
    parser.add_argument("--connections", type=int, help="keep-alive connections (default: 64)")
    parser.add_argument("--size", type=int, default=1024, metavar="MIB", help="of upload1g and download1g")
    parser.add_argument(
        "--pin",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="server on the first core, load on the second (default: yes with two cores, except nginx and memory)",
    )
    return parser.parse_args()


def main() -> int:
    """Set up, measure case by case, print and keep the results."""
    chosen = arguments()
    # Let `finally` blocks end the servers when this process is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    adopt_orphans()
    set_up(again=chosen.setup)
    if chosen.setup:
        return 0
    names = ALL if chosen.cases == ["all"] else tuple(chosen.cases) or ("hello", "flask")
    cases = [known(name, CASES, "case") for name in names]
    peers = [known_peer(name) for name in chosen.peers.split(",")] if chosen.peers else None
    settings = Settings(
        verdigris=find_verdigris(chosen.verdigris),
        verdigris_arguments=tuple(shlex.split(chosen.verdigris_arguments)),
        seconds=chosen.seconds,
        connections=chosen.connections,
        pin=chosen.pin,
        size_mib=chosen.size,
    )
    packages, found_versions = installed_packages(), versions(settings.verdigris)
    print("; ".join(f"{name}: {fact}" for name, fact in machine().items()))
    print(", ".join(f"{name} {version}" for name, version in sorted(found_versions.items())))
    for case in cases:
        results = measure_case(case, peers or case.peers, chosen.rounds, settings, packages)
        print(report.show(results), flush=True)
        tell(f"kept in {report.store(RESULTS, results, found_versions, machine(), vars(chosen))}")
    return 0


def measure_case(
    case: Case, peers: tuple[str, ...] | list[str], rounds: int, settings: Settings, packages: dict[str, str]
) -> report.Results:
    """Round by round, peer by peer; a peer that fails once is left out from then on."""
    results = report.Results(case)
    for peer in peers:
        if reason := missing(peer, packages, settings.verdigris):
            results.notes[peer] = reason
    for number in range(1, rounds + 1):
        for peer in peers:
            if peer in results.notes:
                continue
            tell(f"{case.name}: round {number} of {rounds}, {peer}")
            try:
                results.add(peer, number, case.trial(case, peer, replace(settings, round_number=number)))
            except (ServerFailed, LoadFailed, TransferFailed, OSError) as failure:
                tell(f"{peer} failed: {failure}")
                results.notes[peer] = f"failed: {str(failure).splitlines()[0]}"
    return results


def find_verdigris(given: str | None) -> str | None:
    """The command to measure; a given one must exist, the default one may not yet."""
    path = given or str(REPOSITORY / ".venv" / "bin" / "verdigris")
    found = shutil.which(path)
    if given and not found:
        sys.exit(f"no such command: {given}")
    return str(Path(found).absolute()) if found else None


def known(name: str, table: dict, what: str):
    """A row of a table by its name; a wrong name ends the program with the nearest right ones."""
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table) or list(table)
    sys.exit(f"unknown {what} {name!r}\n\nhint: {', '.join(near)}")


def known_peer(name: str) -> str:
    """The name itself, when there is such a peer."""
    known(name, PEERS, "peer")
    return name


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
