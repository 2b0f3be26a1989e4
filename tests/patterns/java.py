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


def ask(pairs, *flags):
    """(match, error text) of each (pattern text, event text)."""
    command = os.environ.get("AFTERBAY_RULER")
    if not command or shutil.which("java") is None:
        pytest.skip("AFTERBAY_RULER is not set or there is no java: AWS's engine was not asked")
    lines = "".join(json.dumps({"id": place, "pattern": pattern, "event": event}) + "\n" for place, (pattern, event) in enumerate(pairs))
    done = subprocess.run([*shlex.split(command), *flags], input=lines.encode("utf-8", "surrogatepass"), capture_output=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(len(answers)))
    return [(answer.get("match"), answer.get("error")) for answer in answers]
