"""A driver for a queue's mapping: commands are performed on a queue made of a list and a scripted function; time is
passed in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from afterbay.core.change.message import Message, queue_message
from afterbay.core.mapping.commands import Tell, WakeAt
from afterbay.core.mapping.events import Created, StopRequested, Woke
from afterbay.core.mapping.outcome import Delivered, Outcome
from afterbay.core.mapping.queue import QueueMapping
from afterbay.core.mapping.queue_commands import (
    DeleteMessages,
    DeliverMessages,
    DescribeQueue,
    QueueCommand,
    Receive,
    ReturnMessages,
    StopWaiting,
)
from afterbay.core.mapping.queue_events import (
    BatchAnswered,
    DescribeFailed,
    MessagesDeleted,
    MessagesReceived,
    MessagesReturned,
    QueueDescribed,
    QueueEvent,
    ReceiveFailed,
)
from afterbay.core.mapping.settings import MappingSettings

T0 = datetime(2026, 1, 1, tzinfo=UTC)
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:orders"
FIFO = QUEUE + ".fifo"
VISIBILITY_S = 30.0
STEP = timedelta(milliseconds=10)
"""How long a call takes."""


def settings(**changes: object) -> MappingSettings:
    values: dict[str, object] = {
        "event_source_arn": QUEUE,
        "function_arn": "arn:aws:lambda:eu-west-1:000000000000:function:f",
        "starting_position": None,
        "batch_size": 10,
    }
    return MappingSettings(**{**values, **changes})  # type: ignore[arg-type]


@dataclass
class Kept:
    """A message in the queue. ``hidden_until``: nobody gets it before."""

    name: str
    group: str | None
    body: str
    count: int = 0
    hidden_until: datetime = T0
    receipt: str = ""


class Queue:
    """As SQS keeps it: hidden while received, a FIFO group held back while one of its messages is hidden."""

    def __init__(self, arn: str = QUEUE) -> None:
        self.arn = arn
        self.kept: list[Kept] = []
        self._receipts = itertools.count(1)

    def send(self, *names: str, group: str | None = None, body: str | None = None) -> None:
        self.kept += [Kept(name, group, name if body is None else body) for name in names]

    def receive(self, limit: int, now: datetime, hides_s: float | None = None) -> tuple[Message, ...]:
        held = {one.group for one in self.kept if one.group is not None and one.hidden_until > now}
        ready = [one for one in self.kept if one.hidden_until <= now and one.group not in held][:limit]
        for one in ready:
            one.count += 1
            one.hidden_until = now + timedelta(seconds=VISIBILITY_S if hides_s is None else hides_s)
            one.receipt = f"r{next(self._receipts)}"
        return tuple(self._as_message(one) for one in ready)

    def delete(self, messages: Iterable[Message]) -> None:
        receipts = {one.receipt for one in messages}
        self.kept = [one for one in self.kept if one.receipt not in receipts]

    def show(self, messages: Iterable[Message], now: datetime) -> None:
        receipts = {one.receipt for one in messages}
        for one in self.kept:
            if one.receipt in receipts:
                one.hidden_until = now

    def names(self) -> list[str]:
        return [one.name for one in self.kept]

    def _as_message(self, one: Kept) -> Message:
        own = {"SentTimestamp": str(int(T0.timestamp() * 1000)), "ApproximateReceiveCount": str(one.count)}
        if one.group is not None:
            own["MessageGroupId"] = one.group
        return queue_message(
            queue_arn=self.arn,
            message_id=one.name,
            receipt=one.receipt,
            body=one.body,
            md5_of_body="m",
            attributes=own,
            message_attributes={},
            md5_of_message_attributes=None,
        )


class World:
    """``function``: what comes of a delivery, after ``takes``. ``hold``: deliveries stay in ``in_hand``."""

    def __init__(
        self,
        mapping_settings: MappingSettings,
        function: Callable[[DeliverMessages], Outcome] = lambda command: Delivered(),
        *,
        takes: timedelta = STEP,
    ) -> None:
        self.now = T0
        self.queue = Queue(mapping_settings.event_source_arn)
        self.mapping = QueueMapping("uuid-1", mapping_settings, b"seed")
        self.function, self.takes = function, takes
        self.delivered: list[list[str]] = []
        self.request_ids: list[str] = []
        self.told: list[Tell] = []
        self.commands: list[QueueCommand] = []
        self.in_hand: list[DeliverMessages] = []
        self.hold = False
        self.most_in_flight = 0
        self.in_flight = 0
        self.failures: list[str] = []
        self.describe_failures: list[str] = []
        self.wake: datetime | None = None
        self._polls: list[tuple[datetime, Receive]] = []
        self._pending: list[tuple[datetime, int, QueueCommand]] = []
        self._order = itertools.count()

    def start(self, *, enabled: bool = True) -> World:
        self.tell(Created(enabled))
        return self

    def stop(self) -> None:
        self.tell(StopRequested())

    def tell(self, event: QueueEvent) -> tuple[QueueCommand, ...]:
        commands = self.mapping.handle(event, self.now)
        self.commands += commands
        for command in commands:
            match command:
                case WakeAt(when=when):
                    self.wake = when
                case Tell():
                    self.told.append(command)
                case Receive(wait_s=wait_s):
                    self._polls.append((self.now + timedelta(seconds=wait_s), command))
                case StopWaiting():
                    self._polls = [(self.now, poll) for _, poll in self._polls]
                case DeliverMessages():
                    self.in_flight += 1
                    self.most_in_flight = max(self.most_in_flight, self.in_flight)
                    self.delivered.append(list(command.message_ids))
                    self.request_ids.append(command.batch.request_id)
                    if self.hold:
                        self.in_hand.append(command)
                    else:
                        self._push(self.takes, command)
                case _:
                    self._push(STEP, command)
        return commands

    @property
    def polls(self) -> int:
        return len(self._polls)

    def answer_poll(self, messages: tuple[Message, ...]) -> tuple[QueueCommand, ...]:
        """A receive that was under way gives these."""
        self._polls.pop()
        return self.tell(MessagesReceived(messages))

    def answer(self, command: DeliverMessages, outcome: Outcome) -> None:
        self.in_flight -= 1
        self.tell(BatchAnswered(command.batch.request_id, outcome))

    def run(self, seconds: float = 1.0) -> World:
        """Let ``seconds`` pass: everything that is due happens at its own instant."""
        end = self.now + timedelta(seconds=seconds)
        while (due := self._next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self._step()
        self.now = end
        return self

    def _push(self, after: timedelta, command: QueueCommand) -> None:
        self._pending.append((self.now + after, next(self._order), command))

    def _next_due(self) -> datetime | None:
        moments = [due for due, _, _ in self._pending]
        moments += [max(self.now, self._poll_due(until)) for until, _ in self._polls]
        if self.wake is not None:
            moments.append(self.wake)
        return min(moments, default=None)

    def _poll_due(self, until: datetime) -> datetime:
        """A poll is over when a message is visible, or its time is."""
        if self.failures:
            return self.now
        held = {one.group for one in self.queue.kept if one.group is not None and one.hidden_until > self.now}
        visible = [one.hidden_until for one in self.queue.kept if one.group not in held or one.hidden_until > self.now]
        return min([until, *visible])

    def _step(self) -> None:
        if self.wake is not None and self.wake <= self.now:
            self.wake = None
            self.tell(Woke())
            return
        for number, (until, command) in enumerate(self._polls):
            if self._poll_due(until) <= self.now:
                del self._polls[number]
                if self.failures:
                    reason = self.failures.pop(0)
                    self.tell(ReceiveFailed(reason, denied=reason.startswith("AccessDenied")))
                else:
                    self.tell(MessagesReceived(self.queue.receive(command.limit, self.now, command.hides_s)))
                return
        entry = min(self._pending)
        self._pending.remove(entry)
        self._perform(entry[2])

    def _perform(self, command: QueueCommand) -> None:
        match command:
            case DescribeQueue(run=run):
                failure = self.describe_failures.pop(0) if self.describe_failures else None
                self.tell(QueueDescribed(run, VISIBILITY_S) if failure is None else DescribeFailed(run, failure))
            case DeliverMessages():
                self.answer(command, self.function(command))
            case DeleteMessages(request_id=request_id, messages=messages):
                self.queue.delete(messages)
                self.tell(MessagesDeleted(request_id, len(messages)))
            case ReturnMessages(messages=messages):
                self.queue.show(messages, self.now)
                self.tell(MessagesReturned())
            case _:
                raise AssertionError(f"nobody performs {command}")
