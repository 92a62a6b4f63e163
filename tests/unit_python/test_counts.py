"""`make test` adds up what the runners say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "run_tests.py"


@pytest.fixture(scope="module")
def runner():
    spec = importlib.util.spec_from_file_location("run_tests", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["run_tests"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        (
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out",
            "12 passed, 0 failed, 1 skipped",
        ),
        ("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured", "2 passed, 3 failed"),
        ("===== 98 passed in 4.75s =====", "98 passed, 0 failed"),
        ("= 2 failed, 96 passed, 3 errors in 64.75s (0:01:04) =", "96 passed, 5 failed"),
        ("\x1b[32m=== \x1b[1m5 passed\x1b[0m, 1 skipped in 3.2s ===", "5 passed, 0 failed, 1 skipped"),
        ("test_x.py::test_that_1 passed in 3 s of waiting", "0 passed, 0 failed"),
        ("no tests ran in 0.01s", "0 passed, 0 failed"),
    ],
)
def test_closing_lines(runner, line, counts):
    assert str(runner.counts_in(line)) == counts


@pytest.mark.parametrize(
    ("program", "counts"),
    [
        ("print('3 passed in 1.0s')", "3 passed, 0 failed"),
        ("print('3 passed in 1.0s'); raise SystemExit(1)", "3 passed, 1 failed"),
        ("raise SystemExit('does not compile')", "0 passed, 1 failed"),
        ("print('no tests ran in 0.01s')", "0 passed, 1 failed"),
    ],
)
def test_a_step(runner, program, counts):
    assert str(runner.run(runner.Step("step", [sys.executable, "-c", program]))) == counts


def test_a_step_that_is_one_test(runner):
    assert str(runner.run(runner.Step("check", ["true"], whole=True))) == "1 passed, 0 failed"
    assert str(runner.run(runner.Step("check", ["false"], whole=True))) == "0 passed, 1 failed"
