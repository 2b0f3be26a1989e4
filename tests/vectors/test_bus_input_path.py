"""``Input``, ``InputPath`` and neither, as recorded (B36 to B39)."""

from __future__ import annotations

import pytest

from afterbay import TemplateError
from afterbay.core.template import Event, parse_target_input
from vectors.expecting import FORMS, Outcome, preferred
from vectors.loading import Vector, vectors


def payload(event: object, target: dict[str, object]) -> Outcome:
    try:
        return "text", parse_target_input({"Id": "t", **target}).payload(Event(event), {})
    except TemplateError as error:
        return "error", error.code


@pytest.mark.parametrize("vector", vectors("bus/input-path.json"))
def test_a_target_gets_its_input(vector: Vector) -> None:
    """Forms of an expectation are of the one target; any other name is the Id of one of several targets."""
    with vector.opened() as (given, wanted):
        event = given["event"]
        expect = {name: wanted[name] for name in wanted.names}
        settings = {name: given[name] for name in given.names - {"event", "targets"}}
        if "targets" not in given.names:
            assert preferred(payload(event, settings), expect)
            return
        targets = {target["Id"]: target for target in given["targets"]}
        assert targets.keys() == expect.keys() and not targets.keys() & FORMS.keys()
        assert all(preferred(payload(event, target), expect[name]) for name, target in targets.items())
