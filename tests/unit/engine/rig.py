"""An engine in real time around a stream, a function, a destination and a metrics service in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.deadletter import Letter
from afterbay.engine.clock import Clock
from afterbay.engine.cloudwatch import CloudWatch
from afterbay.engine.meter import Attempt, Handled, Listener, Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.errors import UnavailableError
from afterbay.ports import Answer
from afterbay.sources.memory import MemorySource
from afterbay.stores.memory import MemoryStore
from afterbay.targets.archive import Archive

QUEUE = "arn:aws:sqs:eu-west-1:000000000000:dlq"


def record(clock: Clock, position: int) -> RawRecord:
    return RawRecord(b'{"n":%d}' % position, position, ItemKey(b"k"), clock.now().timestamp(), "INSERT")


class Heard(Listener):
    """What the meter told."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.handled_events: list[Handled] = []
        self.letters: list[tuple[int, bool, int]] = []

    def attempt(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)

    def handled(self, handled: Handled) -> None:
        self.handled_events.append(handled)

    def letter_sent(self, letter: Letter, *, delivered: bool, tries: int, at: datetime) -> None:
        self.letters.append((letter.count, delivered, tries))


class Rig:
    """An engine around a stream in memory; ``answer`` is what the function does, ``archive`` keeps bodies."""

    def __init__(self, archive: Callable[[Rig], Archive] | None = None) -> None:
        self.clock = Clock()
        self.source = MemorySource()
        self.store = MemoryStore(b"seed")
        self.calls: list[list[int]] = []
        self.request_ids: list[str] = []
        self.sent: list[Letter] = []
        self.over: list[str] = []
        self.target_failures = 0
        self.heard = Heard()
        self.news = asyncio.Condition()
        self.answer: Callable[[list[int]], Awaitable[Answer]] = self.succeed
        threads = ThreadPoolExecutor(2)
        self.put: list[tuple[str, str, list[dict]]] = []
        self.put_failures = 0
        self.metrics = CloudWatch(self.take_metrics, "AWS/Lambda", settings_of=lambda u: self.supervisor.settings_of(u))
        meter = Meter(self.heard, self.metrics)
        self.archive = None if archive is None else archive(self)
        self.outbox = Outbox(self.store, lambda arn: self, self.clock, threads, meter=meter, archive=self.archive)
        self.supervisor = Supervisor(
            Connections(source=lambda s: self.source, function=lambda s: self),
            self.store,
            self.outbox,
            self.clock,
            jitter=lambda delay_s: delay_s / 100,
            meter=meter,
            threads=threads,
            source_over=self.over.append,
        )

    async def succeed(self, numbers: list[int]) -> Answer:
        return Answer(b"null")

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        numbers = [one["n"] for one in msgspec.json.decode(payload)["Records"]]
        self.calls.append(numbers)
        self.request_ids.append(request_id)
        try:
            return await self.answer(numbers)
        finally:
            await self.wake()

    async def send(self, letter: Letter, *, now: datetime) -> None:
        if self.target_failures:
            self.target_failures -= 1
            await self.wake()
            raise UnavailableError("down", code="ServiceUnavailable")
        self.sent.append(letter)
        await self.wake()

    async def take_metrics(self, region: str, namespace: str, data: list[dict]) -> None:
        if self.put_failures:
            self.put_failures -= 1
            raise UnavailableError("down", code="ServiceUnavailable")
        self.put.append((region, namespace, data))

    def sums(self) -> dict[tuple[str, str], float]:
        """Sum by metric and the value of its dimension, of all that was put."""
        found: dict[tuple[str, str], float] = {}
        for _, _, data in self.put:
            for one in data:
                (dimension,) = one["Dimensions"]
                series = (one["MetricName"], dimension["Value"])
                found[series] = found.get(series, 0.0) + one["StatisticValues"]["Sum"]
        return found

    async def wake(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async def met() -> None:
            while not condition():
                await asyncio.sleep(0.002)  # polls a state that has no event of its own

        await asyncio.wait_for(met(), 10)
