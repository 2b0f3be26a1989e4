"""A template's Parameters: the values given, the defaults, and what is missing, told all at once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.document import Document
from afterbay.declaration.place import Problems, nearest
from afterbay.declaration.value import Unknown, Value, text_of
from afterbay.errors import SettingsError

__all__ = ["read_parameters"]

_MEMBERS = frozenset(
    {
        *("Type", "Default", "Description", "AllowedValues", "AllowedPattern", "ConstraintDescription", "NoEcho"),
        *("MinLength", "MaxLength", "MinValue", "MaxValue"),
    }
)
_SSM_VALUE = "AWS::SSM::Parameter::Value<"
_NUMBER = re.compile(r"\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\s*")


def read_parameters(document: Document, given: Mapping[str, str]) -> dict[str, Value]:
    """The value of each parameter: text, or a list of texts; ``Unknown`` for one that SSM holds and nobody gave.

    What is given for a parameter of an SSM type is its value, not the name of the SSM parameter. Raises
    ``SettingsError`` with a line for each parameter that is wrong, and one for all that are missing.
    """
    section = document.value.get("Parameters") or {}
    problems = Problems()
    if not isinstance(section, dict):
        raise SettingsError("Parameters must be an object", where=str(document.place(("Parameters",))))
    stray = sorted(set(given) - set(section))
    if stray:
        known = f"it has {', '.join(section)}" if section else "it has none"
        raise SettingsError(
            f"there is no parameter {stray[0]}{nearest(stray[0], section)}", where=document.file, hint=known
        )
    values: dict[str, Value] = {}
    missing: list[str] = []
    for name, described in section.items():
        place = document.place(("Parameters", name))
        try:
            value = _value(name, described, given.get(name))
        except SettingsError as error:
            problems.take(error, place)
            continue
        if value is None:
            missing.append(name)
        else:
            values[name] = value
    problems.raise_if_any()
    if missing:
        told = " ".join(f"--param {name}=..." for name in missing)
        several = "parameters have" if len(missing) > 1 else "parameter has"
        raise SettingsError(
            f"{len(missing)} {several} no default: {', '.join(missing)}",
            where=str(document.place(("Parameters", missing[0]))),
            hint=f"{told}, or --parameters FILE",
        )
    return values


def _value(name: str, described: JsonValue, given: str | None) -> Value:
    """The value, or None where there is neither one given nor a default."""
    if not isinstance(described, dict):
        raise SettingsError(f"parameter {name} must be an object with a Type")
    for member in described:
        if member not in _MEMBERS:
            raise SettingsError(f"parameter {name}: {member} is no member of a parameter{nearest(member, _MEMBERS)}")
    kind = described.get("Type")
    if not isinstance(kind, str):
        raise SettingsError(f"parameter {name} has no Type")
    if kind.startswith(_SSM_VALUE) and given is None:
        if described.get("Default") is None:
            return None
        return Unknown(f"parameter {name} is what SSM holds under {described['Default']!r}; --param {name}=VALUE tells")
    default = described.get("Default")
    if isinstance(default, list):
        default = ",".join(text_of(one) or "" for one in default)
    text = given if given is not None else text_of(default)
    if text is None:
        return None
    is_list = kind.removeprefix(_SSM_VALUE).startswith(("List<", "CommaDelimitedList"))
    elements = [one.strip() for one in text.split(",")] if is_list else [text]
    if "Number" in kind:
        for one in elements:
            _check_number(name, described, one)
    elif not is_list and kind != "String" and not kind.startswith("AWS::"):
        types = ("String", "Number", "CommaDelimitedList", "List<Number>", "List<String>")
        raise SettingsError(f"parameter {name}: {kind} is no type of parameters{nearest(kind, types)}")
    if not kind.startswith(_SSM_VALUE):
        _check_text(name, described, elements, text)
    return list[Value](elements) if is_list else text


def _check_number(name: str, described: Mapping[str, JsonValue], text: str) -> None:
    number = _number(text, f"parameter {name}", _shown(described, repr(text)))
    for bound, sign in (("MinValue", 1), ("MaxValue", -1)):
        limit = text_of(described.get(bound))
        if limit is not None and (number - _number(limit, f"parameter {name}: {bound}", repr(limit))) * sign < 0:
            raise _refused(name, described, f"{_shown(described, text)} is outside its {bound} {limit}")


def _number(text: str, what: str, shown: str) -> float:
    if _NUMBER.fullmatch(text) is None:  # Python's own reading takes 1_000 and nan, too
        raise SettingsError(f"{what} must be a number, not {shown}")
    return float(text)


def _shown(described: Mapping[str, JsonValue], text: str) -> str:
    """A value as a sentence may tell it: of a parameter with NoEcho, nothing."""
    return "its value" if text_of(described.get("NoEcho")) == "true" else text


def _check_text(name: str, described: Mapping[str, JsonValue], elements: list[str], text: str) -> None:
    allowed = described.get("AllowedValues")
    if isinstance(allowed, list):
        options = [text_of(one) or "" for one in allowed]
        for one in elements:
            if one not in options:
                raise _refused(name, described, f"{_shown(described, repr(one))} is none of {', '.join(options)}")
    pattern = described.get("AllowedPattern")
    for one in elements if isinstance(pattern, str) else ():  # each element of a list, says CloudFormation's guide
        if not _matches(str(pattern), one):
            raise _refused(name, described, f"{_shown(described, repr(one))} does not match {pattern}")
    for bound, sign in (("MinLength", 1), ("MaxLength", -1)):
        limit = text_of(described.get(bound))
        if limit is not None and limit.isdigit() and (len(text) - int(limit)) * sign < 0:
            raise _refused(name, described, f"{len(text)} characters are outside its {bound} {limit}")


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:  # Java's patterns know more than Python's: AWS will judge
        return True


def _refused(name: str, described: Mapping[str, JsonValue], what: str) -> SettingsError:
    reason = described.get("ConstraintDescription")
    return SettingsError(f"parameter {name}: {what}", hint=reason if isinstance(reason, str) else None)
