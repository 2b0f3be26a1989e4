"""s10, the redrive: what the range holds and the filter lets through is sent; the rest is lost, or nobody's."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.wire import raw_from_lambda
from afterbay.redrive.apply import apply
from afterbay.redrive.owner import Owner
from afterbay.redrive.plan import Plan, PlannedLetter, Wanted
from afterbay.redrive.planning import Asked
from afterbay.redrive.report import plan_lines
from afterbay.sinks.memory import MemorySink
from unit.redrive.world import Function, Reach, Run, Sqs, Stream

CASE = json.loads((Path(__file__).parent / "s10-failure-queue-has-no-bodies.json").read_text())
NOW = datetime.fromisoformat(CASE["clock_now"])
INTO = Asked(into="memory:s10")
OWNER = Owner(
    filters=tuple(one["Pattern"] for one in CASE["mapping"]["FilterCriteria"]["Filters"]),
    batch_size=CASE["mapping"]["BatchSize"],
    function=f"arn:aws:lambda:eu-west-1:000000000000:function:{CASE['mapping']['FunctionName']}",
    partial=False,
)


class Situation:
    """The case's stream, queue and sink; ``letters`` by the case's names for them."""

    def __init__(self) -> None:
        (shard,) = CASE["shards"]
        raw = [{name: value for name, value in one.items() if name != "label"} for one in shard["records"]]
        self.labels = {one["dynamodb"]["SequenceNumber"]: one["label"] for one in shard["records"]}
        self.stream = Stream(raw_from_lambda(json.dumps(one).encode()) for one in raw)
        self.sqs = Sqs()
        self.names = {self.sqs.send(one["body"]).message_id: one["name"] for one in CASE["failure_queue"]}
        self.sink = MemorySink()
        held = [one for one in raw if one["dynamodb"]["Keys"]["pk"]["S"] in CASE["sink_start_state"]]
        self.sink.apply([ChangeRecord(one) for one in held])
        self.function = Function(lambda event: None)

    def reach(self) -> Reach:
        return Reach(self.sqs, self.stream, sink=self.sink, function=self.function)

    def plan(self, asked: Asked = INTO) -> Plan:
        return asyncio.run(self.reach().plan(asked, OWNER, now=NOW))

    def apply(self, plan: Plan) -> Run:
        run = Run(self.reach(), self.sqs)
        asyncio.run(apply(plan, run.performer))
        return run

    def letters(self, plan: Plan) -> dict[str, PlannedLetter]:
        return {self.names[one.place.message_id or ""]: one for one in plan.letters}

    def left(self) -> list[str]:
        return [self.names[one.message_id] for one in self.sqs.messages]

    def items(self) -> dict[str, int]:
        return {str(one.item["pk"]): int(str(one.item["v"])) for one in self.sink.read_live()}


def test_the_plan_shows_what_would_be_sent_and_what_cannot_be_and_changes_nothing():
    situation = Situation()
    plan = situation.plan()
    found = situation.letters(plan)
    assert {name: one.wanted for name, one in found.items()} == {
        "fresh": Wanted.REDRIVE,
        "too-old": Wanted.LOST,
        "not-ours": Wanted.UNKNOWN,
    }
    fresh, lost = found["fresh"], found["too-old"]
    assert [situation.labels[one.sequence_number] for one in fresh.records] == ["r2", "r4", "r5"]
    assert [situation.labels[one.sequence_number] for one in fresh.left_out] == ["r3"]
    assert len(fresh.records) + len(fresh.left_out) != fresh.batch_size, "the count is not relied on"
    assert (lost.time_left_s, lost.trimmed_at) == (0.0, "2025-12-31T19:00:00Z") and lost.records == ()
    told = "\n".join(plan_lines(plan))
    for word in (lost.stream, lost.shard, lost.first, lost.last, "trimmed", "verify items", "--repair"):
        assert word is not None and word in told
    assert situation.left() == ["fresh", "too-old", "not-ours"] and situation.items() == {"K6": 6}


def test_applying_it_sends_the_fresh_ones_in_order_and_leaves_the_others_alone():
    situation = Situation()
    plan = situation.plan()
    run = situation.apply(plan)
    assert sorted(run.states()) == ["done", "lost", "unknown"]
    assert any(one.state.fails_the_run for one in run.results)
    assert situation.items() == {"K2": 2, "K4": 4, "K5": 5, "K6": 6}
    assert situation.left() == ["too-old", "not-ours"]


def test_a_second_run_finds_nothing_left_to_do_for_the_fresh_one():
    situation = Situation()
    plan = situation.plan()
    situation.apply(plan)
    before = situation.sink.rows()
    assert sorted(situation.apply(plan).states()) == ["already done", "lost", "unknown"]
    assert situation.sink.rows() == before
    again = situation.letters(situation.plan())
    assert {name: one.wanted for name, one in again.items()} == {"too-old": Wanted.LOST, "not-ours": Wanted.UNKNOWN}


def test_through_the_function_they_come_in_the_streams_order():
    situation = Situation()
    situation.apply(situation.plan(Asked()))
    (event,) = situation.function.events
    assert isinstance(event, dict)
    assert [situation.labels[one["dynamodb"]["SequenceNumber"]] for one in event["Records"]] == ["r2", "r4", "r5"]


def test_the_message_leaves_only_after_its_records_are_taken():
    situation = Situation()

    def handler(event: object) -> object:
        raise ValueError("still broken")

    situation.function = Function(handler)
    run = situation.apply(situation.plan(Asked()))
    assert sorted(run.states()) == ["failed", "lost", "unknown"] and situation.left() == [
        "fresh",
        "too-old",
        "not-ours",
    ]
