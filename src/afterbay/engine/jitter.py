"""Spreading delays, so that what failed together is not tried again together (R91, X89, B51)."""

from __future__ import annotations

import random

__all__ = ["any_part", "full_jitter", "spread"]

SPREAD = 0.25


def spread(delay_s: float) -> float:
    """``delay_s``, longer or shorter by up to a quarter."""
    return delay_s * random.uniform(1 - SPREAD, 1 + SPREAD)


def any_part(delay_s: float) -> float:
    """Anything from nothing of ``delay_s`` to all of it (X89)."""
    return delay_s * full_jitter()


def full_jitter() -> float:
    """The share of a pause to keep, anything from none of it to all (B51)."""
    return random.random()
