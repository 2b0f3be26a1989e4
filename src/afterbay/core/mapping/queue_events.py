"""What a queue's mapping can be told, in the past tense. What users and the process ask is the same as of any mapping
(``events.py``)."""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.core.change.message import Message
from afterbay.core.mapping.events import Request, Woke
from afterbay.core.mapping.outcome import Outcome

__all__ = [
    "BatchAnswered",
    "DescribeFailed",
    "MessagesDeleted",
    "MessagesReceived",
    "MessagesReturned",
    "QueueDescribed",
    "QueueEvent",
    "ReceiveFailed",
]


@dataclass(frozen=True, slots=True)
class QueueDescribed:
    """``visibility_s``: how long a message that was received stays hidden."""

    run: int
    visibility_s: float


@dataclass(frozen=True, slots=True)
class DescribeFailed:
    """``reason`` is a sentence for status; ``denied``: the queue lets nobody ask it."""

    run: int
    reason: str
    denied: bool = False


@dataclass(frozen=True, slots=True)
class MessagesReceived:
    """What one receive gave; nothing, if none came while it waited."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class ReceiveFailed:
    """``reason`` is a sentence for status; ``retry_after_s`` the service's advice; ``denied``: the queue lets nobody
    read it."""

    reason: str
    retry_after_s: float | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class BatchAnswered:
    """A delivery came back, or did not reach the function; a pause that follows is ``jitter`` times as long (R91, and
    X89 of a pipe)."""

    request_id: str
    outcome: Outcome
    jitter: float = 1.0


@dataclass(frozen=True, slots=True)
class MessagesDeleted:
    """``deleted`` of them are gone from the queue. ``failure``: why the others are not; they will come again.
    ``denied``: the queue lets nobody delete."""

    request_id: str | None
    deleted: int
    failure: str | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class MessagesReturned:
    """They are visible again, or will be when their time is over."""


QueueEvent = (
    Request
    | QueueDescribed
    | DescribeFailed
    | MessagesReceived
    | ReceiveFailed
    | BatchAnswered
    | MessagesDeleted
    | MessagesReturned
    | Woke
)
