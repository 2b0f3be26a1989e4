"""An item as columns of text: what both table formats for analytics, Delta Lake and Iceberg, make of attributes.

Decides which column an attribute has and what stands in it. A column's type never depends on the values that came
first, or a replay in another order would end in another table: every attribute is text, in one form per type.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence

from afterbay.core.change.value import Item, Value, json_bytes
from afterbay.errors import RecordError, SettingsError

__all__ = ["COLUMNS_MAX", "OWN", "Columns", "cell", "check_keys", "check_own", "check_table", "column_name"]

OWN = ("_key", "_item", "_tok", "_deleted", "_expires")
"""The sink's own columns: the canonical key, the item's JSON, its token, whether it is a tombstone and until when."""

COLUMNS_MAX = 1_000
"""Attributes that have a column. Names made of data (a user's id, a date) would add columns without end."""

_NOT_PLAIN = re.compile(r"[^\w-]")


def column_name(attribute: str) -> str:
    """The column of an attribute: its name, in which all but letters, digits, ``_`` and ``-`` is percent-encoded.

    Neither format takes every character, and a dot would be a path to a reader. No two attributes share a name.
    """
    return _NOT_PLAIN.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), attribute)


def cell(value: Value) -> str | None:
    """A value as text: a string as it is, a number with every digit, binary as base64, NULL as none; true and false,
    maps, lists and sets as a JSON sink writes them."""
    match value:
        case None:
            return None
        case str():
            return value
        case bytes():
            return b64encode(value).decode("ascii")
        case _:
            return json_bytes(value).decode()


class Columns:
    """The columns of one table while a batch is planned: those it has, and those that the batch adds.

    Readers of both formats take ``Name`` and ``name`` for one column, so one it is, in the spelling that came first;
    ``_item`` keeps the attribute's own. ``found`` are the table's columns without the sink's own.
    """

    def __init__(self, found: Iterable[str]) -> None:
        self._spelled = {name.lower(): name for name in found}
        self._added: list[str] = []

    @property
    def added(self) -> tuple[str, ...]:
        """What the table does not have yet, in the order in which it came."""
        return tuple(self._added)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns of attributes."""
        return tuple(self._spelled.values())

    def cells(self, item: Item) -> dict[str, str | None]:
        """The item's text by column; columns it has no attribute for are left out.

        Raises ``RecordError`` for an attribute that would overwrite the sink's own column (E11), or one of the same
        item in another case. Whether it does depends on the item alone, never on what the table has seen.
        """
        attributes = _by_column(item)
        unknown = [column for folded, (column, _) in attributes.items() if folded not in self._spelled]
        if unknown and len(self._spelled) + len(unknown) > COLUMNS_MAX:
            raise RecordError(
                f"attribute {unknown[0][:80]!r} would be one column more than {COLUMNS_MAX}",
                path="dynamodb.NewImage",
                hint="choose the attributes that are columns with fields= or without=",
            )
        for column in unknown:
            self._spelled[column.lower()] = column
            self._added.append(column)
        return {self._spelled[folded]: cell(item[attribute]) for folded, (_, attribute) in attributes.items()}


def check_own(found: Iterable[str], sink: str) -> None:
    """Did a sink make the table whose columns were ``found``? Raises ``SettingsError``."""
    names = list(found)
    if not set(OWN) <= set(names):
        raise SettingsError(
            f"{sink}: the table has columns {', '.join(names)[:200]}: no sink made it", hint="choose another place"
        )


def check_table(required: Iterable[str], others: Mapping[str, bool], keys: Sequence[str], sink: str) -> None:
    """Is a sink's table this sink's? ``required`` are its columns that are never null, ``others`` the rest and whether
    each holds text. Raises ``SettingsError``."""
    never_null = set(required)
    expected = {*map(column_name, keys), "_key", "_tok", "_deleted"}
    if never_null != expected:
        raise SettingsError(
            f"{sink}: the table's columns that are never null are {', '.join(sorted(never_null)) or 'none'};"
            f" this sink has {', '.join(sorted(expected))}",
            hint="another source's table: give each source table a sink table of its own",
        )
    foreign = sorted(name for name, is_text in others.items() if not is_text and name != "_expires")
    if foreign:
        raise SettingsError(
            f"{sink}: column {foreign[0]} is not text; this sink writes attributes as text",
            hint="another program changed the table: drop that column, or give the sink a table of its own",
        )


def check_keys(keys: Iterable[str], sink: str) -> None:
    """Can the key attributes be columns? Raises ``SettingsError``: no record of this source can ever be written."""
    try:
        _by_column(dict.fromkeys(keys))
    except RecordError as refused:
        raise SettingsError(
            f"{sink}: key {refused.message.partition(': ')[2]}", hint="use another kind of sink for this table"
        ) from refused


def _by_column(item: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Column and attribute by the column's name in lower case."""
    found: dict[str, tuple[str, str]] = {}
    for attribute in item:
        column = column_name(attribute)
        folded = column.lower()
        if folded in OWN:
            raise RecordError(
                f"attribute {attribute!r} has the name of the sink's own column {folded}",
                path="dynamodb.NewImage",
                hint="leave it out with without=",
            )
        if folded in found:
            raise RecordError(
                f"attributes {found[folded][1]!r} and {attribute!r} are one column: names differ in case only",
                path="dynamodb.NewImage",
                hint="leave one of them out with without=",
            )
        found[folded] = (column, attribute)
    return found
