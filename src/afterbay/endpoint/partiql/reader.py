"""A statement's text, read from the front: keywords, names, paths, literals and parameters.

Decides what a literal stands for in typed JSON. What a statement is made of is for ``statements``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.errors import EndpointError

__all__ = ["DEPTH_MAX", "Path", "Reader", "Typed", "unsupported"]

Typed = dict[str, JsonValue]
"""An attribute value: one member, named by its type."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*")"""
    r"""|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)(?![\w.])"""
    r"""|(?P<word>[a-z_][\w$]*)|(?P<sign><<|>>|<=|>=|<>|!=|\|\||[][{}():,?=<>.*/%+;-]))""",
    re.IGNORECASE | re.ASCII,
)
_TABLE = re.compile(r"""\s*(?:"((?:[^"]|"")+)"|'((?:[^']|'')+)'|([\w-]+))""", re.ASCII)
"""Tables may be named in a way that attributes may not: moto's users write them so."""

_CLAUSES = {"SELECT", "INSERT", "UPDATE", "DELETE", "FROM", "WHERE", "ORDER", "SET", "REMOVE", "RETURNING"}
_RESERVED = _CLAUSES | {"AND", "OR", "NOT", "IN", "IS", "BETWEEN", "TRUE", "FALSE", "NULL"}
"""No names of attributes, unless they are quoted."""

_WORDS: dict[str, Typed] = {"TRUE": {"BOOL": True}, "FALSE": {"BOOL": False}, "NULL": {"NULL": True}}
_SETS = {"S": "SS", "N": "NS", "B": "BS"}

INDEX_DIGITS_MAX = 9

DEPTH_MAX = 64
"""Of literals and of conditions: above every document that a table takes, so that the depth is refused where all depths
are (S100)."""


@dataclass(frozen=True, slots=True)
class Path:
    """An attribute, or a place inside of one: names, and numbers of list elements. The first is a name."""

    steps: tuple[str | int, ...]

    @property
    def attribute(self) -> str | None:
        """The name of a whole attribute; None for a place inside of one."""
        return str(self.steps[0]) if len(self.steps) == 1 else None

    def __str__(self) -> str:
        return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps).lstrip(".")


class Reader:
    """Every method reads at the place where the last one stopped. Raises ``EndpointError`` for what is not there."""

    def __init__(self, text: str, parameters: Sequence[JsonValue]) -> None:
        self._text = text.rstrip().removesuffix(";").rstrip()
        self._place = 0
        self._parameters = iter(parameters)

    def at(self, *words: str) -> bool:
        """True if these words are next; they are taken then."""
        place = self._place
        for word in words:
            found = _TOKEN.match(self._text, self._place)
            if found is None or found["word"] is None or found["word"].upper() != word:
                self._place = place
                return False
            self._place = found.end()
        return True

    def expect(self, *words: str) -> None:
        if not self.at(*words):
            raise self.malformed()

    def at_sign(self, *signs: str) -> str | None:
        """The one of these signs that is next; it is taken then."""
        found = _TOKEN.match(self._text, self._place)
        if found is None or found["sign"] not in signs:
            return None
        self._place = found.end()
        return found["sign"]

    def expect_sign(self, sign: str) -> None:
        if self.at_sign(sign) is None:
            raise self.malformed()

    def table(self) -> tuple[str, str | None]:
        """A table, and the index that is named after it."""
        name = self._table_name()
        return name, self._table_name() if self.at_sign(".") else None

    def function(self) -> str | None:
        """The name, in capitals, of the function that is next; it is taken then, with its parenthesis."""
        found = _TOKEN.match(self._text, self._place)
        if found is None or found["word"] is None or found["word"].upper() in _RESERVED:
            return None
        opened = _TOKEN.match(self._text, found.end())
        if opened is None or opened["sign"] != "(":
            return None
        self._place = opened.end()
        return found["word"].upper()

    def at_path(self) -> bool:
        found = _TOKEN.match(self._text, self._place)
        return found is not None and (
            found["quoted"] is not None or (found["word"] is not None and found["word"].upper() not in _RESERVED)
        )

    def path(self) -> Path:
        steps: list[str | int] = [self._name()]
        while sign := self.at_sign(".", "["):
            if sign == ".":
                steps.append(self._name())
                continue
            number = self._take()["number"]
            if number is None or not number.isdigit() or len(number) > INDEX_DIGITS_MAX:
                raise self.malformed()
            steps.append(int(number))
            self.expect_sign("]")
        return Path(tuple(steps))

    def value(self, depth: int = 0) -> Typed:
        """A literal or a parameter. Raises ``EndpointError`` for too few parameters, too."""
        sign = self.at_sign("-", "+")
        found = self._take()
        if found["number"] is not None:
            return {"N": found["number"] if sign != "-" else f"-{found['number']}"}
        if sign is not None or depth > DEPTH_MAX:
            raise self.malformed()
        if found["text"] is not None or (depth > 0 and found["quoted"] is not None):
            return {"S": _unquoted(found[0].strip())}
        if found["word"] is not None and found["word"].upper() in _WORDS:
            return dict(_WORDS[found["word"].upper()])
        match found["sign"]:
            case "?":
                return self._parameter()
            case "{":
                return {"M": dict(self._named(depth))}
            case "[":
                return {"L": list(self._listed("]", depth))}
            case "<<":
                return _set_of(list(self._listed(">>", depth)))
            case _:
                raise self.malformed()

    def end(self) -> None:
        """Nothing is left, of the text and of the parameters."""
        if self._place != len(self._text):
            raise self.malformed()
        if next(self._parameters, self) is not self:
            raise _other_count()

    def malformed(self) -> EndpointError:
        rest = self._text[self._place :].strip()
        where = f"unexpected text at {self._place}: {rest[:20]}" if rest else "unexpected end"
        return EndpointError("ValidationException", f"Statement wasn't well formed, can't be processed: {where}")

    def _table_name(self) -> str:
        found = _TABLE.match(self._text, self._place)
        if found is None:
            raise self.malformed()
        self._place = found.end()
        return _unquoted(found[0].strip()) if found[3] is None else found[3]

    def _name(self) -> str:
        if not self.at_path():
            raise self.malformed()
        found = self._take()
        name = _unquoted(found["quoted"]) if found["quoted"] is not None else found["word"]
        if not name:
            raise self.malformed()
        return name

    def _parameter(self) -> Typed:
        given = next(self._parameters, self)
        if given is self:
            raise _other_count()
        if not isinstance(given, dict):
            raise EndpointError("SerializationException", "a parameter is an attribute value")
        return given

    def _named(self, depth: int) -> Iterator[tuple[str, JsonValue]]:
        while self.at_sign("}") is None:
            found = self._take()
            name = found["text"] or found["quoted"]
            if name is None or len(name) == 2:  # an attribute's name has a character at least
                raise self.malformed()
            self.expect_sign(":")
            yield _unquoted(name), self.value(depth + 1)
            if self.at_sign("}"):
                return
            self.expect_sign(",")

    def _listed(self, end: str, depth: int) -> Iterator[Typed]:
        while self.at_sign(end) is None:
            yield self.value(depth + 1)
            if self.at_sign(end):
                return
            self.expect_sign(",")

    def _take(self) -> re.Match[str]:
        found = _TOKEN.match(self._text, self._place)
        if found is None:
            raise self.malformed()
        self._place = found.end()
        return found


def unsupported(what: str) -> EndpointError:
    """What AWS may well do and is not done here, said as such."""
    return EndpointError("ValidationException", f"The local address does not support {what} in a PartiQL statement")


def _set_of(members: list[Typed]) -> Typed:
    """A set has members of one kind, at least one (S99)."""
    kinds = {tag for one in members for tag in one}
    if len(kinds) != 1 or not kinds <= _SETS.keys():
        raise EndpointError("ValidationException", "a set holds text, numbers or bytes, all of one kind, at least one")
    (kind,) = kinds
    return {_SETS[kind]: [one[kind] for one in members]}


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)


def _other_count() -> EndpointError:
    return EndpointError("ValidationException", "Number of parameters in request and statement don't match.")
