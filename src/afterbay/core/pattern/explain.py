"""Why an event did or did not match: leaf by leaf what was wanted, what was there, and the usual cause."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from afterbay.core.pattern.errors import Dialect
from afterbay.core.pattern.match import Matcher, Paths
from afterbay.core.pattern.members import Leaves, Member
from afterbay.core.pattern.number import Uncomparable
from afterbay.core.pattern.operators import EqualsNumber, Exists, Numeric
from afterbay.core.pattern.syntax import Alternative
from afterbay.core.pattern.text import Number, Pairs, Tree

__all__ = ["Explanation", "LeafReport", "explain"]

_SHOWN_MAX = 5
_TYPE_TAGS = frozenset(("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"))


@dataclass(frozen=True, slots=True)
class LeafReport:
    """One leaf array of one alternative. ``there`` is in JSON, at most five values; ``cause`` is None if it held."""

    alternative: int
    path: str
    wanted: tuple[str, ...]
    there: tuple[str, ...]
    holds: bool
    cause: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict and its leaves. ``note`` tells what no single leaf shows."""

    matched: bool
    leaves: tuple[LeafReport, ...]
    note: str | None = None

    def __str__(self) -> str:
        lines = ["matches" if self.matched else "does not match"]
        for leaf in self.leaves:
            lines.append(
                f"  {'ok ' if leaf.holds else 'no '} {leaf.path}: wanted {' or '.join(leaf.wanted)}; "
                f"there: {', '.join(leaf.there) or 'nothing'}"
            )
            if leaf.cause:
                lines.append(f"      {leaf.cause}")
        return "\n".join([*lines, f"  {self.note}"] if self.note else lines)


def explain(
    alternatives: list[Alternative], event: Mapping[str, object] | None, matched: bool, dialect: Dialect
) -> Explanation:
    """``event`` is None where the bytes were no JSON object."""
    if event is None:
        return Explanation(False, (), "the event is not a JSON object, so no pattern matches it (P52)")
    reports: list[LeafReport] = []
    for number, alternative in enumerate(alternatives[:20]):
        found = Paths(alternative).occurrences(event)
        for path, leaves in alternative.items():
            values = [value for value, _ in found.get(path, [])]
            holds = Matcher([{path: leaves}]).matches(event)
            cause = None if holds else _cause(path, leaves, values, event, dialect)
            shown = tuple(_spell(value) for value in values[:_SHOWN_MAX])
            reports.append(LeafReport(number, path, tuple(map(_wanted, leaves)), shown, holds, cause))
    note = None
    if not matched and any(
        all(report.holds for report in reports if report.alternative == number)
        for number in range(len(alternatives[:20]))
    ):
        note = "each field holds by itself, but not in the same element of an array (P48)"
    elif len(alternatives) > 20:
        note = f"the pattern has {len(alternatives)} alternatives; the first 20 are shown"
    return Explanation(matched, tuple(reports), note)


def _cause(path: str, leaves: Leaves, values: Sequence[object], event: Mapping[str, object], dialect: Dialect) -> str:
    """The usual reason, in words that say what to write instead (R73 to R77)."""
    names = path.split(".")
    if names[0] in ("body", "data") and names[0] not in event and "dynamodb" in event:
        return f"`{names[0]}` does not exist in a table-stream record: start the pattern at `dynamodb` (R73)"
    under = _value_at(event, names)
    if not values and isinstance(under, Mapping):
        return _node_cause(leaves, cast("Mapping[str, object]", under), path)
    if not values:
        return _absence_cause(leaves, event, names)
    texts = all(isinstance(value, str) for value in values)
    if texts and all(isinstance(member.test, Numeric | EqualsNumber) for member in leaves):
        why = "attributes of type N are strings in a stream record" if names[-1] == "N" else "the value is a string"
        return f"{why}: a numeric test never matches a string (R76); list exact strings, or filter in the function"
    if not texts and any(isinstance(member.operand, str) for member in leaves):
        return "types never cross: the pattern wants a string, the event holds another type (P17)"
    if any(isinstance(member.test, Exists) for member in leaves):
        return "`exists: false` was wanted and a value is there"
    return "the value differs; texts are compared exactly, with their case (P12)"


def _node_cause(leaves: Leaves, under: Mapping[str, object], path: str) -> str:
    tags = [key for key in under if key in _TYPE_TAGS] if len(under) == 1 else []
    if any(isinstance(member.test, Exists) for member in leaves):
        go_on = f": test `{path}.{tags[0]}`" if tags else ""
        return f"`exists` looks at leaf values only, and this is an object (R75){go_on}"
    if tags:
        return (
            f"the path stops at the attribute's name, its type tag {tags[0]} is missing: write `{path}.{tags[0]}` (R74)"
        )
    return "this is an object, and only leaf values are compared (P36): let the path go on"


def _absence_cause(leaves: Leaves, event: Mapping[str, object], names: list[str]) -> str:
    for end in range(len(names), 0, -1):
        above = _value_at(event, names[: end - 1])
        if isinstance(above, Mapping):
            keys = list(cast("Mapping[str, object]", above))
            if names[end - 1] in keys:
                break
            tags = f"; its type tag is {keys[0]}" if len(keys) == 1 and keys[0] in _TYPE_TAGS else ""
            place = ".".join(names[: end - 1]) or "the event"
            return f"{place} has no `{names[end - 1]}`{tags}; a missing field matches `exists: false` alone (P6)"
    return "no leaf value is there: an empty array, or a value where the pattern goes deeper (P36)"


def _value_at(event: object, names: list[str]) -> object:
    for name in names:
        if not isinstance(event, Mapping):
            return None
        event = cast("Mapping[str, object]", event).get(name)
    return event


def _wanted(member: Member) -> str:
    operand = json.dumps(_plain(member.operand), ensure_ascii=False)
    return f"{member.name} {operand}" if member.name else operand


def _plain(tree: Tree) -> object:
    if isinstance(tree, Pairs):
        return {key: _plain(value) for key, value in tree}
    if isinstance(tree, Number):
        value = float(tree.text)
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(tree, list):
        return [_plain(value) for value in cast("list[Tree]", tree)]
    return tree


def _spell(value: object) -> str:
    return value.text if isinstance(value, Uncomparable) else json.dumps(value, ensure_ascii=False)
