"""An item as the DynamoDB sink keeps it: the image as it is, plus the guard's own attributes.

Decides names, shapes and conditions. Calls and faults are ``dynamodb.py``'s.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from afterbay.core.change.sequence import TOKEN_CHARS
from afterbay.core.change.value import TypedItem
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.entry import Entry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef, UpdateItemInputTypeDef

__all__ = ["GuardNames", "mark_request", "put_request", "sdk_typed", "tombstone_request", "without_guard"]

SdkItem = dict[str, Any]
"""Attribute values as the SDK takes them: typed, binary as ``bytes``. It stays inside the DynamoDB sink."""


_OLDER = "attribute_type(#tok, :text) AND size(#tok) = :chars AND #tok < :tok"
"""The stored token is of our form, and older: one of another type or width would not compare (E2)."""


@dataclass(frozen=True, slots=True)
class GuardNames:
    """What the guard's attributes are called in the sink's items (E11)."""

    token: str = "_tok"
    deleted: str = "_deleted"
    expires: str = "_expires"

    def __post_init__(self) -> None:
        if len(set(self.all)) != 3 or not all(self.all):
            raise SettingsError(f"the guard needs three different attribute names, not {', '.join(self.all)}")

    @property
    def all(self) -> tuple[str, str, str]:
        return (self.token, self.deleted, self.expires)

    def refuse_in(self, item: Mapping[str, object]) -> None:
        """An attribute of the source must not be overwritten by the guard, nor be taken for it (E11)."""
        for name in self.all:
            if name in item:
                raise RecordError(
                    f"the item has an attribute {name!r}, a name that the sink keeps for itself (E11)",
                    path=f"dynamodb.NewImage.{name}",
                    hint=f"leave it out (without={name}), or name the sink's own attributes otherwise (GuardNames)",
                )


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


def without_guard(item: Mapping[str, object], names: GuardNames) -> dict[str, object]:
    """What is the source's in a stored item."""
    return {name: value for name, value in item.items() if name not in names.all}


def _stored_item(entry: Entry, names: GuardNames, *, expires_s: int) -> SdkItem:
    names.refuse_in(entry.keys_typed)
    token: SdkItem = {names.token: {"S": entry.token}}
    if entry.typed is None:
        gone: SdkItem = {names.deleted: {"BOOL": True}, names.expires: {"N": str(expires_s)}}
        return sdk_typed(entry.keys_typed) | token | gone
    names.refuse_in(entry.typed)
    return sdk_typed(entry.typed) | token


def sdk_typed(typed: TypedItem) -> SdkItem:
    """A checked item as the SDK takes it."""
    return {name: _sdk_value(cast("Mapping[str, object]", value)) for name, value in typed.items()}


def _sdk_value(value: Mapping[str, object]) -> SdkItem:
    """One typed value: numbers keep their text, base64 becomes bytes once. ``prepare`` has checked its form and its
    depth."""
    ((tag, inner),) = value.items()
    match tag:
        case "B":
            return {tag: b64decode(str(inner))}
        case "BS":
            return {tag: [b64decode(one) for one in cast("list[str]", inner)]}
        case "L":
            return {tag: [_sdk_value(one) for one in cast("list[Mapping[str, object]]", inner)]}
        case "M":
            return {tag: sdk_typed(cast("TypedItem", inner))}
        case _:
            return {tag: inner}
