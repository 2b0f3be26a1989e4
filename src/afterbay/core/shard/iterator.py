"""Which starting point to ask for: at first, after a restart, after an expiry (S37 to S45)."""

from __future__ import annotations

from datetime import datetime

from afterbay.core.shard.position import After, AtTime, Latest, Position, StartAt, TrimHorizon

__all__ = ["first_of_latest", "resume_from", "to_save"]


def resume_from(start: StartAt, last_read: Position | None) -> StartAt:
    """Where to read on when the iterator is gone: behind the last record handed on, else the start again.

    Rules: S42 after an expiry, S45 LATEST asked for again would skip what was written meanwhile, so it becomes its
    moment.
    """
    if last_read is not None:
        return After(last_read)
    return to_save(start)


def to_save(start: StartAt) -> TrimHorizon | AtTime | After:
    """The saved form of a starting point: never LATEST (S45)."""
    return AtTime(start.since) if isinstance(start, Latest) else start


def first_of_latest(since: datetime, tip: StartAt | None) -> StartAt:
    """Where LATEST begins in one open shard: at its tip where the source knows it, else at the moment (S45)."""
    return Latest(since) if tip is None else tip
