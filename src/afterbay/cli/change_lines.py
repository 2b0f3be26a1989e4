"""One change as a line for a person, or as a JSON line; and which changes are wanted.

Decides spelling. A value is shown as it is where that is plain, else as JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from afterbay.core.change.diff import Absent, FieldChange, Path
from afterbay.core.change.kinesis_change import KinesisChange, Precision
from afterbay.core.change.raw import ItemKey
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import Item, Value, canonical, json_bytes
from afterbay.errors import RecordError, SettingsError

if TYPE_CHECKING:
    from afterbay.core.pattern import Pattern

__all__ = [
    "Change",
    "Document",
    "Wanted",
    "change_document",
    "change_lines",
    "plain_text",
    "printable",
    "unreadable_document",
    "unreadable_line",
    "utc",
]

VALUE_CHARS_MAX = 80
"""More of a value than this is no help in a line; ``--json`` and ``--show-images`` have it whole."""

Change: TypeAlias = ChangeRecord | KinesisChange
"""One of a table's stream, or one that a table writes to Kinesis."""

Document: TypeAlias = dict[str, Value]

_EPOCH = datetime.fromtimestamp(0, UTC)


class Wanted:
    """Which changes are asked for. ``key``: a lone string key, or a key in typed JSON; ``where``: a pattern of an item
    in typed JSON, that the new image or the old one must match. Raises ``SettingsError`` for a key that is none."""

    def __init__(self, key: str | None, where: Pattern | None) -> None:
        self._where = where
        self._key = None if key is None else _read_key(key)

    def by_key(self, key: ItemKey) -> bool:
        """By the item's key (``item_key``), which is known before the record is decoded."""
        if self._key is None:
            return True
        if isinstance(self._key, bytes):
            return key == self._key
        named: object = msgspec.json.decode(key)
        return isinstance(named, dict) and list(named.values()) == [{"S": self._key}]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    def by_text(self, key: str) -> bool:
        """What has no item: by the text that tells it from others, and never where an item is to match."""
        return self._where is None and self._key in (None, key)

    def by_item(self, change: Change) -> bool:
        """Raises ``RecordError``."""
        if self._where is None:
            return True
        images = (change.new_typed, change.old_typed)
        return any(image is not None and self._where.matches(image) for image in images)


def _read_key(key: str) -> str | bytes:
    if not key.lstrip().startswith("{"):
        return key
    try:
        return canonical(msgspec.json.decode(key))
    except (msgspec.DecodeError, RecordError) as wrong:
        raise SettingsError(
            f"{key!r} is no key: {wrong}",
            where="--key",
            hint='a key that is not one text is written as {"pk":{"S":"a"},"sk":{"N":"5"}}',
        ) from wrong


def utc(created_s: float, timespec: str = "seconds") -> str:
    """As ``2026-01-01T12:00:00Z``: a table's creation times are whole seconds (S63)."""
    return _utc(datetime.fromtimestamp(created_s, UTC), timespec)


def change_lines(change: Change, *, images: bool) -> list[str]:
    """The line of a change, and its images below where they are asked for. Raises ``RecordError``."""
    kind = f"{change.kind} (expired)" if change.is_expiry else str(change.kind)
    told = _differences(change)
    lines = [f"{_time(change)} {kind} {_key_text(change.keys)}{'  ' if told else ''}{told}"]
    if images:
        lines += [
            f"    {name}: {json_bytes(image).decode()}"
            for name, image in (("old", change.old), ("new", change.new))
            if image is not None
        ]
    return lines


def change_document(change: Change, shard: str, *, images: bool, number: str | None = None) -> bytes:
    """The JSON line of a change (docs/cli.md), numbers with every digit. Raises ``RecordError``.

    ``number``: that of the record in its shard; None: the change's own.
    """
    if number is None and isinstance(change, ChangeRecord):
        number = str(change.sequence_number)
    document: Document = {
        "time": _time(change),
        "kind": str(change.kind),
        "expired": change.is_expiry,
        "key": change.keys,
        "table": change.table,
        "shard": shard,
        "sequence_number": number,
        "token": change.token,
    }
    fields = _fields(change)
    document["changed"] = None if fields is None else [_field_document(one) for one in fields]
    if images:
        document["old"] = change.old
        document["new"] = change.new
    return json_bytes(document)


def unreadable_line(shard: str, sequence_number: str | None, why: str, body: bytes) -> str:
    """A record that cannot be decoded, as it came."""
    return f"UNREADABLE {sequence_number or 'without a number'} in {shard}: {why}: {printable(body)}"


def unreadable_document(shard: str, sequence_number: str | None, why: str, body: bytes) -> bytes:
    """``record`` is its text: it may be no JSON."""
    return json_bytes({"shard": shard, "sequence_number": sequence_number, "error": why, "record": printable(body)})


def printable(body: bytes) -> str:
    """Bytes as they came, on one line of a terminal."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in body.decode("utf-8", "backslashreplace"))


def _time(change: Change) -> str:
    """Whole seconds of a table's stream (S63); of Kinesis as fine as the record tells it (S88)."""
    if isinstance(change, ChangeRecord):
        return utc(change.created_s)
    timespec = "milliseconds" if change.precision is Precision.MILLISECOND else "microseconds"
    return _utc(_EPOCH + timedelta(microseconds=change.created_us), timespec)


def _utc(moment: datetime, timespec: str) -> str:
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def _differences(change: Change) -> str:
    fields = _fields(change)
    if fields is None:
        return f"(no differences: the stream shows {change.view or 'no images'})"
    return "; ".join(_field_text(one) for one in fields)


def _fields(change: Change) -> list[FieldChange] | None:
    """What changed but the key; None where the stream hides an image."""
    try:
        diff = change.diff()
    except SettingsError:
        return None
    keys = change.keys
    return [one for one in diff.paths() if one.path[0] not in keys]


def _field_text(one: FieldChange) -> str:
    name = _path_text(one.path)
    if isinstance(one.old, Absent):
        return f"+{name}: {_value_text(one.new)}"
    if isinstance(one.new, Absent):
        return f"-{name}: {_value_text(one.old)}"
    return f"{name}: {_value_text(one.old)} → {_value_text(one.new)}"


def _field_document(one: FieldChange) -> Document:
    path: list[Value] = list(one.path)
    sides = {name: side for name, side in (("old", one.old), ("new", one.new)) if not isinstance(side, Absent)}
    return {"path": path, **sides}


def _path_text(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{plain_text(step)}"
    return text


def _key_text(keys: Item) -> str:
    """A lone string key as it is, any other as JSON."""
    values = list(keys.values())
    if len(values) == 1 and isinstance(values[0], str):
        return plain_text(values[0])
    return json_bytes(keys).decode()


def _value_text(value: Value | Absent) -> str:
    assert not isinstance(value, Absent), "a field has a value on one side at least"
    text = plain_text(value) if isinstance(value, str) else json_bytes(value).decode()
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[: VALUE_CHARS_MAX - 1]}…"


def plain_text(text: str) -> str:
    """A text as it is, or as JSON where it could be taken for another value, or for part of the line."""
    odd = not text.isprintable() or text != text.strip() or any(mark in text for mark in (";", "→"))
    return json_bytes(text).decode() if odd or not text or _is_json(text) else text


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True
