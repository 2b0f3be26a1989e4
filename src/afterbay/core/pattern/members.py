"""The members of a leaf array: JSON tree -> tests, with AWS's words for what is wrong (P11 to P35)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from afterbay.core.pattern.address import address_of, read_block
from afterbay.core.pattern.number import Uncomparable, number_of
from afterbay.core.pattern.operators import (
    Address,
    AnythingBut,
    Cidr,
    Equals,
    EqualsNumber,
    Exists,
    IgnoreCase,
    Numeric,
    Prefix,
    Suffix,
    Test,
    Wildcard,
)
from afterbay.core.pattern.text import Number, Pairs, Tree
from afterbay.core.pattern.wildcard import read_wildcard

__all__ = ["Leaves", "Member", "read_member"]

_ONE_KEY = "Only one key allowed in match expression"
_TOO_MANY = "Too many elements in numeric expression"
_ANYTHING_BUT = "Value of anything-but must be an array or single string/number value."
_MIXED = "Inside anything but list, either all values are number or string, mixed type is not supported"
_NO_CASE = "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."


@dataclass(frozen=True, slots=True)
class Member:
    """One member as it was written (``name`` is its operator, "" for a literal), and what it tests."""

    name: str
    operand: Tree
    test: Test


Leaves = tuple[Member, ...]


def read_member(member: Tree) -> Member:
    """Raises ``ValueError`` in AWS's words."""
    if isinstance(member, Pairs):
        if not member:
            raise ValueError("Match expression name not found")
        name, operand = member[0]
        read = _OPERATORS.get(name)
        if read is None:
            raise ValueError(f"Unrecognized match type {name}")
        test = read(operand)
        if len(member) > 1:
            raise ValueError(_TOO_MANY if name in ("numeric", "anything-but") else _ONE_KEY)
        return Member(name, operand, test)
    if isinstance(member, list):
        raise ValueError("Match value must be String, number, true, false, or null")
    if isinstance(member, Number):
        return Member("", member, EqualsNumber(number_of(member.text)))
    if isinstance(member, str) and (address := address_of(member)) is not None:
        return Member("", member, Address(member, address))
    return Member("", member, Equals(member))


def _text(operand: Tree, reason: str) -> str:
    if not isinstance(operand, str):
        raise ValueError(reason)
    return operand


def _affix(name: str, plain: Callable[[str], Test]) -> Callable[[Tree], Test]:
    def read(operand: Tree) -> Test:
        if not isinstance(operand, Pairs):
            return plain(_text(operand, f"{name} match pattern must be a string"))
        if not operand:
            raise ValueError(f"{name.capitalize()} expression name not found")
        inner, value = operand[0]
        if inner != "equals-ignore-case":
            raise ValueError(f"Unsupported {name} pattern: {inner}")
        text = _text(value, "equals-ignore-case match pattern must be a string")
        if len(operand) > 1:
            raise ValueError(_ONE_KEY)
        return IgnoreCase.of(text, where=name)

    return read


def _equals_ignore_case(operand: Tree) -> Test:
    return IgnoreCase.of(_text(operand, "equals-ignore-case match pattern must be a string"), where="whole")


def _exactly(operand: Tree) -> Test:
    return Equals(_text(operand, "exact match pattern must be a string"))


def _wildcard(operand: Tree) -> Test:
    return Wildcard(read_wildcard(_text(operand, "wildcard match pattern must be a string")))


def _cidr(operand: Tree) -> Test:
    return Cidr(read_block(_text(operand, "prefix match pattern must be a string")))


def _exists(operand: Tree) -> Test:
    if not isinstance(operand, bool):
        raise ValueError("exists match pattern must be either true or false.")
    return Exists(operand)


def _comparable(number: Number) -> int | float:
    value = number_of(number.text)
    if isinstance(value, Uncomparable):
        raise ValueError(f"Cannot compare number : {number.text}")
    return value


def _anything_but(operand: Tree) -> Test:
    if isinstance(operand, Pairs):
        return _anything_but_operator(operand)
    if isinstance(operand, Number):
        return AnythingBut((EqualsNumber(_comparable(operand)),))
    if isinstance(operand, str):
        return AnythingBut((Equals(operand),))
    if not isinstance(operand, list):
        raise ValueError(_ANYTHING_BUT)
    texts: list[Test] = []
    numbers: list[Test] = []
    for value in operand:
        if isinstance(value, Number):
            numbers.append(EqualsNumber(_comparable(value)))
        elif isinstance(value, str):
            texts.append(Equals(value))
        else:
            raise ValueError("Inside anything but list, start|null|boolean is not supported.")
    if bool(texts) == bool(numbers):
        raise ValueError(_MIXED)
    return AnythingBut(tuple(texts or numbers))


def _never_empty(read: Callable[[str], Test]) -> Callable[[str], Test]:
    def checked(text: str) -> Test:
        if not text:
            raise ValueError("Null prefix/suffix not allowed")
        return read(text)

    return checked


_INNER: dict[str, tuple[str, Callable[[str], Test]]] = {
    "prefix": ("prefix/suffix match pattern must be a string", _never_empty(Prefix)),
    "suffix": ("prefix/suffix match pattern must be a string", _never_empty(Suffix)),
    "equals-ignore-case": (_NO_CASE, _equals_ignore_case),
    "wildcard": ("wildcard match pattern must be a string", _wildcard),
}


def _anything_but_operator(operand: Pairs) -> Test:
    if not operand:
        raise ValueError("Anything-But expression name not found")
    name, value = operand[0]
    if name not in _INNER:
        raise ValueError(f"Unsupported anything-but pattern: {name}")
    wrong, read = _INNER[name]
    if isinstance(value, Pairs | bool) or value is None:
        raise ValueError(_ANYTHING_BUT)
    values = cast("list[Tree]", value) if isinstance(value, list) else [value]
    tests = tuple(read(_text(one, wrong)) for one in values)
    if not tests:  # P31: the engine crashes here; we refuse
        raise ValueError(f"An empty list under anything-but/{name} is not supported")
    if len(operand) > 1:
        raise ValueError(_TOO_MANY)
    return AnythingBut(tests)


def _spell(value: Tree) -> str:
    """A member as the engine's reader names it in its texts."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, str):
        return value
    if isinstance(value, Pairs):
        return "{"
    if isinstance(value, list):
        return "["
    return {True: "true", False: "false", None: "null"}[value]


def _numeric(operand: Tree) -> Test:
    if not isinstance(operand, list) or isinstance(operand, Pairs):
        raise ValueError("Value of numeric must be an array.")
    if not operand:
        raise ValueError("Invalid member in numeric match: ]")
    sign = operand[0]
    if not isinstance(sign, str):
        raise ValueError(f"Invalid member in numeric match: {_spell(sign)}")
    if sign not in ("=", "<", "<=", ">", ">="):
        raise ValueError(f"Unrecognized numeric range operator: {sign}")
    first = _bound("equals" if sign == "=" else sign, operand, 1)
    if sign in ("=", "<", "<="):
        if len(operand) > 2:
            raise ValueError(_TOO_MANY)
        only = _double(first)
        if sign == "=":
            return Numeric(only, only, with_low=True, with_high=True)
        return Numeric(high=only, with_high=sign == "<=")
    if len(operand) == 2:
        return Numeric(low=_double(first), with_low=sign == ">=")
    upper = operand[2]
    if not isinstance(upper, str):
        raise ValueError(f"Bad value in numeric range: {_spell(upper)}")
    if upper not in ("<", "<="):
        raise ValueError(f"Bad numeric range operator: {upper}")
    last = _bound(upper, operand, 3)
    if len(operand) > 4:
        raise ValueError("Too many terms in numeric range expression")
    bottom, top = _double(first), _double(last)
    if bottom >= top:
        raise ValueError("Bottom must be less than top")
    return Numeric(bottom, top, with_low=sign == ">=", with_high=upper == "<=")


def _bound(name: str, operand: list[Tree], place: int) -> Number:
    """Its form alone: whether it is comparable is asked once the whole list is read, as the engine does."""
    value = operand[place] if place < len(operand) else None
    if not isinstance(value, Number):
        raise ValueError(f"Value of {name} must be numeric")
    return value


def _double(number: Number) -> float:
    return float(_comparable(number))


_OPERATORS: dict[str, Callable[[Tree], Test]] = {
    "prefix": _affix("prefix", Prefix),
    "suffix": _affix("suffix", Suffix),
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
    "exists": _exists,
    "exactly": _exactly,
}
