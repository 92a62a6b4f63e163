"""The harness measures others, so it is measured itself: `python -m unittest discover bench`."""

from __future__ import annotations

import subprocess
import sys
import time
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import measure
import open_loop
import report
from cases import ALL, CASES, Bar
from environment import number_in
from process import adopt_orphans, free_port, running, temporary_directory, wait_until_answering
from servers import PEERS, Wanted, missing

# A parent that uses no time itself, one child that dies and is reaped, one that stays alive; both burn 0.3 s.
BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
FAMILY = f"""
import subprocess, sys, time
subprocess.run([sys.executable, "-c", {BURN!r}])
child = subprocess.Popen([sys.executable, "-c", {BURN!r} + "print(flush=True); input()"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(flush=True)
input()
child.communicate(b"\\n")
"""


class Measuring(unittest.TestCase):
    def test_processor_time_counts_living_and_reaped_children(self) -> None:
        family = subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            family.stdout.readline()
            used = measure.processor_time(family.pid).total
            self.assertEqual(len(measure.descendants(family.pid)), 2)
        finally:
            family.communicate(b"\n")
        # 0.6 s burned, three interpreters started.
        self.assertGreater(used, 0.57)
        self.assertLess(used, 1.2)

    def test_memory_of_a_process_that_has_gone_is_none(self) -> None:
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        self.assertIsNone(measure.proportional_memory_of(gone.pid))
        self.assertIsNone(measure.resident_memory(gone.pid))

    def test_a_watch_sees_growth(self) -> None:
        grow = "print(flush=True); input(); x = b'x' * 64 * 2**20; print(flush=True); input()"
        process = subprocess.Popen([sys.executable, "-c", grow], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            process.stdout.readline()
            with measure.MemoryWatch(process.pid) as watch:
                process.stdin.write(b"\n")
                process.stdin.flush()
                process.stdout.readline()
                deadline = time.monotonic() + 10
                while watch.seen[process.pid].growth < 60 and time.monotonic() < deadline:
                    time.sleep(0.01)
        finally:
            process.communicate(b"\n")
        self.assertGreater(watch.seen[process.pid].growth, 60)
        self.assertLess(watch.seen[process.pid].growth, 80)


class OpenLoop(unittest.TestCase):
    def test_a_schedule_is_even_and_repeats(self) -> None:
        plan = open_loop.schedule(rate=200, seconds=10, slow_share=0.05, seed=3)
        self.assertEqual(len(plan), 2000)
        self.assertAlmostEqual(plan[1].at, 0.005)
        self.assertEqual(plan, open_loop.schedule(200, 10, 0.05, 3))
        self.assertLess(abs(sum(due.slow for due in plan) - 100), 40)

    def test_one_queue_makes_requests_wait_for_the_first_free_worker(self) -> None:
        plan = [open_loop.Due(0.0, True), open_loop.Due(0.0, False), open_loop.Due(0.5, False)]
        latencies = open_loop.central_queue(plan, workers=1, fast_seconds=1, slow_seconds=10)
        self.assertEqual(latencies, [11, 11.5])
        latencies = open_loop.central_queue(plan, workers=2, fast_seconds=1, slow_seconds=10)
        self.assertEqual(latencies, [1, 1.5])

    def test_every_request_is_played_and_answered(self) -> None:
        with instant_server() as port:
            plan = open_loop.schedule(rate=1000, seconds=0.5, slow_share=0.1, seed=1)
            client = open_loop.OpenLoop(port, plan, connections=8)
            client.play()
        self.assertEqual(len(client.fast) + len(client.slow), 500)
        self.assertEqual((dict(client.errors), client.retries), ({}, 0))
        self.assertGreaterEqual(min(client.fast), 0)

    def test_percentiles(self) -> None:
        self.assertEqual(open_loop.percentile([float(n) for n in range(100, 0, -1)], 0.9), 91)
        self.assertEqual(open_loop.percentile([], 0.5), float("inf"))


class Reporting(unittest.TestCase):
    def test_a_ratio_compares_what_ran_in_the_same_round(self) -> None:
        results = filled({"verdigris": [10, 12], "granian": [20, 12], "uwsgi": [40, 48]})
        self.assertEqual(results.ratios("verdigris", ("granian", "uwsgi"), "cpu_us"), [0.5, 1.0])

    def test_a_bar_is_held_missed_or_not_measured(self) -> None:
        results = filled({"verdigris": [10, 12], "granian": [20, 24]})
        self.assertTrue(report.verdict(results, Bar("cpu_us", 0.5, ("granian",))).startswith("held"))
        self.assertTrue(report.verdict(results, Bar("cpu_us", 0.49, ("granian",))).startswith("MISSED"))
        self.assertTrue(report.verdict(results, Bar("cpu_us", 0.6, ("granian",), at_least=True)).startswith("MISSED"))
        self.assertIsNone(report.verdict(results, Bar("cpu_us", 0.5, ("bjoern",))))

    def test_a_table_has_a_row_for_everybody(self) -> None:
        results = filled({"verdigris": [10], "granian": [20]})
        results.notes["bjoern"] = "not installed"
        lines = report.show(results).splitlines()
        self.assertTrue(any(line.startswith("bjoern") and line.endswith("not installed") for line in lines))
        self.assertTrue(any(line.startswith("granian") and "0.50" in line for line in lines))


class Tables(unittest.TestCase):
    def test_cases_name_known_peers_and_columns(self) -> None:
        for case in CASES.values():
            names = {*case.peers, *(name for bar in case.bars for name in (*bar.against, bar.subject))}
            self.assertLessEqual(names, set(PEERS), case.name)
            self.assertIn(case.trial.__name__, report.COLUMNS)
            self.assertIn(case.trial.__name__, report.RATIOS)
        self.assertNotIn("check", ALL)

    def test_what_is_not_there_is_said(self) -> None:
        self.assertEqual(missing("bjoern", {}, None), "not installed")
        self.assertEqual(missing("verdigris", {}, None), "not installed")
        self.assertIsNone(missing("verdigris", {}, "/usr/bin/true"))
        self.assertIsNone(missing("bjoern", {"bjoern": "3"}, None))

    def test_version_numbers_are_found(self) -> None:
        self.assertEqual(number_in("nginx version: nginx/1.22.1"), "1.22.1")
        self.assertEqual(number_in("unknown"), "unknown")


class Ending(unittest.TestCase):
    @mock.patch("process.STOP_SECONDS", 0.5)
    def test_nothing_of_a_server_is_left(self) -> None:
        adopt_orphans()
        with temporary_directory() as directory:
            # The shell ignores TERM and its child sits in a session of its own.
            stubborn = "trap '' TERM; setsid sleep 1000 & echo up; wait"
            with running(["/bin/sh", "-c", stubborn], directory) as process:
                deadline = time.monotonic() + 10
                while len(tree := measure.descendants(process.pid)) < 2 and time.monotonic() < deadline:
                    time.sleep(0.01)
                self.assertEqual(len(tree), 2)
        self.assertFalse([pid for pid in tree if Path(f"/proc/{pid}").exists()])
        self.assertFalse(directory.exists())


def filled(cpu: dict[str, list[float]]) -> report.Results:
    """Results of the hello case with nothing but processor times."""
    results = report.Results(replace(CASES["hello"], bars=()))
    for peer, values in cpu.items():
        for number, value in enumerate(values, 1):
            results.add(peer, number, {"cpu_us": value})
    return results


class instant_server:
    """The server that answers at once, run by the interpreter of this test."""

    def __enter__(self) -> int:
        self._directory = temporary_directory()
        directory = self._directory.__enter__()
        port = free_port()
        command = PEERS["instant"].command(Wanted("", 1, port))
        self._running = running([sys.executable, *command[1:]], directory)
        wait_until_answering(self._running.__enter__(), port, "/", directory)
        return port

    def __exit__(self, *exception: object) -> None:
        self._running.__exit__(*exception)
        self._directory.__exit__(*exception)


if __name__ == "__main__":
    unittest.main()
