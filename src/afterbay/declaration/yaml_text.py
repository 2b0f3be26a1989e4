"""YAML with CloudFormation's short tags, and the line of every value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.place import Path, nearest
from afterbay.errors import SettingsError

if TYPE_CHECKING:
    from yaml import ScalarNode

__all__ = ["read_yaml"]

NODES_MAX = 500_000
"""Aliases can make a small file large; a template of 1 MB has some 50,000 nodes."""

DEPTH_MAX = 200

DIGITS_MAX = 300
"""A longer whole number is no setting of anything, and Python refuses to read one of 4,300 digits: it stays text."""

_STANDARD = "tag:yaml.org,2002:"
_FUNCTIONS = (
    *("And", "Base64", "Cidr", "Contains", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join"),
    *("Length", "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform"),
)
_TAGS = {"!Ref": "Ref", "!Condition": "Condition", **{f"!{name}": f"Fn::{name}" for name in _FUNCTIONS}}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_TRUTH = {"true": True, "false": False}


def read_yaml(text: str, file: str) -> tuple[JsonValue, dict[Path, int]]:
    """The value and the lines of its parts. Raises ``SettingsError`` with file and line.

    Only what every reader of templates agrees on becomes a number or a boolean: ``012345678901`` is an account and
    stays text, as do dates, hexadecimal and base 60, and ``On`` may be a condition's name.
    """
    import yaml  # a tenth of a second, for templates only

    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    try:
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise SettingsError(f"this is not YAML: {error.problem or error.context}", where=f"{file}:{line}") from error
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())  # two lines for a character that is none
        raise SettingsError(f"this is not YAML: {told}", where=file) from error
    if node is None:
        raise SettingsError("the file is empty", where=file)
    reader = _Reader(file)
    return reader.value(node, ()), reader.lines


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._count = 0
        self.lines: dict[Path, int] = {}

    def value(self, node: object, path: Path) -> JsonValue:
        """What ``node`` stands for; its tag, where it has one of CloudFormation's, becomes the long form."""
        from yaml import Node

        assert isinstance(node, Node)
        self._count += 1
        if self._count > NODES_MAX:
            raise self._wrong(node, f"with its aliases the file has more than {NODES_MAX} values")
        if len(path) > DEPTH_MAX:
            raise self._wrong(node, f"more than {DEPTH_MAX} levels deep")
        self.lines.setdefault(path, node.start_mark.line + 1)
        tag = str(node.tag)
        if not tag.startswith("!"):
            return self._plain(node, path)
        function = _TAGS.get(tag)
        if function is None:
            raise self._wrong(node, f"{tag} is no function of CloudFormation's{nearest(tag, _TAGS)}")
        argument = self._plain(node, path)
        if function == "Fn::GetAtt" and isinstance(argument, str):
            argument = list[JsonValue](argument.split(".", 1))
        return {function: argument}

    def _plain(self, node: object, path: Path) -> JsonValue:
        from yaml import MappingNode, ScalarNode, SequenceNode

        if isinstance(node, SequenceNode):
            return [self.value(one, (*path, number)) for number, one in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        assert isinstance(node, ScalarNode)
        return str(node.value) if str(node.tag).startswith("!") else _scalar(str(node.tag), str(node.value))

    def _mapping(self, node: object, path: Path) -> dict[str, JsonValue]:
        members: dict[str, JsonValue] = {}
        merged: dict[str, JsonValue] = {}
        for key, value in self._pairs(node):
            name = str(key.value)
            if str(key.tag) == _STANDARD + "merge":
                merged = self._merged(value, path) | merged
                continue
            if name in members:
                first = self.lines[(*path, name)]
                raise self._wrong(key, f"{name} is there twice, first on line {first}")
            self.lines[(*path, name)] = key.start_mark.line + 1
            members[name] = self.value(value, (*path, name))
        return members | {name: one for name, one in merged.items() if name not in members}

    def _merged(self, node: object, path: Path) -> dict[str, JsonValue]:
        """What ``<<`` brings: of several mappings the first one that has a name wins."""
        from yaml import MappingNode, SequenceNode

        if isinstance(node, MappingNode):
            kept = dict(self.lines)
            found = self._mapping(node, path)
            self.lines = self.lines | kept  # a member of the mapping itself keeps its own line
            return found
        if isinstance(node, SequenceNode):
            merged: dict[str, JsonValue] = {}
            for one in node.value:
                merged = self._merged(one, path) | merged
            return merged
        raise self._wrong(node, "<< takes a mapping, or a list of mappings")

    def _pairs(self, node: object) -> Iterator[tuple[ScalarNode, object]]:
        from yaml import MappingNode, ScalarNode

        assert isinstance(node, MappingNode)
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self._wrong(key, "a name must be text")
            yield key, value

    def _wrong(self, node: object, what: str) -> SettingsError:
        from yaml import Node

        assert isinstance(node, Node)
        return SettingsError(what, where=f"{self._file}:{node.start_mark.line + 1}")


def _scalar(tag: str, text: str) -> JsonValue:
    match tag.removeprefix(_STANDARD):
        case "null":
            return None
        case "bool" if text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        case "int" if _WHOLE.fullmatch(text):
            return int(text) if len(text) <= DIGITS_MAX else text
        case "float":
            try:
                number = float(text)
            except ValueError:  # base 60
                return text
            return number if number - number == 0 else text  # what is not finite is no number in JSON
        case _:
            return text
