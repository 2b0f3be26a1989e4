"""AWS's own engine as an oracle, where ``java`` is there and its jars are in the folder ``AFTERBAY_RULER_JARS``.

The engine has two finders, one that walks the event's structure and one over a flat list of its fields, and neither
answers the same after every compilation of some patterns (event-patterns.md section 10). So each difference is asked
again: many compilations, both finders. Where none of them ever gives our answer, it must be one that ``accident``
knows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from afterbay.core.pattern.number import Uncomparable, number_of
from patterns import reference

JARS = os.environ.get("AFTERBAY_RULER_JARS")  # read at import: tests see no AFTERBAY_ variable
COMPILATIONS = 60
"""A pattern that is compiled by chance one way or the other is taken for stable once in 2**59."""


class Asked(NamedTuple):
    """A pair as JSON text. ``repeats``: the event has repeated keys, of which the last counts."""

    pattern: str
    event: str
    repeats: bool


class Said(NamedTuple):
    """How many compilations matched, of the finder over structure and of the flat one; or why it was refused."""

    structured: int
    flat: int
    error: str | None


def ask(pairs, *, compilations=1):
    """What AWS's engine says of each pair. Skips the test where it is not there."""
    jars = sorted(map(str, Path(JARS).glob("*.jar"))) if JARS else []
    if not jars or shutil.which("java") is None:
        pytest.skip("no java, or no jars in AFTERBAY_RULER_JARS: AWS's engine was not asked")
    lines = "".join(json.dumps(pair._asdict()) + "\n" for pair in pairs)
    program = Path(__file__).with_name("RulerOracle.java")
    done = subprocess.run(
        ["java", "-cp", os.pathsep.join(jars), str(program), str(compilations)],
        input=lines.encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(pairs)
    return [Said(one.get("structured", 0), one.get("flat", 0), one.get("error")) for one in answers]


def accident(pattern, ours, said):
    """Which accident of the engine (docs/decisions/0010) this stable difference is; None: it is ours to explain.

    ``ours`` is None where we refused the pattern. Each is tied to one direction and to members of one path.
    """
    alternatives = [dict(one) for one in reference.alternatives(reference.read(pattern))]
    if ours is None or said.error is not None:
        words = "Rule is too complex"
        is_bound = (said.error or words).startswith(words) and len(alternatives) > 1 and _names_wildcard(pattern)
        return "complexity over several alternatives" if is_bound else None
    by_path = {}
    for one in alternatives:
        for path, members in one.items():
            by_path.setdefault(path, []).append(members)
    if ours and any(map(_share_a_member, by_path.values())):
        return "alternatives share a member of one path"
    leaves = [members for one in alternatives for members in one.values()]
    if ours and any(_has(members, "cidr") and any(map(_is_uncomparable, members)) for members in leaves):
        return "cidr beside a number that is not comparable"
    if not ours and any(_has(members, "suffix") and _has_anything_but_wildcard(members) for members in leaves):
        return "anything-but wildcard beside suffix"
    return None


def _names_wildcard(pattern):
    return "wildcard" in json.dumps(reference.read(pattern))  # escapes resolved, repeated keys kept


def _share_a_member(leaf_arrays):
    spelled = [{json.dumps(member) for member in members} for members in leaf_arrays]
    return any(one & other and one != other for one in spelled for other in spelled)


def _has(members, name):
    return any(isinstance(one, reference.Members) and one[0][0] == name for one in members)


def _has_anything_but_wildcard(members):
    return any(
        isinstance(one, reference.Members)
        and one[0][0] == "anything-but"
        and isinstance(one[0][1], reference.Members)
        and one[0][1][0][0] == "wildcard"
        for one in members
    )


def _is_uncomparable(member):
    return isinstance(member, reference.Spelled) and isinstance(number_of(member), Uncomparable)
