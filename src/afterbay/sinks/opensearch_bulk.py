"""What one row of a ``_bulk`` answer makes of its document: done, try again, or refused, and why.

Decides by the row's status and the server's error type. The server's sentences are read for names and types of fields
alone: they quote values, which are the customer's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import cast

from afterbay.core.change.value import TypedItem
from afterbay.sinks.entry import Entry
from afterbay.sinks.opensearch_cluster import Answer, within

__all__ = ["Row", "RowKind", "read_row"]


class RowKind(Enum):
    """What became of one write."""

    DONE = "done"
    RACED = "raced"
    """Another writer, or the purge, was first: read again."""
    INDEX_GONE = "index gone"
    LATER = "later"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Row:
    """``reason`` says why it is not done."""

    kind: RowKind
    reason: str = ""


_DONE = Row(RowKind.DONE)

_PASSING_400 = frozenset({"index_closed_exception"})
"""Of the errors that the server gives 400, those that the document is not to blame for."""

_REASON_CHARS_MAX = 200

_OF_TYPE = re.compile(r"failed to parse(?: \w+)? field \[(?P<name>.*?)\] of type \[(?P<was>.*?)\]", re.DOTALL)
_NO_OBJECT = re.compile(r"object mapping for \[(?P<name>.*?)\] tried to parse field", re.DOTALL)
_NO_MERGE = re.compile(r"can't merge a non object mapping \[(?P<name>.*?)\] with an object mapping", re.DOTALL)
_CHANGED = re.compile(r"mapper \[(?P<name>.*?)\] cannot be changed from type \[(?P<was>.*?)\]", re.DOTALL)
_STRICT = re.compile(r"dynamic introduction of \[(?P<name>.*?)\] within", re.DOTALL)

_TYPES = {
    "S": "a string",
    "N": "a number",
    "B": "binary, a string there",
    "BOOL": "a boolean",
    "NULL": "null",
    "L": "a list",
    "M": "a map",
    "SS": "a set of strings",
    "NS": "a set of numbers",
    "BS": "a set of binaries",
}


def read_row(row: Answer, entry: Entry) -> Row:
    """``row`` is the answer's for the write of ``entry``."""
    (result,) = row.values() if len(row) == 1 else (None,)
    status = within(result, "status")
    code = within(result, "error", "type")
    if not isinstance(status, int):
        return Row(RowKind.LATER, "an answer without a status")
    if status < 300:
        return _DONE
    shown = f"{code} (HTTP {status})"
    if status == 409:
        return Row(RowKind.RACED, shown)
    if code == "index_not_found_exception":
        return Row(RowKind.INDEX_GONE, shown)
    if status != 400 or code in _PASSING_400:
        return Row(RowKind.LATER, shown)
    error = within(result, "error")
    return Row(RowKind.REFUSED, f"{_why(cast('Answer', error), entry)} ({code})")


def _why(error: Answer, entry: Entry) -> str:
    said = str(error.get("reason", ""))
    if found := _OF_TYPE.search(said) or _CHANGED.search(said):
        name, was = found["name"], found["was"]
        if name == was:
            return f"attribute {name!r} has a name that the index keeps for itself"
        return f"attribute {name!r} is {was} in the index and {_now(entry, name)} in the item"
    if found := _NO_OBJECT.search(said):
        return f"attribute {found['name']!r} is a map in the index and {_now(entry, found['name'])} in the item"
    if found := _NO_MERGE.search(said):
        return f"attribute {found['name']!r} is a map where the index, or the item itself, has another value"
    if found := _STRICT.search(said):
        return f"attribute {found['name']!r} is not in the index's strict mapping"
    cause = within(error, "caused_by", "reason")
    return (cause if said == "failed to parse" and isinstance(cause, str) else said)[:_REASON_CHARS_MAX]


def _now(entry: Entry, path: str) -> str:
    """The DynamoDB type of what the item has at ``path``; a path leads through maps, and into the members of lists."""
    tag = _tag(entry.typed or {}, path)
    return f"{_TYPES[tag]} ({tag})" if tag in _TYPES else "another type"


def _tag(typed: TypedItem, path: str) -> str:
    """Names may hold dots themselves, so the longest that is there is the right one."""
    names = path.split(".")
    for length in range(len(names), 0, -1):
        value = typed.get(".".join(names[:length]))
        if isinstance(value, dict):
            ((tag, inner),) = cast("dict[str, object]", value).items()
            if length == len(names):
                return tag
            return _tag(cast("TypedItem", inner), ".".join(names[length:])) if tag == "M" else tag
    return ""
