"""docs/patterns.md: its Python says what it shows, and what its table says of filters is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import afterbay

PAGE = (Path(__file__).parents[2] / "docs" / "patterns.md").read_text()
ROWS = re.findall(r"^\| `(\"[^`]*)` \|[^|]*\| ([^|]*) \|$", PAGE, re.MULTILINE)
IMAGE = {"status": {"S": "SHIPPED"}, "total": {"N": "101"}}


def taken(fragment: str) -> bool:
    pattern = json.loads("{" + fragment.replace("[..]", '["INSERT"]') + "}")
    pattern = pattern if "body" in pattern else {"dynamodb": {"NewImage": pattern}}
    record = {"eventName": "INSERT", "dynamodb": {"NewImage": IMAGE}}
    return afterbay.Pattern(pattern, dialect="mapping").matches(record)


def test_the_python_of_the_page_says_what_it_shows() -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {"print": lambda told: None}
    exec(compile(block, "docs/patterns.md", "exec"), names)
    shown = re.findall(r"^(shipped\..*?)  # (True|frozenset\(.*?\))", block, re.MULTILINE)
    assert len(shown) == 2
    for code, value in shown:
        assert eval(code, names) == eval(value)


@pytest.mark.parametrize(("written", "write"), ROWS, ids=[written for written, _ in ROWS])
def test_a_filter_that_never_matches_does_not(written: str, write: str) -> None:
    assert not taken(written)
    if instead := re.fullmatch(r"`(\".*)`", write):
        assert taken(instead[1])


def test_the_page_has_such_filters() -> None:
    assert len(ROWS) == 5
