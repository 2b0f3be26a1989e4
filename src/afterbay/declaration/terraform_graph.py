"""Terraform's instances and what their attributes refer to.

In a plan everything that joins resources is unknown before apply: the join is in ``configuration`` alone. In a state
everything is known, and the join is that one resource's ARN is another's value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.declaration.functions import evaluate
from afterbay.declaration.place import Path
from afterbay.declaration.terraform_types import ATTRIBUTES
from afterbay.declaration.value import Attribute, Unknown, Value

__all__ = ["Block", "Graph", "Instance"]

DEPTH_MAX = 50
"""Modules in modules, and variables handed down through them."""

_STEP = re.compile(r'([\w-]+)(?:\[(?:"((?:[^"\\]|\\.)*)"|(\d+)|[^\]]*)\])?(?:\.|$)')

_SOURCES = frozenset({"event_source_arn", "source"})
_ARNS = _SOURCES | {"arn", "destination_arn", "endpoint", "enrichment", "function_name", "stream_arn", "target"}
"""Attributes that take an ARN, whatever else."""

_OWN_INDEX = frozenset({"count.index", "each.key"})

Members = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Instance:
    """One resource, or one of several that count or for_each made. ``module`` is empty for the root."""

    address: str
    module: str
    mode: str
    type: str
    name: str
    index: str | int | None
    values: Members
    path: Path


@dataclass(frozen=True, slots=True)
class Block:
    """The attributes of an instance, or of a block in it: what is known, and what the configuration wrote."""

    graph: Graph
    owner: Instance
    values: Members
    written: Members

    def names(self) -> list[str]:
        return list(dict.fromkeys([*self.values, *self.written]))

    def get(self, name: str) -> Value:
        """The attribute: known, a reference, or ``Unknown``. None for one that is not set."""
        known = self.values.get(name)
        if known not in (None, "", [], {}):
            return self.graph.recognised(known, self.owner)
        expression = self.written.get(name)
        references = expression.get("references") if isinstance(expression, dict) else None
        if isinstance(references, list):
            return self.graph.referred([str(one) for one in references], self.owner, name)
        return None

    def blocks(self, name: str) -> list[Block]:
        """The blocks of a name; one that is wholly unknown is there with what was written."""
        values, written = _elements(self.values.get(name)), _elements(self.written.get(name))
        count = max(len(values), len(written) if name not in self.values else 0)
        found: list[Block] = []
        for number in range(count):
            own = values[number] if number < len(values) else {}
            told = written[number] if number < len(written) else {}
            found.append(Block(self.graph, self.owner, _members(own), _members(told)))
        return found


class Graph:
    """All instances of a document, and its configuration where it has one (a state has none)."""

    def __init__(self, document: Members) -> None:
        self.instances = list(_instances(document))
        self._data = [*self.instances, *_data_of(document)]
        self._root = _members(_members(document.get("configuration")).get("root_module"))
        self._variables = _members(document.get("variables"))
        self._known = dict(self._literals())

    def block(self, instance: Instance) -> Block:
        """The attributes of an instance."""
        for one in _elements(self._module(instance.module).get("resources")):
            told = _members(one)
            if (told.get("mode"), told.get("type"), told.get("name")) == (instance.mode, instance.type, instance.name):
                return Block(self, instance, instance.values, _members(told.get("expressions")))
        return Block(self, instance, instance.values, {})

    def recognised(self, value: JsonValue, owner: Instance) -> Value:
        """A known value in which the ARNs and addresses of other instances become references to them."""
        if isinstance(value, dict):
            return {name: self.recognised(one, owner) for name, one in value.items()}
        if isinstance(value, list):
            return [self.recognised(one, owner) for one in value]
        if not isinstance(value, str):
            return value
        parts: list[Value] = [value]
        for text, attribute in self._known.items():
            if text in value and attribute.resource != owner.address:
                parts = [piece for part in parts for piece in _cut(part, text, attribute)]
        parts = [part for part in parts if part != ""]
        return parts[0] if len(parts) == 1 else evaluate("Fn::Join", ["", parts]) if parts else value

    def referred(self, references: Sequence[str], owner: Instance, attribute: str = "") -> Value:
        """What an expression stands for that is one reference; anything made of several is known after apply.

        ``aws_sqs_queue.q[count.index].arn`` is told as ``aws_sqs_queue.q`` and ``count.index``, without what is asked
        of it: where ``attribute``, which is set to it, can only be one, it is that.
        """
        distinct: list[str] = []
        for one in references:  # each step of a reference is listed behind it: a.b.arn, a.b
            if not distinct or not distinct[-1].startswith(one):
                distinct.append(one)
        if owner.index is not None and len(distinct) > 1 and set(distinct[1:]) <= _OWN_INDEX:
            return self._one_of_many(distinct[0], attribute, owner)
        if len(distinct) == 1 and distinct[0].startswith("each.value."):
            looped = self._looped_over(owner)
            if looped is not None:
                return self._resolved(distinct[0].replace("each.value", looped, 1), owner.module, owner.index, 0)
        if len(distinct) != 1:
            return Unknown("it is known after apply only")
        return self._resolved(distinct[0], owner.module, owner.index, 0)

    def _one_of_many(self, reference: str, attribute: str, owner: Instance) -> Value:
        """The instance of the owner's own index. A source is a stream or an ARN, a function an ARN or a name."""
        asked = "arn" if attribute in _ARNS else None
        if attribute in _SOURCES and reference.startswith("aws_dynamodb_table."):
            asked = "stream_arn"
        if asked is not None and reference.count(".") == 1:
            return self._resolved(f"{reference}.{asked}", owner.module, owner.index, 0)
        return Unknown(f"a part of {reference} is known after apply only")

    def _looped_over(self, owner: Instance) -> str | None:
        """The resource that for_each goes over, if it is one: each.value is its instance of the same key."""
        for one in _elements(self._module(owner.module).get("resources")):
            told = _members(one)
            if (told.get("mode"), told.get("type"), told.get("name")) == (owner.mode, owner.type, owner.name):
                references = _members(told.get("for_each_expression")).get("references")
                if isinstance(references, list) and len(references) == 1:
                    return str(references[0])
        return None

    def source_of(self, name: str, written: Members, owner: Instance) -> Instance | None:
        """The data source that an attribute comes from."""
        expression = written.get(name)
        references = expression.get("references") if isinstance(expression, dict) else None
        for one in references if isinstance(references, list) else ():
            steps = _steps(str(one))
            if steps and steps[0][0] == "data" and len(steps) > 2:
                return self._find("data", steps[1][0], steps[2], owner.module, owner.index)
        return None

    def data_with(self, name: str, value: JsonValue) -> Instance | None:
        """The data source that has this value, in a state, where nothing refers."""
        found = (one for one in self._data if one.mode == "data" and one.values.get(name) == value)
        return next(found, None)

    def _literals(self) -> Iterator[tuple[str, Attribute]]:
        """Values that tell an instance from all others, the longest first: a stream's ARN begins with its table's."""
        found: dict[str, Attribute] = {}
        for one in self.instances:
            for name, attribute in ATTRIBUTES.get(one.type, {}).items():
                value = one.values.get(name)
                if isinstance(value, str) and value.startswith(("arn:", "https://")):
                    found.setdefault(value, Attribute(one.address, attribute))
        return iter(sorted(found.items(), key=lambda pair: -len(pair[0])))

    def _resolved(self, reference: str, module: str, index: str | int | None, depth: int) -> Value:
        steps = _steps(reference)
        unknown = Unknown(f"{reference} is known after apply only")
        if not steps or depth > DEPTH_MAX:
            return unknown
        first = steps[0][0]
        if first == "var" and len(steps) > 1:
            return self._variable(steps[1][0], module, index, depth) or unknown
        if first == "module" and len(steps) > 2:
            return self._output(steps[1], steps[2][0], module, depth) or unknown
        mode, rest = ("data", steps[1:]) if first == "data" else ("managed", steps)
        if len(rest) < 3:
            return unknown
        kind, place, attribute = rest[0][0], rest[1], rest[2][0]
        found = self._find(mode, kind, place, module, index)
        if found is None:
            return unknown
        name = ATTRIBUTES.get(kind, {}).get(attribute) if mode == "managed" else None
        if name is not None and len(rest) == 3:
            return Attribute(found.address, name)
        known = found.values.get(attribute)
        return known if isinstance(known, str | int | float) else unknown

    def _variable(self, name: str, module: str, index: str | int | None, depth: int) -> Value:
        if not module:
            known = _members(self._variables.get(name)).get("value")
            return known if isinstance(known, str | int | float) else None
        above, _, call = module.rpartition("module.")
        above = above.rstrip(".")
        calls = _members(self._module(above).get("module_calls"))
        told = _members(_members(calls.get(_bare(call))).get("expressions"))
        return self._expression(_members(told.get(name)), above, index, depth)

    def _output(self, call: tuple[str, str | int | None], name: str, module: str, depth: int) -> Value:
        bare, number = call
        key = "" if number is None else f'["{number}"]' if isinstance(number, str) else f"[{number}]"
        below = f"{module}.module.{bare}{key}" if module else f"module.{bare}{key}"
        output = _members(_members(self._module(below).get("outputs")).get(name))
        return self._expression(_members(output.get("expression")), below, None, depth)

    def _expression(self, told: Members, module: str, index: str | int | None, depth: int) -> Value:
        constant, references = told.get("constant_value"), told.get("references")
        if isinstance(constant, str | int | float):
            return constant
        if isinstance(references, list) and references:
            return self._resolved(str(references[0]), module, index, depth + 1)
        return None

    def _find(
        self, mode: str, kind: str, place: tuple[str, str | int | None], module: str, index: str | int | None
    ) -> Instance | None:
        """The instance named; where no index is written, the only one, or the one with the referrer's own index."""
        name, wanted = place
        found = [
            one
            for one in self._data
            if (one.mode, one.type, one.name, one.module) == (mode, kind, name, module)
            and (wanted is None or one.index == wanted)
        ]
        if len(found) > 1:
            found = [one for one in found if one.index == index]
        return found[0] if found else None

    def _module(self, module: str) -> Members:
        told = self._root
        for call in re.findall(r"module\.([\w-]+)", module):
            told = _members(_members(_members(told.get("module_calls")).get(call)).get("module"))
        return told


def _instances(document: Members) -> Iterator[Instance]:
    for section in ("planned_values", "values"):
        if section in document:
            root = _members(_members(document[section]).get("root_module"))
            yield from _walk(root, "", (section, "root_module"))


def _data_of(document: Members) -> Iterator[Instance]:
    """What was read before the plan: data sources are in the prior state."""
    values = _members(_members(document.get("prior_state")).get("values"))
    for one in _walk(_members(values.get("root_module")), "", ("prior_state", "values", "root_module")):
        if one.mode == "data":
            yield one


def _walk(module: Members, address: str, path: Path) -> Iterator[Instance]:
    for number, one in enumerate(_elements(module.get("resources"))):
        told = _members(one)
        index = told.get("index")
        yield Instance(
            address=str(told.get("address")),
            module=address,
            mode=str(told.get("mode", "managed")),
            type=str(told.get("type")),
            name=str(told.get("name")),
            index=index if isinstance(index, str | int) else None,
            values=_members(told.get("values")),
            path=(*path, "resources", number),
        )
    for number, one in enumerate(_elements(module.get("child_modules"))):
        told = _members(one)
        yield from _walk(told, str(told.get("address")), (*path, "child_modules", number))


def _steps(reference: str) -> list[tuple[str, str | int | None]]:
    """``aws_sqs_queue.failed["rule"].arn`` as names, each with its index."""
    return [(one[1], one[2] if one[3] is None else int(one[3])) for one in _STEP.finditer(reference)]


def _cut(part: Value, text: str, attribute: Attribute) -> Iterator[Value]:
    if not isinstance(part, str):
        yield part
        return
    for number, piece in enumerate(part.split(text)):
        if number:
            yield attribute
        yield piece


def _bare(call: str) -> str:
    return call.partition("[")[0]


def _members(value: JsonValue) -> Members:
    return value if isinstance(value, dict) else {}


def _elements(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []
