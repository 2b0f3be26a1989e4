"""Spreading delays, so that what failed together is not tried again together (R91)."""

from __future__ import annotations

import random

__all__ = ["full_jitter", "spread"]

SPREAD = 0.25


def spread(delay_s: float) -> float:
    """``delay_s``, longer or shorter by up to a quarter."""
    return delay_s * random.uniform(1 - SPREAD, 1 + SPREAD)


def full_jitter() -> float:
    """The share of a pause to keep, anything from none of it to all (B51)."""
    return random.random()
