"""Attribute values that moto takes and DynamoDB does not: refused before moto drops a part of them (S96, S99).

Done in front of moto: of a value with two types it stores the first, and of one without a type it fails.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.numbers import normal_number
from afterbay.errors import EndpointError

__all__ = ["TYPES", "check_values"]

TYPES = frozenset({"S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL"})
"""Names of the types of a value (S96)."""

_HOLDERS = ("Item", "Key", "ExpressionAttributeValues")


def check_values(operation: str, members: dict[str, JsonValue]) -> None:
    """Raises ``EndpointError`` for a value without exactly one type, a set with a member twice, text that is no base64,
    and a set with members of another JSON type."""
    for request in _requests(operation, members):
        for holder in _HOLDERS:
            held = request.get(holder)
            if isinstance(held, dict):
                for value in held.values():
                    _check(value)
        parameters = request.get("Parameters")
        if isinstance(parameters, list):
            for value in parameters:
                _check(value)


def _requests(operation: str, members: dict[str, JsonValue]) -> Iterable[dict[str, JsonValue]]:
    """What holds the values of a request: the request itself, or each of those that it is made of."""
    match operation:
        case "BatchWriteItem":
            by_table = members.get("RequestItems")
            lists = list(by_table.values()) if isinstance(by_table, dict) else []
        case "TransactWriteItems":
            lists = [members.get("TransactItems")]
        case _:
            yield members
            return
    for part in (one for wanted in lists if isinstance(wanted, list) for one in wanted if isinstance(one, dict)):
        yield from (inner for inner in part.values() if isinstance(inner, dict))


def _check(value: JsonValue) -> None:
    if not isinstance(value, dict):
        raise EndpointError("SerializationException", "an attribute value is an object with one member, its type")
    if len(value) > 1:
        raise EndpointError(
            "ValidationException",
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes",
        )
    if not value.keys() & TYPES:
        raise EndpointError(
            "ValidationException",
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        )
    ((tag, inner),) = value.items()
    if tag == "M" and isinstance(inner, dict):
        for one in inner.values():
            _check(one)
    elif tag == "L" and isinstance(inner, list):
        for one in inner:
            _check(one)
    elif tag == "B":
        _bytes(inner)
    elif tag in ("SS", "NS", "BS") and isinstance(inner, list):
        _check_set(tag, inner)


def _check_set(tag: str, members: list[JsonValue]) -> None:
    texts = [one for one in members if isinstance(one, str)]
    if len(texts) < len(members):
        raise EndpointError("SerializationException", f"the members of {tag} are strings")
    if tag == "SS":
        distinct: set[str] | set[bytes] = set(texts)
    elif tag == "NS":
        distinct = set(map(normal_number, texts))
    else:
        distinct = set(map(_bytes, texts))
    if len(distinct) < len(texts):
        raise EndpointError(
            "ValidationException",
            f"One or more parameter values were invalid: Input collection [{', '.join(texts)}] contains duplicates.",
        )


def _bytes(text: JsonValue) -> bytes:
    if not isinstance(text, str):
        raise EndpointError("SerializationException", "binary is base64 text")
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise EndpointError("SerializationException", "binary is base64 text with padding") from error
