"""What a pipe sends and what it makes of answers: ``enrichment-response``, ``eventbus-target``, ``partial-batch``,
``retry-and-bisect``, and of ``batching`` what a target gets (X50 to X54, X65, X66, X72, X80 to X86)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedSome, NotReached, Outcome
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.execution import Result, StageEnd
from afterbay.core.target.call import Answered, AwsCall, Call, Fault, FunctionCall, Refused, Reply
from unit.core.mapping.driving import World
from unit.core.pipe.making import SOURCES, TARGETS, pipe
from unit.core.pipe.running import NOW, Ran, change, click, taken
from vectors.expecting import same
from vectors.loading import Reader, Vector, vectors

ERRORS = {
    "FunctionError": Refused(Fault.FUNCTION_ERROR, "Unhandled", "the function failed"),
    "ConnectionError": Refused(Fault.NOT_CONNECTED, "ConnectError", "nobody is there"),
    "ResponseTooLarge(6291457 bytes)": Answered(b'"' + b"x" * 6291455 + b'"'),
}
TARGET_NAMES = {"eventbridge": "events", "sqs": "sqs"}
REFUSED = Refused(Fault.FUNCTION_ERROR, "Unhandled", "no")
DOWN = Refused(Fault.UNAVAILABLE, "InternalFailure", "not now")
FAULTS = {"customer_error": REFUSED, "internal_error": DOWN}


def payloads(call: Call) -> list[object]:
    """What a call carries for each record, decoded."""
    if isinstance(call, FunctionCall):
        return json.loads(call.payload)
    assert isinstance(call, AwsCall)
    member = "Detail" if call.operation == "put_events" else "MessageBody"
    return [_decoded(entry[member]) for entry in call.parameters["Entries"]]


def whole_batch_failed(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed | NotReached)


@pytest.mark.parametrize("vector", vectors("pipes/enrichment-response.json"))
def test_an_enrichments_answer_replaces_the_batch(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        target = TARGET_NAMES[given["target"]]
        settings = pipe("dynamodb", target, reading={"BatchSize": 10}, Enrichment=TARGETS["lambda"])
        response = given["response"]
        answer = ERRORS[given["error"]] if "error" in given.names else Answered(response.encode())
        assert (response is None) == ("error" in given.names)
        ran = Ran(settings, [change(n) for n in range(given["records_in"])], lambda call: answer, taken)
        result = ran.execution.execution().result
        match wanted["target"]:
            case "skipped":
                assert ran.execution.execution().target.ended is StageEnd.SKIPPED
                assert (wanted["execution"], result) == ("succeeded", Result.SUCCEEDED)
                assert wanted["checkpoint"] and ran.outcome == Delivered()
            case "not_invoked":
                assert len(ran.calls) == 1, "the enrichment alone"
                assert (wanted["execution"], result) == ("failed", Result.FAILED)
                if "retry" in wanted.names:
                    assert wanted["retry"] == "whole_batch" and whole_batch_failed(ran.outcome)
                    assert isinstance(ran.outcome, Failed) == wanted["counts_against_retries"]
            case _:
                assert wanted["target"] == "invoked"
                assert same(payloads(ran.calls[1]), wanted["records"])


@pytest.mark.parametrize("vector", vectors("pipes/eventbus-target.json"))
def test_a_bus_gets_an_entry_for_each_record(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        parameters = {"EventBridgeEventBusParameters": given["parameters"]} if given["parameters"] else {}
        output = given["output"]
        template = json.dumps(output) if not isinstance(output, str) else output
        settings = pipe(
            given["source_type"],
            "events",
            reading={"BatchSize": 10},
            Name=given["pipe_name"],
            TargetParameters={**parameters, "InputTemplate": template},
        )
        told = given["record"]
        record = click(111) if given["source_type"] == "kinesis" else change(111, **told)
        assert told["eventSource"] == json.loads(record.body)["eventSource"]
        answer = taken
        if "error_code" in wanted.names:
            failed = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": wanted["error_code"], "ErrorMessage": "no"}]}
            answer = lambda call: Answered(members=failed)  # noqa: E731
        ran = Ran(settings, [record], answer)
        (entry,) = ran.calls[0].parameters["Entries"]
        if "entry" not in wanted.names:
            assert not isinstance(_decoded(entry["Detail"]), dict), "which the bus refuses"
            assert wanted["record_failed"] and isinstance(ran.outcome, Failed)
            return
        shown = {**entry, "Detail": json.loads(entry["Detail"]), "Resources": entry.get("Resources", [])}
        expected = wanted["entry"]
        assert same({name: shown[name] for name in expected}, expected)


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def of_a_report(given: Reader) -> tuple[PipeSettings, Answered]:
    response = given["target_response"]
    source = given["source_type"]
    if isinstance(response, dict):
        (answer,) = response.values()
        return pipe(source, "events"), Answered(members=answer)
    kind = given["invocation_type"] if "invocation_type" in given.names else "REQUEST_RESPONSE"
    own = {"LambdaFunctionParameters": {"InvocationType": kind}}
    return pipe(source, "lambda", TargetParameters=own), Answered(response.encode())


@pytest.mark.parametrize("vector", vectors("pipes/partial-batch.json"))
def test_a_report_says_which_records_are_tried_again(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        settings, answer = of_a_report(given)
        ids = given["record_ids"]
        ran = Ran(settings, [change(n, event_id=name) for n, name in enumerate(ids)], lambda call: answer)
        match ran.outcome:
            case Delivered():
                result, again = "success", []
            case FailedSome(positions=positions):
                result, again = "partial", [ids[position] for position in sorted(positions)]
            case _:
                assert whole_batch_failed(ran.outcome)
                result, again = "failure", ids
        assert result == wanted["result"]
        if "any_of_retry" in wanted.names:
            assert again in wanted["any_of_retry"]
        else:
            assert again == wanted["retry"]
        if "delete" in wanted.names:
            assert [name for name in ids if name not in again] == wanted["delete"]
        if "through" in wanted.names:
            assert wanted["through"] == "whole_pipe_including_enrichment", "an outcome is for the mapping to act on"


class Scripted:
    """A mapping that reads a pipe's source, and the pipe's target, which answers by a script or by the record."""

    def __init__(self, given: Reader, records: list) -> None:
        names = ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "OnPartialBatchItemFailure", "DeadLetterConfig")
        reading = {name: given[name] for name in names if name in given.names and given[name] is not None}
        if "DeadLetterConfig" not in given.names:
            reading["DeadLetterConfig"] = {"Arn": SOURCES["sqs"]}
        self.settings = pipe("dynamodb", "lambda", reading=reading)
        self.pause_s = given["seconds_between"] if "seconds_between" in given.names else 0
        self.script: list[str] = []
        self.bad: set[str] = set()
        self.delivered: list[str] = []
        self.calls = 0
        self.world = World(self.settings.source_settings(), {"s": records}, self.function)
        self.world.now = NOW

    def function(self, batch: Batch) -> Outcome:
        outcome = Ran(self.settings, batch.records, self.target).outcome
        self.world.now += timedelta(seconds=self.pause_s)
        if isinstance(outcome, Delivered):
            self.delivered += [_key(one) for one in json.loads(b"[" + b",".join(r.body for r in batch.records) + b"]")]
        return outcome

    def target(self, call: Call) -> Reply:
        self.calls += 1
        if self.script:
            return FAULTS[self.script.pop(0)]
        return REFUSED if {_key(one) for one in payloads(call)} & self.bad else Answered(b"")


def _key(record: dict) -> str:
    return record["dynamodb"]["Keys"]["pk"]["S"]


@pytest.mark.parametrize("vector", vectors("pipes/retry-and-bisect.json"))
def test_a_failing_target_is_tried_as_often_as_it_may(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        if "target_error" in given.names:
            told = given["target_error"]
            assert (told["httpStatusCode"], told["awsService"]) == (429, "events")
            answer = Refused(Fault.THROTTLED, "ThrottlingException", "Rate exceeded", told["httpStatusCode"])
            outcome = Ran(pipe("dynamodb", "events"), [change(1)], lambda call: answer).outcome
            assert wanted["class"] == "retry" and isinstance(outcome, NotReached)
            return
        keys = given["batch"] if "batch" in given.names else ["a"]
        one = Scripted(given, [change(n, key=key) for n, key in enumerate(keys, 1)])
        one.script = list(given["outcomes"]) if "outcomes" in given.names else []
        one.bad = {key for key in keys if key.startswith("BAD")}
        calls = len(one.script)
        one.world.start().run(0)
        for _ in range(400):
            if one.calls >= calls and (calls or not one.world.mapping.shards["s"].oldest_unfinished()):
                break
            if one.world.letters or not one.world.mapping.shards["s"].oldest_unfinished():
                break
            one.world.run(60)
        lettered = [record for letter in one.world.letters for record in range(letter.first, letter.last + 1)]
        if "invocations" in wanted.names:
            assert one.calls == wanted["invocations"]
        match wanted["then"] if "then" in wanted.names else "isolated":
            case "dlq":
                (letter,) = one.world.letters
                assert letter.condition.value == wanted["condition"]
            case "still_retrying":
                assert not one.world.letters and one.world.mapping.shards["s"].oldest_unfinished()
            case "dropped":
                assert not one.world.letters and one.world.mapping.counters.dropped == 1
            case _:
                assert one.delivered == wanted["delivered"]
                assert [keys[number - 1] for number in lettered] == wanted["dlq"]


@pytest.mark.parametrize("vector", [one for one in vectors("pipes/batching.json") if "records" in one.values[0].input])
def test_a_target_gets_a_batch_in_its_form(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        template = {"InputTemplate": given["template"]} if "template" in given.names else {}
        enriched = json.dumps(given["records"]).encode()
        settings = pipe("dynamodb", given["target"], Enrichment=TARGETS["lambda"], TargetParameters=template or None)
        ran = Ran(settings, [change(1)], lambda call: Answered(enriched), taken)
        sent = ran.calls[1]
        if "payload" in wanted.names:
            assert same(payloads(sent), wanted["payload"])
        elif "details" in wanted.names:
            assert same(payloads(sent), wanted["details"])
        else:
            assert [entry["MessageBody"] for entry in sent.parameters["Entries"]] == wanted["bodies"]


def test_a_failed_batch_never_says_what_the_records_hold() -> None:
    """The outcome of a template that fails names paths and kinds, never values."""
    settings = pipe("dynamodb", "lambda", TargetParameters={"InputTemplate": '{"key": <$.dynamodb.Keys.pk.S>, oops}'})
    ran = Ran(settings, [change(1, key="secret")], taken)
    assert ran.outcome == Failed(Cause.FUNCTION_ERROR)
    assert ran.calls == [] and "secret" not in str(ran.execution.target.fault)
