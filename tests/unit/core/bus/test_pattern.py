"""Patterns as requests give them (B3, B26, B72)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from afterbay.core.bus.pattern import compile_pattern, has_wildcard, managed_pattern, try_pattern
from afterbay.errors import SettingsError

EVENT = {"id": "1", "account": "1", "source": "s", "time": "t", "region": "r", "detail-type": "d"}


def refused(**params: Any) -> tuple[str, str]:
    with pytest.raises(SettingsError) as error:
        try_pattern(params)
    return error.value.code, error.value.message


def test_a_pattern_is_tried_on_an_event() -> None:
    assert try_pattern({"EventPattern": '{"source": ["s"]}', "Event": json.dumps(EVENT)}) == {"Result": True}
    assert try_pattern({"EventPattern": '{"source": ["x"]}', "Event": json.dumps(EVENT)}) == {"Result": False}


@pytest.mark.parametrize("event", ["", "[]", "x", "{}", *({**EVENT, name: ...} for name in EVENT)])
def test_an_event_has_what_every_event_has(event: str | dict[str, Any]) -> None:
    """P52."""
    if isinstance(event, dict):
        event = json.dumps({name: value for name, value in event.items() if value is not ...})
    told = refused(EventPattern='{"source": ["s"]}', Event=event)
    assert told == ("ValidationException", "Parameter Event is not valid.")


def test_the_pattern_is_looked_at_first() -> None:
    told = refused(EventPattern='{"a": "b"}', Event="")
    text = 'Event pattern is not valid. Reason: "a" must be an object or an array'
    assert told == ("InvalidEventPatternException", text)


def test_both_members_are_required_and_a_pattern_is_bounded() -> None:
    assert refused()[1].startswith("2 validation errors detected: ")
    assert "length less than or equal to 4096" in refused(EventPattern="x" * 4097, Event="{}")[1]


@pytest.mark.parametrize(
    ("pattern", "wild"),
    [
        ({"a": ["*"]}, False),
        ({"a": [{"wildcard": "x*"}]}, True),
        ({"a": [{"anything-but": {"wildcard": "x*"}}]}, True),
        ({"a": [{"anything-but": {"prefix": "x"}}]}, False),
        ({"$or": [{"a": ["1"]}, {"b": [{"wildcard": "*"}]}]}, True),
    ],
)
def test_wildcards_are_counted_wherever_they_stand(pattern: dict[str, Any], wild: bool) -> None:
    """B3."""
    assert has_wildcard(compile_pattern(json.dumps(pattern))) is wild


@pytest.mark.parametrize("own", [None, "", '{"source": ["s"]}', ' { "source" : [ "s" ] } \n', '{"a": [1.50]}'])
def test_an_archives_pattern_leaves_out_what_a_replay_sent(own: str | None) -> None:
    """B72: what else it says stays as it is spelled."""
    managed = managed_pattern(own)
    assert json.loads(managed) == {**json.loads(own or "{}"), "replay-name": [{"exists": False}]}
    assert (own or "").strip().rstrip("}").rstrip() in managed
    pattern = compile_pattern(managed)
    assert not pattern.matches({**EVENT, "a": 1.5, "replay-name": "r"})
    assert pattern.matches({**EVENT, "a": 1.5})
