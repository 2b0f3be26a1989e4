"""Pipes in the state file: they come back as they were, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from afterbay.core.pipe.lifecycle import PipeState
from afterbay.core.pipe.resource import PipeResource
from afterbay.endpoint.state.pipe_rows import PipeRows
from afterbay.endpoint.state.state import State
from afterbay.errors import StateError
from unit.core.pipe.making import TARGETS, pipe

FULL = PipeResource(
    settings=pipe(
        "dynamodb",
        "events",
        reading={"BatchSize": 10, "MaximumRetryAttempts": 3, "OnPartialBatchItemFailure": "AUTOMATIC_BISECT"},
        Enrichment=TARGETS["lambda"],
        EnrichmentParameters={"InputTemplate": '{"a": <$.eventID>}'},
        TargetParameters={"EventBridgeEventBusParameters": {"Source": "$.eventSource"}, "InputTemplate": "{}"},
        Description="d",
        DesiredState="STOPPED",
        LogConfiguration={"Level": "TRACE", "IncludeExecutionData": ["ALL"]},
    ),
    state=PipeState.START_FAILED,
    created_s=1.5,
    modified_s=2.5,
    tags={"a": "b"},
    reason="why",
)
PLAIN = PipeResource(settings=pipe("sqs", Name="other"), state=PipeState.RUNNING, created_s=1.0, modified_s=1.0)


def kept(path: Path, work: Callable[[PipeRows], None]) -> list[PipeResource]:
    """What a restart finds after ``work``."""

    async def run() -> None:
        state = State(path)
        state.start()
        work(PipeRows(state))
        await state.close()

    asyncio.run(run())
    state = State(path)
    try:
        return list(PipeRows(state).restore())
    finally:
        state.folder.close()


def test_a_pipe_comes_back_whole_and_in_the_order_of_creation(tmp_path):
    def work(rows: PipeRows) -> None:
        rows.changed(FULL)
        rows.changed(PLAIN)
        rows.changed(FULL)

    assert kept(tmp_path / "state", work) == [FULL, PLAIN]


def test_a_change_takes_the_place_of_what_was_and_what_is_removed_is_gone(tmp_path):
    running = replace(FULL, state=PipeState.RUNNING, reason=None, tags={})

    def work(rows: PipeRows) -> None:
        rows.changed(FULL)
        rows.changed(PLAIN)
        rows.changed(running)
        rows.removed(PLAIN.settings.arn)

    assert kept(tmp_path / "state", work) == [running]


@pytest.mark.parametrize("body", [b"\x01", b"not msgpack"])
def test_a_row_that_cannot_be_read_is_said_with_its_pipe(tmp_path, body):
    def work(rows: PipeRows) -> None:
        rows._state.note([("INSERT INTO pipes (arn, body) VALUES (?, ?)", (FULL.settings.arn, body))])

    with pytest.raises(StateError, match=r"the state of pipe arn:aws:pipes:.*orders-shipped cannot be read"):
        kept(tmp_path / "state", work)
