"""Carries events from a bus to the targets of its rules: a queue for each (rule, target), retries, dead letters (B50 to
B62).

Does; ``core.bus`` decides. At least once and in no order (B4): what was accepted is in ``DeliveryStore`` until its
target or its dead-letter queue has it, so that a slow target stalls nobody and a crash loses nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from afterbay.core.bus.calls import call_of, outcome_of
from afterbay.core.bus.deadletter import Letter, letter_of
from afterbay.core.bus.delivery import Backoff, Decision, Delivered, Delivery, GiveUp, TryAgain, overdue, settle
from afterbay.core.bus.envelope import Arrival, forward
from afterbay.core.bus.metrics import of_decision, of_first_call, of_letter, of_loop, of_match, of_throttle
from afterbay.core.bus.outcome import Accepted, ErrorCode, Outcome, Refused
from afterbay.core.bus.rule import Rule
from afterbay.core.bus.target import Target, TargetKind
from afterbay.core.mapping.metrics import Datum
from afterbay.core.target import queue
from afterbay.core.target.call import Call, Reply
from afterbay.core.target.call import Refused as CallRefused
from afterbay.engine.archive import ArchiveKeeper
from afterbay.engine.clock import Clock
from afterbay.engine.homes import Homes
from afterbay.errors import EndpointError

__all__ = ["BusEngine", "DeliveryEntry", "DeliveryStore", "Entry", "LetterEntry"]

log = logging.getLogger(__name__)

CALLS_MAX = 8
"""Calls of one target of one rule that are under way at once."""

WAITING_MAX = 200_000
"""Deliveries that wait, of all rules: entries are throttled beyond it, as on AWS beyond its quota (B17)."""

DRAIN_S = 20.0
"""How long calls under way may take when the engine ends."""


class DeliveryEntry(msgspec.Struct, frozen=True, tag="delivery"):
    delivery: Delivery

    @property
    def due_s(self) -> float:
        return self.delivery.due_s


class LetterEntry(msgspec.Struct, frozen=True, tag="letter"):
    """A dead letter that is still to be sent; ``tries`` failed, the next one is at ``due_s``, epoch seconds."""

    letter: Letter
    target_id: str
    due_s: float
    tries: int = 0


Entry = DeliveryEntry | LetterEntry
"""What waits in the queue of a (rule, target)."""


class DeliveryStore(Protocol):
    """Keeps what waits, by number. Notes at once; what is answered to a client waits until it is stored."""

    def put(self, number: int, entry: Entry) -> None: ...

    def remove(self, number: int) -> None: ...


class NoStore:
    """Nothing outlives the process."""

    def put(self, number: int, entry: Entry) -> None: ...

    def remove(self, number: int) -> None: ...


@dataclass(slots=True)
class _Lane:
    """The queue of one (rule, target): entries by number, the next one due first."""

    waiting: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    entries: dict[int, Entry] = field(default_factory=dict[int, Entry])
    running: int = 0
    alarm: tuple[float, asyncio.Task[None]] | None = None


class BusEngine:
    """``perform`` makes calls, ``jitter`` draws from 0 to 1, ``new_id`` UUIDs. Belongs to one event loop; ``close``
    it."""

    def __init__(
        self,
        homes: Homes,
        perform: Callable[[Call, str], Awaitable[Reply]],
        clock: Clock,
        archives: ArchiveKeeper,
        *,
        jitter: Callable[[], float],
        new_id: Callable[[], str],
        metrics: Callable[[Iterable[Datum]], None],
        store: DeliveryStore | None = None,
        backoff: Backoff | None = None,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._homes = homes
        self._perform = perform
        self._clock = clock
        self._archives = archives
        self._jitter = jitter
        self._new_id = new_id
        self._metrics = metrics
        self._store = NoStore() if store is None else store
        self._backoff = backoff or Backoff()
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._waiting_max = waiting_max
        self._room = asyncio.Event()
        self.waiting = 0

    @property
    def full(self) -> bool:
        """True while no more is to be accepted."""
        return self.waiting >= self._waiting_max

    async def room(self) -> None:
        """Return once more can be accepted: for who has time, such as a replay."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    def accept(self, arrivals: Sequence[Arrival]) -> None:
        """Put events on their buses: every rule that matches gets them, and every archive that wants them (B23)."""
        now = self._clock.now()
        for arrival in arrivals:
            home = self._homes.of_arn(arrival.bus_arn)
            routing = home.buses.route(arrival)
            for rule in routing.matched:
                self._metrics(of_match(rule.arn, now))
            for rule in routing.looped:
                self._metrics(of_loop(rule.arn, now))
            for delivery in routing.deliveries:
                self._begin(delivery, now)
            self._archives.keep(arrival)

    def resume(self, stored: Iterable[tuple[int, Entry]]) -> None:
        """Go on with what an earlier process had not delivered."""
        last = 0
        for number, entry in stored:
            last = max(last, number)
            self._line_up(number, entry)
        self._numbers = itertools.count(last + 1)

    async def close(self) -> None:
        """Start nothing new and let what is under way end; what waits stays where it is stored."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_S)
        await self._stop()

    async def clear(self) -> None:
        """Forget everything, what is under way too: nobody waits for it any more."""
        self._closing = True
        await self._stop()
        self._lanes.clear()
        self.waiting = 0
        self._room.set()
        self._closing = False

    async def _stop(self) -> None:
        alarms = [lane.alarm[1] for lane in self._lanes.values() if lane.alarm is not None]
        ended = [*alarms, *self._tasks]
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    # The queues

    def _begin(self, delivery: Delivery, now: datetime) -> None:
        """Rules: B3 without a free place it waits, and is not dropped."""
        entry, number = DeliveryEntry(delivery), next(self._numbers)
        lane = self._lanes.get(_key(entry))
        if lane is not None and lane.running >= CALLS_MAX:
            self._metrics(of_throttle(delivery.rule_arn, now))
        self._store.put(number, entry)
        self._line_up(number, entry)

    def _line_up(self, number: int, entry: Entry) -> None:
        lane = self._lanes.setdefault(_key(entry), _Lane())
        lane.entries[number] = entry
        heapq.heappush(lane.waiting, (entry.due_s, number))
        self.waiting += 1
        self._pump(lane)

    def _done(self, lane: _Lane, number: int) -> None:
        self._store.remove(number)
        lane.entries.pop(number, None)

    def _again(self, lane: _Lane, number: int, entry: Entry) -> None:
        self._store.put(number, entry)
        lane.entries[number] = entry
        heapq.heappush(lane.waiting, (entry.due_s, number))
        self.waiting += 1

    def _pump(self, lane: _Lane) -> None:
        """Start what is due, as far as there is room; wait for what comes next."""
        now_s = self._clock.now().timestamp()
        while lane.waiting and lane.running < CALLS_MAX and lane.waiting[0][0] <= now_s and not self._closing:
            _, number = heapq.heappop(lane.waiting)
            self.waiting -= 1
            self._room.set()
            lane.running += 1
            self._start(self._carry(lane, number, lane.entries[number]))
        if lane.waiting and lane.running < CALLS_MAX and not self._closing:
            self._wake_at(lane, lane.waiting[0][0])

    def _wake_at(self, lane: _Lane, due_s: float) -> None:
        if lane.alarm is not None:
            if lane.alarm[0] <= due_s and not lane.alarm[1].done():
                return
            lane.alarm[1].cancel()

        async def wake() -> None:
            await self._clock.sleep_until(datetime.fromtimestamp(due_s, UTC))
            lane.alarm = None
            self._pump(lane)

        lane.alarm = (due_s, asyncio.get_running_loop().create_task(wake()))

    def _start(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery failed by a bug of ours; it is tried after a restart", exc_info=error)

    async def _carry(self, lane: _Lane, number: int, entry: Entry) -> None:
        try:
            match entry:
                case DeliveryEntry(delivery=delivery):
                    await self._deliver(lane, number, delivery)
                case LetterEntry():
                    await self._send(lane, number, entry)
        finally:
            lane.running -= 1
            self._pump(lane)
            if not lane.entries and lane.alarm is None and self._lanes.get(_key(entry)) is lane:
                del self._lanes[_key(entry)]

    # One delivery

    async def _deliver(self, lane: _Lane, number: int, delivery: Delivery) -> None:
        home = self._homes.of_arn(delivery.rule_arn)
        found = home.buses.target_of(delivery)
        if found is None:
            self._done(lane, number)
            return
        rule, target = found
        delivery = msgspec.structs.replace(delivery, target_arn=target.arn)  # as it is now, which its letter tells
        now = self._clock.now()
        decision: Decision | None = overdue(delivery, target.retry, now_s=now.timestamp())
        if decision is None:
            self._metrics(of_first_call(delivery, now))
            outcome = await self._call(delivery, rule, target, now)
            now = self._clock.now()
            decision = settle(
                delivery,
                outcome,
                target.retry,
                now_s=now.timestamp(),
                backoff=self._backoff,
                jitter=self._jitter(),
            )
        self._metrics(of_decision(decision, now))
        match decision:
            case Delivered():
                self._done(lane, number)
            case TryAgain(delivery=waiting):
                self._again(lane, number, DeliveryEntry(waiting))
            case GiveUp():
                self._give_up(lane, number, decision, target, now)

    async def _call(self, delivery: Delivery, rule: Rule, target: Target, now: datetime) -> Outcome:
        if target.kind is TargetKind.BUS:
            return self._forward(delivery, target, now)
        arrival = delivery.arrival
        call = call_of(arrival.event, rule, target, datetime.fromtimestamp(arrival.arrived_s, UTC))
        if isinstance(call, Refused):
            return call
        return outcome_of(await self._perform(call, arrival.event.id))

    def _forward(self, delivery: Delivery, target: Target, now: datetime) -> Outcome:
        """Hand the event to another bus of the same account (B25)."""
        arrival = forward(delivery.arrival, delivery.rule_arn, target.arn, new_id=self._new_id(), now_s=now.timestamp())
        if isinstance(arrival, Refused):
            return arrival
        try:
            self._homes.of_arn(target.arn).buses.bus(target.arn)
        except EndpointError as missing:
            return Refused(ErrorCode.NO_RESOURCE, missing.message)
        self.accept([arrival])
        return Accepted()

    def _give_up(self, lane: _Lane, number: int, given_up: GiveUp, target: Target, now: datetime) -> None:
        letter = letter_of(given_up, target.dead_letter_arn)
        if letter is None:
            fields = {"rule": given_up.delivery.rule_arn, "target": target.id, "why": given_up.message}
            log.warning("an event is dropped: its target did not take it, and has no dead-letter queue", extra=fields)
            self._done(lane, number)
            return
        self._again(lane, number, LetterEntry(letter, target.id, now.timestamp()))

    async def _send(self, lane: _Lane, number: int, entry: LetterEntry) -> None:
        """A letter that its queue does not take stays and is tried again; AWS would only count it (B61)."""
        letter = entry.letter
        message = queue.QueueMessage(letter.body.decode())
        reply = await self._perform(queue.send_message(letter.queue_arn, message, letter.attributes), "")
        now = self._clock.now()
        refused = isinstance(reply, CallRefused)
        if entry.tries == 0:
            self._metrics(of_letter(letter, now, delivered=not refused))
        if not isinstance(reply, CallRefused):
            self._done(lane, number)
            return
        if entry.tries == 0:
            fields = {"rule": letter.rule_arn, "queue": letter.queue_arn, "why": reply.told}
            log.warning("a dead letter is not taken by its queue; it is kept and sent again", extra=fields)
        pause_s = self._backoff.pause_s(entry.tries + 1)
        again = msgspec.structs.replace(entry, tries=entry.tries + 1, due_s=now.timestamp() + pause_s)
        self._again(lane, number, again)


def _key(entry: Entry) -> tuple[str, str]:
    match entry:
        case DeliveryEntry(delivery=delivery):
            return delivery.rule_arn, delivery.target_id
        case LetterEntry(letter=letter, target_id=target_id):
            return letter.rule_arn, target_id
