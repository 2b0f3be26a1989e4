"""One mapping of a queue: receive, deliver, delete or leave (``docs/semantics/mapping-queues.md``).

Decides how many messages are asked for, what a batch holds, and what its answer does to the queue. The queue itself
keeps what is hidden, for how long, how often it came, and where it goes in the end; nothing is saved here. Settings,
filters and the grammar of answers are those of streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import assert_never

from afterbay.core.change.message import Message
from afterbay.core.change.source import is_fifo
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import Notice, Tell, WakeAt
from afterbay.core.mapping.counters import Counters
from afterbay.core.mapping.events import Created, Request, Woke
from afterbay.core.mapping.filters import CompileFilters, Passes, compile_filters
from afterbay.core.mapping.inbox import Inbox, Taken
from afterbay.core.mapping.lifecycle import LifecycleEvent, State
from afterbay.core.mapping.message_batch import MessageBatch
from afterbay.core.mapping.outcome import Delivered, Failed, FailedFrom, FailedSome, NotReached, Outcome
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
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.mapping.result import LastResult, result_of
from afterbay.core.mapping.retry import backoff_s, pipe_backoff_s
from afterbay.core.mapping.scaling import CONCURRENCY_MAX, Scaling
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.standing import Next, Standing
from afterbay.core.mapping.warnings import Warnings
from afterbay.core.shard.position import Position, ShardId

__all__ = ["RECEIVES_MAX", "QueueMapping"]

RECEIPT_MAX = 10
"""What one ReceiveMessage gives at most."""

LONG_POLL_S = 20.0
"""How long an idle queue is listened to at a time (Q7)."""

RECEIVES_MAX = 5
"""Receives side by side while messages keep coming; one at a time on an empty queue."""


class _Phase(Enum):
    RESTING = "resting"
    DESCRIBING = "describing"
    RECEIVING = "receiving"
    DRAINING = "draining"
    OVER = "over"


class QueueMapping:
    """An event source mapping of a queue, from creation to deletion. ``seed`` comes from the state store.
    ``compile_filters`` reads the filters, a pipe's in its own way (X21).

    ``gone`` is True once a deletion is complete, ``stopped`` once a stop or a deletion is.
    """

    def __init__(
        self,
        uuid: str,
        settings: MappingSettings,
        seed: bytes,
        *,
        compile_filters: CompileFilters = compile_filters,
    ) -> None:
        self.uuid = uuid
        self.settings = settings
        self.last_result = LastResult.NONE
        self.counters = Counters()
        self.failure: str | None = None
        self.batches: dict[str, MessageBatch] = {}
        self.inbox = Inbox()
        self.scaling = Scaling(CONCURRENCY_MAX)
        self._ids = RequestIds(seed, uuid)
        self._warnings = Warnings()
        self._phase = _Phase.RESTING
        self._standing = Standing()
        self._run = 0
        self._compile_filters = compile_filters
        self._passes: Passes | None = None
        self._visibility = timedelta(0)
        self._receiving: list[int] = []
        self._deleting = 0
        self._returning = 0
        self._active = False
        self._failures = 0
        self._denied = self._delete_denied = False
        self._again_at: datetime | None = None
        self._wake: datetime | None = None

    @property
    def state(self) -> State:
        return self._standing.state

    @property
    def gone(self) -> bool:
        return self._phase is _Phase.OVER and self.state is State.DELETING

    @property
    def stopped(self) -> bool:
        return self._phase is _Phase.OVER

    @property
    def source_over(self) -> bool:
        """True while the queue lets nobody read it, or nobody delete: a pipe stops then (X5), a mapping goes on asking.
        One that is not there is there again once one of its name is made."""
        return self._denied or self._delete_denied

    def handle(self, event: QueueEvent, now: datetime) -> tuple[QueueCommand, ...]:
        """Absorb one event; return what to do about it."""
        commands = self._absorb(event, now)
        if self._phase is _Phase.RECEIVING:
            commands += self._again(now)
            commands += self._deliver_what_is_due(now)
            commands += self._ask_for_more(now)
        elif self._phase is _Phase.DRAINING and self._drained:
            commands += self._go_on()
        return tuple(commands + self._wake_up())

    def _absorb(self, event: QueueEvent, now: datetime) -> list[QueueCommand]:
        match event:
            case MessagesReceived(messages=messages):
                return self._came(messages, now)
            case ReceiveFailed(reason=reason, retry_after_s=advice_s, denied=denied):
                self._receiving.pop()
                self._denied = denied
                return self._source_failed(reason, advice_s, now)
            case BatchAnswered(request_id=request_id, outcome=outcome, jitter=jitter):
                return self._answered(self.batches[request_id], outcome, now, jitter)
            case MessagesDeleted(request_id=request_id, deleted=deleted, failure=failure, denied=denied):
                self._delete_denied = denied  # a receive that is allowed says nothing about it
                return self._deleted(request_id, deleted, failure)
            case MessagesReturned():
                self._returning -= 1
                return []
            case QueueDescribed(run=run, visibility_s=visibility_s):
                if run == self._run and self._phase is _Phase.DESCRIBING:
                    own_s = self.settings.hides_s
                    self._visibility = timedelta(seconds=visibility_s if own_s is None else own_s)
                    self._phase = _Phase.RECEIVING
                    return self._recovered()
                return []
            case DescribeFailed(run=run, reason=reason, denied=denied):
                current = run == self._run and self._phase is _Phase.DESCRIBING
                self._denied = denied if current else self._denied
                return self._source_failed(reason, None, now) if current else []
            case Woke():
                self._wake = None
                return self._woke(now)
            case _:
                return self._asked(event)

    # What the user asks for

    def _asked(self, request: Request) -> list[QueueCommand]:
        """Start nothing new, give back what was not delivered; once nothing is in flight, go on with what is wished
        (Q19).

        Raises ``SettingsError`` (ResourceInUseException) for a request that the state does not take (E19).
        """
        if not self._standing.take(request):
            return []
        if isinstance(request, Created):
            return self._go_on()
        self._phase = _Phase.DRAINING
        self._again_at = None
        resting = [one for one in self.batches.values() if one.again_at is not None]
        for one in resting:
            del self.batches[one.batch.request_id]
        given_back = [message for one in resting for message in one.messages] + self.inbox.clear()
        stop: list[QueueCommand] = [StopWaiting()] if self._receiving else []
        return stop + self._give_back(given_back)

    def _go_on(self) -> list[QueueCommand]:
        wish = self._standing.wish
        self.settings = wish.settings or self.settings
        match wish.next:
            case Next.START:
                return self._start()
            case Next.REST:
                self._phase = _Phase.RESTING
                self._standing.arrive(LifecycleEvent.STOPPED)
                return []
            case Next.DELETE | Next.END:
                self._phase = _Phase.OVER
                return []
            case _:
                assert_never(wish.next)

    def _start(self) -> list[QueueCommand]:
        """Polling begins: the API shows it at once, whatever the queue says (R34)."""
        most = self.settings.concurrency_max or CONCURRENCY_MAX
        self.scaling = Scaling(most, first=most) if self._fifo else Scaling(most)
        self._passes = self._compile_filters(self.settings.filters, self.settings.kind)
        self._phase = _Phase.DESCRIBING
        self._run += 1
        self._active = self._denied = self._delete_denied = False
        self._standing.arrive(LifecycleEvent.STARTED)
        return [DescribeQueue(self._run)]

    @property
    def _drained(self) -> bool:
        return not (self._receiving or self.batches or self._deleting or self._returning)

    # Receiving

    @property
    def _fifo(self) -> bool:
        return is_fifo(self.settings.event_source_arn)

    def _came(self, messages: tuple[Message, ...], now: datetime) -> list[QueueCommand]:
        """Rules: Q10 what no filter wants is deleted; Q19 what comes to a mapping that is ending is given back."""
        self._receiving.pop()
        if self._phase is not _Phase.RECEIVING:
            return self._give_back(messages)
        commands = self._recovered()
        self.counters.polled += len(messages)
        self.counters.reads += 1
        self._active = bool(messages)
        if messages:
            self.scaling.messages_came(now)
        elif not self.batches:
            self.scaling.queue_is_empty()
        unwanted: list[Message] = []
        for message in messages:
            if self._passes is not None and not self._passes(message.body):
                unwanted.append(message)
            else:
                self.inbox.admit(message, now, self.settings.batching_window_s)
        if unwanted:
            self.counters.filtered_out += len(unwanted)
            self._deleting += 1
            commands.append(DeleteMessages(None, tuple(unwanted)))
        return commands

    def _ask_for_more(self, now: datetime) -> list[QueueCommand]:
        """One receive that waits for messages, and several while they keep coming; never for more than can be
        delivered (Q7, Q8, Q13)."""
        if self._again_at is not None and now < self._again_at:
            return []
        self._again_at = None
        commands: list[QueueCommand] = []
        size = self.settings.batch_size
        room = size * (self.scaling.limit - len(self.batches)) - len(self.inbox) - sum(self._receiving)
        while room > 0 and len(self._receiving) < (RECEIVES_MAX if self._active else 1):
            limit = min(RECEIPT_MAX, size, room)
            room -= limit
            self._receiving.append(limit)
            commands.append(Receive(limit, LONG_POLL_S, self.settings.hides_s))
        return commands

    def _source_failed(self, reason: str, advice_s: float | None, now: datetime) -> list[QueueCommand]:
        """Try again later, each time later (Q18); the first failure is told."""
        if self._phase not in (_Phase.RECEIVING, _Phase.DESCRIBING):
            return []
        self._failures += 1
        self._active = False
        pause_s = backoff_s(self._failures) if advice_s is None else max(advice_s, backoff_s(self._failures))
        self._again_at = now + timedelta(seconds=pause_s)
        told: list[QueueCommand] = [] if self.failure is not None else [Tell(Notice.SOURCE_FAILED, None, reason)]
        self.failure = reason
        return told

    def _recovered(self) -> list[QueueCommand]:
        self._failures = 0
        self._denied = False
        if self.failure is None:
            return []
        self.failure = None
        return [Tell(Notice.SOURCE_RECOVERED, None, "messages are received again")]

    # Batches

    def _deliver_what_is_due(self, now: datetime) -> list[QueueCommand]:
        """Rules: Q12 one batch of a FIFO queue's group at a time; Q13 at most so many at once."""
        size, window_s = self.settings.batch_size, self.settings.batching_window_s
        commands: list[QueueCommand] = []
        while len(self.batches) < self.scaling.limit and self.inbox.due(now, size):
            busy = {group for one in self.batches.values() for group in one.groups} if self._fifo else set[str]()
            taken = self.inbox.take(size, window_s, busy)
            if taken is None:
                break
            commands.append(self._deliver(self._batch_of(taken)))
            self.inbox.open_window(now, window_s)
        return commands

    def _batch_of(self, taken: Taken) -> MessageBatch:
        """A receipt is handed out once, so an id that derives from it is this batch's alone."""
        records = taken.records
        receipt = ShardId(taken.messages[0].receipt)
        request_id = self._ids.derive(receipt, records[0].position, records[-1].position, len(records), 0)
        batch = Batch(records, request_id, 0, why=taken.why)
        made = MessageBatch(batch, taken.messages, taken.received_at + self._visibility)
        self.batches[request_id] = made
        return made

    def _deliver(self, one: MessageBatch) -> QueueCommand:
        one.again_at = None
        self.counters.invocations += 1
        self.counters.invoked += len(one.messages)
        return DeliverMessages(one.batch, one.ids)

    def _again(self, now: datetime) -> list[QueueCommand]:
        """Deliver again what did not reach the function, as long as its messages are hidden (Q17)."""
        due = [one for one in self.batches.values() if one.again_at is not None and now >= one.again_at]
        commands: list[QueueCommand] = []
        for one in due:
            if now < one.hidden_until:
                self.counters.retries += 1
                commands.append(self._deliver(one))
            else:
                commands += self._leave(one, one.messages)
        return commands

    def _answered(self, one: MessageBatch, outcome: Outcome, now: datetime, jitter: float) -> list[QueueCommand]:
        self.last_result = result_of(outcome, self.last_result)
        commands: list[QueueCommand] = list(self._warnings.tell(outcome, None, now))
        count = len(one.messages)
        match outcome:
            case Delivered():
                self.counters.delivered += count
                return commands + self._delete(one, one.messages)
            case FailedSome(positions=positions, not_reached=not_reached):
                self.counters.failed_invoke += count
                if not_reached is not None:
                    return commands + self._rest_of(one, positions, not_reached, now, jitter)
                self.counters.errors += 1
                done, left = one.split(positions)
                self.counters.delivered += len(done)
                commands += self._give_back(self._overtaking(left))
                return commands + (self._delete(one, done) if done else self._leave(one, left))
            case Failed():
                self.counters.errors += 1
                self.counters.failed_invoke += count
                self._slow_down()
                return commands + self._leave(one, one.messages)
            case NotReached() as why:
                self.counters.not_reached += 1
                self.counters.failed_invoke += count
                self._slow_down()
                return commands + self._rest(one, why, now, jitter)
            case FailedFrom():
                raise AssertionError("messages fail one by one")
            case _:
                assert_never(outcome)

    def _rest_of(
        self, one: MessageBatch, positions: frozenset[Position], why: NotReached, now: datetime, jitter: float
    ) -> list[QueueCommand]:
        """What was not reached waits as a batch of its own, so that the queue does not count another receive (X85)."""
        self.counters.not_reached += 1
        done, _ = one.split(positions)
        if not done:
            return self._rest(one, why, now, jitter)
        self.counters.delivered += len(done)
        rest = one.rest(positions, self._ids)
        self.batches[rest.batch.request_id] = rest
        return self._rest(rest, why, now, jitter) + self._delete(one, done)

    def _slow_down(self) -> None:
        """Rules: Q15 not where the function reports failures message by message."""
        if not self.settings.report_batch_item_failures:
            self.scaling.failed()

    def _rest(self, one: MessageBatch, why: NotReached, now: datetime, jitter: float) -> list[QueueCommand]:
        """Rules: Q17 until the queue shows its messages; R91 the pauses of a mapping, X89 those of a pipe."""
        one.batch.not_reached += 1
        if self._phase is not _Phase.RECEIVING:
            del self.batches[one.batch.request_id]
            return self._give_back(one.messages)
        longest_s = (pipe_backoff_s if self.settings.is_pipe else backoff_s)(one.batch.not_reached)
        pause_s = max(jitter * longest_s, why.retry_after_s or 0.0)
        one.again_at = min(now + timedelta(seconds=pause_s), one.hidden_until)
        return []

    def _delete(self, one: MessageBatch, done: tuple[Message, ...]) -> list[QueueCommand]:
        """The batch counts as under way until its messages are gone."""
        self._deleting += 1
        return [DeleteMessages(one.batch.request_id, done)]

    def _deleted(self, request_id: str | None, deleted: int, failure: str | None) -> list[QueueCommand]:
        self._deleting -= 1
        if request_id is not None:
            del self.batches[request_id]
            self.counters.deleted += deleted
        return [] if failure is None else [Tell(Notice.NOT_DELETED, None, failure)]

    def _leave(self, one: MessageBatch, left: Iterable[Message]) -> list[QueueCommand]:
        """The queue shows them again when their time is over, or moves them where its redrive policy says (Q16)."""
        del self.batches[one.batch.request_id]
        return self._give_back(self._overtaking(left))

    def _overtaking(self, left: Iterable[Message]) -> list[Message]:
        """Messages that wait and would overtake one of their group that failed (Q12); they wait no longer."""
        return self.inbox.withdraw({message.group for message in left}) if self._fifo else []

    def _give_back(self, messages: Iterable[Message]) -> list[QueueCommand]:
        returned = tuple(messages)
        if not returned:
            return []
        self._returning += 1
        return [ReturnMessages(returned)]

    # Time

    def _woke(self, now: datetime) -> list[QueueCommand]:
        if self._phase is _Phase.DESCRIBING and self._again_at is not None and now >= self._again_at:
            self._again_at = None
            return [DescribeQueue(self._run)]
        return []

    def _wake_up(self) -> list[QueueCommand]:
        moments = [one.again_at for one in self.batches.values() if one.again_at is not None]
        if self._again_at is not None:
            moments.append(self._again_at)
        if self.settings.batching_window_s and self.inbox.due_at is not None:
            moments.append(self.inbox.due_at)
        wake = min(moments, default=None) if self._phase in (_Phase.RECEIVING, _Phase.DESCRIBING) else None
        if wake == self._wake:
            return []
        self._wake = wake
        return [WakeAt(wake)]
