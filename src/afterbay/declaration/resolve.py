"""References and functions resolved against a template: parameters, mappings, conditions, resources.

Decides what each value is before anything exists. What exists later stays an ``Attribute`` or a ``Call``; what only a
deployment knows an ``Unknown``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.functions import EVALUATED, evaluate
from afterbay.declaration.place import Path, Place, nearest
from afterbay.declaration.value import Attribute, Unknown, Value, text_of
from afterbay.errors import SettingsError

__all__ = ["NO_VALUE", "Resolver", "Undecided", "is_function"]

DEPTH_MAX = 200

NO_VALUE = Unknown("AWS::NoValue")
"""What ``Ref: AWS::NoValue`` gives: the member or element is as if it were not written. Told apart by identity."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DYNAMIC = re.compile(r"\{\{resolve:(?:ssm|ssm-secure|secretsmanager):[^}]*\}\}")
_NAME = re.compile(r"\w[\w.:-]*")


class Undecided(SettingsError):
    """A condition hangs on what only a deployment knows."""


def is_function(value: JsonValue) -> bool:
    """True for an object that stands for another value: one member, ``Ref`` or ``Fn::...``."""
    return isinstance(value, dict) and len(value) == 1 and all(one == "Ref" or one.startswith("Fn::") for one in value)


@dataclass(slots=True)
class Resolver:
    """``known`` are the logical ids that will exist, ``gone`` those that will not, with the reason as a clause.

    ``place`` tells where a path of the template stands.
    """

    parameters: Mapping[str, Value]
    pseudo: Mapping[str, Value]
    mappings: JsonValue
    conditions: JsonValue
    exports: Mapping[str, str]
    place: Callable[[Path], Place]
    known: Collection[str] = ()
    gone: Mapping[str, str] = field(default_factory=dict[str, str])
    _decided: dict[str, bool] = field(default_factory=dict[str, bool])
    _deciding: list[str] = field(default_factory=list[str])

    def value(self, value: JsonValue, path: Path) -> Value:
        """``value`` resolved. Raises ``SettingsError`` with file and line. ``null`` is as good as absent."""
        if len(path) > DEPTH_MAX:
            raise self._wrong(path, f"more than {DEPTH_MAX} levels deep")
        if isinstance(value, list):
            elements = [self.value(one, (*path, number)) for number, one in enumerate(value)]
            return [one for one in elements if one is not NO_VALUE]
        if isinstance(value, str) and (dynamic := _DYNAMIC.search(value)):
            return Unknown(f"{dynamic[0]} is looked up when it is deployed")
        if not isinstance(value, dict):
            return value
        if is_function(value):
            ((function, argument),) = value.items()
            return self._called(function, argument, (*path, function))
        members: dict[str, Value] = {}
        for name, one in value.items():
            if name.startswith("Fn::") and name.split("::")[1] in ("ForEach", "Transform"):
                self._called(name, one, (*path, name))
            found = None if one is None else self.value(one, (*path, name))
            if found is not None and found is not NO_VALUE:
                members[name] = found
        return members

    def holds(self, condition: str, path: Path) -> bool:
        """Whether a condition of the template holds. Raises ``SettingsError``."""
        section = self.conditions if isinstance(self.conditions, dict) else {}
        if condition in self._decided:
            return self._decided[condition]
        self.check_condition(condition, path)
        if condition in self._deciding:
            raise self._wrong(path, f"condition {condition} depends on itself")
        self._deciding.append(condition)
        try:
            decided = self._truth(section[condition], ("Conditions", condition))
        finally:
            self._deciding.pop()
        self._decided[condition] = decided
        return decided

    def _truth(self, value: JsonValue, path: Path) -> bool:
        if not isinstance(value, dict) or len(value) != 1:
            raise self._wrong(path, "a condition is one of Fn::And, Fn::Or, Fn::Not, Fn::Equals, Condition")
        ((function, argument),) = value.items()
        inner = (*path, function)
        match function, argument:
            case "Condition", str(name):
                return self.holds(name, inner)
            case "Fn::Not", [one]:
                return not self._truth(one, (*inner, 0))
            case "Fn::And", [_, _, *_]:
                return all(self._truth(one, (*inner, number)) for number, one in enumerate(argument))
            case "Fn::Or", [_, _, *_]:
                return any(self._truth(one, (*inner, number)) for number, one in enumerate(argument))
            case "Fn::Equals", [left, right]:
                return self._comparable(left, inner) == self._comparable(right, inner)
            case _:
                raise self._wrong(path, f"{function} is no condition, or not of this form")

    def _comparable(self, value: JsonValue, path: Path) -> object:
        found = self.value(value, path)
        if isinstance(found, Unknown):
            raise Undecided(f"a condition cannot be decided: {found.reason}", where=str(self.place(path)))
        if isinstance(found, Attribute):
            raise self._wrong(path, f"a condition cannot depend on the resource {found.resource}")
        return text_of(found) if not isinstance(found, list | dict) else found

    def check_condition(self, condition: str, path: Path) -> None:
        """Raises ``SettingsError`` for one that is not there."""
        section = self.conditions if isinstance(self.conditions, dict) else {}
        if condition not in section:
            raise self._wrong(path, f"there is no condition {condition}{nearest(condition, section)}")

    def check_name(self, name: str, path: Path, *, attribute: bool = False) -> None:
        """Raises ``SettingsError`` for a name of no resource; a parameter has no attribute to ask for."""
        try:
            _ = self._attribute(name, "Arn") if attribute else self._ref(name)
        except SettingsError as error:
            raise self._wrong(path, error.message) from error

    def _called(self, function: str, argument: JsonValue, path: Path) -> Value:
        try:
            return self._call(function, argument, path)
        except SettingsError as error:
            if error.where:
                raise
            raise SettingsError(error.message, where=str(self.place(path)), hint=error.hint) from error

    def _call(self, function: str, argument: JsonValue, path: Path) -> Value:
        match function:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                return self._get_att(argument, path)
            case "Fn::Sub":
                return self._sub(argument, path)
            case "Fn::If":
                return self._if(argument, path)
            case "Fn::FindInMap":
                return self._find_in_map(argument, path)
            case "Fn::ImportValue":
                return self._import(self.value(argument, path))
            case "Fn::GetAZs":
                region = self.value(argument, path) or self.pseudo["AWS::Region"]
                return [f"{text_of(region)}{letter}" for letter in "abc"]
            case "Fn::Cidr":
                return Unknown("Fn::Cidr is of no use here")
            case _ if function in EVALUATED:
                return evaluate(function, self.value(argument, path))
            case "Fn::Transform":
                raise SettingsError(
                    "Fn::Transform is not carried out: macros and AWS::Include run on AWS",
                    hint="write what it brings into the template",
                )
            case _ if function.startswith("Fn::ForEach"):
                raise SettingsError("Fn::ForEach is not carried out", hint="write its resources out")
            case _:
                known = {*EVALUATED, "Fn::GetAtt", "Fn::Sub", "Fn::If", "Fn::FindInMap", "Fn::ImportValue"}
                raise SettingsError(f"{function} is no function of CloudFormation's{nearest(function, known)}")

    def _ref(self, name: JsonValue) -> Value:
        if not isinstance(name, str):
            raise SettingsError("Ref takes a name")
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.parameters:
            return self.parameters[name]
        if name in self.pseudo:
            return self.pseudo[name]
        return self._attribute(name, "Ref")

    def _attribute(self, resource: str, name: str) -> Value:
        if resource in self.known:
            return Attribute(resource, name)
        if resource in self.gone:
            return Unknown(f"{resource} {self.gone[resource]}", left_out=True)
        names = [*self.known, *self.parameters, *self.gone]
        what = "resource" if name != "Ref" else "resource or parameter"
        raise SettingsError(f"there is no {what} {resource}{nearest(resource, names)}")

    def _get_att(self, argument: JsonValue, path: Path) -> Value:
        if isinstance(argument, str):
            argument = list[JsonValue](argument.split(".", 1))
        match argument:
            case [str(resource), *names] if names:
                told = [text_of(self.value(one, (*path, number))) for number, one in enumerate(names, 1)]
                if None not in told:
                    return self._attribute(resource, ".".join(one for one in told if one is not None))
            case _:
                pass
        raise SettingsError("Fn::GetAtt takes a list of two: a resource and an attribute")

    def _sub(self, argument: JsonValue, path: Path) -> Value:
        own: dict[str, Value] = {}
        template = argument
        if isinstance(argument, list):
            if len(argument) != 2 or not isinstance(argument[1], dict):
                raise SettingsError("Fn::Sub takes a text, or a list of two: a text and an object of variables")
            template = argument[0]
            own = {name: self.value(one, (*path, 1, name)) for name, one in argument[1].items()}
        if not isinstance(template, str):
            raise SettingsError("Fn::Sub takes a text, or a list of two: a text and an object of variables")
        parts: list[Value] = []
        end = 0
        for found in _VARIABLE.finditer(template):
            parts.append(template[end : found.start()])
            parts.append(self._variable(found[1], own))
            end = found.end()
        parts.append(template[end:])
        return evaluate("Fn::Join", ["", [one for one in parts if one != ""]])

    def _variable(self, name: str, own: Mapping[str, Value]) -> Value:
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in own:
            return own[name]
        if not _NAME.fullmatch(name):
            raise SettingsError(f"Fn::Sub: ${{{name}}} is no variable", hint=f"write ${{!{name}}} for the text itself")
        resource, dot, attribute = name.partition(".")
        found = self._attribute(resource, attribute) if dot else self._ref(name)
        if found is NO_VALUE:
            return ""
        return ",".join(text_of(one) or "" for one in found) if isinstance(found, list) else found

    def _if(self, argument: JsonValue, path: Path) -> Value:
        match argument:
            case [str(condition), then, otherwise]:
                number, chosen = (1, then) if self.holds(condition, path) else (2, otherwise)
                found = self.value(chosen, (*path, number))
                return NO_VALUE if chosen is None else found
            case _:
                pass
        raise SettingsError("Fn::If takes a list of three: a condition's name and two values")

    def _find_in_map(self, argument: JsonValue, path: Path) -> Value:
        if not isinstance(argument, list) or len(argument) not in (3, 4):
            raise SettingsError("Fn::FindInMap takes a list of three: a mapping and two keys")
        keys: list[str] = []
        for number, one in enumerate(argument[:3]):
            key = self.value(one, (*path, number))
            if isinstance(key, Unknown):
                return key
            if (told := text_of(key)) is None:
                raise SettingsError("Fn::FindInMap takes a mapping and two keys that are known")
            keys.append(told)
        found: JsonValue = self.mappings
        for key in keys:
            if not isinstance(found, dict) or key not in found:
                default = argument[3] if len(argument) == 4 else None
                if isinstance(default, dict) and "DefaultValue" in default:
                    return self.value(default["DefaultValue"], (*path, 3, "DefaultValue"))
                known = found if isinstance(found, dict) else {}
                raise SettingsError(f"Mappings has nothing under {'.'.join(keys)}: no {key}{nearest(key, known)}")
            found = found[key]
        return self.value(found, ("Mappings", *keys))

    def _import(self, name: Value) -> Value:
        told = text_of(name)
        if told is None:
            return name if isinstance(name, Unknown) else Unknown("the name of an export is known when it is deployed")
        if told in self.exports:
            return self.exports[told]
        return Unknown(f"{told} is exported by another stack; --imports FILE tells its value")

    def _wrong(self, path: Path, what: str) -> SettingsError:
        return SettingsError(what, where=str(self.place(path)))
