"""Where somebody who looks at a stream wants to begin: at its oldest record, now, at a time, or some time ago.

Decides what the words mean. A mapping's starting positions are its settings'.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TypeAlias

from afterbay.core.shard.position import AtTime, Latest, StartAt, TrimHorizon
from afterbay.errors import SettingsError

__all__ = ["Beginning", "Word", "first_start", "parse_beginning"]

WHERE = "--from"
HINT = "write trim, latest, a time as 2026-01-01T12:00:00Z, or an age as 15m"

_AGE = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Word(Enum):
    """``TRIM``: the oldest record that the stream has. ``LATEST``: what is written from now on."""

    TRIM = "trim"
    LATEST = "latest"


Beginning: TypeAlias = Word | datetime | timedelta
"""A ``timedelta`` is an age, counted back from the source's own now."""


def parse_beginning(text: str) -> Beginning:
    """Read ``trim``, ``latest``, an ISO 8601 time (UTC where it names no zone) or an age. Raises ``SettingsError``."""
    if text in tuple(one.value for one in Word):
        return Word(text)
    age = _AGE.fullmatch(text)
    if age is not None:
        return timedelta(seconds=int(age[1]) * _UNITS_S[age[2]])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise SettingsError(f"{text!r} is no place to begin", where=WHERE, hint=HINT) from wrong
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def first_start(beginning: Beginning, now: datetime) -> StartAt:
    """The starting point in every shard that is listed at ``now``. Raises ``SettingsError`` for a time to come."""
    match beginning:
        case Word.TRIM:
            return TrimHorizon()
        case Word.LATEST:
            return Latest(now)
        case timedelta():
            return AtTime(max(now - beginning, datetime.fromtimestamp(0, UTC))) if beginning < _EVER else TrimHorizon()
        case _:
            if beginning > now:
                here = now.isoformat(timespec="seconds")
                raise SettingsError(
                    f"{beginning.isoformat()} is still to come: it is {here} at the source",
                    where=WHERE,
                    hint="latest begins with what is written from now on",
                )
            return AtTime(beginning)


_EVER = timedelta(days=366)
"""Older than any record of a stream can be: Kinesis keeps one for 365 days at most (S89)."""
