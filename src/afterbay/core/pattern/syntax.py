"""A pattern's text or dict -> flat alternatives: joined path -> members of its leaf array.

Decides the shape of a pattern (P1 to P5, P8, P9), ``$or`` (P39 to P44) and the bounds on size; what a member of a leaf
array says is ``members``' business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast

from afterbay.core.pattern.errors import PatternError
from afterbay.core.pattern.members import Leaves, Member, read_member
from afterbay.core.pattern.operators import AnythingBut, Wildcard
from afterbay.core.pattern.text import Number, Pairs, Tree, read_tree
from afterbay.core.pattern.wildcard import Globs, is_too_complex

__all__ = ["ALTERNATIVES_MAX", "DEPTH_MAX", "PATHS_MAX", "Alternative", "read_pattern"]

ALTERNATIVES_MAX = 1000
"""The product of all ``$or``s of a pattern (P44)."""

PATHS_MAX = 256
"""Paths in one alternative (P44: the engine's own bound)."""

DEPTH_MAX = 128
"""Names in a joined path, and levels of JSON. Ours: a pattern of 4,096 characters that goes deeper is no filter, and
work per event is bounded by it."""

Alternative = dict[str, Leaves]
"""Joined path -> members, in reading order. All paths must be satisfied, one member of each is enough."""

_RESERVED = frozenset(
    [
        "prefix",
        "suffix",
        "equals-ignore-case",
        "anything-but",
        "exists",
        "wildcard",
        "numeric",
        "cidr",
        "exactly",
        "=",
        "<",
        "<=",
        ">",
        ">=",
        "regex",
        "not-wildcard",
        "not-equals-ignore-case",
        "date-after",
        "date-on-or-after",
        "date-before",
        "date-on-or-before",
        "in-date-range",
        "ip-address-in-range",
        "ip-address-not-in-range",
    ]
)


def read_pattern(source: str | bytes | Mapping[str, object]) -> list[Alternative]:
    """Read a pattern. Raises ``PatternError`` for the first fault in reading order."""
    tree = _tree_of_text(source) if isinstance(source, str | bytes) else _tree_of_value(source, "", 0)
    if not isinstance(tree, Pairs):
        raise PatternError("Filter is not an object", hint="a pattern is a JSON object of fields")
    alternatives = _read_object(tree, "", [{}], inside_or=False)
    _check_complexity(alternatives)
    return alternatives


def _tree_of_text(source: str | bytes) -> Tree:
    try:
        text = source if isinstance(source, str) else source.decode()
        return read_tree(text, depth_max=DEPTH_MAX)
    except ValueError as broken:
        raise PatternError(f"Not JSON: {broken}", hint="a pattern is a JSON object of fields") from broken


def _tree_of_value(value: object, path: str, depth: int) -> Tree:
    """A decoded pattern as the tree its text would give."""
    if depth > DEPTH_MAX:
        raise PatternError(f"nested more than {DEPTH_MAX} levels deep", path=path)
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if value.bit_length() > 4096:
            raise PatternError("Cannot compare number : an integer of more than 4,096 bits", path=path)
        return Number(str(value))
    if isinstance(value, float | Decimal) and math.isfinite(value):
        return Number(repr(value) if isinstance(value, float) else str(value))
    if isinstance(value, Mapping):
        pairs = Pairs()
        for key, member in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise PatternError(f"field names are strings, not {type(key).__name__}", path=path)
            pairs.append((key, _tree_of_value(member, _join(path, key), depth + 1)))
        return pairs
    if isinstance(value, list | tuple):
        return [_tree_of_value(member, path, depth + 1) for member in cast("Sequence[object]", value)]
    raise PatternError(f"{type(value).__name__} is no JSON value", path=path)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _read_object(
    pairs: Pairs, path: str, made: list[Alternative], *, inside_or: bool, depth: int = 0
) -> list[Alternative]:
    """Add an object's fields to every alternative in ``made``, which is consumed. Later wins (P9, P41)."""
    if not pairs:
        raise PatternError("Empty objects are not allowed", path=path)
    for key, value in pairs:
        if key == "$or":
            made = _read_or(value, path, made, depth)
            continue
        if inside_or and key in _RESERVED:
            raise PatternError(
                f"{key} is Ruler reserved fieldName which cannot be used inside $or.", path=_join(path, key)
            )
        below = f"{path}.{key}" if depth else key
        if isinstance(value, Pairs):
            made = _read_object(value, below, made, inside_or=inside_or, depth=depth + 1)
        elif isinstance(value, list):
            leaves = _read_leaves(cast("list[Tree]", value), below)
            for alternative in made:
                alternative[below] = leaves
                if len(alternative) > PATHS_MAX:
                    raise PatternError(f"Rule is too complex - more than {PATHS_MAX} fields", path=below)
        else:
            raise PatternError(
                f'"{key}" must be an object or an array', path=below, hint='write the value in a list, as in ["x"]'
            )
    return made


def _read_or(value: Tree, path: str, made: list[Alternative], depth: int) -> list[Alternative]:
    where = _join(path, "$or")
    if not isinstance(value, list) or isinstance(value, Pairs):
        raise PatternError("It must be an Array followed with $or.", path=where)
    found: list[Alternative] = []
    for branch in value:
        if not isinstance(branch, Pairs):
            raise PatternError("Only JSON object is allowed in array of $or relationship.", path=where)
        start = [dict(alternative) for alternative in made]
        found += _read_object(branch, path, start, inside_or=True, depth=depth)
        if len(found) > ALTERNATIVES_MAX:
            raise PatternError(f"Rule is too complex - $or makes more than {ALTERNATIVES_MAX} combinations", path=where)
    if len(value) < 2:
        raise PatternError("There must have at least 2 Objects in $or relationship.", path=where)
    return found


def _read_leaves(values: list[Tree], path: str) -> Leaves:
    if path.count(".") >= DEPTH_MAX:
        raise PatternError(f"a path of more than {DEPTH_MAX} names", path=path[:60])
    if not values:
        raise PatternError("Empty arrays are not allowed", path=path)
    members: list[Member] = []
    for value in values:
        try:
            members.append(read_member(value))
        except ValueError as wrong:
            raise PatternError(str(wrong), path=path) from wrong
    return tuple(members)


def _check_complexity(alternatives: list[Alternative]) -> None:
    """P25, per field. Alternatives count together where the engine comes to the field after the same tests."""
    ways: dict[tuple[int, str, int], int] = {}  # number of the tests before, path, its tests -> number of them all
    wildcards: dict[tuple[str, int], list[Globs]] = {}
    for alternative in alternatives:
        before = 0
        for path, leaves in sorted(alternative.items(), key=lambda item: item[0]):
            globs = [one for leaf in leaves for one in _globs_of(leaf)]
            if globs:
                wildcards.setdefault((path, before), []).extend(globs)
            before = ways.setdefault((before, path, id(leaves)), len(ways) + 1)
    for (path, _), globs in wildcards.items():
        if is_too_complex(globs):
            raise PatternError(
                "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences "
                "after a wildcard character",
                path=path,
            )


def _globs_of(leaf: Member) -> list[Globs]:
    tests = leaf.test.tests if isinstance(leaf.test, AnythingBut) else (leaf.test,)
    return [test.globs for test in tests if isinstance(test, Wildcard)]
