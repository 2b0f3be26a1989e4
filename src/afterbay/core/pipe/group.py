"""A group of parameters that the API knows by a name: typed inside, its own JSON at the edge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.core.pipe.shape import without_nulls

__all__ = ["Group", "read_group", "shown"]

_G = TypeVar("_G", bound="Group")


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Members are named as on the wire but for the case; one that was not given is None and is not shown."""


def read_group(kind: type[_G], given: Mapping[str, JsonValue]) -> _G:
    """A group that the model has nothing against; members that nobody knows are passed over."""
    return msgspec.convert(without_nulls(given), kind)


def shown(group: Group) -> dict[str, JsonValue]:
    """The members that were given, by their names on the wire."""
    return cast("dict[str, JsonValue]", msgspec.json.decode(msgspec.json.encode(group)))
