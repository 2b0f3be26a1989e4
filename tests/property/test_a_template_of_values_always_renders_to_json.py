"""Where every placeholder stands for a whole JSON value, what comes out is JSON and holds just what was found (X33)."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from afterbay import InputTemplate
from afterbay.core.template import MISSING, Path
from property.templating import NAMES, PATHS, RECORDS, SCALARS

LEAVES = SCALARS | PATHS.map(Path)
TEMPLATES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


def written(part: object) -> str:
    """A template's text. Its own strings have no ``<``: they would be scanned (X47)."""
    if isinstance(part, Path):
        return f" <{part.text}>\n"
    if isinstance(part, list):
        return "[" + ",".join(map(written, part)) + "]"
    if isinstance(part, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {written(one)}" for name, one in part.items()) + "}"
    return json.dumps(part).replace("<", "(")


def filled(part: object, record: object) -> object:
    if isinstance(part, Path):
        found = part.find(record)
        return "" if found is MISSING else found
    if isinstance(part, list):
        return [filled(one, record) for one in part]
    if isinstance(part, dict):
        return {name: filled(one, record) for name, one in part.items()}
    return part.replace("<", "(") if isinstance(part, str) else part


@given(st.lists(TEMPLATES, max_size=3) | st.dictionaries(NAMES, TEMPLATES, max_size=3), RECORDS)
def test_a_template_of_values_renders_to_json_with_what_was_found(template, record):
    assert json.loads(InputTemplate(written(template)).render(record)) == filled(template, record)
