"""Waiting for what happens elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["eventually"]

WITHIN_S = 30.0
POLL_S = 0.02
"""A read of the address takes some milliseconds: ten looks a second or fifty are the same to it."""

_T = TypeVar("_T")


def eventually(condition: Callable[[], _T], *, within_s: float = WITHIN_S) -> _T:
    """The first true value of ``condition``. Raises ``AssertionError`` with the last value when the time is over.

    What a function does with a record happens in another process, which a test can only look at::

        item = eventually(lambda: copies.get_item(Key={"id": "1"}).get("Item"))
    """
    end = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() >= end:
            raise AssertionError(f"not within {within_s:g} s; the last value was {value!r}")
        time.sleep(POLL_S)
    return value
