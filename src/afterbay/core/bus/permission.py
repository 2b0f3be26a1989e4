"""The resource policy of a bus: PutPermission and RemovePermission, and the Policy that DescribeEventBus shows.

Kept and shown as it was given: nobody is refused by it here, as by no other permission (B34).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from afterbay.core.bus.bus import NAME_OR_ARN, Bus
from afterbay.core.bus.constraints import Text, invalid, not_found, violations
from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import boolean, items, members, text, validation_error

__all__ = ["bus_of", "permitted", "without_permission"]

Params = Mapping[str, JsonValue]

_BUS = replace(NAME_OR_ARN, name="EventBusName")
_STATEMENT_ID = Text(name="StatementId", low=1, high=64, pattern=r"[a-zA-Z0-9-_]+")
_PUT = (
    _BUS,
    Text(name="Action", low=1, high=64, pattern=r"events:[a-zA-Z]+"),
    Text(name="Principal", low=1, high=12, pattern=r"(\d{12}|\*)"),
    _STATEMENT_ID,
)
_CONDITION = tuple(Text(name=name, required=True) for name in ("Type", "Key", "Value"))


def bus_of(params: Params) -> str | None:
    """The bus that a request about permissions names."""
    return text(params, "EventBusName")


def permitted(bus: Bus, params: Params) -> Bus:
    """The bus after a PutPermission: with another Policy, or one more statement. Raises ``SettingsError``."""
    condition = members(params, "Condition")
    broken = [
        *violations(params, _PUT),
        *violations(condition or {}, () if condition is None else _CONDITION, at="condition."),
    ]
    if broken:
        raise validation_error(broken)
    policy = text(params, "Policy")
    if policy is not None:
        return replace(bus, policy=_checked(policy))
    missing = [name for name in ("Action", "Principal", "StatementId") if not text(params, name)]
    if missing:
        raise invalid(f"Parameter(s) {', '.join(missing)} must be specified.")
    principal = text(params, "Principal")
    statement: dict[str, JsonValue] = {
        "Sid": text(params, "StatementId"),
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:{parse_arn(bus.arn).partition}:iam::{principal}:root"},
        "Action": text(params, "Action"),
        "Resource": bus.arn,
    }
    if condition is not None:
        kind, key, value = (text(condition, name) or "" for name in ("Type", "Key", "Value"))
        statement["Condition"] = {kind: {key: value}}
    others = [one for one in _statements(bus) if _id_of(one) != statement["Sid"]]
    return replace(bus, policy=_written([*others, statement]))


def without_permission(bus: Bus, params: Params) -> Bus:
    """The bus after a RemovePermission. Raises ``SettingsError``, ``EndpointError`` (texts of public reports)."""
    broken = list(violations(params, (_BUS, _STATEMENT_ID)))
    if broken:
        raise validation_error(broken)
    if boolean(params, "RemoveAllPermissions"):
        return replace(bus, policy=None)
    statement_id = text(params, "StatementId")
    if not statement_id:
        raise invalid("Parameter StatementId is not valid. Reason: StatementId is a required argument.")
    if bus.policy is None:
        raise not_found("EventBus does not have a policy.")
    statements = _statements(bus)
    left = [one for one in statements if _id_of(one) != statement_id]
    if len(left) == len(statements):
        raise not_found("Statement with the provided id does not exist.")
    return replace(bus, policy=_written(left) if left else None)


def _checked(policy: str) -> str:
    try:
        read: JsonValue = json.loads(policy)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or "Statement" not in read:
        raise invalid("Parameter Policy is not valid. Reason: it is no policy document in JSON.")
    return policy


def _statements(bus: Bus) -> list[JsonValue]:
    if bus.policy is None:
        return []
    found = cast("dict[str, JsonValue]", json.loads(bus.policy))
    return items(found, "Statement") or [] if isinstance(found["Statement"], list) else [found["Statement"]]


def _id_of(statement: JsonValue) -> JsonValue:
    return statement.get("Sid") if isinstance(statement, dict) else None


def _written(statements: list[JsonValue]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
