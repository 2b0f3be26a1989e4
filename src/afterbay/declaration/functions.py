"""CloudFormation's functions over values: Join, Select, Split and the others that need no template around them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from afterbay.declaration.value import Attribute, Call, Unknown, Value, attributes_of, first_unknown, text_of
from afterbay.errors import SettingsError

__all__ = ["EVALUATED", "evaluate"]


def evaluate(function: str, argument: Value) -> Value:
    """The function's value; ``Unknown`` where a part is, a ``Call`` where a part must exist first.

    Raises ``SettingsError`` for an argument of the wrong shape.
    """
    if function == "Fn::Select":  # the parts that are not selected may be anything
        chosen = _select(argument)
        return chosen if chosen is not None else _waiting(function, argument)
    unknown = first_unknown(argument)
    if unknown is not None:
        return unknown
    if next(attributes_of(argument), None) is not None:
        return Call(function, argument)
    return _FUNCTIONS[function](argument)


def _waiting(function: str, argument: Value) -> Value:
    return first_unknown(argument) or Call(function, argument)


def _select(argument: Value) -> Value:
    """The chosen part, or None while the index or the list is not there yet."""
    if not isinstance(argument, list) or len(argument) != 2:
        raise SettingsError("Fn::Select takes a list of two: an index and a list")
    index, options = argument
    if isinstance(index, Attribute | Call | Unknown) or isinstance(options, Attribute | Call | Unknown):
        return None
    told = text_of(index)
    if told is None or not told.isascii() or not told.isdigit() or not isinstance(options, list):
        raise SettingsError("Fn::Select takes a list of two: an index and a list")
    if int(told) >= len(options):
        raise SettingsError(f"Fn::Select asks for element {told} of a list of {len(options)}")
    return options[int(told)]


def _join(argument: Value) -> Value:
    match argument:
        case [str(separator), list(parts)]:
            texts = [text_of(part) for part in parts]
            if None not in texts:
                return separator.join(text for text in texts if text is not None)
        case _:
            pass
    raise SettingsError("Fn::Join takes a list of two: a separator and a list of texts")


def _split(argument: Value) -> Value:
    match argument:
        case [str(separator), str(text)] if separator:
            return list[Value](text.split(separator))
        case _:
            pass
    raise SettingsError("Fn::Split takes a list of two: a separator and a text")


def _base64(argument: Value) -> Value:
    text = text_of(argument)
    if text is None:
        raise SettingsError("Fn::Base64 takes a text")
    return base64.b64encode(text.encode()).decode()


def _length(argument: Value) -> Value:
    if not isinstance(argument, list):
        raise SettingsError("Fn::Length takes a list")
    return len(argument)


def _to_json(argument: Value) -> Value:
    if not isinstance(argument, list | dict):
        raise SettingsError("Fn::ToJsonString takes an object or a list")
    return json.dumps(argument, separators=(",", ":"), ensure_ascii=False)


_FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Base64": _base64,
    "Fn::Length": _length,
    "Fn::ToJsonString": _to_json,
}

EVALUATED = frozenset({*_FUNCTIONS, "Fn::Select"})
