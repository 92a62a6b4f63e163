"""Who belongs to a server under test: its processes, and what they hold open.

A process is known by a token in its first environment, by the session it was started in, or by
its parent; so it is found even when it lost its parent or changed its title.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

TOKEN_VARIABLE = "SERVER_TEST_TOKEN"


@dataclass(frozen=True)
class Process:
    """One line of the process table."""

    pid: int
    parent: int
    session: int
    state: str
    command: str


def process(pid: int) -> Process | None:
    """The process with this id, or None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except (FileNotFoundError, ProcessLookupError):
        return None
    name_end = stat.rindex(")")
    state, parent, _group, session = stat[name_end + 2 :].split()[:4]
    command = words.decode(errors="replace").strip() or stat[stat.index("(") + 1 : name_end]
    return Process(pid, int(parent), int(session), state, command)


def all_processes() -> dict[int, Process]:
    """The process table."""
    found = (process(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {entry.pid: entry for entry in found if entry is not None}


def family(leader: int, token: str) -> list[Process]:
    """All living processes of the server `leader`, itself included; zombies do not count."""
    table = all_processes()
    members: dict[int, Process] = {}
    wanted = f"{TOKEN_VARIABLE}={token}".encode()
    for pid, entry in table.items():
        if pid == leader or entry.session == leader or _has_token(pid, wanted):
            members[pid] = entry
    grown = True
    while grown:
        children = {p: e for p, e in table.items() if e.parent in members and p not in members}
        members.update(children)
        grown = bool(children)
    return sorted((e for e in members.values() if e.state not in "ZX"), key=lambda e: e.pid)


def kill_all(members: list[Process]) -> None:
    """SIGKILL to each of them; those already gone are skipped."""
    for member in members:
        try:
            os.kill(member.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def open_files(pid: int) -> dict[int, str]:
    """Descriptor number → what it points to; empty when the process is gone."""
    found: dict[int, str] = {}
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
            except FileNotFoundError:
                continue
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return found


def resident_kib(pid: int) -> int:
    """Resident memory that is the process's own (not pages of files or of shared memory)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


def shared_kib(pid: int) -> int:
    """Resident shared memory (the link's blocks count here)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssShmem:"):
            return int(line.split()[1])
    return 0


def _has_token(pid: int, wanted: bytes) -> bool:
    try:
        return wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
