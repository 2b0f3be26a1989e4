"""Values of a template: what is known, what is known once something exists, and what only a deployment knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "Attribute",
    "Call",
    "Unknown",
    "Value",
    "attributes_of",
    "first_unknown",
    "settle",
    "text_of",
    "without_unknown",
]


@dataclass(frozen=True, slots=True)
class Attribute:
    """What Fn::GetAtt asks of a resource of the template; ``Ref`` is one more name."""

    resource: str
    name: str = "Ref"

    def __str__(self) -> str:
        return self.resource if self.name == "Ref" else f"{self.resource}.{self.name}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that nobody has before the template is deployed on AWS; ``reason`` says why, as a clause.

    ``left_out``: not even AWS has it, because what it is an attribute of will not exist.
    """

    reason: str
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function of CloudFormation's that waits for attributes in its argument."""

    function: str
    argument: Value


Value: TypeAlias = bool | int | float | str | list["Value"] | dict[str, "Value"] | Attribute | Call | Unknown | None


def attributes_of(value: Value) -> Iterator[Attribute]:
    """Every attribute that ``value`` waits for."""
    if isinstance(value, Attribute):
        yield value
    elif isinstance(value, Call):
        yield from attributes_of(value.argument)
    elif isinstance(value, dict):
        for one in value.values():
            yield from attributes_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from attributes_of(one)


def first_unknown(value: Value) -> Unknown | None:
    """An unknown part of ``value``, if it has one."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Call):
        return first_unknown(value.argument)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for one in parts if (found := first_unknown(one)) is not None), None)


def settle(value: Value, attribute: Callable[[Attribute], Value], evaluate: Callable[[str, Value], Value]) -> Value:
    """``value`` with every attribute replaced and every waiting function carried out."""
    match value:
        case Attribute():
            return attribute(value)
        case Call(function, argument):
            return evaluate(function, settle(argument, attribute, evaluate))
        case dict():
            return {name: settle(one, attribute, evaluate) for name, one in value.items()}
        case list():
            return [settle(one, attribute, evaluate) for one in value]
        case _:
            return value


def text_of(value: object) -> str | None:
    """A scalar as CloudFormation writes it into text; None for anything else."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | str():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case _:
            return None


def without_unknown(value: Value, name: str) -> tuple[Value, list[tuple[str, str]]]:
    """``value`` without its unknown parts, and these: name and reason. None if nothing is left."""
    if isinstance(value, Unknown):
        return None, [(name, value.reason)]
    left_out: list[tuple[str, str]] = []
    if isinstance(value, dict):
        members: dict[str, Value] = {}
        for one, part in value.items():
            members[one], more = without_unknown(part, f"{name}.{one}")
            left_out += more
        return {one: part for one, part in members.items() if part is not None}, left_out
    if isinstance(value, list):
        elements: list[Value] = []
        for number, part in enumerate(value):
            kept, more = without_unknown(part, f"{name}[{number}]")
            left_out += more
            elements.append(kept)
        return [part for part in elements if part is not None], left_out
    unknown = first_unknown(value)
    return (value, []) if unknown is None else (None, [(name, unknown.reason)])
