"""Reading processor time and memory of a whole process tree from /proc."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_KIBIBYTES = os.sysconf("SC_PAGE_SIZE") // 1024
SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class ProcessorTime:
    """User and system seconds."""

    user: float
    system: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.user + self.system

    def __sub__(self, earlier: ProcessorTime) -> ProcessorTime:
        return ProcessorTime(self.user - earlier.user, self.system - earlier.system)


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None when the process has gone."""
    try:
        # The name in brackets may hold spaces and brackets; what follows the last one is regular.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def descendants(root: int) -> set[int]:
    """The process and everything below it that lives, zombies left out."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := stat_fields(int(entry))) and fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(entry))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return {pid for pid in found if stat_fields(pid)}


def processor_time(root: int) -> ProcessorTime:
    """What the tree has used up to now, children that were reaped included."""
    user = system = 0
    for pid in descendants(root):
        if fields := stat_fields(pid):
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return ProcessorTime(user / TICKS_PER_SECOND, system / TICKS_PER_SECOND)


def machine_busy_seconds() -> float:
    """Seconds all cores together have worked, for anybody; tells how much others disturbed a measurement."""
    numbers = [int(number) for number in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle_and_waiting = numbers[3] + numbers[4]
    return (sum(numbers) - idle_and_waiting) / TICKS_PER_SECOND


def proportional_memory(root: int) -> dict[int, float]:
    """PSS in MiB of each process of the tree."""
    return {pid: size for pid in descendants(root) if (size := proportional_memory_of(pid)) is not None}


def proportional_memory_of(pid: int) -> float | None:
    """PSS of one process in MiB; None when it has gone or may not be read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), None)


def resident_memory(pid: int) -> float | None:
    """RSS of one process in MiB."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KIBIBYTES / 1024
    except (OSError, IndexError):
        return None


def name_of(pid: int) -> str:
    """The kernel's short name of a process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "gone"


@dataclass
class Growth:
    """How much one process grew while it was watched, in MiB."""

    name: str
    first: float
    highest: float

    @property
    def growth(self) -> float:
        """The highest sample less the first."""
        return self.highest - self.first


@dataclass
class MemoryWatch:
    """Samples the RSS of every process of a tree in the background, from `with` to the end of the block."""

    root: int
    seen: dict[int, Growth] = field(default_factory=dict)

    def __enter__(self) -> MemoryWatch:
        self._sample()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        for pid in descendants(self.root):
            size = resident_memory(pid)
            if size is None:
                continue
            growth = self.seen.setdefault(pid, Growth(name_of(pid), size, size))
            growth.highest = max(growth.highest, size)
