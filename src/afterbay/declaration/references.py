"""The names that a template refers to where afterbay reads no values: CloudFormation refuses one that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.place import Path, Problems
from afterbay.declaration.resolve import Resolver, is_function
from afterbay.errors import SettingsError

__all__ = ["check_references"]

_VARIABLE = re.compile(r"\$\{(\w[\w.:-]*)\}")


def check_references(value: JsonValue, path: Path, resolver: Resolver, problems: Problems) -> None:
    """Add a problem for each name in ``value`` that is of no resource, parameter or condition, chosen or not."""
    for name, at, kind in _names(value, path):
        try:
            if kind == "Fn::If":
                resolver.check_condition(name, at)
            else:
                resolver.check_name(name, at, attribute=kind == "Fn::GetAtt")
        except SettingsError as error:
            problems.take(error, resolver.place(at))


def _names(value: JsonValue, path: Path) -> Iterator[tuple[str, Path, str]]:
    """Each name with its path and the function that asks for it. What macros and loops would bring is not looked at."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _names(one, (*path, number))
    if not isinstance(value, dict):
        return
    if is_function(value):
        ((function, argument),) = value.items()
        yield from _asked(function, argument, (*path, function))
    for name, one in value.items():
        if not name.startswith(("Fn::ForEach", "Fn::Transform")):
            yield from _names(one, (*path, name))


def _asked(function: str, argument: JsonValue, path: Path) -> Iterator[tuple[str, Path, str]]:
    match function, argument:
        case "Ref", str(name):
            yield name, path, function
        case "Fn::GetAtt", [str(name), *_]:
            yield name, path, function
        case "Fn::GetAtt", str(text):
            yield text.partition(".")[0], path, function
        case "Fn::If", [str(name), *_]:
            yield name, path, function
        case "Fn::Sub", str(text) | [str(text), *_]:
            own = argument[1] if isinstance(argument, list) and len(argument) > 1 else None
            for found in _VARIABLE.finditer(text):
                if isinstance(own, dict) and found[1] in own:
                    continue
                resource, dot, _ = found[1].partition(".")
                yield resource, path, "Fn::GetAtt" if dot else "Ref"
        case _:
            pass
