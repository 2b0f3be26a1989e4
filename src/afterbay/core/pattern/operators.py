"""What one member of a leaf array asks of one value. A class each; all are told a reduced leaf (``number.Leaf``).

``Exists`` is the exception: presence is the search's business (P36, P37, P49), not a value's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from afterbay.core.pattern.address import Block, address_of
from afterbay.core.pattern.number import Leaf, Uncomparable
from afterbay.core.pattern.wildcard import Globs

__all__ = [
    "Address",
    "AnythingBut",
    "Cidr",
    "Equals",
    "EqualsNumber",
    "Exists",
    "IgnoreCase",
    "Numeric",
    "Prefix",
    "Suffix",
    "Test",
    "Wildcard",
    "is_number",
]


class Test(Protocol):
    """One member of a leaf array."""

    def holds(self, value: Leaf) -> bool:
        """Does this leaf value satisfy the member?"""
        ...


def is_number(value: Leaf) -> bool:
    """A JSON number; Python counts True among the integers (P15)."""
    return isinstance(value, int | float | Uncomparable) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Equals:
    """A text, ``true``, ``false`` or ``null``, compared with its type (P12, P14, P15, P17)."""

    value: str | bool | None

    def holds(self, value: Leaf) -> bool:
        return value.__class__ is self.value.__class__ and value == self.value


@dataclass(frozen=True, slots=True)
class EqualsNumber:
    """A number: by value if both are comparable, else by source text (P16)."""

    value: int | float | Uncomparable

    def holds(self, value: Leaf) -> bool:
        return is_number(value) and value == self.value


@dataclass(frozen=True, slots=True)
class Address:
    """A text that is an IP address: matches every spelling of it (P13)."""

    text: str
    address: tuple[int, int]

    def holds(self, value: Leaf) -> bool:
        return isinstance(value, str) and (value == self.text or address_of(value) == self.address)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Texts that start so; ``""`` is every text and nothing else (P20)."""

    text: str

    def holds(self, value: Leaf) -> bool:
        return isinstance(value, str) and value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Suffix:
    """Texts that end so (P21)."""

    text: str

    def holds(self, value: Leaf) -> bool:
        return isinstance(value, str) and value.endswith(self.text)


@dataclass(frozen=True, slots=True)
class IgnoreCase:
    """Each UTF-16 unit of the pattern matches its lower or its upper form, nothing else (P22, P23).

    A character outside the BMP is two units that the engine turns into ``?`` each, so it does not match itself: an
    accident of AWS's engine, but a stable one.
    """

    expression: re.Pattern[str]
    backwards: bool
    whole: bool

    @classmethod
    def of(cls, text: str, *, where: str) -> IgnoreCase:
        """``where`` is ``whole``, ``prefix`` or ``suffix``; a suffix is matched from its end."""
        units = "".join("??" if ord(letter) > 0xFFFF else letter for letter in text)
        backwards = where == "suffix"
        choices = [sorted({unit.lower(), unit.upper()}) for unit in units]
        if backwards:
            choices = [[form[::-1] for form in forms] for forms in reversed(choices)]
        source = "".join(f"(?:{'|'.join(map(re.escape, forms))})" for forms in choices)
        return cls(re.compile(source), backwards, where == "whole")

    def holds(self, value: Leaf) -> bool:
        if not isinstance(value, str):
            return False
        if self.whole:
            return self.expression.fullmatch(value) is not None
        if self.backwards:
            value = value[: -3 * self.expression.pattern.count("(?:") - 1 : -1]  # no form is longer than three letters
        return self.expression.match(value) is not None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text with stars, the whole of it (P24)."""

    globs: Globs

    def holds(self, value: Leaf) -> bool:
        return isinstance(value, str) and self.globs.match(value)


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """Every value that satisfies none of ``tests``: null and other types too, but never absence (P26 to P31)."""

    tests: tuple[Test, ...]

    def holds(self, value: Leaf) -> bool:
        return not any(test.holds(value) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Numeric:
    """A range of comparable numbers; ``None`` is an open end (P32, P34)."""

    low: float | None = None
    high: float | None = None
    with_low: bool = False
    with_high: bool = False

    def holds(self, value: Leaf) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        if self.low is not None and (value < self.low or (value == self.low and not self.with_low)):
            return False
        return self.high is None or value < self.high or (value == self.high and self.with_high)


@dataclass(frozen=True, slots=True)
class Cidr:
    """Texts that are addresses inside a block (P35)."""

    block: Block

    def holds(self, value: Leaf) -> bool:
        if not isinstance(value, str):
            return False
        address = address_of(value)
        return address is not None and self.block.holds(address)


@dataclass(frozen=True, slots=True)
class Exists:
    """Some leaf value is there, or (``wanted`` false) none (P36, P37)."""

    wanted: bool

    def holds(self, value: Leaf) -> bool:
        return self.wanted
