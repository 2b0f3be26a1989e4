"""An item as the DynamoDB sink keeps it: the image as it is, plus the guard's own attributes.

Decides names, shapes and conditions. Calls and faults are ``dynamodb.py``'s.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from afterbay.core.change.sequence import TOKEN_CHARS
from afterbay.core.change.value import TypedItem
from afterbay.sinks.entry import Entry
from afterbay.sinks.guard_names import GuardNames

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef, UpdateItemInputTypeDef

__all__ = ["mark_request", "mend_request", "put_request", "sdk_typed", "tombstone_request"]

SdkItem = dict[str, Any]
"""Attribute values as the SDK takes them: typed, binary as ``bytes``. It stays inside the DynamoDB sink."""


_OLDER = "attribute_type(#tok, :text) AND size(#tok) = :chars AND #tok < :tok"
"""The stored token is of our form, and older: one of another type or width would not compare (E2)."""


def put_request(table: str, entry: Entry, names: GuardNames, *, expires_s: int) -> PutItemInputTypeDef:
    """Item or tombstone, if the change is newer than what is stored (E5). Raises ``RecordError``."""
    item = _stored_item(entry, names, expires_s=expires_s)
    return {
        "TableName": table,
        "Item": item,
        "ConditionExpression": f"attribute_not_exists(#tok) OR ({_OLDER})",
        "ExpressionAttributeNames": {"#tok": names.token},
        "ExpressionAttributeValues": _token_values(entry),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def mend_request(
    table: str, entry: Entry, names: GuardNames, *, seen: str | None, expires_s: int
) -> PutItemInputTypeDef:
    """Item or tombstone, if the stored token is still ``seen`` (E14); without one, if there still is none. Raises
    ``RecordError``."""
    request: PutItemInputTypeDef = {
        "TableName": table,
        "Item": _stored_item(entry, names, expires_s=expires_s),
        "ConditionExpression": "#tok = :seen" if seen else "attribute_not_exists(#tok)",
        "ExpressionAttributeNames": {"#tok": names.token},
    }
    if seen:
        request["ExpressionAttributeValues"] = {":seen": {"S": seen}}
    return request


def mark_request(table: str, entry: Entry, names: GuardNames) -> UpdateItemInputTypeDef:
    """A skipped expiry of an item that is there: only its token moves (E6)."""
    return {
        "TableName": table,
        "Key": sdk_typed(entry.keys_typed),
        "UpdateExpression": "SET #tok = :tok",
        "ConditionExpression": (
            f"attribute_exists(#key) AND attribute_not_exists(#deleted) AND (attribute_not_exists(#tok) OR ({_OLDER}))"
        ),
        "ExpressionAttributeNames": {"#tok": names.token, "#deleted": names.deleted, "#key": min(entry.keys_typed)},
        "ExpressionAttributeValues": _token_values(entry),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def tombstone_request(table: str, entry: Entry, names: GuardNames, *, expires_s: int) -> PutItemInputTypeDef:
    """A skipped expiry where no live item is: its token must stay all the same, and no live item may go (E6)."""
    request = put_request(table, entry, names, expires_s=expires_s)
    request["ConditionExpression"] = f"attribute_not_exists(#key) OR (attribute_exists(#deleted) AND {_OLDER})"
    request["ExpressionAttributeNames"] = {
        "#tok": names.token,
        "#deleted": names.deleted,
        "#key": min(entry.keys_typed),
    }
    return request


def _token_values(entry: Entry) -> SdkItem:
    return {":tok": {"S": entry.token}, ":chars": {"N": str(TOKEN_CHARS)}, ":text": {"S": "S"}}


def _stored_item(entry: Entry, names: GuardNames, *, expires_s: int) -> SdkItem:
    names.refuse_in(entry.keys_typed)
    token: SdkItem = {names.token: {"S": entry.token}}
    item = entry.typed
    if item is None:
        gone: SdkItem = {names.deleted: {"BOOL": True}, names.expires: {"N": str(expires_s)}}
        return sdk_typed(entry.keys_typed) | token | gone
    names.refuse_in(item)
    return sdk_typed(item) | token


def sdk_typed(typed: TypedItem) -> SdkItem:
    """A checked item as the SDK takes it."""
    return {name: _sdk_value(cast("Mapping[str, object]", value)) for name, value in typed.items()}


def _sdk_value(value: Mapping[str, object]) -> SdkItem:
    """One typed value: numbers keep their text, base64 becomes bytes once. ``prepare`` has checked its form and its
    depth."""
    ((tag, inner),) = value.items()
    match tag:
        case "B":
            return {tag: _binary(inner)}
        case "BS":
            return {tag: [_binary(one) for one in cast("list[object]", inner)]}
        case "L":
            return {tag: [_sdk_value(one) for one in cast("list[Mapping[str, object]]", inner)]}
        case "M":
            return {tag: sdk_typed(cast("TypedItem", inner))}
        case _:
            return {tag: inner}


def _binary(inner: object) -> bytes:
    """From a record, or from an image that the SDK read."""
    return bytes(inner) if isinstance(inner, bytes | bytearray) else b64decode(str(inner))
