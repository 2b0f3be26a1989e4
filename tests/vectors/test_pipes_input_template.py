"""Input templates of pipes as documented, inferred and recorded for buses (X29 to X49)."""

from __future__ import annotations

import json

import pytest

from afterbay import InputTemplate, TemplateError
from vectors.expecting import Outcome, preferred
from vectors.loading import Reader, Vector, vectors


def rendered(given: Reader, record: object) -> Outcome:
    context = given["context"] if "context" in given.names else None
    as_told = {"source": given["source_type"], "stage": given["stage"], "context": context}
    try:
        return "text", InputTemplate(given["template"], kind="pipe").render(record, **as_told)
    except TemplateError as error:
        return "error", error.code


@pytest.mark.parametrize("vector", vectors("pipes/input-template.json"))
def test_a_template_renders_as_told(vector: Vector) -> None:
    """The first of several answers is the one that the rules follow."""
    with vector.opened() as (given, wanted):
        expect = {form: wanted[form] for form in wanted.names}
        assert preferred(rendered(given, given["record"]), expect)
        if not isinstance(given["record"], str):  # that is text, which bytes are not
            data = json.dumps(given["record"], separators=(",", ":")).encode()
            assert preferred(rendered(given, data), expect)
