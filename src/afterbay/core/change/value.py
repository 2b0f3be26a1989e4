"""Attribute values: DynamoDB's typed form <-> Python, exactly and both ways.

Decides what a typed value means and when two are equal (S96 to S101). Typed values may hold binary as base64 text
(events, the wire) or as ``bytes`` (SDKs); both mean the same. The JSON of sinks is written here too.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias, cast

import msgspec

from afterbay.core.change.number import Number, in_range, number_text
from afterbay.core.change.plain import JSON_DECODERS, NOT_PLAIN, TypedValue, ordered, plain
from afterbay.core.change.scalar import DECODERS, Scalar, SetValue, json_kind, sequence
from afterbay.errors import RecordError

__all__ = [
    "DEPTH_MAX",
    "Item",
    "TypedItem",
    "Value",
    "canonical",
    "canonical_key",
    "decode_item",
    "decode_value",
    "encode_item",
    "encode_value",
    "equal",
    "json_bytes",
    "json_item",
    "number_text",
    "same_item",
    "same_value",
    "sdk_item",
    "wire_item",
]

Value: TypeAlias = Scalar | SetValue | list["Value"] | dict[str, "Value"]
"""One attribute in Python: numbers are ``int`` where whole, else ``Decimal``; binary is ``bytes``, NULL is ``None``."""

Item: TypeAlias = dict[str, Value]
TypedItem: TypeAlias = Mapping[str, object]
"""An item in DynamoDB's typed JSON: attribute name -> an object with one member, the type."""

DEPTH_MAX = 32
"""Levels of lists and maps that an attribute may have (S100)."""

_PATH_CHARS_MAX = 120
"""A path of 32 levels is no help in full; its start says which attribute it is."""

_FLAT = frozenset({str, int, Decimal, bool, bytes, type(None)})

_SORTED = msgspec.json.Encoder(order="sorted")
_DIGITS_KEPT = msgspec.json.Encoder(decimal_format="number")


def decode_item(item: object, path: str = "") -> Item:
    """Typed JSON of an item -> Python values. Raises ``RecordError`` that leads to the attribute at fault."""
    members = _members(item, path, "an item")
    try:
        return cast("Item", plain(_as_typed(members), DECODERS, DEPTH_MAX))
    except NOT_PLAIN:
        pass  # once more, with a path to what is wrong
    return {name: decode_value(value, _under(path, name)) for name, value in members.items()}


def decode_value(value: object, path: str = "", depth: int = 0) -> Value:
    """One typed value -> Python. ``depth`` counts the lists and maps around it.

    Rules: S96 exactly one member of a known type, S98 base64 decoded once, S100 depth. Raises ``RecordError``.
    """
    members = _members(value, path, "an attribute value")
    if len(members) != 1:
        raise RecordError(f"an attribute value has exactly one member, this has {len(members)}", path=path)
    ((tag, inner),) = members.items()
    here = _under(path, tag)
    decode = DECODERS.get(tag)
    if decode is not None:
        return decode(inner, here)
    if tag not in ("L", "M"):
        known = ", ".join(sorted((*DECODERS, "L", "M")))
        raise RecordError(f"unknown type {tag[:20]!r}; known are {known} (S96)", path=path)
    if depth >= DEPTH_MAX:
        raise RecordError(f"nested deeper than {DEPTH_MAX} levels (S100)", path=here[:_PATH_CHARS_MAX])
    if tag == "L":
        return [decode_value(one, f"{here}[{index}]", depth + 1) for index, one in enumerate(sequence(inner, here))]
    named = _members(inner, here, "a map")
    return {name: decode_value(one, _under(here, name), depth + 1) for name, one in named.items()}


def encode_item(item: Mapping[str, object], path: str = "") -> dict[str, object]:
    """Python values -> typed JSON with base64 text. ``decode_item`` of the result gives equal values. Raises
    ``RecordError`` as ``encode_value`` does, and for a name that is no text."""
    _refuse_names(item, path, "an item's")
    return {name: encode_value(value, _under(path, name)) for name, value in item.items()}


def sdk_item(item: Mapping[str, object], path: str = "") -> dict[str, object]:
    """Python values -> typed form as boto3 takes it: ``bytes`` for binary, which the SDK encodes itself (S98)."""
    return {name: _encode(value, _under(path, name), 0, bytes) for name, value in item.items()}


def encode_value(value: object, path: str = "") -> dict[str, object]:
    """One Python value -> its typed form.

    A ``float`` is refused, since it is not the number its digits say; so are an empty set and a set of mixed types
    (S99). Raises ``RecordError``.
    """
    return _encode(value, path, 0, _base64)


def wire_item(item: TypedItem, path: str = "") -> dict[str, object]:
    """A typed item with binary as base64 text, all else as it came: spelling of numbers, order of sets.

    Shapes are not judged here, only that nesting ends. Raises ``RecordError``.
    """
    return {name: _as_text(value, _under(path, name), 2 * (DEPTH_MAX + 1)) for name, value in item.items()}


def canonical(item: object, path: str = "") -> bytes:
    """Canonical JSON of a typed item: equal items give equal bytes, different items different bytes.

    Rules: S101 names sorted, numbers normalised, sets ordered; no blanks, no escapes that JSON does not demand.
    """
    members = _members(item, path, "an item")
    # Text is canonical as it is, and most keys hold nothing else.
    if all(type(value) is dict and len(value) == 1 and type(value.get("S")) is str for value in members.values()):
        return _SORTED.encode(dict(members))
    return canonical_key(decode_item(item, path))


def canonical_key(item: Item) -> bytes:
    """``canonical`` of an item that is decoded."""
    return _SORTED.encode(encode_item(item))


def same_value(one: object, other: object) -> bool:
    """True when two typed values are equal (S101): numbers by value, sets as sets, binary by bytes."""
    return equal(decode_value(one), decode_value(other))


def same_item(one: TypedItem, other: TypedItem) -> bool:
    """True when two typed items have the same attributes with equal values (S101)."""
    return equal(decode_item(one), decode_item(other))


def equal(one: Value, other: Value) -> bool:
    """Equality of decoded values (S101). Python's own ``==`` would take BOOL true for the number 1."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(equal(value, other[name]) for name, value in one.items())
        )
    if isinstance(one, list):
        return (
            isinstance(other, list)
            and len(one) == len(other)
            and all(equal(left, right) for left, right in zip(one, other, strict=True))
        )
    return one == other


def json_bytes(value: Value) -> bytes:
    """The form for JSON sinks: numbers with every digit, binary as base64 text, sets as sorted arrays."""
    return _DIGITS_KEPT.encode(_sets_ordered(value))


def json_item(item: TypedItem, path: str, typed: Callable[[], TypedItem]) -> bytes:
    """``json_bytes(decode_item(typed(), path))``, in one pass over ``item``, the same as it was sent, where that is
    plain. Raises ``RecordError``, and ``UnicodeEncodeError`` for a lone surrogate.
    """
    try:
        return _DIGITS_KEPT.encode(plain(_as_typed(item), JSON_DECODERS, DEPTH_MAX))
    except NOT_PLAIN:
        pass
    return json_bytes(decode_item(typed(), path))


def _sets_ordered(value: Value) -> object:
    if isinstance(value, dict):
        return {name: one if type(one) in _FLAT else _sets_ordered(one) for name, one in value.items()}
    if isinstance(value, list):
        return [one if type(one) in _FLAT else _sets_ordered(one) for one in value]
    if isinstance(value, frozenset):
        return ordered(value)
    return value


def _encode(value: object, path: str, depth: int, binary: Callable[[bytes], object]) -> dict[str, object]:
    """``binary`` writes bytes: as base64 text, or as they are."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | Decimal():
            return {"N": _number(value, path)}
        case bytes() | bytearray():
            return {"B": binary(bytes(value))}
        case set() | frozenset():
            return _encode_set(cast("frozenset[object]", value), path, binary)
        case Mapping() | list() | tuple():
            if depth >= DEPTH_MAX:
                raise RecordError(f"nested deeper than {DEPTH_MAX} levels (S100)", path=path[:_PATH_CHARS_MAX])
            return _encode_nested(cast("object", value), path, depth, binary)
        case float():
            raise RecordError("a float is not exact", path=path, hint="use int or decimal.Decimal")
        case _:
            raise RecordError(f"{type(value).__name__} has no attribute type", path=path)


def _encode_nested(value: object, path: str, depth: int, binary: Callable[[bytes], object]) -> dict[str, object]:
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        _refuse_names(members, path, "a map's")
        return {"M": {name: _encode(one, _under(path, name), depth + 1, binary) for name, one in members.items()}}
    listed = enumerate(sequence(value, path))
    return {"L": [_encode(one, f"{path}[{index}]", depth + 1, binary) for index, one in listed]}


def _refuse_names(members: Mapping[str, object], path: str, whose: str) -> None:
    for name in cast("Mapping[object, object]", members):
        if not isinstance(name, str):
            raise RecordError(f"{whose} names are text, not {type(name).__name__}", path=path)


def _encode_set(values: frozenset[object], path: str, binary: Callable[[bytes], object]) -> dict[str, object]:
    if not values:
        raise RecordError("a set has at least one member (S99)", path=path)
    if all(isinstance(one, str) for one in values):
        return {"SS": ordered(values)}
    if all(isinstance(one, bytes) for one in values):
        return {"BS": [binary(one) for one in ordered(values) if isinstance(one, bytes)]}
    numbers = [one for one in values if isinstance(one, int | Decimal) and not isinstance(one, bool)]
    if len(numbers) == len(values):
        return {"NS": [_number(one, path) for one in sorted(numbers)]}
    raise RecordError("a set holds text, numbers or bytes, all of one kind (S99)", path=path)


def _number(number: Number, path: str) -> str:
    if not in_range(number):
        raise RecordError("a table's numbers are 0 and 1E-130 to 9.99E+125, either sign (S97)", path=path)
    return number_text(number)


def _as_text(value: object, path: str, levels_left: int) -> object:
    """``levels_left`` counts JSON's levels, of which an attribute's level has two: the type and what is inside.

    Text is told before it is called for: most of what an item holds is text."""
    if type(value) is dict and levels_left:  # pyright: ignore[reportUnknownArgumentType] # asking the ABC costs five times as much
        named = cast("dict[str, object]", value)
        return {name: one if type(one) is str else _as_text(one, path, levels_left - 1) for name, one in named.items()}
    if isinstance(value, bytes | bytearray):
        return _base64(bytes(value))
    if not isinstance(value, Mapping | list | tuple):
        return value
    if not levels_left:
        raise RecordError(f"nested deeper than {DEPTH_MAX} levels (S100)", path=path)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, object]", value)
        return {name: _as_text(one, path, levels_left - 1) for name, one in members.items()}
    listed = cast("list[object] | tuple[object, ...]", value)
    return [_as_text(one, path, levels_left - 1) for one in listed]


def _base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _members(value: object, path: str, what: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise RecordError(f"{what} is a JSON object, not {json_kind(value)}", path=path)
    return cast("Mapping[str, object]", value)


def _as_typed(members: Mapping[str, object]) -> Iterable[tuple[str, TypedValue]]:
    return cast("Mapping[str, TypedValue]", members).items()


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
