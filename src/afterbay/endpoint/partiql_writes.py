"""PartiQL's INSERT and DELETE as the put and the deletion that they are (S70).

moto's parser takes no parameters, fractions, sets or nulls in an INSERT, no parameters or numbers in a DELETE. Decides
what the literals stand for in typed JSON. Whether the item may be written is for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.errors import EndpointError

__all__ = ["Deletion", "deletion", "put_of_insert"]

_HEAD = re.compile(
    r"""\s*INSERT\s+INTO\s+(?P<table>"[^"]+"|'[^']+'|[\w.-]+)\s+VALUE\s*(?=\{)""", re.IGNORECASE | re.ASCII
)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"""
    r"""|(?P<word>true|false|null)\b|(?P<sign><<|>>|[{}\[\]:,?=]))""",
    re.IGNORECASE | re.ASCII,
)
_DELETE = re.compile(r"""\s*DELETE\s+FROM\s+(?P<table>"[^"]+"|[\w.-]+)\s+WHERE\s+""", re.IGNORECASE | re.ASCII)
_NAME = re.compile(r"""\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>[A-Za-z_]\w*))""", re.ASCII)
_AND = re.compile(r"\s+AND(?=[\s\"])", re.IGNORECASE)
_WORDS: dict[str, dict[str, JsonValue]] = {"true": {"BOOL": True}, "false": {"BOOL": False}, "null": {"NULL": True}}
_SETS = {"S": "SS", "N": "NS", "B": "BS"}
_DEPTH_MAX = 64
"""Above every document that a table takes, so that the depth is refused where all depths are (S100)."""


def put_of_insert(members: dict[str, JsonValue]) -> dict[str, JsonValue] | None:
    """The members of the PutItem that an ExecuteStatement's INSERT is; None for any other statement.

    Raises ``EndpointError`` for a literal that is none, and for too few or too many parameters.
    """
    statement, given = members.get("Statement"), members.get("Parameters")
    head = _HEAD.match(statement) if isinstance(statement, str) else None
    if head is None or not isinstance(statement, str):
        return None
    literal = _Literal(statement[head.end() :], iter(given if isinstance(given, list) else []))
    item = literal.whole()
    return {"TableName": head["table"].strip("\"'"), "Item": item}


@dataclass(frozen=True, slots=True)
class Deletion:
    """A DELETE whose WHERE is a row of equalities, by attribute."""

    table: str
    equal: dict[str, JsonValue]

    def members(self, keys: Sequence[str]) -> dict[str, JsonValue]:
        """The DeleteItem that it is; equalities of others than the table's ``keys`` are its condition.

        Raises ``EndpointError`` for a key attribute without one.
        """
        if not set(keys) <= self.equal.keys():
            raise EndpointError(
                "ValidationException", "Where clause does not contain a mandatory equality on all key attributes"
            )
        members: dict[str, JsonValue] = {"TableName": self.table, "Key": {name: self.equal[name] for name in keys}}
        others = [name for name in self.equal if name not in keys]
        if others:
            members["ConditionExpression"] = " AND ".join(f"#c{place} = :c{place}" for place in range(len(others)))
            members["ExpressionAttributeNames"] = {f"#c{place}": name for place, name in enumerate(others)}
            members["ExpressionAttributeValues"] = {f":c{place}": self.equal[name] for place, name in enumerate(others)}
        return members


def deletion(members: dict[str, JsonValue]) -> Deletion | None:
    """What an ExecuteStatement's DELETE removes; None for any other statement, and for one of another form.

    Raises ``EndpointError`` for too few or too many parameters.
    """
    statement, given = members.get("Statement"), members.get("Parameters")
    head = _DELETE.match(statement) if isinstance(statement, str) else None
    if head is None or not isinstance(statement, str):
        return None
    equal = _Literal(statement[head.end() :], iter(given if isinstance(given, list) else [])).equalities()
    return None if equal is None else Deletion(head["table"].strip('"'), equal)


class _Literal:
    """Literals of a statement, read from the front."""

    def __init__(self, text: str, parameters: Iterator[JsonValue]) -> None:
        self._text = text.rstrip().removesuffix(";").rstrip()
        self._place = 0
        self._parameters = parameters

    def whole(self) -> JsonValue:
        """The document that the text is, and nothing behind it."""
        item = self._value(0).get("M")
        if item is None or self._place != len(self._text):
            raise _malformed(self._place)
        if next(self._parameters, self) is not self:
            raise _other_count()
        return item

    def equalities(self) -> dict[str, JsonValue] | None:
        """Names and values of ``a = 1 AND b = ?``; None where the text is anything else."""
        equal: dict[str, JsonValue] = {}
        while True:
            name = _NAME.match(self._text, self._place)
            if name is None:
                return None
            self._place = name.end()
            if not self._at("=") or _TOKEN.match(self._text, self._place) is None:
                return None
            equal[name["quoted"] or name["plain"]] = self._value(0)
            more = _AND.match(self._text, self._place)
            if more is None:
                break
            self._place = more.end()
        if self._place != len(self._text):
            return None
        if next(self._parameters, self) is not self:
            raise _other_count()
        return equal

    def _value(self, depth: int) -> dict[str, JsonValue]:
        found = self._take()
        if found["text"] is not None:
            return {"S": _unquoted(found["text"])}
        if found["number"] is not None:
            return {"N": found["number"]}
        if found["word"] is not None:
            return dict(_WORDS[found["word"].lower()])
        if depth > _DEPTH_MAX:
            raise _malformed(self._place)
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
                raise _malformed(self._place)

    def _parameter(self) -> dict[str, JsonValue]:
        given = next(self._parameters, self)
        if given is self:
            raise _other_count()
        if not isinstance(given, dict):
            raise EndpointError("SerializationException", "a parameter is an attribute value")
        return given

    def _named(self, depth: int) -> Iterator[tuple[str, JsonValue]]:
        while not self._at("}"):
            name = self._take()["text"]
            if name is None or not self._at(":"):
                raise _malformed(self._place)
            yield _unquoted(name), self._value(depth + 1)
            if self._at("}"):
                return
            self._comma()

    def _listed(self, end: str, depth: int) -> Iterator[dict[str, JsonValue]]:
        while not self._at(end):
            yield self._value(depth + 1)
            if self._at(end):
                return
            self._comma()

    def _comma(self) -> None:
        if not self._at(","):
            raise _malformed(self._place)

    def _at(self, sign: str) -> bool:
        """True if this sign is next; it is taken then."""
        found = _TOKEN.match(self._text, self._place)
        if found is None or found["sign"] != sign:
            return False
        self._place = found.end()
        return True

    def _take(self) -> re.Match[str]:
        found = _TOKEN.match(self._text, self._place)
        if found is None:
            raise _malformed(self._place)
        self._place = found.end()
        return found


def _set_of(members: list[dict[str, JsonValue]]) -> dict[str, JsonValue]:
    """A set has members of one kind, at least one (S99)."""
    kinds = {tag for one in members for tag in one}
    if len(kinds) != 1 or not kinds <= _SETS.keys():
        raise EndpointError("ValidationException", "a set holds text, numbers or bytes, all of one kind, at least one")
    (kind,) = kinds
    return {_SETS[kind]: [one[kind] for one in members]}


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)


def _malformed(place: int) -> EndpointError:
    return EndpointError(
        "ValidationException", f"Statement wasn't well formed, can't be processed: unexpected text at {place} of VALUE"
    )


def _other_count() -> EndpointError:
    return EndpointError("ValidationException", "Number of parameters in request and statement don't match.")
