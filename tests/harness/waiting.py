"""Bounded waiting: every wait in the tests has a deadline and says what it waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: How long an ordinary thing may take on a loaded machine before a test calls it a failure.
PATIENCE = 20.0


class TooLate(AssertionError):
    """Something that a test waited for did not happen in time."""


def wait_until(condition: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Call `condition` until it gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TooLate(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)
