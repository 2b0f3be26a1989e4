"""What the SQL sinks have in common: names, key attributes as columns, and the columns of every table of theirs."""

from __future__ import annotations

from collections.abc import Callable, Collection

from afterbay.core.change.number import number_text
from afterbay.core.change.value import Value
from afterbay.errors import SettingsError

__all__ = ["OWN_COLUMNS", "PURGE_MAX", "key_value", "quoted", "refuse_key_names"]

OWN_COLUMNS = ("_key", "item", "_tok", "_deleted", "_expires")
"""After the key attributes: the canonical key, the item as JSON (null in a tombstone), and what the guard keeps."""

PURGE_MAX = 500
"""Tombstones purged per batch: more than a batch can add in the long run, few enough not to be felt."""


def quoted(name: str) -> str:
    """An identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def refuse_key_names(
    table: str, names: Collection[str], taken: Collection[str], *, same: Callable[[str], str], bytes_max: int
) -> None:
    """Key attributes become columns, beside columns of our own. ``same`` gives equal texts for what the database takes
    for one name. Raises ``SettingsError``."""
    seen = set(map(same, taken))
    for name in names:
        if same(name) in seen or "\0" in name or len(name.encode()) > bytes_max:
            raise SettingsError(
                f"key attribute {name[:80]!r} cannot be a column of table {table}",
                hint="that name is taken by another column or too long; use another kind of sink for this table",
            )
        seen.add(same(name))


def key_value(value: Value) -> str | bytes:
    """A key attribute's value: text and binary as they are, a number as its normalised text."""
    if isinstance(value, str | bytes):
        return value
    if isinstance(value, bool | None | list | dict | frozenset):  # pragma: no cover - ``prepare`` refused it before
        raise TypeError("a key attribute is text, a number or binary")
    return number_text(value)
