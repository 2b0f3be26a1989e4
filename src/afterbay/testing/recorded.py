"""A recording as a unit test takes it: its changes, and the events that a mapping would make of it."""

from __future__ import annotations

import os
from typing import cast

import msgspec

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.source import SourceKind, source_kind
from afterbay.core.change.wire import payload
from afterbay.engine.playback import batches
from afterbay.errors import SettingsError
from afterbay.sources.recording import Recorded, load_recording
from afterbay.testing.events import StreamEvent

__all__ = ["Recording", "recording"]


class Recording:
    """What ``afterbay record`` kept. ``gaps`` are sentences: what was gone before it could be recorded."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded

    @property
    def stream_arn(self) -> str:
        return self.recorded.stream_arn

    @property
    def gaps(self) -> list[str]:
        return [f"{one.shard}: {one.reason}" for one in self.recorded.gaps]

    def changes(self) -> list[ChangeRecord]:
        """Every change, in the order of the file: each item's in order. Raises ``RecordError``, for a record that could
        not be read when it was recorded, too, and ``SettingsError`` for a recording of a Kinesis stream."""
        if source_kind(self.stream_arn) is SourceKind.KINESIS:
            raise SettingsError(
                f"are those of a table's stream, and this is a recording of {self.stream_arn}",
                where="changes()",
                hint="events() are what a mapping hands to a handler",
            )
        self._all_are_readable()
        return [ChangeRecord(raw.body) for _, raw in self.recorded.order]

    def events(self, batch: int = 100) -> list[StreamEvent]:
        """The events that a mapping without a window makes of it: ``batch`` records of one shard at most, a parent's
        before its children's. ``replay`` has filters, failures and retries, too."""
        if batch < 1:
            raise SettingsError(f"{batch} is no number of records", where="events(batch=)", hint="at least 1")
        self._all_are_readable()
        return [
            cast("StreamEvent", msgspec.json.decode(payload(part)))
            for records in self.recorded.records.values()
            for part in batches(records, batch)
        ]

    def _all_are_readable(self) -> None:
        for broken in self.recorded.unreadable.values():
            raise broken[0].error


def recording(path: str | os.PathLike[str]) -> Recording:
    """Load a recording. Raises ``SettingsError`` for one that is cut off, or is none, with the place."""
    return Recording(load_recording(path))
