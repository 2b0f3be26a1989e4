"""What the driver says of a queue's batches: how much of a pause is kept (R91, X89), and who may not delete (X5)."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import NotReached
from afterbay.core.mapping.queue_commands import DeleteMessages, DeliverMessages
from afterbay.core.mapping.queue_events import BatchAnswered, MessagesDeleted
from afterbay.engine.perform_queue import QueuePerformer
from afterbay.errors import DeniedError, ServiceError, UnavailableError

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DOWN = NotReached("down")
BATCH = Batch((RawRecord(b"{}", 1, ItemKey(b""), 0.0, "aws:sqs"),), "r", 0)


class Calls:
    """A queue that lets nobody delete, and a function that is not reached."""

    def __init__(self, refusal: ServiceError) -> None:
        self._refusal = refusal

    async def delete(self, messages: object) -> tuple[int, str | None]:
        raise self._refusal

    async def messages(self, *asked: object) -> NotReached:
        return DOWN


def performer(refusal: ServiceError) -> QueuePerformer:
    calls: Any = Calls(refusal)
    clock: Any = SimpleNamespace(now=lambda: NOW)
    meter: Any = SimpleNamespace(attempt=lambda attempt: None)
    settings: Any = lambda: None  # noqa: E731 - it is never looked into
    return QueuePerformer("m", calls, calls, clock, meter, lambda delay_s: delay_s / 4, settings)


async def test_how_much_of_a_pause_is_kept_is_drawn_for_each_answer() -> None:
    told = await performer(UnavailableError("no", code="x"))(DeliverMessages(BATCH, ("a",)))
    assert told == BatchAnswered("r", DOWN, 0.25)


@pytest.mark.parametrize(
    ("refusal", "denied"), [(DeniedError("no", code="AccessDenied"), True), (UnavailableError("no", code="x"), False)]
)
async def test_a_delete_that_is_denied_is_told_from_one_that_fails(refusal: ServiceError, denied: bool) -> None:
    assert await performer(refusal)(DeleteMessages("r", ())) == MessagesDeleted("r", 0, refusal.told, denied)
