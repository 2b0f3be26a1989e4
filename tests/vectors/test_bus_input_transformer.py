"""Input transformers as recorded against AWS and documented (B40 to B48)."""

from __future__ import annotations

import pytest

from afterbay import InputTemplate, TemplateError
from afterbay.core.template import Event, parse_target_input
from vectors.expecting import Outcome, preferred
from vectors.loading import Reader, Vector, vectors

RESERVED = {"rule_arn": "rule_arn", "rule_name": "rule_name", "ingestion_time": "now"}
"""A vector's members and what they are called in a context."""


def payload(given: Reader) -> Outcome:
    context = {ours: given[theirs] for theirs, ours in RESERVED.items() if theirs in given.names}
    paths = given["InputPathsMap"] if "InputPathsMap" in given.names else {}
    transformer = {"InputTemplate": given["InputTemplate"], "InputPathsMap": paths}
    target = parse_target_input({"Id": "t", "InputTransformer": transformer})
    public = InputTemplate(given["InputTemplate"], kind="bus", variables=paths)
    try:
        text = target.payload(Event(given["event"]), context)
        assert public.render(given["event"], context=context) == text
        return "text", text
    except TemplateError as error:
        return "error", error.code


@pytest.mark.parametrize("vector", vectors("bus/input-transformer.json"))
def test_a_transformer_makes_what_was_recorded(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        assert preferred(payload(given), {form: wanted[form] for form in wanted.names})
