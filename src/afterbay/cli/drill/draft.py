"""Items whose changes get through a mapping's filters: each with a key of its own, each version different.

Pure: filters and key schema in, typed items out. That a change gets through is tried with the filter itself.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from afterbay.cli.drill.values import GENERIC, Leaf, absent, value_for
from afterbay.core.change.view import ChangeKind, ViewType
from afterbay.core.mapping.filters import compile_filters
from afterbay.core.pattern import Pattern

__all__ = ["GROUP", "MARK", "Draft", "Needs", "Typed", "draft_for"]

Typed = dict[str, object]
"""An item in DynamoDB's typed JSON."""

MARK = "afterbay_drill"
"""The attribute that tells versions of an item apart where no other does."""

GROUP = 1_000

NUMBER_BASE = 10**9
"""The drill's items have numbers of ten digits in their keys."""

_IMAGES = ("NewImage", "OldImage", "Keys")
_ELEMENTS = {"SS": "S", "NS": "N", "BS": "B"}

Asked = tuple[tuple[tuple[str, ...], tuple[Leaf, ...]], ...]
"""What a filter asks of an image: names and types in turn, as in ``("total", "N")``, and the leaf's members."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an item needs by its table and its function. ``keys`` are the key attributes and their types, the
    partition key first; ``typed`` other attributes with a type (of an index, or read by the code); ``given`` is a
    person's own item, typed."""

    keys: Mapping[str, str]
    typed: Mapping[str, str] = field(default_factory=dict[str, str])
    given: Mapping[str, object] = field(default_factory=dict[str, object])
    view: ViewType = ViewType.NEW_AND_OLD_IMAGES


@dataclass(frozen=True, slots=True)
class Draft:
    """How changes are made that the filters let through: ``kind`` is what a change must be.

    ``new``, ``old`` and ``keys`` are what the filter asks of the images and of the key.
    """

    needs: Needs
    filters: tuple[str, ...]
    kind: ChangeKind
    new: Asked = ()
    old: Asked = ()
    keys: Asked = ()

    def key(self, number: int) -> Typed:
        """The key of item ``number``, different for each number. With a sort key, the items of one thousand share a
        partition key, and so a shard."""
        group = number - number % GROUP if len(self.needs.keys) > 1 else number
        uniques = (str(NUMBER_BASE + group), str(NUMBER_BASE + number))
        return {
            name: {tag: self._part(name, tag, unique)}
            for (name, tag), unique in zip(self.needs.keys.items(), uniques, strict=False)
        }

    def item(self, number: int, version: int = 1) -> Typed:
        """Item ``number`` as the change leaves it; of a REMOVE, as it finds it."""
        return self._image(self.old if self.kind is ChangeKind.REMOVE else self.new, number, version)

    def earlier(self, number: int) -> Typed:
        """Item ``number`` as a MODIFY finds it."""
        return self._image(self.old, number, 0)

    def lets(self, kind: ChangeKind, number: int = 1, *, version: int = 1, before: int | None = None) -> bool:
        """Whether the filters let a change to ``version`` through, from version ``before``, None: the earlier one."""
        passes = compile_filters(self.filters)
        return passes is None or passes(msgspec.json.encode(self._record(kind, number, version, before)))

    def _record(self, kind: ChangeKind, number: int, version: int, before: int | None) -> Typed:
        old = self.earlier(number) if before is None else self.item(number, before)
        if kind is ChangeKind.REMOVE:
            old = self.item(number, version)
        view = self.needs.view
        change: Typed = {
            "ApproximateCreationDateTime": 1_767_607_872,
            "Keys": self.key(number),
            "SequenceNumber": "1" + "0" * 20,
            "SizeBytes": 100,
            "StreamViewType": view.value,
        }
        if view.shows_new(kind):
            change["NewImage"] = self.item(number, version)
        if view.shows_old(kind):
            change["OldImage"] = old
        return {
            "eventID": "0" * 32,
            "eventName": kind.value,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": change,
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000",
        }

    def _image(self, asked: Asked, number: int, version: int) -> Typed:
        taken = {path[0] for path, _ in asked} | self.needs.keys.keys()
        free = {name: {tag: _varied(tag, version)} for name, tag in self.needs.typed.items() if name not in taken}
        given = {name: _versioned(value, version) for name, value in self.needs.given.items() if name not in taken}
        item: Typed = {**free, **given}
        if not any(_tells_versions(value) for value in item.values()):
            item[MARK] = {"S": f"drill-{version}"}
        for name in taken & self.needs.given.keys():
            item[name] = self.needs.given[name]
        for path, leaves in asked:
            _ask(item, path, leaves)
        return {**item, **self.key(number)}

    def _part(self, name: str, tag: str, unique: str) -> object:
        asked = [leaves for path, leaves in (*self.keys, *self.new, *self.old) if path == (name, tag)]
        for leaves in asked:
            value = value_for(tag, leaves, unique)
            if value is not None:
                return value
        return b64encode(unique.encode()).decode() if tag == "B" else f"drill-{unique}" if tag == "S" else unique


def draft_for(filters: Sequence[str], needs: Needs) -> Draft | None:
    """A draft of changes that get through ``filters``; None: none was found. An INSERT is preferred, then a MODIFY."""
    patterns = [Pattern(one, dialect="mapping") for one in filters]
    ways = [alternative for pattern in patterns for alternative in pattern.alternatives] or [{}]
    for kind in (ChangeKind.INSERT, ChangeKind.MODIFY, ChangeKind.REMOVE):
        for way in ways:
            asked = list(_asked(cast("Mapping[str, Sequence[Leaf]]", way)))
            new, old, keys = (
                tuple((path, leaves) for image, path, leaves in asked if image == place) for place in _IMAGES
            )
            draft = Draft(needs, tuple(filters), kind, new, old, keys)
            if draft.lets(kind):
                return draft
    return None


def _asked(way: Mapping[str, Sequence[Leaf]]) -> Iterator[tuple[str, tuple[str, ...], tuple[Leaf, ...]]]:
    for joined, leaves in way.items():
        first, _, rest = joined.partition(".")
        image, _, path = rest.partition(".")
        parts = tuple(path.split("."))
        if first == "dynamodb" and image in _IMAGES and len(parts) % 2 == 0:
            yield image, parts, tuple(leaves)


def _ask(item: Typed, path: tuple[str, ...], leaves: Sequence[Leaf]) -> None:
    """Make an image as a leaf asks, as far as that can be done."""
    name, tag, *rest = path
    if rest and tag == "M":
        inner = cast("Mapping[str, Typed]", item.get(name, {})).get("M", {})
        changed = dict(inner)
        _ask(changed, tuple(rest), leaves)
        item[name] = {"M": changed}
    elif absent(leaves):
        item.pop(name, None)
    elif not rest and tag in GENERIC and not _holds(item.get(name), tag, leaves):
        element = _ELEMENTS.get(tag)
        value = value_for(element or tag, leaves)
        if value is not None:
            item[name] = {tag: value if element is None else [value]}


def _holds(value: object, tag: str, leaves: Sequence[Leaf]) -> bool:
    """A person's own value may do already."""
    inner = cast("Mapping[str, object]", value).get(tag) if isinstance(value, Mapping) else None
    return isinstance(inner, str | bool) and any(leaf.test.holds(inner) for leaf in leaves)


def _varied(tag: str, version: int) -> object:
    match tag:
        case "S":
            return f"drill-{version}"
        case "N":
            return str(version)
        case "BOOL":
            return version % 2 == 1
        case _:
            return GENERIC.get(tag, "drill")


def _versioned(value: object, version: int) -> object:
    """A person's own value; in later versions a text has more and a number is greater."""
    if version == 1 or not isinstance(value, Mapping):
        return value
    match dict(cast("Mapping[str, object]", value)):
        case {"S": str() as text}:
            return {"S": f"{text}-{version}"}
        case {"N": str() as number} if number.lstrip("-").isdecimal():
            return {"N": str(int(number) + version - 1)}
        case _:
            return cast("object", value)


def _tells_versions(value: object) -> bool:
    return isinstance(value, Mapping) and any(tag in value for tag in ("S", "N", "BOOL"))
