"""From samples to a table for people and a file for programs."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from cases import Bar, Case
from trials import Sample

BASE = "verdigris"


@dataclass(frozen=True)
class Column:
    """One column of a table: its head, the number it shows, how many decimals, and whether with its range."""

    head: str
    key: str
    decimals: int = 1
    spread: bool = False


LOAD_COLUMNS = (
    Column("CPU µs/req", "cpu_us", spread=True),
    Column("user", "user_us"),
    Column("sys", "system_us"),
    Column("req/s", "throughput", 0),
    Column("p50 ms", "p50_ms", 2),
    Column("p99 ms", "p99_ms", 2),
    Column("PSS MiB", "pss_mib"),
)
COLUMNS = {
    "throughput": LOAD_COLUMNS,
    "behind_nginx": (*LOAD_COLUMNS[:1], Column("nginx µs", "nginx_us"), *LOAD_COLUMNS[3:]),
    "mixed": (
        Column("p50 ms", "p50_ms", 2, spread=True),
        Column("p90 ms", "p90_ms", 1, spread=True),
        Column("p99 ms", "p99_ms", 1, spread=True),
        Column("one queue: p50", "ideal_p50_ms", 1),
        Column("p90", "ideal_p90_ms", 1),
        Column("p99", "ideal_p99_ms", 1),
        Column("slow p50", "slow_p50_ms", 1),
        Column("CPU µs/req", "cpu_us", 0),
        Column("client late p99 ms", "late_p99_ms", 2),
    ),
    "client_error": (
        Column("p50 ms", "p50_ms", 2, spread=True),
        Column("p99 ms", "p99_ms", 2, spread=True),
        Column("sent late p99 ms", "late_p99_ms", 2),
    ),
    "idle": (
        Column("PSS MiB", "pss_mib", spread=True),
        Column("first process", "first_mib"),
        Column("processes", "count", 0),
    ),
    "transfer": (
        Column("grew by MiB", "growth_mib", spread=True),
        Column("largest MiB", "highest_mib"),
        Column("seconds", "seconds"),
        Column("processes", "count", 0),
    ),
}
# The numbers that are also shown as "Verdigris / peer".
RATIOS = {
    "throughput": (("CPU ratio", "cpu_us"), ("req/s ratio", "throughput")),
    "behind_nginx": (("CPU ratio", "cpu_us"), ("req/s ratio", "throughput")),
    "mixed": (("p99 ratio", "p99_ms"),),
    "client_error": (),
    "idle": (("ratio", "pss_mib"),),
    "transfer": (),
}


@dataclass
class Results:
    """All samples of one case: peer -> round -> sample, and why some are missing."""

    case: Case
    samples: dict[str, dict[int, Sample]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, peer: str, round_number: int, sample: Sample) -> None:
        """Keep one sample."""
        self.samples.setdefault(peer, {})[round_number] = sample

    def values(self, peer: str, key: str) -> list[float]:
        """One number of a peer in every round."""
        return [float(sample[key]) for sample in self.samples.get(peer, {}).values() if key in sample]

    def ratios(self, subject: str, against: tuple[str, ...], key: str, highest: bool = False) -> list[float]:
        """Subject divided by the best of the others, round by round: only what ran side by side is compared."""
        found = []
        for number, sample in self.samples.get(subject, {}).items():
            rivals = [self.samples.get(peer, {}).get(number, {}) for peer in against]
            others = [float(rival[key]) for rival in rivals if key in rival]
            if others and key in sample:
                found.append(float(sample[key]) / (max(others) if highest else min(others)))
        return found

    def disturbance(self) -> float:
        """The median share of the machine that others used while we measured."""
        shares = [share for peer in self.samples for share in self.values(peer, "disturbance")]
        return median(shares) if shares else 0.0


def show(results: Results) -> str:
    """The table of a case, and how Verdigris stands to its promises."""
    kind = results.case.trial.__name__
    heads = ["", *(column.head for column in COLUMNS[kind]), *(head for head, _ in RATIOS[kind]), ""]
    left_out = [peer for peer in results.notes if peer not in results.samples]
    rows = [row(results, peer, kind) for peer in [*results.samples, *left_out]]
    lines = [f"\n{results.case.name}: {results.case.about}", *aligned([heads, *rows])]
    lines += [f"    {peer}: {text}" for peer, text in processes(results)]
    if RATIOS[kind] and results.values(BASE, RATIOS[kind][0][1]):
        lines.append("ratio = verdigris / peer in the same round, median (min–max)")
    if results.disturbance() > 0.03:
        lines.append(f"noise: other programs used {results.disturbance():.0%} of the machine meanwhile")
    lines += [text for bar in results.case.bars if (text := verdict(results, bar))]
    return "\n".join(lines)


def row(results: Results, peer: str, kind: str) -> list[str]:
    """The cells of one peer."""
    cells = [peer]
    for column in COLUMNS[kind]:
        cells.append(cell(results.values(peer, column.key), column.decimals, column.spread))
    for _, key in RATIOS[kind]:
        cells.append(cell(results.ratios(BASE, (peer,), key), 2, spread=True) if peer != BASE else "")
    errors, closed = sum(results.values(peer, "errors")), sum(results.values(peer, "closed"))
    notes = [
        results.notes.get(peer, ""),
        f"{errors:.0f} errors" if errors else "",
        f"{closed:.0f} connections closed early" if closed else "",
    ]
    return [*cells, ", ".join(note for note in notes if note)]


def processes(results: Results) -> list[tuple[str, str]]:
    """What each process of a peer weighed, where a trial looked at them one by one; the last round's."""
    found = []
    for peer, rounds in results.samples.items():
        listed = list(rounds.values())[-1].get("processes")
        if isinstance(listed, dict):
            found.append((peer, ", ".join(f"{name} {size}" for name, size in listed.items())))
    return found


def cell(values: list[float], decimals: int, spread: bool) -> str:
    """The median, and the range where it is asked for and there is one."""
    if not values:
        return "-"
    text = f"{median(values):.{decimals}f}"
    if spread and len(values) > 1:
        text += f" ({min(values):.{decimals}f}–{max(values):.{decimals}f})"
    return text


def aligned(rows: list[list[str]]) -> list[str]:
    """Columns side by side: names to the left, numbers to the right, notes to the left."""
    widths = [max(len(line[index]) for line in rows) for index in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            text.ljust(width) if index in (0, last) else text.rjust(width)
            for index, (text, width) in enumerate(zip(line, widths, strict=False))
        ).rstrip()
        for line in rows
    ]


def verdict(results: Results, bar: Bar) -> str | None:
    """One line per promise: the number, the limit, held or missed; None when it was not measured."""
    if bar.against:
        values = results.ratios(bar.subject, bar.against, bar.key, highest=bar.at_least)
    else:
        values = results.values(bar.subject, bar.key)
    if not values:
        return None
    value = median(values)
    held = value >= bar.limit if bar.at_least else value <= bar.limit
    beside = f" / best of {', '.join(bar.against)}" if bar.against else ""
    limit = f"{'at least' if bar.at_least else 'at most'} {bar.limit:g}"
    return f"{'held  ' if held else 'MISSED'} {bar.subject} {bar.key}{beside}: {value:.2f} ({limit})"


def store(directory: Path, results: Results, versions: dict, machine: dict, options: dict) -> Path:
    """Write everything into one file per case and run."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{time.strftime('%Y%m%d-%H%M%S')}-{results.case.name}.json"
    document = {
        "case": results.case.name,
        "about": results.case.about,
        "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": machine,
        "versions": versions,
        "options": options,
        "samples": {peer: list(rounds.values()) for peer, rounds in results.samples.items()},
        "notes": results.notes,
        "bars": [text for bar in results.case.bars if (text := verdict(results, bar))],
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path
