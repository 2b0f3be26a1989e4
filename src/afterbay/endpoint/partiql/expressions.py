"""A WHERE clause written as the condition of an ordinary request, which moto evaluates.

moto compares what it stores as Python does, for which an absent attribute is a null and true is 1, and fails for the
order of a text and a number. So each comparison asks for the type first.
"""

from __future__ import annotations

from afterbay.endpoint.partiql.conditions import (
    All,
    Among,
    Any,
    Between,
    Comparison,
    Condition,
    Function,
    Literal,
    Missing,
    Negation,
    Operand,
    Size,
    type_of,
)
from afterbay.endpoint.partiql.reader import Path, unsupported
from afterbay.endpoint.placeholders import Placeholders
from afterbay.endpoint.values import TYPES
from afterbay.errors import EndpointError

__all__ = ["place", "written"]

_ORDERS = frozenset({"<", "<=", ">", ">="})
_ORDERED = ("S", "N")
_SIZED = ("S", "B", "SS", "NS", "BS", "L", "M")


def written(condition: Condition, names: Placeholders) -> str:
    """The condition as an expression; in parentheses if it is made of several. Raises ``EndpointError``."""
    match condition:
        case All(ones):
            return _joined(" AND ", [written(one, names) for one in ones])
        case Any(ones):
            return _joined(" OR ", [written(one, names) for one in ones])
        case Negation(one):
            return f"(NOT {written(one, names)})"
        case Missing(path):
            return f"attribute_not_exists({place(path, names)})"
        case Among(what, ones):
            return _joined(" OR ", [_compared("=", what, one, names) for one in ones])
        case Between(what, low, high):
            return _joined(" AND ", [_compared(">=", what, low, names), _compared("<=", what, high, names)])
        case Function(name, path, operand):
            return _called(name, path, operand, names)
        case Comparison(sign, left, right):
            return _compared(sign, left, right, names)


def place(path: Path, names: Placeholders) -> str:
    """The path, in placeholders."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{names.name(step)}" for step in path.steps)
    return "".join(steps).removeprefix(".")


def _joined(word: str, ones: list[str]) -> str:
    return ones[0] if len(ones) == 1 else f"({word.join(ones)})"


def _compared(sign: str, left: Operand, right: Operand, names: Placeholders) -> str:
    if isinstance(left, Literal):
        raise unsupported("a comparison without an attribute")
    if sign == "<>":
        return f"(NOT {_compared('=', left, right, names)})"
    if isinstance(left, Size) or isinstance(right, Size):
        return _compared_size(sign, left, right, names)
    if isinstance(right, Literal):
        kind = type_of(right)
        if sign in _ORDERS and kind not in _ORDERED:
            if kind == "B":
                raise unsupported("an order of binary values")
            raise EndpointError(
                "ValidationException",
                f"Incorrect operand type for operator or function; operator: {sign}, operand type: {kind}",
            )
        if kind == "NULL":
            return _typed_as("NULL", left, names)
        return f"({_typed_as(str(kind), left, names)} AND {place(left, names)} {sign} {names.value(right.value)})"
    both = f"{place(left, names)} {sign} {place(right, names)}"
    if sign == "=":
        return f"(attribute_exists({place(left, names)}) AND {both})"
    alike = [f"({_typed_as(kind, left, names)} AND {_typed_as(kind, right, names)})" for kind in _ORDERED]
    return f"({_joined(' OR ', alike)} AND {both})"


def _compared_size(sign: str, left: Path | Size, right: Operand, names: Placeholders) -> str:
    if not isinstance(left, Size) or type_of(right) != "N" or not isinstance(right, Literal):
        raise unsupported("a comparison of a size with anything but a number")
    sized = _joined(" OR ", [_typed_as(kind, left.path, names) for kind in _SIZED])
    return f"({sized} AND size({place(left.path, names)}) {sign} {names.value(right.value)})"


def _called(name: str, path: Path, operand: Operand, names: Placeholders) -> str:
    if isinstance(operand, Size):
        raise unsupported(f"a size in {name}")
    if name != "contains" and type_of(operand) != "S":
        raise unsupported(f"{name} with anything but a text")
    if name == "attribute_type" and isinstance(operand, Literal) and operand.value["S"] not in TYPES:
        raise EndpointError("ValidationException", f"Invalid attribute type name found; type: {operand.value['S']}")
    given = names.value(operand.value) if isinstance(operand, Literal) else place(operand, names)
    return f"{name}({place(path, names)}, {given})"


def _typed_as(kind: str, path: Path, names: Placeholders) -> str:
    return f"attribute_type({place(path, names)}, {names.value({'S': kind})})"
