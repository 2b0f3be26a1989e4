"""A Python function per pattern, for events without arrays or dotted keys on the wanted paths.

The function answers True, False, or None for "ask the exact matcher" (``match``). Without arrays and without joined
keys (P8) each path has one value or none, so a pattern is a chain of look-ups and comparisons. Only names made here go
into the source: every text and number of the user's is a constant handed in beside it (``Constants``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import cast

from afterbay.core.pattern.members import Leaves
from afterbay.core.pattern.number import leaf_of
from afterbay.core.pattern.operators import (
    AnythingBut,
    Equals,
    EqualsNumber,
    Exists,
    Numeric,
    Prefix,
    Suffix,
    Test,
)
from afterbay.core.pattern.syntax import Alternative

__all__ = [
    "ALTERNATIVES_COMPILED_MAX",
    "MISSING",
    "Answer",
    "Place",
    "are_few",
    "compile_dict",
    "compile_entry",
    "compile_values",
    "looks_at_numbers",
    "places_of",
]

Answer = bool | None
ALTERNATIVES_COMPILED_MAX = 64
PATHS_COMPILED_MAX = 64
NAMES_COMPILED_MAX = 40
"""Beyond these a function per pattern is longer than what it saves. DynamoDB nests 32 levels; joined keys grow with the
square of a path's names."""


class _Missing:
    """The class of ``MISSING``: no value of any event has it."""


MISSING = _Missing()
_EMPTY: dict[str, object] = {}
_SCALARS = frozenset({str, int, float, bool, type(None)})
_LEAVES = _SCALARS | {_Missing}
_NUMBERS = frozenset({int, float})


@dataclass(eq=False, slots=True)
class Place:
    """A node of the wanted paths: ``number`` names its variable; ``path`` is set where a leaf array stands."""

    number: int
    name: str
    parent: Place | None
    path: str | None = None
    below: dict[str, Place] = field(default_factory=dict[str, "Place"])

    def joined(self) -> dict[str, str]:
        """Keys of two names or more that would lead to a wanted path from here; the value says which path."""
        found: dict[str, str] = {}
        for name, child in self.below.items():
            todo = [(name, child)]
            while todo:
                prefix, place = todo.pop()
                for rest, deeper in place.below.items():
                    found[f"{prefix}.{rest}"] = deeper.path or ""
                    todo.append((f"{prefix}.{rest}", deeper))
        return found


def places_of(paths: list[str]) -> list[Place]:
    """All places, the root first. ``paths`` are joined paths."""
    places = [Place(0, "", None)]
    for path in paths:
        place = places[0]
        for name in path.split("."):
            if name not in place.below:
                place.below[name] = Place(len(places), name, place)
                places.append(place.below[name])
            place = place.below[name]
        place.path = path
    return places


class Constants(dict[str, object]):
    """What a generated function may name.

    Texts are named by a literal of ours, which ``build`` exchanges in the compiled code for the text itself: read as
    fast as a literal, and never part of any source.
    """

    def __init__(self, **known: object) -> None:
        super().__init__(known)
        self._texts: dict[str, str] = {}

    def add(self, value: object) -> str:
        if isinstance(value, str):
            literal = f"text {len(self._texts)}"
            self._texts[literal] = value
            return f"'{literal}'"
        name = f"k{len(self)}"
        self[name] = value
        return name

    def build(self, name: str, lines: list[str]) -> Callable[[object], object]:
        """A function of one argument, ``x0``, with these lines."""
        source = f"def {name}(x0):\n" + "".join(f"    {line}\n" for line in lines)
        scope: dict[str, object] = dict(self)
        exec(compile(source, "<pattern>", "exec"), scope)  # only names made here are in the source, see above
        made = cast("FunctionType", scope[name])
        texts = self._texts
        constants = (texts.get(one, one) if isinstance(one, str) else one for one in made.__code__.co_consts)
        made.__code__ = made.__code__.replace(co_consts=tuple(constants))
        return made


def _branch(place: Place, parent: str, constants: Constants) -> list[str]:
    """Lines that set ``x<number>`` to a dict, or return None."""
    here = f"x{place.number}"
    return [
        f"{here} = {parent}.get({constants.add(place.name)}, EMPTY)",
        f"if type({here}) is not dict:",
        f"    if type({here}) not in SCALARS: return None",
        f"    {here} = EMPTY",
    ]


def _leaf(place: Place, parent: str, constants: Constants) -> list[str]:
    """Lines that set ``x<number>`` to a scalar or ``MISSING``, or return None."""
    here = f"x{place.number}"
    return [
        f"{here} = {parent}.get({constants.add(place.name)}, MISSING)",
        f"if type({here}) is not str and type({here}) not in LEAVES:",
        f"    if type({here}) is not dict: return None",
        f"    {here} = MISSING",
    ]


def _is_joined(place: Place, key: str, constants: Constants) -> str:
    """An expression: is this joined key there?"""
    return f"{constants.add(key)} in x{place.number}"


def looks_at_numbers(leaves: Leaves) -> bool:
    """Does the spelling or the value of a number matter here?"""
    return any(_is_numeric(member.test) for member in leaves)


def _is_numeric(test: Test) -> bool:
    if isinstance(test, AnythingBut):
        return any(_is_numeric(inner) for inner in test.tests)
    return isinstance(test, EqualsNumber | Numeric)


def condition(leaves: Leaves, here: str, constants: Constants) -> str:
    """An expression over the variable ``here`` (a scalar or MISSING): do the members of a leaf array hold?"""
    tests = [member.test for member in leaves]
    parts: list[str] = []
    texts = {test.value for test in tests if isinstance(test, Equals) and isinstance(test.value, str)}
    if len(texts) == 1:
        parts.append(f"{here} == {constants.add(texts.pop())}")
    elif texts:
        parts.append(f"(type({here}) is str and {here} in {constants.add(frozenset(texts))})")
    numbers = frozenset(test.value for test in tests if isinstance(test, EqualsNumber))
    if numbers:
        parts.append(f"(type({here}) in NUMBERS and leaf_of({here}) in {constants.add(numbers)})")
    for kind, method in ((Prefix, "startswith"), (Suffix, "endswith")):
        affixes = tuple(test.text for test in tests if isinstance(test, kind))
        if affixes:
            parts.append(f"(type({here}) is str and {here}.{method}({constants.add(affixes)}))")
    for test in tests:
        if isinstance(test, Exists):
            parts.append(f"{here} is {'not ' if test.wanted else ''}MISSING")
        elif isinstance(test, Equals):
            if not isinstance(test.value, str):
                parts.append(f"{here} is {test.value!r}")
        elif not isinstance(test, EqualsNumber | Prefix | Suffix):
            parts.append(_special(test, here, constants))
    return " or ".join(parts)


def _special(test: Test, here: str, constants: Constants) -> str:
    if isinstance(test, AnythingBut) and all(isinstance(one, Equals) for one in test.tests):
        texts = frozenset(one.value for one in test.tests if isinstance(one, Equals))
        return f"({here} is not MISSING and {here} not in {constants.add(texts)})"
    call = f"{constants.add(test.holds)}({here})"
    if _is_numeric(test):
        call = f"{constants.add(test.holds)}(leaf_of({here}))"
    return f"({here} is not MISSING and {call})"


def compile_dict(alternatives: list[Alternative]) -> Callable[[object], Answer] | None:
    """The function for a decoded event, which takes a ``dict`` itself and no other mapping.

    None where the general matcher serves better.
    """
    paths = list(dict.fromkeys(path for alternative in alternatives for path in alternative))
    places = places_of(paths)
    if len(alternatives) > ALTERNATIVES_COMPILED_MAX or not _is_plain(places):
        return None
    constants = _constants()
    if len(alternatives) == 1:
        lines = _chain(alternatives[0], places, constants)
    else:
        lines = _choice(alternatives, places, constants)
    return cast("Callable[[object], Answer]", constants.build("answer", lines))


def compile_values(paths: list[str]) -> Callable[[object], tuple[object, ...] | None]:
    """A function that gives the values (or ``MISSING``) at ``paths`` of a ``dict``, in their order.

    It answers None for other mappings, for events with arrays or joined keys on the way, and always if there are too
    many paths.
    """
    places = places_of(paths)
    if not _is_plain(places):
        return lambda event: None
    constants = _constants()
    by_path = _by_path(places)
    lines = ["if type(x0) is not dict: return None", *_all_values(places, constants)]
    lines.append(f"return ({''.join(f'x{by_path[path].number}, ' for path in paths)})")
    return cast("Callable[[object], tuple[object, ...] | None]", constants.build("values", lines))


def _constants() -> Constants:
    return Constants(MISSING=MISSING, EMPTY=_EMPTY, SCALARS=_SCALARS, LEAVES=_LEAVES, NUMBERS=_NUMBERS, leaf_of=leaf_of)


def are_few(paths: Sequence[str]) -> bool:
    """Few and short enough to look for each of them, and for all joined keys (P8) that may lead to it."""
    return len(paths) <= PATHS_COMPILED_MAX and all(path.count(".") < NAMES_COMPILED_MAX for path in paths)


def _is_plain(places: list[Place]) -> bool:
    """Few paths, and none that goes on below a leaf array: there is a value or an object, by turns."""
    wanted = [place for place in places if place.path is not None]
    return are_few([place.path or "" for place in wanted]) and not any(place.below for place in wanted)


def _by_path(places: list[Place]) -> dict[str, Place]:
    return {place.path: place for place in places if place.path is not None}


def _way_to(place: Place) -> list[Place]:
    way: list[Place] = []
    at: Place | None = place
    while at is not None:
        way.append(at)
        at = at.parent
    return way[::-1]


def _reach(place: Place, reached: set[int], constants: Constants) -> list[str]:
    lines: list[str] = []
    for step in _way_to(place)[1:]:
        if step.number not in reached and step.parent is not None:
            reached.add(step.number)
            make = _leaf if step is place else _branch
            lines += make(step, f"x{step.parent.number}", constants)
    return lines


def _joined_on_way(place: Place, constants: Constants) -> str:
    """Is any joined key there that would lead to this very path?"""
    way = _way_to(place)
    found: list[str] = []
    for start, step in enumerate(way[:-2]):
        names = [below.name for below in way[start + 1 :]]
        found += [_is_joined(step, ".".join(names[:end]), constants) for end in range(2, len(names) + 1)]
    return " or ".join(found)


def _chain(alternative: Alternative, places: list[Place], constants: Constants) -> list[str]:
    """One alternative: path by path, out at the first that fails.

    A value that passes is enough, whatever joined keys add; absence and failure must look at those first.
    """
    reached: set[int] = set()
    lines: list[str] = []
    by_path = _by_path(places)
    for path, leaves in alternative.items():
        place = by_path[path]
        here = f"x{place.number}"
        lines += _reach(place, reached, constants)
        joined = _joined_on_way(place, constants)
        if joined and any(isinstance(member.test, Exists) and not member.test.wanted for member in leaves):
            lines.append(f"if {here} is MISSING and ({joined}): return None")
        lines.append(f"if not ({condition(leaves, here, constants)}):")
        lines.append(f"    return None if {joined} else False" if joined else "    return False")
    return [*lines, "return True"]


def _all_values(places: list[Place], constants: Constants) -> list[str]:
    """Set the variables of all leaves; return None if a joined key is there."""
    reached: set[int] = set()
    lines: list[str] = []
    for place in places:
        if place.path is not None:
            lines += _reach(place, reached, constants)
    joined = [_is_joined(place, key, constants) for place in places for key in place.joined()]
    return [*lines, f"if {' or '.join(joined)}: return None"] if joined else lines


def _choice(alternatives: list[Alternative], places: list[Place], constants: Constants) -> list[str]:
    """Several: all values first, then one expression."""
    lines = _all_values(places, constants)
    by_path = _by_path(places)
    tests = [
        " and ".join(
            f"({condition(leaves, f'x{by_path[path].number}', constants)})" for path, leaves in alternative.items()
        )
        for alternative in alternatives
    ]
    return [*lines, f"return {' or '.join(tests)}"]


def compile_entry(
    alternatives: list[Alternative], careful: Callable[[object], bool], other: Callable[[object], bool]
) -> Callable[[object], bool]:
    """The function that users call: for a plain event it looks up, compares, and is done.

    ``careful`` answers for any dict: it is asked when a look-up misses or finds no scalar. ``other`` answers for bytes
    and other mappings. A subscript by a name succeeds on mappings alone, so a value reached is a value of its path.
    """
    constants = _constants()
    constants.update(careful=careful, other=other, MISSED=(KeyError, TypeError, IndexError))
    lines = ["if type(x0) is not dict: return other(x0)"]
    paths = list(alternatives[0]) if len(alternatives) == 1 else []
    places = places_of(paths)
    if paths and _is_plain(places):
        lines += ["try:", *(f"    {line}" for line in _straight(alternatives[0], places, constants))]
        lines += ["except MISSED: pass"]
    return cast("Callable[[object], bool]", constants.build("matches", [*lines, "return careful(x0)"]))


def _straight(alternative: Alternative, places: list[Place], constants: Constants) -> list[str]:
    """One alternative on an event that has every wanted field; whatever is amiss ends in ``careful``."""
    lines: list[str] = []
    reached: set[int] = set()
    by_path = _by_path(places)
    for path, leaves in alternative.items():
        place = by_path[path]
        here = f"x{place.number}"
        for step in _way_to(place)[1:]:
            if step.number not in reached and step.parent is not None:
                reached.add(step.number)
                lines.append(f"x{step.number} = x{step.parent.number}[{constants.add(step.name)}]")
        test = condition(leaves, here, constants)
        plain = f"type({here}) is str or type({here}) in LEAVES"
        joined = _joined_on_way(place, constants)
        failed = f"return careful(x0) if {joined} else False" if joined else "return False"
        if " in " in test or "(" in test or "MISSING" in test:
            lines.append(f"if not ({plain}): return careful(x0)")
            lines.append(f"if not ({test}): {failed}")
        else:  # comparing by == or `is` does no harm to any value
            lines.append(f"if not ({test}):")
            lines.append(f"    if {plain}: {failed}")
            lines.append("    return careful(x0)")
    return [*lines, "return True"]
