"""What a queue's mapping can ask for; the driver performs each and reports the event that its docstring names."""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.core.change.message import Message
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import Tell, WakeAt

__all__ = [
    "DeleteMessages",
    "DeliverMessages",
    "DescribeQueue",
    "QueueCommand",
    "Receive",
    "ReturnMessages",
    "StopWaiting",
]


@dataclass(frozen=True, slots=True)
class DescribeQueue:
    """Ask for the queue's attributes: ``QueueDescribed`` or ``DescribeFailed``."""

    run: int


@dataclass(frozen=True, slots=True)
class Receive:
    """Receive up to ``limit`` messages, and wait up to ``wait_s`` for the first: ``MessagesReceived`` or
    ``ReceiveFailed``. ``hides_s``: how long they are hidden; None: as long as the queue says."""

    limit: int
    wait_s: float
    hides_s: int | None = None


@dataclass(frozen=True, slots=True)
class StopWaiting:
    """Receives under way should not wait any longer than they must. Nothing is reported."""


@dataclass(frozen=True, slots=True)
class DeliverMessages:
    """Invoke the function: ``BatchAnswered``. ``message_ids`` are those of the batch's records, in their order."""

    batch: Batch
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteMessages:
    """The function is done with them (``request_id`` names its batch), or no filter wants them: ``MessagesDeleted``."""

    request_id: str | None
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class ReturnMessages:
    """Make them visible again at once: they were received and never delivered. ``MessagesReturned``, also if that
    failed."""

    messages: tuple[Message, ...]


QueueCommand = DescribeQueue | Receive | StopWaiting | DeliverMessages | DeleteMessages | ReturnMessages | WakeAt | Tell
