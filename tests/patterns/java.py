"""AWS's own engine as an oracle, through a program that reads pairs as JSON lines.

``AFTERBAY_RULER`` names the command (the recipe's ``event-ruler.sh run``); without it or without Java the tests that
need it are skipped and say so.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess

import pytest

from afterbay.core.pattern.number import Uncomparable, number_of
from patterns import reference


def ask(pairs, *flags):
    """(match, error text) of each (pattern text, event text)."""
    command = os.environ.get("AFTERBAY_RULER")
    if not command or shutil.which("java") is None:
        pytest.skip("AFTERBAY_RULER is not set or there is no java: AWS's engine was not asked")
    lines = "".join(
        json.dumps({"id": place, "pattern": pattern, "event": event}) + "\n"
        for place, (pattern, event) in enumerate(pairs)
    )
    done = subprocess.run(
        [*shlex.split(command), *flags], input=lines.encode("utf-8", "surrogatepass"), capture_output=True, check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(len(answers)))
    return [(answer.get("match"), answer.get("error")) for answer in answers]


def accident(pattern, event):
    """Which accident of the engine (docs/decisions/0010) may this pair meet? None: a difference is ours to explain."""
    leaves = []
    reference.flatten(reference.read(event), (), {}, leaves, [0])
    alternatives = reference.alternatives(reference.read(pattern))
    members = [found for alternative in alternatives for _, found in alternative]
    names = [{one[0][0] for one in found if isinstance(one, reference.Members)} for found in members]
    wanted = {path for alternative in alternatives for path, _ in alternative}
    arrays = {}
    for path, _, chosen in leaves:
        if path in wanted:
            arrays.setdefault(path, set()).add(frozenset(chosen))
    if any(len(taken) > 1 for taken in arrays.values()):
        return "a path inside and outside of one array"
    numbers = [value for _, value, _ in leaves if isinstance(value, reference.Spelled)]
    if any("cidr" in found for found in names) and any(isinstance(number_of(one), Uncomparable) for one in numbers):
        return "cidr beside a number that is not comparable"
    if any({"anything-but", "suffix"} <= found for found in names) and "wildcard" in pattern.replace(
        "\\u00", "wildcard"
    ):
        return "anything-but wildcard beside suffix"
    if len(alternatives) > 1 and any("exists" in found for found in names):
        return "$or with exists"
    return None
