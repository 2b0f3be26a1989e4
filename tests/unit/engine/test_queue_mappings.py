"""A queue's mapping in the engine: the same supervisor and meter as for streams, around a queue in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.clock import Clock
from afterbay.engine.cloudwatch import CloudWatch
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.status import as_document, take
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.errors import PayloadTooLargeError, ServiceError, ThrottledError, UnavailableError
from afterbay.ports import Answer
from afterbay.sources.memory_queue import MemoryQueue
from afterbay.stores.memory import MemoryStore

QUEUE = "arn:aws:sqs:eu-west-1:000000000000:orders"
FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:f"


def settings(**changes: object) -> MappingSettings:
    values: dict[str, object] = {
        "event_source_arn": QUEUE,
        "function_arn": FUNCTION,
        "starting_position": None,
        "batch_size": 10,
        "event_count": True,
    }
    return MappingSettings(**{**values, **changes})  # type: ignore[arg-type]


class Rig:
    """``answers``: what the next invocations come to; then they succeed."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.queue = MemoryQueue(self.clock, QUEUE)
        self.calls: list[list[str]] = []
        self.answers: list[Answer | ServiceError | Exception] = []
        self.put: list[dict] = []
        store, threads = MemoryStore(b"seed"), ThreadPoolExecutor(2)
        self.metrics = CloudWatch(self._put, "AWS/Lambda", settings_of=lambda uuid: self.supervisor.settings_of(uuid))
        self.journal = Journal(store)
        meter = Meter(self.metrics, self.journal)
        outbox = Outbox(store, lambda arn: pytest.fail("a queue has no letters"), self.clock, threads, meter=meter)
        self.supervisor = Supervisor(
            Connections(
                source=lambda one: pytest.fail("no stream"), function=lambda one: self, queue=lambda one: self.queue
            ),
            store,
            outbox,
            self.clock,
            jitter=lambda delay_s: delay_s,
            meter=meter,
            threads=threads,
        )

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        self.calls.append([one["body"] for one in json.loads(payload)["Records"]])
        answer = self.answers.pop(0) if self.answers else Answer(b"null")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _put(self, region: str, namespace: str, data: list[dict]) -> None:
        self.put += data

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0)

    def sums(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for one in self.put:
            found[one["MetricName"]] = found.get(one["MetricName"], 0.0) + one["StatisticValues"]["Sum"]
        return found

    def counters(self) -> dict[str, int]:
        (one,) = self.document()["mappings"]
        return one["counters"]

    def document(self) -> dict:
        return as_document(take(self.supervisor, self.clock.now()))


def play(scene: Callable[[Rig], object], **changes: object) -> Rig:
    async def run() -> Rig:
        rig = Rig()
        async with rig.supervisor:
            await rig.supervisor.create("m", settings(**changes), enabled=True)
            await scene(rig)
        await rig.metrics.close()
        await rig.journal.close()
        return rig

    return asyncio.run(run())


def test_messages_are_delivered_deleted_and_counted() -> None:
    async def scene(rig: Rig) -> None:
        rig.queue.send("a", "b")
        await rig.until(lambda: rig.queue.bodies() == [] and rig.counters()["deleted"] == 2)

    rig = play(scene)
    assert rig.calls == [["a", "b"]]
    told = rig.sums()
    assert (told["InvokedEventCount"], told["DeletedEventCount"], told["PolledEventCount"]) == (2, 2, 2)
    assert not {"IteratorAge", "DroppedEventCount"} & told.keys()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b'{"errorMessage": "no"}', function_error="Unhandled"),
        PayloadTooLargeError("too large", code="RequestTooLargeException"),
        UnavailableError("down", code="ServiceException"),
        ThrottledError("slow", code="TooManyRequestsException"),
    ],
    ids=["error", "too large", "unavailable", "throttled"],
)
def test_whatever_fails_comes_again_by_the_queues_clock(answer: object) -> None:
    async def scene(rig: Rig) -> None:
        rig.answers = [answer]  # type: ignore[list-item]
        rig.queue.send("a")
        await rig.until(lambda: len(rig.calls) == 1)
        while rig.queue.bodies():
            await rig.clock.advance(5)
            await asyncio.sleep(0)

    rig = play(scene)
    assert rig.calls == [["a"], ["a"]]
    assert rig.sums()["FailedInvokeEventCount"] == 1


def test_failures_are_named_by_message_id() -> None:
    async def scene(rig: Rig) -> None:
        rig.answers = [Answer(b'{"batchItemFailures": [{"itemIdentifier": "message-2"}]}')]
        rig.queue.send("a", "b", "c")
        await rig.until(lambda: rig.queue.bodies() == ["b"])

    assert play(scene, report_batch_item_failures=True).calls == [["a", "b", "c"]]


def test_a_failing_source_is_in_status_and_recovers() -> None:
    async def scene(rig: Rig) -> None:
        rig.queue.failures = [UnavailableError("down", code="InternalError")] * 2
        await rig.until(lambda: rig.document()["mappings"][0]["source_failure"] is not None)
        (told,) = rig.document()["mappings"]
        assert "InternalError" in told["source_failure"] and told["state"] == "Enabled"
        rig.queue.send("a")
        while rig.queue.bodies():
            await rig.clock.advance(1)
            await asyncio.sleep(0)
        (told,) = rig.document()["mappings"]
        assert told["source_failure"] is None
        assert [one["notice"] for one in told["notices"]] == [
            "the source cannot be read",
            "the source can be read again",
        ]

    play(scene)


def test_a_waiting_mapping_is_disabled_updated_and_deleted_at_once() -> None:
    async def scene(rig: Rig) -> None:
        def state() -> str | None:
            told = rig.supervisor.describe("m")
            return None if told is None else told.state.value

        await rig.until(lambda: state() == "Enabled")
        await rig.supervisor.update("m", settings(batch_size=1), enabled=False)
        await rig.until(lambda: state() == "Disabled")
        rig.queue.send("a", "b")
        await rig.supervisor.update("m", settings(batch_size=1), enabled=True)
        await rig.until(lambda: rig.queue.bodies() == [] and state() == "Enabled")
        await rig.supervisor.delete("m")
        await rig.until(lambda: state() is None)

    assert sorted(play(scene).calls) == [["a"], ["b"]]
