"""Why a pipe failed or stopped, as recorded and documented (X5)."""

from __future__ import annotations

import pytest

from afterbay.core.change.source import SourceKind
from afterbay.core.pipe.described import described
from afterbay.core.pipe.lifecycle import LifecycleEvent, PipeState
from afterbay.core.pipe.reason import SourceLost, dead_letter_refused, source_refused
from unit.core.pipe.making import registry
from vectors.loading import Vector, vectors

LETTERS = "arn:aws:sqs:us-east-1:111122223333:orders-pipe-dlq"
CAUSES = {
    "source permission check fails": (
        PipeState.CREATING,
        LifecycleEvent.FAILED,
        source_refused(SourceKind.QUEUE),
    ),
    "DLQ test send fails at create": (PipeState.CREATING, LifecycleEvent.FAILED, dead_letter_refused(LETTERS)),
    "source stream deleted while running": (
        PipeState.RUNNING,
        LifecycleEvent.HALTED,
        SourceLost.STREAM_GONE.value,
    ),
    "source permission lost": (PipeState.RUNNING, LifecycleEvent.HALTED, SourceLost.QUEUE_DENIED.value),
}
STATES = {"<any stopped or failed state>": {"STOPPED", *(one for one in PipeState if one.endswith("_FAILED"))}}


@pytest.mark.parametrize("vector", vectors("pipes/state-reasons.json"))
def test_the_reason_is_told_with_the_state_it_led_to(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        state, event, reason = CAUSES[given["cause"]]
        pipes = registry(state)
        pipes.settle("orders-shipped", event, reason)
        body = described(pipes.get("orders-shipped"))
        wanted_state = wanted["CurrentState"]
        assert body["CurrentState"] in STATES.get(wanted_state, {wanted_state})
        assert body["StateReason"] == wanted["StateReason"]
