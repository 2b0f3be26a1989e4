"""What a request wrote to moto's tables, item by item, as the stream must see it.

moto calls ``add`` on a table's stream shard for every write; ``Recorder`` stands in its place. A request's writes are
collected and handed over together once it succeeded; those of a request that failed are undone, which also mends writes
that moto leaves behind (a new item of an update whose expression then fails). Runs in moto's thread alone.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from afterbay.core.change.size import item_size
from afterbay.endpoint.numbers import normal_number
from afterbay.errors import EndpointError, RecordError

__all__ = ["ITEM_BYTES_MAX", "Capture", "Recorder", "ValidationError", "Write", "check_size", "home_of", "typed"]

ITEM_BYTES_MAX = 400 * 1024
"""Of an item, as ``SizeBytes`` counts it (S64, S100)."""


class ValidationError(EndpointError):
    """A refused item. In a transaction moto gives the class's name as the reason's code, and this one is AWS's."""


@dataclass(slots=True, eq=False)
class Write:
    """One item written: moto's item before (None: there was none), and its typed form before and after.

    Equal to itself alone: a request may write an item twice, and moto's items cannot be compared with None.
    """

    recorder: Recorder
    hash_key: DynamoType
    range_key: DynamoType | None
    before: Item | None
    old: dict[str, object] | None
    new: dict[str, object] | None

    def undo(self, table: Table) -> None:
        """Put back what was there."""
        home = home_of(table, self.hash_key, self.range_key)
        place = self.hash_key if self.range_key is None else self.range_key
        if self.before is None:
            home.pop(place, None)
        else:
            home[place] = self.before


def home_of(table: Table, hash_key: DynamoType, range_key: DynamoType | None) -> dict[DynamoType, Item]:
    """Where moto keeps the table's items of a key: by the hash key, or by the range key below it."""
    items: object = vars(table)["items"]
    if range_key is None:
        return cast("dict[DynamoType, Item]", items)
    return cast("dict[DynamoType, dict[DynamoType, Item]]", items).setdefault(hash_key, {})


class Capture:
    """The writes of the request that runs now."""

    def __init__(self) -> None:
        self._writes: list[Write] = []

    def note(self, write: Write) -> None:
        """Keep a write. An update that creates an item is told twice, first with the key alone: that is one (S62)."""
        for index, earlier in enumerate(self._writes):
            same = earlier.recorder is write.recorder and earlier.hash_key == write.hash_key
            if same and earlier.range_key == write.range_key and write.before is None and earlier.new is not None:
                write.before, write.old = earlier.before, earlier.old
                self._writes[index] = write
                return
        self._writes.append(write)

    def take(self) -> list[Write]:
        """What was written since the last call, in order."""
        taken, self._writes = self._writes, []
        return taken


class Recorder:
    """Stands where moto has a table's stream shard. It outlives the table's object, which a transaction may replace."""

    def __init__(self, capture: Capture, table: Table, written: Callable[[Recorder, Item], None]) -> None:
        self.table_arn: str = table.table_arn
        self.table_name: str = table.name
        self.region: str = table.region_name
        self.ttl_attribute: str | None = None
        self._capture = capture
        self._written = written

    def __deepcopy__(self, memo: dict[int, object]) -> Recorder:
        """A copy of a table (a transaction's backup of it) is recorded by the same recorder."""
        return self

    def add(self, old: Item | None, new: Item | None) -> None:
        """moto's call. The images are copied at once: moto goes on changing its items.

        Raises ``EndpointError`` for an item that moto takes and DynamoDB does not: the request fails, and is undone.
        """
        item = old if new is None else new
        assert item is not None, "a write has an item before or after"
        before = None if old is None else typed(old)
        written = Write(self, item.hash_key, item.range_key, old, before, None)
        self._capture.note(written)  # before anything can fail: what moto stored by now must be undone then
        if new is None:
            return
        try:
            _refuse_empty_key(item)
            for value in new.attrs.values():
                _normalise(value)
            written.new = typed(new)
            check_size(item_size(written.new))
        except RecordError as error:
            raise ValidationError(
                "ValidationException", f"One or more parameter values were invalid: {error}"
            ) from error
        except EndpointError as error:
            raise ValidationError(error.code, error.message) from error
        except (AttributeError, TypeError, ValueError) as error:  # a value of another JSON type than its tag says
            raise EndpointError("SerializationException", f"a value is not of its type: {error}") from error
        self._written(self, new)

    def put(self, old: Item | None, new: Item, image: dict[str, object]) -> None:
        """A write of an item that is known to be right. ``image`` is ``new`` in typed form, numbers as stored."""
        self._written(self, new)
        before = None if old is None else typed(old)
        self._capture.note(Write(self, new.hash_key, new.range_key, old, before, image))


def check_size(item_bytes: int) -> None:
    """Raises ``EndpointError`` for an item above 400 KB; moto counts otherwise, and stops at 405,000 (S100)."""
    if item_bytes > ITEM_BYTES_MAX:
        raise EndpointError("ValidationException", "Item size has exceeded the maximum allowed size")


def _refuse_empty_key(item: Item) -> None:
    """moto refuses an empty text as a key, but not binary of no bytes (S99). Raises ``EndpointError``."""
    for place in (item.hash_key, item.range_key):
        if place is not None and place.type == "B" and not place.value:
            raise EndpointError(
                "ValidationException",
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                "empty binary value.",
            )


def typed(item: Item) -> dict[str, object]:
    """moto's item as typed JSON, binary as base64 text (S98)."""
    return {name: _typed(value) for name, value in item.attrs.items()}


def _typed(value: DynamoType) -> dict[str, object]:
    inner = value.value
    if value.is_map():
        return {"M": {name: _typed(one) for name, one in inner.items()}}
    if value.is_list():
        return {"L": [_typed(one) for one in inner]}
    if isinstance(inner, bytes):
        return {value.type: b64encode(inner).decode()}
    if value.is_set():
        return {value.type: [b64encode(one).decode() if isinstance(one, bytes) else one for one in inner]}
    return {value.type: inner}


def _normalise(value: DynamoType) -> None:
    """Write a stored value's numbers in their normal form: arithmetic leaves zeros behind (S97)."""
    if value.is_number():
        value.value = normal_number(value.value)
    elif value.is_map():
        for one in value.value.values():
            _normalise(one)
    elif value.is_list():
        for one in value.value:
            _normalise(one)
    elif value.type == "NS":
        value.value = [normal_number(one) for one in value.value]
