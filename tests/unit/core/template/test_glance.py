"""A glance reads what is looked at and nothing else."""

from __future__ import annotations

import pytest

from afterbay.core.template.glance import Glance
from afterbay.core.template.input_template import InputTemplate
from afterbay.core.template.path import Path


def glance(*paths: str) -> Glance:
    return Glance([Path(one) for one in paths])


def test_only_the_branches_that_are_looked_at_are_read():
    seen = glance("$.a.b", "$.a.c[0]", "$.d").read(b'{"a":{"b":1,"c":[2,3],"x":4},"d":{"e":5},"y":[6]}')
    assert seen == {"a": {"b": 1, "c": [2, 3]}, "d": {"e": 5}}


def test_a_path_above_another_has_all_of_it():
    data = b'{"a":{"b":1,"c":2}}'
    assert glance("$.a", "$.a.b").read(data) == glance("$.a.b", "$.a").read(data) == {"a": {"b": 1, "c": 2}}


def test_an_event_of_another_form_is_to_be_read_whole():
    assert glance("$.a.b").read(b'{"a":"text"}') is None
    assert glance("$.a.b").read(b"[]") is None
    assert glance("$.a.b").read(b"{broken") is None


def test_what_is_not_there_is_missing_and_no_fault():
    assert glance("$.a.b").read(b'{"c":1}') == {}


def test_the_whole_event_leaves_nothing_out():
    with pytest.raises(ValueError, match="nothing out"):
        glance("$")


@pytest.mark.parametrize("text", ['{"all": <$>}', '{"all": <aws.pipes.event>}', "<aws.pipes.event.json>", ""])
def test_templates_that_look_at_the_whole_event_say_so(text):
    assert InputTemplate(text).paths is None


def test_a_template_of_paths_and_names_says_which():
    template = InputTemplate('{"a": <$.a.b>, "p": <aws.pipes.pipe-name>, "c": "<$.c>"}')
    assert [path.text for path in template.paths] == ["$.a.b", "$.c"]
