"""A plan is carried out step by step; killed behind any of them and applied again, it ends the same (E17)."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from afterbay.core.change.record import ChangeRecord
from afterbay.redrive.apply import apply
from afterbay.redrive.owner import Form, Owner
from afterbay.redrive.plan import Plan
from afterbay.redrive.planning import Asked
from afterbay.redrive.queue import HOLD_S
from afterbay.redrive.steps import CHUNK_LETTERS, Find, ReadAgain, Remove, Send, Tell, Wait
from afterbay.sinks.memory import MemorySink
from unit.redrive.world import FUNCTION, S3, Function, Reach, Run, Sqs, Stream, document, number, record

INTO = Asked(into="memory:redriven")
OWNER = Owner(function=FUNCTION, batch_size=2, partial=True)


class Killed(Exception):
    pass


def killing(performer, at: int, *, before: bool):
    """Dies at step ``at``: before it is performed, or after it and before anybody hears of it."""
    count = itertools.count()

    async def perform(step):
        mine = next(count) == at
        if mine and before:
            raise Killed
        answer = await performer(step)
        if mine:
            raise Killed
        return answer

    return perform


def items(sink: MemorySink) -> dict[str, object]:
    return {one.item["pk"]: one.item["v"] for one in sink.read_live()}


class Scene:
    """Six records, three letters about them in a queue and one in a bucket; the sink is ahead for one key."""

    def __init__(self) -> None:
        self.stream = Stream([record(n, f"k{n % 4}", str(n)) for n in range(1, 9)])
        self.sqs = Sqs()
        self.s3 = S3()
        self.sink = MemorySink()
        for first, last in ((1, 2), (3, 4), (5, 5)):
            self.sqs.send(document(first, last, count=last - first + 1))
        self.s3.objects["aws/lambda/one"] = json.dumps(document(6, 7, count=2)).encode()
        assert not any(one.failed for one in self.sink.apply([ChangeRecord(record(8, "k0", "8").body)]))

    def reach(self) -> Reach:
        return Reach(self.sqs, self.stream, s3=self.s3, sink=self.sink)

    def covered(self) -> bool:
        """No letter is gone whose records are not all in the sink."""
        bodies = [one.body for one in self.sqs.messages]
        tokens = {row.token for row in self.sink.rows().values()}
        for first, last in ((1, 2), (3, 4), (5, 5)):
            if not any(str(number(first)) in body for body in bodies):
                for n in range(first, last + 1):
                    newest = max(one for one in (*range(1, 8), 8) if one % 4 == n % 4 and one <= 8)
                    if not any(str(number(at)) in token for at in range(n, newest + 1) for token in tokens):
                        return False
        return True


def run(scene: Scene, plan: Plan, *, die_at: int | None = None, before: bool = False) -> Run:
    made = Run(scene.reach(), scene.sqs)
    perform = made.performer if die_at is None else killing(made.performer, die_at, before=before)
    asyncio.run(apply(plan, perform))
    return made


def steps_of_a_whole_run() -> int:
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    count = itertools.count()
    made = Run(scene.reach(), scene.sqs)

    async def perform(step):
        next(count)
        return await made.performer(step)

    asyncio.run(apply(plan, perform))
    return next(count)


STEPS = steps_of_a_whole_run()
ENDS = {"k0": "8", "k1": "5", "k2": "6", "k3": "7"}


def test_a_whole_run_sends_every_record_and_removes_every_letter():
    scene = Scene()
    made = run(scene, asyncio.run(scene.reach().plan(INTO, OWNER)))
    assert items(scene.sink) == ENDS and scene.sqs.messages == []
    assert made.states() == ["done"] * 4
    outcomes = {one.sequence_number: one.outcome.value for result in made.results for one in result.records}
    assert outcomes == {str(number(n)): "stale" if n == 4 else "applied" for n in range(1, 8)}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", range(STEPS))
def test_killed_at_any_step_and_repeated_it_ends_the_same(at: int, before: bool):
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    with pytest.raises(Killed):
        run(scene, plan, die_at=at, before=before)
    assert scene.covered()
    again = run(scene, plan)
    assert items(scene.sink) == ENDS and scene.sqs.messages == [] and "aws/lambda/one" in scene.s3.tags
    assert set(again.states()) <= {"done", "already done"}
    assert scene.sqs.now <= HOLD_S + 10, "what a killed run holds shows again by itself"


def test_killed_at_every_step_one_after_another_it_still_ends():
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    for at in range(STEPS):
        try:
            run(scene, plan, die_at=at)
        except Killed:
            assert scene.covered()
    run(scene, plan)
    assert items(scene.sink) == ENDS and scene.sqs.messages == []


def test_twice_changes_nothing():
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    run(scene, plan)
    before = scene.sink.rows()
    assert run(scene, plan).states() == ["already done"] * 4
    assert scene.sink.rows() == before


def test_what_fails_again_stays_and_its_neighbours_go():
    def handler(event):
        if any(one["dynamodb"]["NewImage"]["v"]["S"] == "3" for one in event["Records"]):
            raise ValueError("poison")

    scene = Scene()
    function = Function(handler)
    reach = Reach(scene.sqs, scene.stream, function=function)
    plan = asyncio.run(reach.plan(Asked(), OWNER))
    made = Run(reach, scene.sqs)
    asyncio.run(apply(plan, made.performer))
    assert made.states() == ["done", "failed", "done"]
    failed = made.results[1]
    assert "ValueError: poison" in failed.why and [one.outcome.value for one in failed.records] == ["failed", "failed"]
    assert [str(number(3)) in one.body for one in scene.sqs.messages] == [True]
    assert scene.sqs.visible == [scene.sqs.messages[0].message_id], "it was given back"


def test_records_behind_a_failed_batch_are_not_sent():
    scene = Scene()
    scene.sqs.messages.clear()
    scene.sqs.send(document(1, 7, count=7))
    function = Function(lambda event: {"batchItemFailures": [{"itemIdentifier": str(number(2))}]})
    reach = Reach(scene.sqs, scene.stream, function=function)
    plan = asyncio.run(reach.plan(Asked(), OWNER))
    made = Run(reach, scene.sqs)
    asyncio.run(apply(plan, made.performer))
    (told,) = made.results
    assert [one.outcome.value for one in told.records] == ["delivered", "failed", *["not reached"] * 5]
    assert len(function.events) == 1 and len(scene.sqs.messages) == 1


def test_a_letter_that_another_reader_has_is_waited_for():
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    for one in scene.sqs.messages:
        one.visible_at = scene.sqs.now + HOLD_S
    assert run(scene, plan).states() == ["done"] * 4


def many(letters: int) -> tuple[Sqs, Reach, MemorySink]:
    stream = Stream([record(n, f"k{n}", str(n)) for n in range(1, letters + 1)])
    sqs, sink = Sqs(), MemorySink()
    for n in range(1, letters + 1):
        sqs.send(document(n, n))
    return sqs, Reach(sqs, stream, sink=sink), sink


def test_what_is_hidden_holds_up_no_other_letter():
    sqs, reach, sink = many(35)
    plan = asyncio.run(reach.plan(INTO, OWNER))
    del sqs.messages[:12]  # done by a run that was killed
    for one in sqs.messages[:5]:  # and what it held then
        one.visible_at = HOLD_S
    waited_for: list[int] = []
    made = Run(reach, sqs)

    async def perform(step):
        if isinstance(step, Wait):
            waited_for.append(len(made.results))
        return await made.performer(step)

    asyncio.run(apply(plan, perform))
    assert waited_for and waited_for[0] == 18, "every letter that shows was done before"
    assert (made.states().count("done"), made.states().count("already done")) == (23, 12)
    assert sqs.messages == [] and len(items(sink)) == 23


def test_a_large_queue_is_held_a_chunk_at_a_time():
    sqs, reach, _ = many(45)
    plan = asyncio.run(reach.plan(INTO, OWNER))
    made = Run(reach, sqs)
    hidden: list[int] = []

    async def perform(step):
        if isinstance(step, Send):
            hidden.append(len(sqs.messages) - len(sqs.visible))
        return await made.performer(step)

    asyncio.run(apply(plan, perform))
    assert made.states() == ["done"] * 45 and max(hidden) <= CHUNK_LETTERS


def test_a_letter_that_stays_hidden_is_not_taken_for_done():
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    for one in scene.sqs.messages:
        one.visible_at = 1e9
    made = run(scene, plan)
    assert sorted(made.states()) == ["done", "hidden", "hidden", "hidden"]
    assert all(one.state.fails_the_run for one in made.results if one.state.value == "hidden")


def test_records_trimmed_since_the_plan_are_lost_and_the_letter_stays():
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    scene.stream.trimmed_below = 100
    made = run(scene, plan)
    assert set(made.states()) == {"lost"} and len(scene.sqs.messages) == 3


def test_another_set_of_records_than_the_plan_shows_is_not_sent():
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    scene.stream.records = [one for one in scene.stream.records if one.position != number(2)]
    made = run(scene, plan)
    assert made.states().count("changed") == 1 and str(number(1)) in scene.sqs.messages[0].body


def test_a_letter_is_read_sent_and_only_then_removed():
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    seen = []
    made = Run(scene.reach(), scene.sqs)

    async def perform(step):
        seen.append(type(step))
        return await made.performer(step)

    asyncio.run(apply(plan, perform))
    first = seen[: seen.index(Tell) + 1]
    assert first == [Find, ReadAgain, Send, Remove, Tell]


def test_records_are_sent_in_batches_of_the_mapping():
    scene = Scene()
    scene.sqs.messages.clear()
    scene.sqs.send(document(1, 5, count=5))
    function = Function(lambda event: None)
    reach = Reach(scene.sqs, scene.stream, function=function)
    plan = asyncio.run(reach.plan(Asked(), OWNER))
    made = Run(reach, scene.sqs)
    asyncio.run(apply(plan, made.performer))
    sizes = [[one["dynamodb"]["SequenceNumber"] for one in event["Records"]] for event in function.events]
    assert sizes == [[str(number(n)) for n in part] for part in ((1, 2), (3, 4), (5,))]


def test_a_pipes_function_gets_an_array():
    scene = Scene()
    function = Function(lambda event: {"batchItemFailures": []})
    reach = Reach(scene.sqs, scene.stream, function=function)
    owner = Owner(function=FUNCTION, form=Form.ARRAY, partial=True)
    made = Run(reach, scene.sqs)
    asyncio.run(apply(asyncio.run(reach.plan(Asked(), owner)), made.performer))
    assert made.states() == ["done"] * 3 and all(isinstance(event, list) for event in function.events)


def test_deleting_objects_is_asked_for():
    scene = Scene()
    plan = asyncio.run(scene.reach().plan(INTO, OWNER))
    made = Run(Reach(scene.sqs, scene.stream, s3=scene.s3, sink=scene.sink, deletes=True), scene.sqs)
    asyncio.run(apply(plan, made.performer))
    assert scene.s3.objects == {}
