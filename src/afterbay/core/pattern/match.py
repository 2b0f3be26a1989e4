"""The exact matcher: any event, at the cost of looking at every value of the wanted paths.

An event is first reduced to *occurrences*: the leaf values of each wanted path, with the array elements that each was
taken from. An alternative then goes through its paths in ascending order and keeps the sets of elements chosen so far
(P48, P49). Two things bound the work: choices are forgotten once no later path is inside their array, and the
occurrences that agree with a choice are found by index. ``compile`` answers most events without coming here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from afterbay.core.pattern.members import Leaves
from afterbay.core.pattern.number import Leaf, leaf_of
from afterbay.core.pattern.operators import Equals, EqualsNumber, Exists, is_number
from afterbay.core.pattern.syntax import Alternative

__all__ = ["Chosen", "Matcher", "Occurrence", "Paths"]

Chosen = frozenset[tuple[int, int]]
"""Elements that a value was taken from: (number of the array, index in it). A scalar directly in an array carries no
index of that array (P48)."""

CHOICES_MAX = 100
"""Arrays of more than one element around a value. What lies deeper is not looked at (ours): each value carries its
choices, and DynamoDB nests 32 levels."""

PAIRS_MAX = 20_000
PAIRS_PER_VALUE = 20
"""Pairs of a choice and a value that are looked at for one alternative: that many, and so many more for each value at
its paths. Past it the alternative does not hold (ours). One pair for a value is what nested arrays need; products come
of paths that reach into two arrays at once, by joined keys or by arrays that hold values and objects side by side.
"""

Occurrence = tuple[Leaf, Chosen]
_NOTHING: Chosen = frozenset()


@dataclass(slots=True)
class _Node:
    """A place in the wanted paths. ``jumps``: event key (dots and all, P8) -> the place it leads to."""

    path: str | None = None
    children: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    jumps: dict[str, _Node] = field(default_factory=dict[str, "_Node"])


class Paths:
    """Wanted paths, and how to collect their values from an event."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._root = _Node()
        for path in paths:
            node = self._root
            for name in path.split("."):
                node = node.children.setdefault(name, _Node())
            node.path = path
        _link(self._root)

    def occurrences(self, event: Mapping[str, object]) -> dict[str, list[Occurrence]]:
        """The leaf values of each wanted path; a path without any is left out.

        Iterative, so that depth costs no stack; each node of the event is visited at most once.
        """
        found: dict[str, list[Occurrence]] = {}
        arrays = 0
        todo: list[tuple[_Node, object, Chosen]] = [(self._root, event, _NOTHING)]
        while todo:
            node, value, chosen = todo.pop()
            if isinstance(value, Mapping):
                members = cast("Mapping[str, object]", value)
                jumps = node.jumps
                if len(jumps) <= len(members):
                    todo.extend((below, members[key], chosen) for key, below in jumps.items() if key in members)
                else:
                    todo.extend((jumps[key], member, chosen) for key, member in members.items() if key in jumps)
            elif isinstance(value, list | tuple):
                elements = cast("list[object]", value)
                alone = len(elements) == 1  # an array of one element leaves no choice
                if len(chosen) >= CHOICES_MAX:
                    continue
                arrays += 1
                for index, element in enumerate(elements):
                    if isinstance(element, Mapping | list | tuple):
                        inner = cast("object", element)
                        todo.append((node, inner, chosen if alone else chosen | {(arrays, index)}))
                    elif node.path is not None:
                        found.setdefault(node.path, []).append((leaf_of(element), chosen))
            elif node.path is not None:
                found.setdefault(node.path, []).append((leaf_of(value), chosen))
        return found


def _link(node: _Node) -> None:
    """Fill ``jumps`` below a node: its children, and what their names lead to when keys are joined."""
    for name, child in node.children.items():
        _link(child)
        node.jumps[name] = child
        for rest, below in child.jumps.items():
            node.jumps[f"{name}.{rest}"] = below


class _Wanted:
    """The members of a leaf array; literals, of which there may be thousands, are looked up."""

    def __init__(self, leaves: Leaves) -> None:
        tests = [leaf.test for leaf in leaves]
        self._texts = {test.value for test in tests if isinstance(test, Equals) and isinstance(test.value, str)}
        self._numbers = {test.value for test in tests if isinstance(test, EqualsNumber)}
        self._others = [
            test
            for test in tests
            if not isinstance(test, EqualsNumber) and not (isinstance(test, Equals) and isinstance(test.value, str))
        ]
        self.may_lack = any(isinstance(test, Exists) and not test.wanted for test in tests)

    def hold(self, value: Leaf) -> bool:
        """Does one of the members hold for a value?"""
        if isinstance(value, str):
            if value in self._texts:
                return True
        elif is_number(value) and value in self._numbers:
            return True
        return any(test.holds(value) for test in self._others)


class Matcher:
    """Alternatives against occurrences."""

    def __init__(self, alternatives: list[Alternative]) -> None:
        self.paths = Paths(dict.fromkeys(path for alternative in alternatives for path in alternative))
        self._alternatives = [
            [(path, _Wanted(alternative[path])) for path in sorted(alternative, key=_utf_16)]
            for alternative in alternatives
        ]

    def matches(self, event: Mapping[str, object]) -> bool:
        """Does any alternative hold?"""
        found = self.paths.occurrences(event)
        return any(_holds(alternative, found) for alternative in self._alternatives)


def _utf_16(path: str) -> bytes:
    return path.encode("utf-16-be", "surrogatepass")


def _holds(alternative: list[tuple[str, _Wanted]], found: dict[str, list[Occurrence]]) -> bool:
    needed_later = _arrays_needed_later(alternative, found)
    choices: set[Chosen] = {_NOTHING}
    allowed = _Pairs(PAIRS_MAX + PAIRS_PER_VALUE * sum(len(found.get(path, ())) for path, _ in alternative))
    for (path, wanted), later in zip(alternative, needed_later, strict=True):
        choices = _advance(choices, wanted, found.get(path, []), later, allowed)
        if not choices or allowed.left < 0:
            return False
    return True


@dataclass(slots=True)
class _Pairs:
    """How many pairs may still be looked at."""

    left: int


def _arrays_needed_later(
    alternative: list[tuple[str, _Wanted]], found: dict[str, list[Occurrence]]
) -> list[frozenset[int]]:
    """For each path, the arrays that a path after it has values in: choices in others constrain nothing more."""
    later: list[frozenset[int]] = []
    arrays: frozenset[int] = frozenset()
    for path, _ in reversed(alternative):
        later.append(arrays)
        arrays |= {array for _, chosen in found.get(path, ()) for array, _ in chosen}
    return later[::-1]


def _advance(
    choices: set[Chosen], wanted: _Wanted, occurrences: list[Occurrence], later: frozenset[int], allowed: _Pairs
) -> set[Chosen]:
    """The choices after one more path. ``{"exists": false}`` is judged against the elements already chosen (P49)."""
    relevant = later.union(array for choice in choices for array, _ in choice)
    satisfying = {_only(chosen, relevant) for value, chosen in occurrences if wanted.hold(value)}
    fitting = _Index(satisfying, allowed)
    present: _Index | None = None
    if wanted.may_lack:
        present = _Index({_only(chosen, relevant) for _, chosen in occurrences}, allowed)
    after: set[Chosen] = set()
    for choice in choices:
        for chosen in fitting.agreeing_with(choice):
            after.add(_only(choice | chosen, later))
        if present is not None and next(iter(present.agreeing_with(choice)), None) is None:
            after.add(_only(choice, later))
        if allowed.left < 0:
            break
    return after


def _only(chosen: Chosen, arrays: frozenset[int]) -> Chosen:
    return frozenset(one for one in chosen if one[0] in arrays) if chosen else chosen


class _Index:
    """Sets of chosen elements, to be found by what they agree with. Each one looked at takes from ``allowed``."""

    def __init__(self, all_chosen: set[Chosen], allowed: _Pairs) -> None:
        self._all = all_chosen
        self._allowed = allowed
        self._arrays: dict[int, dict[int, list[Chosen]]] = {}
        self._inside: dict[int, int] = {}
        self._without: dict[int, list[Chosen]] = {}
        for chosen in all_chosen:
            for array, index in chosen:
                self._arrays.setdefault(array, {}).setdefault(index, []).append(chosen)
                self._inside[array] = self._inside.get(array, 0) + 1

    def _outside(self, array: int) -> list[Chosen]:
        """The sets that say nothing about an array."""
        if array not in self._without:
            inside = {chosen for chosens in self._arrays[array].values() for chosen in chosens}
            self._without[array] = [chosen for chosen in self._all if chosen not in inside]
        return self._without[array]

    def agreeing_with(self, choice: Chosen) -> Iterable[Chosen]:
        """Those that name no other element of an array than ``choice`` does; fewer if no more may be looked at."""
        shared = [(array, index) for array, index in choice if array in self._arrays]
        looked_at: list[Iterable[Chosen]] = [self._all]
        if shared:
            array, index = min(shared, key=lambda one: len(self._arrays[one[0]].get(one[1], ())) - self._inside[one[0]])
            looked_at = [self._arrays[array].get(index, ()), self._outside(array)]
        picked = dict(shared)
        for candidates in looked_at:
            for chosen in candidates:
                self._allowed.left -= 1
                if self._allowed.left < 0:
                    return
                if all(picked.get(array, index) == index for array, index in chosen):
                    yield chosen
