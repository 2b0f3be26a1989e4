"""Global tables: one table in several regions of this address, each with a stream of its own (S67, S79).

A write is in every region before it is answered; AWS needs about a second, and lets the last writer win. A replica's
record tells nothing of who wrote: an expiry names the service only where it happened. All of it is for moto's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from moto.dynamodb.models.table import Table

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.capture import Recorder, Write, home_of, typed
from afterbay.endpoint.moto import Moto
from afterbay.endpoint.state.table_rows import definition, put_back
from afterbay.errors import EndpointError

__all__ = ["ReplicaWish", "Replicas", "take_replicas"]

VERSION = "2019.11.21"


@dataclass(frozen=True, slots=True)
class ReplicaWish:
    """Regions to which a table is to come, and from which it is to go."""

    create: tuple[str, ...]
    delete: tuple[str, ...]


class Replicas:
    """Which regions a table of this name is in. ``changed`` is told of a region and its table's group, to store it."""

    def __init__(self, moto: Moto, changed: Callable[[str, str, frozenset[str]], None]) -> None:
        self._moto = moto
        self._changed = changed
        self._regions: dict[str, frozenset[str]] = {}

    def check(self, region: str, name: str, wish: ReplicaWish) -> None:
        """Raises ``EndpointError`` for a replica that is there already, or is not."""
        there = self.of(region, name)
        for other in wish.create:
            if other == region or other in there or name in self._moto.dynamodb(other).tables:
                raise EndpointError(
                    "ValidationException", f"Failed to create a replica: a table {name} is in {other} already"
                )
        for other in wish.delete:
            if other not in there:
                raise EndpointError("ValidationException", f"Failed to delete a replica: {name} has none in {other}")

    def create(self, region: str, name: str, other: str) -> Table:
        """Make the table in another region, with all that it holds."""
        table = self._moto.dynamodb(region).tables[name]
        body = msgspec.json.encode(definition(table))
        response = self._moto.call_dynamodb(other, "DynamoDB_20120810.CreateTable", body)
        assert response.status == 200, response.body
        made = self._moto.dynamodb(other).tables[name]
        for item in table.all_items():
            put_back(made, msgspec.json.encode(typed(item)))
        self._set(name, self._regions.get(name, frozenset()) | {region, other})
        return made

    def left(self, region: str, name: str) -> None:
        """The table was deleted in a region: the others go on without it."""
        if region in self._regions.get(name, frozenset()):
            self._set(name, self._regions[name] - {region})

    def of(self, region: str, name: str) -> tuple[str, ...]:
        """The other regions of a table."""
        regions = self._regions.get(name, frozenset())
        return tuple(sorted(regions - {region})) if region in regions else ()

    def describe(self, region: str, name: str, description: dict[str, JsonValue]) -> None:
        """Add the replicas to a table's description; without any there is no member."""
        others = self.of(region, name)
        if others:
            description["GlobalTableVersion"] = VERSION
            description["Replicas"] = [{"RegionName": other, "ReplicaStatus": "ACTIVE"} for other in others]

    def replicate(self, writes: Iterable[Write], recorder_of: Callable[[Table], Recorder]) -> None:
        """Do in the other regions what was done in one; their recorders note it."""
        for write in writes:
            name = write.recorder.table_name
            for other in self.of(write.recorder.region, name):
                table = self._moto.dynamodb(other).tables[name]
                home = home_of(table, write.hash_key, write.range_key)
                place = write.hash_key if write.range_key is None else write.range_key
                before = home.get(place)
                if write.new is None:
                    if before is not None:
                        del home[place]
                        recorder_of(table).add(before, None)
                    continue
                made = put_back(table, msgspec.json.encode(write.new))
                recorder_of(table).put(before, made, write.new)

    def restore(self, stored: bytes) -> None:
        """Take up what ``changed`` was told in an earlier process: a JSON list of the name and the regions."""
        name, regions = msgspec.json.decode(stored, type=tuple[str, list[str]])
        self._regions[name] = frozenset(regions)

    def reset(self) -> None:
        self._regions.clear()

    def _set(self, name: str, regions: frozenset[str]) -> None:
        self._regions[name] = regions if len(regions) > 1 else frozenset()
        for one in regions:
            self._changed(one, name, self._regions[name])


def take_replicas(members: dict[str, JsonValue]) -> ReplicaWish | None:
    """Take the ReplicaUpdates out of a request: moto passes over them. None if there were none.

    Raises ``EndpointError``; also for an update of a replica's own settings, which the address does not keep.
    """
    updates = members.pop("ReplicaUpdates", None)
    if updates is None:
        return None
    if not isinstance(updates, list):
        raise EndpointError("SerializationException", "ReplicaUpdates must be a list")
    wanted: dict[str, list[str]] = {"Create": [], "Delete": []}
    for update in updates:
        ((action, one),) = update.items() if isinstance(update, dict) and len(update) == 1 else (("", None),)
        region = one.get("RegionName") if isinstance(one, dict) else None
        if action not in wanted or not isinstance(region, str):
            raise EndpointError(
                "ValidationException",
                "One or more parameter values were invalid: each of ReplicaUpdates must create or delete a replica "
                "by its RegionName; the local address has no settings of a single replica",
            )
        wanted[action].append(region)
    return ReplicaWish(tuple(wanted["Create"]), tuple(wanted["Delete"]))
