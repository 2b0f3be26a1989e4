"""A WHERE clause as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from afterbay.endpoint.partiql.reader import DEPTH_MAX, Path, Reader, Typed, unsupported
from afterbay.errors import EndpointError

__all__ = [
    "All",
    "Among",
    "Any",
    "Between",
    "Comparison",
    "Condition",
    "Function",
    "Literal",
    "Missing",
    "Negation",
    "Operand",
    "Size",
    "conjuncts",
    "read_condition",
    "type_of",
]


@dataclass(frozen=True, slots=True)
class Literal:
    value: Typed


@dataclass(frozen=True, slots=True)
class Size:
    path: Path


Operand: TypeAlias = Path | Literal | Size


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left`` is a literal only where ``right`` is one too."""

    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    what: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class Among:
    """``what IN [..]``."""

    what: Operand
    ones: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """``begins_with``, ``contains`` or ``attribute_type`` of a path and an operand."""

    name: str
    path: Path
    operand: Operand


@dataclass(frozen=True, slots=True)
class Missing:
    path: Path


@dataclass(frozen=True, slots=True)
class Negation:
    of: Condition


@dataclass(frozen=True, slots=True)
class All:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    of: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Between | Among | Function | Missing | Negation | All | Any

OPERATORS_MAX = 300
"""Of one WHERE clause, as of any expression; an IN counts its operands here. moto's evaluation is recursive."""

OPERANDS_OF_IN_MAX = 100

_TURNED = {"=": "=", "<>": "<>", "!=": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_FUNCTIONS = {"BEGINS_WITH": "begins_with", "CONTAINS": "contains", "ATTRIBUTE_TYPE": "attribute_type"}


def conjuncts(condition: Condition | None) -> tuple[Condition, ...]:
    """What must all hold."""
    if condition is None:
        return ()
    if isinstance(condition, All):
        return tuple(one for each in condition.of for one in conjuncts(each))
    return (condition,)


def type_of(operand: Operand) -> str | None:
    """The type of a literal; None for what has one only in an item."""
    return next(iter(operand.value), None) if isinstance(operand, Literal) else None


def read_condition(reader: Reader) -> Condition:
    """Raises ``EndpointError`` for a condition that is none, that is too long, or that is not supported here."""
    condition = _read_any(reader, 0)
    if _operators(condition) > OPERATORS_MAX:
        raise EndpointError(
            "ValidationException", f"The WHERE clause has too many operators; at most {OPERATORS_MAX} are allowed"
        )
    return condition


def _operators(condition: Condition) -> int:
    match condition:
        case All(ones) | Any(ones):
            return sum(map(_operators, ones))
        case Negation(one):
            return _operators(one)
        case Among(_, ones):
            return len(ones)
        case _:
            return 1


def _read_any(reader: Reader, depth: int) -> Condition:
    if depth > DEPTH_MAX:
        raise reader.malformed()
    ones = [_read_all(reader, depth)]
    while reader.at("OR"):
        ones.append(_read_all(reader, depth))
    return ones[0] if len(ones) == 1 else Any(tuple(ones))


def _read_all(reader: Reader, depth: int) -> Condition:
    ones = [_read_one(reader, depth)]
    while reader.at("AND"):
        ones.append(_read_one(reader, depth))
    return ones[0] if len(ones) == 1 else All(tuple(ones))


def _read_one(reader: Reader, depth: int) -> Condition:
    if depth > DEPTH_MAX:
        raise reader.malformed()
    if reader.at("NOT"):
        return Negation(_read_one(reader, depth + 1))
    if reader.at_sign("("):
        inner = _read_any(reader, depth + 1)
        reader.expect_sign(")")
        return inner
    name = reader.function()
    if name is None:
        return _read_comparison(reader, _read_operand(reader))
    path = reader.path()
    if name == "SIZE":
        reader.expect_sign(")")
        return _read_comparison(reader, Size(path))
    if name not in _FUNCTIONS:
        raise unsupported(f"the function {name.lower()}")
    reader.expect_sign(",")
    operand = _read_operand(reader)
    reader.expect_sign(")")
    return Function(_FUNCTIONS[name], path, operand)


def _read_operand(reader: Reader) -> Operand:
    name = reader.function()
    if name is not None:
        if name != "SIZE":
            raise unsupported(f"the function {name.lower()} as an operand")
        path = reader.path()
        reader.expect_sign(")")
        return Size(path)
    return reader.path() if reader.at_path() else Literal(reader.value())


def _read_comparison(reader: Reader, left: Operand) -> Condition:
    sign = reader.at_sign(*_TURNED)
    if sign is not None:
        right = _read_operand(reader)
        if isinstance(left, Literal):
            return Comparison(_TURNED[sign], right, left)
        return Comparison("<>" if sign == "!=" else sign, left, right)
    if reader.at("IS"):
        negated = reader.at("NOT")
        return _negated(_read_type(reader, left), negated)
    negated = reader.at("NOT")
    if reader.at("BETWEEN"):
        low = _read_operand(reader)
        reader.expect("AND")
        return _negated(Between(left, low, _read_operand(reader)), negated)
    reader.expect("IN")
    return _negated(Among(left, _read_list(reader)), negated)


def _read_list(reader: Reader) -> tuple[Operand, ...]:
    opened = reader.at_sign("[", "(")
    if opened is None:
        raise reader.malformed()
    ones = [_read_operand(reader)]
    while reader.at_sign(","):
        ones.append(_read_operand(reader))
    reader.expect_sign("]" if opened == "[" else ")")
    if len(ones) > OPERANDS_OF_IN_MAX:
        raise EndpointError(
            "ValidationException",
            f"The IN operator is provided with too many operands; number of operands: {len(ones)}",
        )
    return tuple(ones)


def _read_type(reader: Reader, left: Operand) -> Condition:
    if not isinstance(left, Path):
        raise reader.malformed()
    if reader.at("MISSING"):
        return Missing(left)
    if reader.at("NULL"):
        return Function("attribute_type", left, Literal({"S": "NULL"}))
    raise unsupported("IS with another type than MISSING or NULL")


def _negated(condition: Condition, negated: bool) -> Condition:
    return Negation(condition) if negated else condition
