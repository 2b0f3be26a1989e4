"""PartiQL statements, where moto's parser falls short: it takes no number in an UPDATE, but a parameter, which is
mended; and it takes a path inside a document for an attribute's name, which is refused.
"""

from __future__ import annotations

import re

from afterbay.core.change.wire import JsonValue
from afterbay.errors import EndpointError

__all__ = ["lift_numbers"]

_PARTS = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"[^"]*")"""
    r"""|(?P<parameter>\?)"""
    r"""|(?P<before>=\s*)(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.])"""
)


_TEXT = re.compile(r"'(?:[^']|'')*'")
_NESTED = re.compile(r"""(?:\b(?:SET|REMOVE)\s|,)\s*((?:"[^"]*"|\w+)\s*[.\[][^\s=,]*)""", re.IGNORECASE)
"""What an UPDATE names after SET, REMOVE or a comma and is no name alone."""


def lift_numbers(operation: str, members: dict[str, JsonValue]) -> bool:
    """Turn the number literals of UPDATE statements into parameters, in place; True if there were any.

    Raises ``EndpointError`` for an UPDATE of something inside a document: moto would make another attribute of it.
    """
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
    nested = _NESTED.search(_TEXT.sub("''", statement))
    if nested is not None:
        raise EndpointError(
            "ValidationException",
            f"PartiQL's UPDATE of {nested[1]}, a path inside a document, is not implemented here: use UpdateItem",
        )
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
