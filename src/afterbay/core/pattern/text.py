"""JSON text read without losing what patterns need: repeated keys, number spellings, any depth.

Events take the standard library's reader and come here only when they are nested deeper than it can go.
"""

from __future__ import annotations

import json
import json.decoder
import re
from collections.abc import Callable
from typing import NamedTuple, cast

from afterbay.core.pattern.number import Uncomparable, number_of

_scan: Callable[[str, int, bool], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]  # not in the stubs

__all__ = ["Number", "Pairs", "Tree", "read_event", "read_tree"]

_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {"t": True, "f": False, "n": None}
_SPELLED = {"t": "true", "f": "false", "n": "null"}


class Number(NamedTuple):
    """A number as it is spelled."""

    text: str


class Pairs(list[tuple[str, "Tree"]]):
    """The members of an object in reading order, repeated keys included."""


EVENT_DEPTH_MAX = 1000
"""Levels of an event. Jackson, which AWS's engine reads with, stops there too; a deeper event is no event."""

Tree = str | bool | Number | Pairs | list["Tree"] | None


def _broken(text: str, at: int) -> ValueError:
    found = repr(text[at]) if at < len(text) else "the end of the text"
    return ValueError(f"Unexpected {found} at character {at + 1}")


def _scalar(text: str, at: int) -> tuple[Tree, int]:
    head = text[at : at + 1]
    if head == '"':
        return _scan(text, at + 1, True)
    if head in _SPELLED and text.startswith(_SPELLED[head], at):
        return _WORDS[head], at + len(_SPELLED[head])
    if number := _NUMBER.match(text, at):
        return Number(number[0]), number.end()
    raise _broken(text, at)


def _key(text: str, at: int) -> tuple[str, int]:
    at = _skip(text, at)
    if text[at : at + 1] != '"':
        raise _broken(text, at)
    key, at = _scan(text, at + 1, True)
    at = _skip(text, at)
    if text[at : at + 1] != ":":
        raise _broken(text, at)
    return key, _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def read_tree(text: str, *, depth_max: int | None = None) -> Tree:
    """Read one JSON value and nothing after it. ``ValueError``: broken, or deeper than ``depth_max``."""
    open_values: list[Pairs | list[Tree]] = []
    keys: list[str] = []
    at = _skip(text, 0)
    while True:
        value: Tree
        head = text[at : at + 1]
        if head in ("{", "["):
            container: Pairs | list[Tree] = Pairs() if head == "{" else []
            at = _skip(text, at + 1)
            if text[at : at + 1] != ("}" if head == "{" else "]"):
                open_values.append(container)
                if depth_max is not None and len(open_values) > depth_max:
                    raise ValueError(f"nested more than {depth_max} levels deep")
                if head == "{":
                    key, at = _key(text, at)
                    keys.append(key)
                continue
            value, at = container, at + 1
        else:
            value, at = _scalar(text, at)
        while open_values:  # hand the value to what is open around it, closing all that ends here
            outer = open_values[-1]
            if isinstance(outer, Pairs):
                outer.append((keys.pop(), value))
            else:
                outer.append(value)
            at = _skip(text, at)
            head = text[at : at + 1]
            if head == ",":
                break
            if head != ("}" if isinstance(outer, Pairs) else "]"):
                raise _broken(text, at)
            value, at = open_values.pop(), at + 1
        else:
            at = _skip(text, at)
            if at != len(text):
                raise _broken(text, at)
            return value
        at = _skip(text, at + 1)
        if isinstance(open_values[-1], Pairs):
            key, at = _key(text, at)
            keys.append(key)


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def read_event(data: bytes) -> dict[str, object] | None:
    """Read an event with its numbers reduced (``number.Leaf``); of repeated keys the last counts (P10).

    ``None`` if it is no JSON object: no pattern matches it (P52). Lone surrogates are taken as they come, escaped or
    encoded, since both reach us from other languages' strings.
    """
    try:
        text = data.decode("utf-8", "surrogatepass").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    try:
        event: object = json.loads(
            text,
            parse_int=number_of,
            parse_float=number_of,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        return _read_deep(text)
    except ValueError:
        return None
    return cast("dict[str, object]", event) if isinstance(event, dict) else None


def _read_deep(text: str) -> dict[str, object] | None:
    try:
        tree = read_tree(text, depth_max=EVENT_DEPTH_MAX)
    except ValueError:
        return None
    return cast("dict[str, object]", _plain(tree)) if isinstance(tree, Pairs) else None


def _plain(tree: Tree) -> object:
    """The tree as dicts and lists, made from the outside in so that depth costs no stack."""
    holder: list[object] = [tree]
    todo: list[tuple[dict[str, object] | list[object], str | int, Tree]] = [(holder, 0, tree)]
    while todo:
        where, key, value = todo.pop()
        made: object
        if isinstance(value, Pairs):
            last = dict(value)
            inner: dict[str, object] = dict(last)
            todo.extend((inner, name, member) for name, member in last.items())
            made = inner
        elif isinstance(value, list):
            items: list[object] = list(value)
            todo.extend((items, place, member) for place, member in enumerate(cast("list[Tree]", value)))
            made = items
        elif isinstance(value, Number):
            number: int | float | Uncomparable = number_of(value.text)
            made = number
        else:
            made = value
        where[key] = made  # type: ignore[index]  # the key fits the container, by construction
    return holder[0]
