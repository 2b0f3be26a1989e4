"""CloudFormation's published types and properties: is a name one of them, and what does a value have to be.

The facts are ``data/cloudformation.json`` (``scripts/schemas.py`` writes it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import TypeAlias

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.place import Path, nearest
from afterbay.declaration.resolve import is_function
from afterbay.declaration.value import Attribute, Call, Unknown, Value, text_of
from afterbay.errors import SettingsError

__all__ = ["Report", "Tree", "attributes_of_type", "check", "fit", "nearest_type", "properties_of", "published"]

Tree: TypeAlias = str | list["Tree"] | dict[str, "Tree"]
"""``s`` text, ``i`` whole number, ``n`` number, ``b`` boolean, ``x`` anything; ``*`` among members is any name."""

Report: TypeAlias = Callable[[Path, str], None]
"""Told of each thing that is wrong: where in the document, and a sentence."""

_ANY = "*"


class _Facts(msgspec.Struct):
    date: str
    types: dict[str, list[str]]
    properties: dict[str, dict[str, object]]
    attributes: dict[str, list[str]]


@lru_cache(maxsize=1)
def _facts() -> _Facts:
    text = (files("afterbay") / "data" / "cloudformation.json").read_bytes()
    return msgspec.json.decode(text, type=_Facts)


def published(kind: str) -> bool:
    """True for a resource type that AWS publishes."""
    prefix, _, name = kind.rpartition("::")
    return name in _facts().types.get(prefix, ())


def nearest_type(kind: str) -> str:
    """`` (did you mean AWS::...?)`` or nothing."""
    facts = _facts()
    prefix, _, name = kind.rpartition("::")
    if prefix in facts.types:
        alike = nearest(name, facts.types[prefix])
        return alike.replace("mean ", f"mean {prefix}::") if alike else ""
    return nearest(kind, [f"{one}::{name}" for one, names in facts.types.items() for name in names])


def properties_of(kind: str) -> Mapping[str, Tree] | None:
    """The properties of a type that afterbay creates; None for every other."""
    return _facts().properties.get(kind)  # type: ignore[return-value] # the file holds trees, a unit test reads them all


def attributes_of_type(kind: str) -> list[str]:
    """What Fn::GetAtt may ask of a type that afterbay creates."""
    return _facts().attributes[kind]


def check(tree: Tree, value: JsonValue, path: Path, report: Report) -> None:
    """Report each name that the type does not have, and each value of another shape. Functions stand for anything."""
    if value is None or tree == "x":
        return
    if is_function(value):
        assert isinstance(value, dict)
        branches = value.get("Fn::If")
        if isinstance(branches, list):
            for number, one in enumerate(branches[1:], 1):
                check(tree, one, (*path, "Fn::If", number), report)
        return
    if isinstance(tree, dict):
        if not isinstance(value, dict):
            report(path, f"{_name(path)} must be an object, not {_shown(value)}")
            return
        for name, one in value.items():
            inner = tree.get(name, tree.get(_ANY))
            if inner is None and not name.startswith("Fn::"):
                report((*path, name), f"{_name(path)} has no {name}{nearest(name, tree)}")
            elif inner is not None:
                check(inner, one, (*path, name), report)
    elif isinstance(tree, list):
        if not isinstance(value, list):
            report(path, f"{_name(path)} must be a list, not {_shown(value)}")
            return
        for number, one in enumerate(value):
            check(tree[0], one, (*path, number), report)
    elif isinstance(value, list | dict):
        report(path, f"{_name(path)} must be {_KINDS[tree]}, not {_shown(value)}")


_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
"""YAML 1.1's words, where a boolean is wanted; anywhere else they are text."""

_KINDS = {"s": "text", "i": "a whole number", "n": "a number", "b": "true or false"}


def fit(tree: Tree, value: Value, name: str) -> Value:
    """``value`` as the property's own kind: parameters are text, and templates write "100" and "true" for 100 and true.

    Raises ``SettingsError`` for a text that is no such value. What is not known yet passes.
    """
    if value is None or isinstance(value, Attribute | Call | Unknown) or tree == "x":
        return value
    if isinstance(tree, dict) and isinstance(value, dict):
        return {one: fit(tree.get(one, tree.get(_ANY, "x")), part, f"{name}.{one}") for one, part in value.items()}
    if isinstance(tree, list):
        parts = value if isinstance(value, list) else [value]  # a list parameter of one element, or one element
        return [fit(tree[0], part, name) for part in parts]
    if isinstance(tree, dict) or isinstance(value, list | dict):
        raise SettingsError(f"{name} must be {'an object' if isinstance(tree, dict) else _KINDS[tree]}")
    return _fit_scalar(tree, value, name)


def _fit_scalar(tree: str, value: bool | int | float | str, name: str) -> Value:
    text = (text_of(value) or "").strip()
    if tree == "s":
        return value if isinstance(value, str) else text
    if tree == "b" and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if tree in ("i", "n") and not isinstance(value, bool):
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if number.is_integer():
            return int(number)
        if tree == "n" and number - number == 0:
            return number
    raise SettingsError(f"{name} must be {_KINDS[tree]}, not {value!r}")


def _name(path: Path) -> str:
    """``Project.Environment`` for Resources/Project/Properties/Environment; numbers and functions are left out."""
    names = [str(one) for one in path[1:] if isinstance(one, str) and one != "Properties" and "Fn::" not in one]
    return ".".join(names)


def _shown(value: JsonValue) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else repr(value)
