"""Driving executions: identifiers, the limit of time, what listeners hear (X28, X75, X80)."""

from __future__ import annotations

import asyncio

from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedSome
from afterbay.core.pipe.machine import PipeExecution
from afterbay.core.pipe.plan import Plan
from afterbay.core.target.call import Answered, Call, FunctionCall, Reply
from afterbay.engine.clock import Clock
from afterbay.engine.pipe import EXECUTION_S_MAX, PipeDeliverer
from unit.core.pipe.making import TARGETS, pipe
from unit.core.pipe.running import batch_of, change


class Heard:
    def __init__(self) -> None:
        self.running = 0
        self.executed_ids: list[str] = []

    def began(self, plan: Plan) -> None:
        self.running += 1

    def left(self, plan: Plan) -> None:
        self.running -= 1

    def executed(self, plan: Plan, execution: PipeExecution, execution_id: str) -> None:
        assert self.running == 0 and execution.ended is not None
        self.executed_ids.append(execution_id)


def naming(*names: str) -> Answered:
    told = ",".join(f'{{"itemIdentifier":"{name}"}}' for name in names)
    return Answered(f'{{"batchItemFailures":[{told}]}}'.encode())


BATCH = batch_of([change(1), change(2)])
SETTINGS = pipe().source_settings()


async def test_records_are_named_by_their_event_ids_and_messages_by_theirs() -> None:
    async def answer(call: Call, request_id: str) -> Reply:
        assert request_id == BATCH.request_id
        return naming("e2")

    plan = Plan(pipe())
    one = PipeDeliverer(lambda: plan, answer, Clock(), Heard())
    assert await one.records(BATCH, SETTINGS, None) == FailedSome(frozenset({2}))
    assert await one.messages(BATCH, SETTINGS, ["e2", "m2"]) == FailedSome(frozenset({1}))


async def test_every_call_of_an_execution_is_made_in_turn_and_its_end_is_told() -> None:
    called: list[str] = []

    async def answer(call: Call, request_id: str) -> Reply:
        assert isinstance(call, FunctionCall)
        called.append(call.arn)
        return Answered(b'[{"a": 1}]')

    heard = Heard()
    plan = Plan(pipe(Enrichment=TARGETS["lambda"] + "-enrich"))
    one = PipeDeliverer(lambda: plan, answer, Clock(), heard)
    assert await one.records(BATCH, SETTINGS, None) == Delivered()
    assert called == [TARGETS["lambda"] + "-enrich", TARGETS["lambda"]]
    assert heard.executed_ids == [BATCH.request_id]


async def test_an_execution_that_takes_too_long_is_cut_off_and_counts() -> None:
    cut: list[bool] = []

    async def never(call: Call, request_id: str) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            cut.append(True)
        raise AssertionError("nothing wakes it")

    heard, plan = Heard(), Plan(pipe())
    one = PipeDeliverer(lambda: plan, never, Clock(), heard, limit_s=0.01)
    assert await one.records(BATCH, SETTINGS, None) == Failed(Cause.FUNCTION_ERROR)
    assert cut == [True] and heard.executed_ids == [BATCH.request_id] and EXECUTION_S_MAX == 300


async def test_one_that_ends_with_its_mapping_runs_no_more_and_is_not_told() -> None:
    async def never(call: Call, request_id: str) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError("nothing wakes it")

    heard, plan = Heard(), Plan(pipe())
    one = PipeDeliverer(lambda: plan, never, Clock(), heard)
    task = asyncio.create_task(one.records(BATCH, SETTINGS, None))
    while not heard.running:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (heard.running, heard.executed_ids) == (0, [])


async def test_an_execution_ends_with_the_settings_that_it_began_with() -> None:
    plans = [Plan(pipe()), Plan(pipe("dynamodb", "sqs"))]
    calls: list[Call] = []

    async def answer(call: Call, request_id: str) -> Reply:
        calls.append(call)
        return Answered()

    one = PipeDeliverer(lambda: plans.pop(0), answer, Clock(), Heard())
    await one.records(BATCH, SETTINGS, None)
    await one.records(BATCH, SETTINGS, None)
    assert [type(call).__name__ for call in calls] == ["FunctionCall", "AwsCall"]
