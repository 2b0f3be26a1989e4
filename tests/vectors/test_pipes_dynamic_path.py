"""Dynamic parameters of a pipe's target and enrichment (X60 to X62)."""

from __future__ import annotations

import pytest

from afterbay import InputTemplate, TemplateError
from afterbay.core.template import Event, Parameter
from vectors.expecting import Outcome, meets
from vectors.loading import Reader, Vector, vectors


def resolved(given: Reader) -> Outcome:
    event = Event(given["record"], given["source_type"])
    if "input_template" in given.names:
        assert InputTemplate(given["input_template"]).render_event(event, {}), (
            "what it makes is not what is looked into"
        )
    try:
        return "value", Parameter(given["parameter"], given["value"]).resolve(event)
    except TemplateError as error:
        return "error", error.code


@pytest.mark.parametrize("vector", vectors("pipes/dynamic-path.json"))
def test_a_parameter_is_resolved_as_told(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        assert meets(resolved(given), {form: wanted[form] for form in wanted.names})
