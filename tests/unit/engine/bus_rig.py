"""An engine of buses around targets in memory: what was called when, and what each target answers."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from afterbay.core.bus.envelope import Arrival, Event
from afterbay.core.mapping.metrics import Datum
from afterbay.core.target.call import Answered, AwsCall, Call, Fault, FunctionCall, Refused, Reply
from afterbay.engine.archive import ArchiveKeeper
from afterbay.engine.bus import BusEngine, Entry
from afterbay.engine.clock import Clock
from afterbay.engine.homes import Homes, HomeState

ACCOUNT = "000000000000"
REGION = "eu-west-1"
DOWN = Refused(Fault.UNAVAILABLE, "ServiceUnavailable", "down", 503)
GONE = Refused(Fault.NOT_FOUND, "QueueDoesNotExist", "no such queue", 404)

Answer = Callable[[], Awaitable[Reply]]


def queue_arn(name: str, region: str = REGION) -> str:
    return f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"


def bus_arn(name: str, region: str = REGION) -> str:
    return f"arn:aws:events:{region}:{ACCOUNT}:event-bus/{name}"


class Kept(dict[int, Entry]):
    """A ``DeliveryStore``."""

    def put(self, number: int, entry: Entry) -> None:
        self[number] = entry

    def remove(self, number: int) -> None:
        del self[number]


class StillClock(Clock):
    """Time that moves by ``advance`` alone: what the machine takes is no part of it."""

    _start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + self._offset


class BusRig:
    """``answers`` maps a queue's name (or a function's) to its replies, in turn; without any it takes everything.
    ``blocked`` names the queues that answer nothing until ``release``."""

    def __init__(self, clock: Clock | None = None, store: Kept | None = None, **more: object) -> None:
        self.clock = clock or StillClock()
        self.started = self.clock.now()
        self.homes = Homes(ACCOUNT, self.clock.now)
        self.archives = ArchiveKeeper(self.homes, self.clock.now)
        self.answers: dict[str, list[Reply]] = {}
        self.blocked: set[str] = set()
        self._released = asyncio.Event()
        self.calls: list[tuple[float, str, dict]] = []
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.data: list[Datum] = []
        self.store = Kept() if store is None else store
        self.share = 1.0
        self._ids = (f"id-{n}" for n in itertools.count(1))
        self.engine = BusEngine(
            self.homes,
            self.perform,
            self.clock,
            self.archives,
            jitter=lambda: self.share,
            new_id=lambda: next(self._ids),
            metrics=self.data.extend,
            store=self.store,
            **more,
        )

    @property
    def home(self) -> HomeState:
        return self.homes.of(REGION)

    async def perform(self, call: Call, request_id: str) -> Reply:
        name, message = _named(call)
        self.calls.append((self.now_s(), name, message))
        self.running[name] = self.running.get(name, 0) + 1
        self.most[name] = max(self.most.get(name, 0), self.running[name])
        try:
            while name in self.blocked:
                await self._released.wait()
        finally:
            self.running[name] -= 1
        waiting = self.answers.get(name)
        return waiting.pop(0) if waiting else Answered()

    def release(self, name: str) -> None:
        self.blocked.discard(name)
        self._released.set()
        self._released = asyncio.Event()

    def now_s(self) -> float:
        """Seconds since the start."""
        return (self.clock.now() - self.started).total_seconds()

    def rule(self, name: str, *targets: dict, bus: str = "default", region: str = REGION, pattern: str = "") -> str:
        buses = self.homes.of(region).buses
        pattern = pattern or '{"source": [{"prefix": ""}]}'
        arn = str(buses.put_rule({"Name": name, "EventBusName": bus, "EventPattern": pattern})["RuleArn"])
        if targets:
            buses.put_targets({"Rule": name, "EventBusName": bus, "Targets": list(targets)})
        return arn

    def bus(self, name: str, region: str = REGION) -> str:
        made = self.homes.of(region).buses.create_event_bus({"Name": name}, now=self.clock.now())
        return str(made["EventBusArn"])

    def put(self, *ids: str, bus: str = "default", region: str = REGION, time: datetime | None = None) -> None:
        now = self.clock.now()
        for one in ids:
            event = Event(
                id=one,
                detail_type="t",
                source="shop",
                account=ACCOUNT,
                time_s=int((time or now).timestamp()),
                region=region,
                detail=json.dumps({"n": one}).encode(),
            )
            self.engine.accept([Arrival(event=event, bus_arn=bus_arn(bus, region), arrived_s=now.timestamp())])

    async def settle(self) -> None:
        """Let everything happen that waits for nothing but its turn."""
        for _ in range(200):
            await asyncio.sleep(0)

    def of(self, name: str) -> list[float]:
        """When a target was called."""
        return [at for at, called, _ in self.calls if called == name]

    def ids(self, name: str) -> list[str]:
        """The events that a target was called with."""
        return [json.loads(message["MessageBody"])["id"] for _, called, message in self.calls if called == name]

    def letters(self, name: str = "dlq") -> list[dict[str, str]]:
        """The attributes of the messages that a queue was sent."""
        return [
            {key: str(value["StringValue"]) for key, value in message["MessageAttributes"].items()}
            for _, called, message in self.calls
            if called == name
        ]

    def counted(self, metric: str) -> float:
        return sum(one.value for one in self.data if one.series.metric == metric)


def target(name: str = "q", **more: object) -> dict:
    """A target that is a queue, of the same id."""
    return {"Id": name, "Arn": queue_arn(name), **more}


def retries(attempts: int, age_s: int = 86_400) -> dict:
    return {"RetryPolicy": {"MaximumRetryAttempts": attempts, "MaximumEventAgeInSeconds": age_s}}


def letters_to(name: str = "dlq") -> dict:
    return {"DeadLetterConfig": {"Arn": queue_arn(name)}}


def _named(call: Call) -> tuple[str, dict]:
    match call:
        case AwsCall(queue=str(arn)):
            return arn.rpartition(":")[2], dict(call.parameters)
        case FunctionCall():
            return call.arn.rpartition(":")[2], {"MessageBody": call.payload.decode()}
        case _:
            raise AssertionError(call)
