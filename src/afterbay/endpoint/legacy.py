"""DynamoDB's parameters from before expressions, as expressions: ``Expected`` and ``AttributeUpdates``.

moto reads them by a way of its own: DeleteItem passes over a condition, OR is taken for AND, binary and true are stored
as text, and a failed condition never shows the item. The Kinesis Client Library writes its leases with them.
"""

from __future__ import annotations

from collections.abc import Mapping

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.placeholders import Placeholders
from afterbay.errors import EndpointError

__all__ = ["LEGACY_OPERATIONS", "as_expressions"]

LEGACY_OPERATIONS = frozenset({"PutItem", "UpdateItem", "DeleteItem"})

_LEGACY = ("AttributeUpdates", "Expected", "ConditionalOperator")
_EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues")

_COMPARISONS = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
_FUNCTIONS = {"CONTAINS": "contains({})", "NOT_CONTAINS": "NOT contains({})", "BEGINS_WITH": "begins_with({})"}
_COUNTS = {"NULL": 0, "NOT_NULL": 0, "BETWEEN": 2}
"""How many values an operator takes; IN one or more, all others one."""

_SETS = frozenset({"SS", "NS", "BS"})


def as_expressions(operation: str, members: dict[str, JsonValue]) -> bool:
    """Put expressions in the place of a request's legacy parameters; True if there were any.

    Raises ``EndpointError`` for what DynamoDB refuses: both kinds in one request, an operator's wrong number of values.
    """
    if operation not in LEGACY_OPERATIONS:
        return False
    old = [name for name in _LEGACY if members.get(name)]
    if not old:
        return False
    new = [name for name in _EXPRESSIONS if members.get(name)]
    if new:
        raise EndpointError(
            "ValidationException",
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} Expression parameters: {{{', '.join(new)}}}",
        )
    names = Placeholders()
    updates, expected = members.get("AttributeUpdates"), members.get("Expected")
    joined = members.get("ConditionalOperator") or "AND"
    if joined not in ("AND", "OR"):
        raise EndpointError(
            "ValidationException",
            f"1 validation error detected: Value '{joined}' at 'conditionalOperator' failed to satisfy constraint: "
            "Member must satisfy enum value set: [OR, AND]",
        )
    for name in old:
        del members[name]
    if updates is not None and "AttributeUpdates" in old:
        members["UpdateExpression"] = _update(_each("AttributeUpdates", updates), names)
    if expected is not None and "Expected" in old:
        conditions = [_condition(name, one, names) for name, one in _each("Expected", expected).items()]
        members["ConditionExpression"] = f" {joined} ".join(f"({one})" for one in conditions)
    members.update(names.members())
    return True


def _each(member: str, wanted: JsonValue) -> Mapping[str, Mapping[str, JsonValue]]:
    if not isinstance(wanted, dict):
        raise EndpointError("SerializationException", f"{member} must be an object")
    found: dict[str, Mapping[str, JsonValue]] = {}
    for name, one in wanted.items():
        if not isinstance(one, dict):
            raise EndpointError("SerializationException", f"{member}.{name} must be an object")
        found[name] = one
    return found


def _update(wanted: Mapping[str, Mapping[str, JsonValue]], names: Placeholders) -> str:
    parts: dict[str, list[str]] = {}
    for attribute, one in wanted.items():
        action, value, name = one.get("Action") or "PUT", one.get("Value"), names.name(attribute)
        held = set(value) if isinstance(value, dict) else set[str]()
        match action:
            case "DELETE" if value is None:
                parts.setdefault("REMOVE", []).append(name)
            case _ if value is None:
                raise _invalid(f"Only DELETE action is allowed when no attribute value is specified: {attribute}")
            case "PUT":
                parts.setdefault("SET", []).append(f"{name} = {names.value(value)}")
            case "DELETE" if held <= _SETS:
                parts.setdefault("DELETE", []).append(f"{name} {names.value(value)}")
            case "ADD" if held <= _SETS | {"N"}:
                parts.setdefault("ADD", []).append(f"{name} {names.value(value)}")
            case "ADD" if held == {"L"}:
                before = f"if_not_exists({name}, {names.value({'L': []})})"
                parts.setdefault("SET", []).append(f"{name} = list_append({before}, {names.value(value)})")
            case "ADD" | "DELETE":
                raise _invalid(f"Action {action} is not supported for the type {', '.join(sorted(held))}: {attribute}")
            case _:
                raise EndpointError(
                    "ValidationException",
                    f"1 validation error detected: Value '{action}' at 'attributeUpdates.{attribute}.member.action' "
                    "failed to satisfy constraint: Member must satisfy enum value set: [ADD, PUT, DELETE]",
                )
    return " ".join(f"{keyword} {', '.join(ones)}" for keyword, ones in parts.items())


def _condition(attribute: str, one: Mapping[str, JsonValue], names: Placeholders) -> str:
    name = names.name(attribute)
    operator, exists, value = one.get("ComparisonOperator"), one.get("Exists"), one.get("Value")
    if operator is None:
        if exists is False:
            if value is not None:
                raise _invalid(f"Value cannot be used when Exists is set to false for Attribute: {attribute}")
            return f"attribute_not_exists({name})"
        if value is None:
            raise _invalid(f"Value must be provided when Exists is null or true for Attribute: {attribute}")
        return f"{name} = {names.value(value)}"
    if exists is not None or value is not None:
        raise _invalid(f"Value or Exists cannot be used with ComparisonOperator for Attribute: {attribute}")
    values = one.get("AttributeValueList") or []
    if not isinstance(values, list):
        raise EndpointError("SerializationException", f"Expected.{attribute}.AttributeValueList must be a list")
    wanted = _COUNTS.get(str(operator), 1)
    if len(values) != wanted and not (operator == "IN" and values):
        raise _invalid(f"Invalid number of argument(s) for the {operator} ComparisonOperator")
    given = [names.value(each) for each in values]
    match operator:
        case "NULL":
            return f"attribute_not_exists({name})"
        case "NOT_NULL":
            return f"attribute_exists({name})"
        case "BETWEEN":
            return f"{name} BETWEEN {given[0]} AND {given[1]}"
        case "IN":
            return f"{name} IN ({', '.join(given)})"
        case str() if operator in _COMPARISONS:
            return f"{name} {_COMPARISONS[operator]} {given[0]}"
        case str() if operator in _FUNCTIONS:
            return _FUNCTIONS[operator].format(f"{name}, {given[0]}")
        case _:
            known = ", ".join([*_COMPARISONS, *_FUNCTIONS, "BETWEEN", "IN", "NULL", "NOT_NULL"])
            raise EndpointError(
                "ValidationException",
                f"1 validation error detected: Value '{operator}' at 'expected.{attribute}.member.comparisonOperator' "
                f"failed to satisfy constraint: Member must satisfy enum value set: [{known}]",
            )


def _invalid(reason: str) -> EndpointError:
    return EndpointError("ValidationException", f"One or more parameter values were invalid: {reason}")
