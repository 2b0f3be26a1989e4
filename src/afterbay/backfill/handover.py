"""Who keeps the destination up to date after the load, and whether its position is fixed before the load begins (E12).

Decides from what Lambda and EventBridge Pipes say of the stream's readers. A reader that AWS does not know of, such as
``afterbay run``, cannot be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from afterbay.core.change.arn import is_pipe, parse_arn, parse_function_name, parse_stream_arn
from afterbay.core.change.source import TABLE_RETENTION_S
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.errors import SettingsError

__all__ = ["Fixed", "Handover", "Reader", "export_doubts", "fixed", "handover", "told"]

RETENTION = timedelta(seconds=TABLE_RETENTION_S)
YOUNG = timedelta(minutes=5)
"""A mapping's pollers may begin some minutes after it says Enabled; what LATEST is to them, nobody says."""

_RUNNING = frozenset({"Enabled", "Updating", "RUNNING", "UPDATING"})
_STARTING = frozenset({"Creating", "Enabling", "CREATING", "STARTING"})


class Fixed(Enum):
    """What a reader's state says of its position."""

    YES = "it reads"
    SOON = "it is starting"
    NO = "it does not read"


@dataclass(frozen=True, slots=True)
class Reader:
    """A mapping or a pipe on the stream. ``starts`` is its StartingPosition, None where it is not told (a pipe's);
    ``changed`` when it was made or changed last."""

    name: str
    target: str
    state: str
    starts: str | None = None
    changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """``reading`` have their position, ``starting`` will have it."""

    reading: tuple[Reader, ...]
    starting: tuple[Reader, ...]


def fixed(reader: Reader) -> Fixed:
    if reader.state in _RUNNING:
        return Fixed.YES
    return Fixed.SOON if reader.state in _STARTING else Fixed.NO


def handover(readers: Sequence[Reader], function: str | None = None) -> Handover:
    """The readers that matter. ``function``: only those that hand on to it; None: whatever reads the stream may write
    to the sink, and which does is not known."""
    feeding = [one for one in readers if function is None or _is_function(one.target, function)]
    return Handover(
        tuple(one for one in feeding if fixed(one) is Fixed.YES),
        tuple(one for one in feeding if fixed(one) is Fixed.SOON),
    )


def told(found: Handover, stream: str | None, function: str | None, now: datetime) -> list[str]:
    """What to say before the first page, a line each. ``stream`` None: the table records no changes."""
    what = "the sink" if function is None else function
    if stream is None:
        return [
            "the table has no DynamoDB stream: unless its changes go through Kinesis, nothing keeps"
            f" {what} up to date after the load"
        ]
    if not found.reading and not found.starting:
        hands_on = "" if function is None else f" for {function}"
        return [
            f"no mapping or pipe is enabled on {stream}{hands_on}: nothing that AWS knows of keeps {what} up to date"
            " after the load"
        ]
    return [
        f"{one.name} starts at LATEST and is new: on AWS it may begin minutes after it says {one.state}, and what is"
        " written until then is in neither; TRIM_HORIZON is safe"
        for one in found.reading
        if one.starts == "LATEST" and one.changed is not None and now - one.changed < YOUNG
    ]


def export_doubts(found: Handover, stream: str | None, exported: datetime, now: datetime) -> list[str]:
    """Why the sink might not end as the table after a load from an export, a line each (E15).

    A stream's label is its creation. A reader was there at the export if it was changed last before it; one that began
    at TRIM_HORIZON later has still read the 24 hours before. And what was removed since must still have its tombstone
    (E7), or the export brings it back.
    """
    mend = "`afterbay verify --repair` afterwards mends it"
    if stream is None:
        return []
    kept = timedelta(seconds=TombstoneRetention().retention_s)
    if now - exported > kept:
        return [
            f"the export is {(now - exported).days} days old, and tombstones are kept for {kept.days}: what was removed"
            f" in between may come back; {mend}"
        ]
    try:
        began = datetime.fromisoformat(parse_stream_arn(stream).label + "+00:00")
    except ValueError:
        began = None
    if began is not None and began > exported:
        return [
            f"the stream began at {began:%Y-%m-%dT%H:%M:%SZ}, after the export of {exported:%Y-%m-%dT%H:%M:%SZ}:"
            f" changes in between are in neither; {mend}"
        ]
    doubted = [one for one in found.reading if not _was_there(one, exported)]
    return [
        f"whether {one.name} had its position before the export of {exported:%Y-%m-%dT%H:%M:%SZ} cannot be seen"
        f" (changed last at {_moment(one.changed)}): changes in between might be in neither; {mend}"
        for one in (doubted if len(doubted) == len(found.reading) else [])
    ]


def _was_there(reader: Reader, exported: datetime) -> bool:
    if reader.changed is None:
        return False
    reaches_back = RETENTION if reader.starts == "TRIM_HORIZON" else timedelta(0)
    return reader.changed - reaches_back <= exported


def _moment(when: datetime | None) -> str:
    return "an unknown time" if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _is_function(target: str, function: str) -> bool:
    """Whether an ARN is that of a function, named in any of the ways there are; a qualifier counts if it was given."""
    try:
        if is_pipe(target) or parse_arn(target).service != "lambda":
            return False
        one, other = parse_function_name(target), parse_function_name(function)
    except SettingsError:
        return False
    return one.name == other.name and other.qualifier in (None, one.qualifier)
