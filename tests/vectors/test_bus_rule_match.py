"""TestEventPattern, as recorded (B26)."""

from __future__ import annotations

import json

import pytest

from vectors.bus_world import World
from vectors.loading import vectors


@pytest.mark.parametrize("vector", vectors("bus/rule-match.json"))
def test_a_pattern_is_answered_as_recorded(vector) -> None:
    with vector.opened() as (given, wanted):
        reply = World().call(
            "TestEventPattern", EventPattern=json.dumps(given["pattern"]), Event=json.dumps(given["event"])
        )
        if "matched" in wanted.names:
            assert reply.body == {"Result": wanted["matched"]}
        else:
            assert (reply.status, reply.error) == (400, wanted["error"])
            assert reply.message.splitlines()[0] == wanted["message_first_line"]
