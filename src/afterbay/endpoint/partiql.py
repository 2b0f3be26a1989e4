"""PartiQL statements, rewritten where moto's parser falls short: it takes no number in an UPDATE, but a parameter."""

from __future__ import annotations

import re

from afterbay.core.change.wire import JsonValue

__all__ = ["lift_numbers"]

_PARTS = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"[^"]*")"""
    r"""|(?P<parameter>\?)"""
    r"""|(?P<before>=\s*)(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.])"""
)


def lift_numbers(operation: str, members: dict[str, JsonValue]) -> bool:
    """Turn the number literals of UPDATE statements into parameters, in place; True if there were any."""
    if operation == "ExecuteStatement":
        return _lift(members)
    name = {"BatchExecuteStatement": "Statements", "ExecuteTransaction": "TransactStatements"}.get(operation, "")
    statements = members.get(name)
    if not isinstance(statements, list):
        return False
    lifted = [_lift(one) for one in statements if isinstance(one, dict)]
    return any(lifted)


def _lift(members: dict[str, JsonValue]) -> bool:
    statement = members.get("Statement")
    if not isinstance(statement, str) or not statement.lstrip().upper().startswith("UPDATE"):
        return False
    given = members.get("Parameters")
    parameters: list[JsonValue] = list(given) if isinstance(given, list) else []
    place = 0
    lifted = False

    def replaced(found: re.Match[str]) -> str:
        nonlocal place, lifted
        if found["quoted"] is not None:
            return found[0]
        if found["parameter"] is None:
            parameters.insert(place, {"N": found["number"]})
            lifted = True
        place += 1
        return "?" if found["parameter"] is not None else f"{found['before']}?"

    text = _PARTS.sub(replaced, statement)
    if lifted:
        members["Statement"], members["Parameters"] = text, parameters
    return lifted
