"""Whatever a pipe's target answers: each record of a batch is delivered or tried again, in the end delivered or in a
letter, in order per item, and only the customer's failures cost attempts (X24, X70, X81, X82, X84, X85)."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Delivered, Failed, FailedSome, NotReached, Outcome
from afterbay.core.target.call import Answered, AwsCall, Call, Fault, Refused, Reply
from unit.core.mapping.driving import World
from unit.core.pipe.making import SOURCES, pipe
from unit.core.pipe.running import NOW, Ran, change

VERDICTS = ("taken", "taken", "taken", "InternalFailure", "MalformedDetail")
CALLS = (None, None, None, Fault.THROTTLED, Fault.DENIED)

plans = st.fixed_dictionaries(
    {
        "keys": st.lists(st.sampled_from("abcd"), min_size=1, max_size=30),
        "size": st.integers(1, 30),
        "attempts": st.integers(0, 3),
        "bisect": st.booleans(),
        "factor": st.sampled_from([1, 3]),
        "verdicts": st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=40),
        "calls": st.lists(st.sampled_from(CALLS), min_size=1, max_size=20),
    }
)
internal_plans = plans.map(
    lambda plan: {
        **plan,
        "attempts": 0,
        "verdicts": ["InternalFailure" if one == "MalformedDetail" else one for one in plan["verdicts"]],
        "calls": [Fault.UNAVAILABLE if one is Fault.DENIED else one for one in plan["calls"]],
    }
)


class Run:
    """A mapping that reads for a pipe to a bus; the bus answers as the plan says, then takes all."""

    def __init__(self, plan: dict) -> None:
        own = {
            "BatchSize": plan["size"],
            "MaximumRetryAttempts": plan["attempts"],
            "ParallelizationFactor": plan["factor"],
            "DeadLetterConfig": {"Arn": SOURCES["sqs"]},
        }
        if plan["bisect"]:
            own["OnPartialBatchItemFailure"] = "AUTOMATIC_BISECT"
        template = {"InputTemplate": '{"n": <$.dynamodb.SequenceNumber>, "key": <$.dynamodb.Keys.pk.S>}'}
        self.settings = pipe("dynamodb", "events", reading=own, TargetParameters=template)
        self.verdicts, self.calls = list(plan["verdicts"]), list(plan["calls"])
        self.keys = dict(enumerate(plan["keys"], 1))
        self.taken: list[int] = []
        self.sent: list[int] = []
        self.world = World(self.settings.source_settings(), {"s": self.records()}, self.deliver)
        self.world.now = NOW
        self.world.start()
        self.finished: set[int] = set()

    def records(self) -> list:
        return [change(n, key=key) for n, key in self.keys.items()]

    def deliver(self, batch: Batch) -> Outcome:
        positions = [one.position for one in batch.records]
        self.check_order(positions)
        taken_before, self.sent = set(self.taken), []
        outcome = Ran(self.settings, batch.records, self.bus).outcome
        assert self.sent == positions[: len(self.sent)], "pieces go in order, and what fails holds back what is behind"
        fresh = set(self.taken) - taken_before
        match outcome:
            case Delivered():
                assert set(positions) <= set(self.taken)
                self.finished |= set(positions)
            case FailedSome(positions=failed):
                assert failed and failed < set(positions)
                done = set(positions) - set(failed)
                assert done <= set(self.taken), "what is not named was taken"
                keys_failed = {self.keys[one]: one for one in sorted(failed, reverse=True)}
                self.finished |= {one for one in done if one < keys_failed.get(self.keys[one], one + 1)}
            case Failed() | NotReached():
                assert not fresh, "a whole failure is one of all records"
            case _:
                raise AssertionError(outcome)
        return outcome

    def check_order(self, positions: list[int]) -> None:
        """No record is sent while an earlier one of its item is neither done nor before it in the same batch."""
        assert positions == sorted(positions)
        lettered = {n for one in self.world.letters for n in range(one.first, one.last + 1)}
        for position in positions:
            earlier = [n for n in range(1, position) if self.keys[n] == self.keys[position]]
            assert all(n in self.finished or n in lettered or n in positions for n in earlier)

    def bus(self, call: Call) -> Reply:
        assert isinstance(call, AwsCall)
        entries = call.parameters["Entries"]
        assert isinstance(entries, list) and len(entries) <= 10
        numbers = [int(one["Detail"].split('"')[3]) for one in entries]
        self.sent += numbers
        fault = self.calls.pop(0) if self.calls else None
        if fault is not None:
            return Refused(fault, "Code", "no")
        answers = []
        for number in numbers:
            verdict = self.verdicts.pop(0) if self.verdicts else "taken"
            if verdict == "taken":
                self.taken.append(number)
                answers.append({"EventId": str(number)})
            else:
                answers.append({"ErrorCode": verdict, "ErrorMessage": "m"})
        return Answered(members={"Entries": answers})

    def to_the_end(self) -> Run:
        for _ in range(200):
            self.world.run(60)
            shard = self.world.mapping.shards["s"]
            if self.world.saves and not shard.oldest_unfinished() and not self.world.in_hand:
                return self
        raise AssertionError("it does not come to its end")


@settings(max_examples=150)
@given(plans)
def test_every_record_is_taken_or_in_a_letter_and_an_item_stays_in_order(plan: dict) -> None:
    run = Run(plan).to_the_end()
    counters = run.world.mapping.counters
    lettered = sum(one.count for one in run.world.letters)
    assert counters.delivered + lettered == len(run.keys), "each once, none twice"
    assert counters.dropped == 0 and len(run.keys) - len(set(run.taken)) <= lettered
    first = dict.fromkeys(run.taken)
    by_key: dict[str, list[int]] = defaultdict(list)
    for number in first:
        by_key[run.keys[number]].append(number)
    if not run.world.letters and all(verdict == "taken" for verdict in plan["verdicts"]):
        assert all(numbers == sorted(numbers) for numbers in by_key.values())


@settings(max_examples=150)
@given(internal_plans)
def test_what_the_service_is_to_blame_for_costs_no_attempt(plan: dict) -> None:
    run = Run(plan).to_the_end()
    assert run.world.letters == [] and set(run.taken) == set(run.keys)
    assert run.world.mapping.counters.delivered == len(run.keys)
