"""The same scenarios through the engine and through the simulator: the same commands, one by one.

Scenarios are every vector of ``esm/sequences.json`` (a Kinesis one is played on a table's stream: the mapping is the
same) and cases s07 to s10 and s12. What a mapping should do in each is for other tests to say; here both drivers must
make it do the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from afterbay.core.mapping.settings import MappingSettings, parse_create
from afterbay.errors import PayloadTooLargeError, ThrottledError
from afterbay.ports import Answer
from afterbay.simulator.world import ARN, FUNCTION, US, Reshard
from simulation.scenarios import Put, Scenario, Script, run_in_engine, run_in_simulator
from vectors.loading import vectors

QUEUE = "arn:aws:sqs:eu-west-1:000000000000:letters"
CASES = Path(__file__).parent.parent / "cases"


def settings(esm: dict[str, object], **more: object) -> MappingSettings:
    known = {name: value for name, value in esm.items() if name not in ("source", "destination")}
    request = {"EventSourceArn": ARN, "FunctionName": FUNCTION, "StartingPosition": "TRIM_HORIZON", **known, **more}
    request.setdefault("DestinationConfig", {"OnFailure": {"Destination": QUEUE}})
    return parse_create(request).settings


def numbers(event: dict) -> list[int]:
    """Which writes the records of an event are, counted from 1."""
    return [int(one["dynamodb"]["NewImage"]["kind"]["S"].rpartition("-")[2]) + 1 for one in event["Records"]]


def named(event: dict, bad: set[int]) -> list[dict]:
    pairs = zip(numbers(event), event["Records"], strict=True)
    return [{"itemIdentifier": one["dynamodb"]["SequenceNumber"]} for number, one in pairs if number in bad]


def failing(bad: set[int], *, partial: bool = False) -> Callable[[], Script]:
    def script(event: dict) -> Answer:
        failures = named(event, bad)
        if partial:
            return Answer(json.dumps({"batchItemFailures": failures}).encode())
        return Answer(b"{}", "Unhandled") if failures else Answer(b"null")

    return lambda: script


def answering(answers: list[object]) -> Callable[[], Script]:
    """These answers, and success from then on. A callable answers the event itself."""

    def make() -> Script:
        left = list(answers)

        def script(event: dict) -> Answer:
            answer = left.pop(0) if left else None
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, Answer):
                return answer
            return Answer(json.dumps(answer(event) if callable(answer) else answer).encode())

        return script

    return make


def counting(event: dict) -> Answer:
    """``n`` is where the simulator's invariants look for the number of records."""
    return Answer(json.dumps({"state": {"n": event["state"].get("n", 0) + len(event["Records"])}}).encode())


def growing(event: dict) -> Answer:
    count = event["state"].get("n", 0) + len(event["Records"])
    return Answer(json.dumps({"state": {"n": count, "text": "x" * 1_048_640}}).encode())


def too_large(event: dict) -> Answer:
    if numbers(event)[0] == 1:
        raise PayloadTooLargeError("too large", code="RequestTooLargeException")
    return Answer(b"null")


OUTCOMES: dict[str, object] = {
    "429": ThrottledError("slow down", code="TooManyRequestsException"),
    "function_error": Answer(b"{}", "Unhandled"),
}


def from_vector(given: dict[str, object]) -> Scenario:
    """A vector's kind is told by its members."""
    esm = dict(given["esm"])
    if "outcomes" in given:
        return Scenario(settings(esm), [Put(0)], answering([OUTCOMES[name] for name in given["outcomes"]]))
    if "records_epoch_s" in given:
        times = list(given["records_epoch_s"].values())
        first = times[0] // 10 * 10
        puts = [Put(n, float(moment - first)) for n, moment in enumerate(times)]
        return Scenario(settings(esm), puts, lambda: counting, starts_s=70.0)
    if "TumblingWindowInSeconds" in esm:
        return Scenario(settings(esm), [Put(0), Put(1, 12.0)], lambda: growing)
    if "records_present_before_create" in given:
        return Scenario(settings(esm), [Put(n) for n in range(given["records_present_before_create"])], failing(set()))
    if "oversized" in given["records"]:
        return Scenario(settings(esm, BatchSize=1), [Put(0), Put(1)], lambda: too_large)
    bad = {int(one) for one in given.get("bad", ())}
    puts = [Put(n) for n in range(len(given["records"]))]
    script = failing(bad, partial=given.get("mode") == "partial")
    return Scenario(settings(esm), puts, script, starts_s=given.get("record_age_at_create_s", 0) + 0.5)


def s07() -> Scenario:
    mapping = {"BatchSize": 5, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    lowest_last = answering([lambda event: {"batchItemFailures": named(event, {2, 4})[::-1]}])
    return Scenario(settings(mapping), [Put(n) for n in range(5)], lowest_last)


def s08(entry: dict[str, object]) -> Scenario:
    known = [record["dynamodb"]["SequenceNumber"] for record in ODD["records"]]

    def answer(event: dict) -> object:
        """The case's answer, with the numbers that this stream's records have."""
        text = json.dumps(entry["value"])
        for number, one in zip(numbers(event), event["Records"], strict=True):
            text = text.replace(known[number - 1], one["dynamodb"]["SequenceNumber"])
        return json.loads(text)

    esm = {name: ODD["mapping"][name] for name in ("BatchSize", "MaximumRetryAttempts", "FunctionResponseTypes")}
    puts = [Put(n) for n in range(len(known))]
    return Scenario(settings({**esm, **entry.get("override", {})}), puts, answering([answer]))


def s09() -> Scenario:
    mapping = {"BatchSize": 8, "BisectBatchOnFunctionError": True, "MaximumRetryAttempts": 2}
    return Scenario(settings(mapping), [Put(n) for n in range(9)], failing({6}))


def s10() -> Scenario:
    mapping = {"BatchSize": 3, "MaximumRetryAttempts": 1, "MaximumRecordAgeInSeconds": 3600}
    return Scenario(settings(mapping), [Put(n) for n in range(7)], failing({2}))


def s12() -> Scenario:
    """A split, then a roll of the first child; a record of a child fails twice."""
    reshards = (Reshard(2 * US, True, 0.0, 0), Reshard(4 * US, False, 0.0, US))
    puts = [Put(n, at_s) for at_s in (1.0, 3.0, 5.0) for n in range(6)]

    def make() -> Script:
        left = [None, None]

        def script(event: dict) -> Answer:
            if 9 in numbers(event) and left:
                left.pop()
                return Answer(b"{}", "Unhandled")
            return Answer(b"null")

        return script

    return Scenario(settings({"BatchSize": 10}), puts, make, reshards=reshards)


def lanes() -> Scenario:
    """Four lanes; the batches of a failing item block only its own."""
    puts = [Put(n % 9, n // 9 * 0.5) for n in range(40)]
    mapping = {
        "BatchSize": 3,
        "ParallelizationFactor": 4,
        "MaximumRetryAttempts": 2,
        "BisectBatchOnFunctionError": True,
    }
    return Scenario(settings(mapping), puts, failing({5, 17}))


ODD = json.loads((CASES / "s08-odd-failure-responses.json").read_text())
SCENARIOS = {
    **{one.id: from_vector(one.values[0].input) for one in vectors("esm/sequences.json")},
    "s07": s07(),
    **{f"s08 {entry['name']}": s08(entry) for entry in ODD["responses"]},
    "s09": s09(),
    "s10": s10(),
    "s12": s12(),
    "lanes": lanes(),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
async def test_engine_and_simulator_carry_out_the_same_commands(scenario: Scenario) -> None:
    simulated = run_in_simulator(scenario)
    assert simulated.commands and simulated.rows
    engine = await run_in_engine(scenario, simulated)
    assert engine.commands.keys() == simulated.commands.keys()
    for lane, told in simulated.commands.items():
        assert engine.commands[lane] == told
    assert sorted(engine.calls) == sorted(simulated.calls)
    assert engine.rows == simulated.rows
    assert engine.letters == simulated.letters
