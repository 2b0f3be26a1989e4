"""The mapping that is drilled: its settings, its table, and changes that get through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from afterbay.cli.drill.draft import Draft
from afterbay.cli.drill.ground import Ground
from afterbay.cli.drill.witness import SeenRecord, Witness
from afterbay.core.change.arn import parse_function_name
from afterbay.core.change.value import canonical
from afterbay.core.change.view import ChangeKind
from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.meter import Attempt

__all__ = ["Subject", "payload_of"]


@dataclass(slots=True)
class Subject:
    """``numbers`` are those of the drill's items, each with a partition of its own; all subjects share them."""

    ground: Ground
    mapping: str
    settings: MappingSettings
    table: str
    draft: Draft
    witness: Witness
    numbers: Iterator[int]

    @property
    def function(self) -> str:
        return parse_function_name(self.settings.function_arn).name

    @property
    def window_s(self) -> float:
        """How long a record may wait for its batch, by the settings."""
        return float(self.settings.batching_window_s + self.settings.tumbling_window_s)

    @property
    def patience_s(self) -> float:
        """By how much the clock may be moved while a change is to arrive: less than makes it too old."""
        wanted_s = 2 * self.window_s + 30
        age_s = self.settings.record_age_max_s
        return wanted_s if age_s is None else min(wanted_s, max(self.window_s, age_s - 5))

    def key(self, number: int) -> bytes:
        """As the engine knows it."""
        return canonical(self.draft.key(number))

    async def prepare(self, numbers: Sequence[int]) -> None:
        """Write what a change of these items needs before, and wait until it has gone by."""
        kind = self.draft.kind
        if kind is ChangeKind.INSERT:
            return
        make = self.draft.earlier if kind is ChangeKind.MODIFY else self.draft.item
        await self.ground.put(self.table, [make(number) for number in numbers])
        await self.ground.until(lambda: all(self.witness.records_of(self.key(one)) for one in numbers))
        await self.ground.idle()

    async def change(self, numbers: Sequence[int]) -> None:
        """Make the change that gets through, of all of these items at once."""
        if self.draft.kind is ChangeKind.REMOVE:
            await self.ground.delete(self.table, [self.draft.key(number) for number in numbers])
        else:
            await self.ground.put(self.table, [self.draft.item(number) for number in numbers])

    def record(self, number: int, kind: ChangeKind) -> SeenRecord | None:
        """The item's last record of a kind; None: none was read yet."""
        found = [one for one in self.witness.records_of(self.key(number)) if one.record.event_name == kind.value]
        return found[-1] if found else None

    async def arrived(self, number: int, kind: ChangeKind) -> bool:
        """Wait until the function is done with the item's last change of a kind, and with all else."""
        done = await self.ground.until(lambda: self.done(number, kind) is not None, ahead_s=self.patience_s)
        return done and await self.ground.idle()

    def done(self, number: int, kind: ChangeKind) -> Attempt | None:
        """The delivery that was done with the item's last change of a kind."""
        found = self.record(number, kind)
        return None if found is None else self.witness.delivered(found.record.position)

    def blocked_by(self) -> str | None:
        """What holds up a shard of the mapping, as its status says it."""
        mappings = [one.mapping for one in self.ground.status().mappings if one.mapping.uuid == self.mapping]
        shards = [shard for one in mappings for shard in one.shards]
        return next((shard.blocked_by for shard in shards if shard.blocked_by), None)

    def age_s(self) -> float:
        """The age of the oldest record that was read and is not done."""
        mappings = [one.mapping for one in self.ground.status().mappings]
        return max((one.age_s for one in mappings if one.uuid == self.mapping), default=0.0)


def payload_of(records: Sequence[SeenRecord]) -> bytes:
    """The event that a mapping would send with these records."""
    return msgspec.json.encode({"Records": [msgspec.Raw(one.record.body) for one in records]})
