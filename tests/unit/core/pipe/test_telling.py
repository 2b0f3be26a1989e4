"""What an execution logs: which steps, with which data, and what of a failure (X100 to X105)."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pytest

from afterbay.core.pipe.log_record import LogRecord
from afterbay.core.pipe.machine import Ask, PipeExecution
from afterbay.core.pipe.plan import Plan
from afterbay.core.pipe.telling import log_records
from afterbay.core.target.call import Answered, Fault, Refused

from .making import TARGETS, pipe
from .running import NOW, Ran, batch_of, change, click, taken

DENIED = Refused(Fault.DENIED, "AccessDeniedException", "no", 403)


def logging(level: str = "TRACE", *, data: bool = True) -> dict:
    return {"Level": level, **({"IncludeExecutionData": ["ALL"]} if data else {})}


def told(ran: Ran, settings) -> list[LogRecord]:
    return list(log_records(Plan(settings), ran.execution, "id"))


def documents(*answers, level: str = "TRACE", data: bool = True, name: str = "lambda", **changed) -> dict[str, dict]:
    settings = pipe("dynamodb", name, LogConfiguration=logging(level, data=data), **changed)
    ran = Ran(settings, [change(1), change(2)], *answers)
    return {one.step.value: one.document(include_data=data) for one in told(ran, settings)}


@pytest.mark.parametrize("configuration", [None, {"Level": "OFF"}])
def test_a_pipe_that_logs_nothing_tells_nothing(configuration):
    settings = pipe(LogConfiguration=configuration)
    assert told(Ran(settings, [change(1)], taken), settings) == []


def test_every_record_says_whose_it_is_and_how_much_the_pipe_logs():
    for one in documents(taken, level="INFO").values():
        assert (one["executionId"], one["logLevel"]) == ("id", "INFO")
        assert one["resourceArn"].endswith(":pipe/orders-shipped")


def test_data_are_on_the_steps_that_have_them_and_on_no_other():
    shown = documents(lambda call: Answered(b'{"ok": 1}'), TargetParameters={"InputTemplate": '{"id": <$.eventID>}'})
    with_data = {step for step, one in shown.items() if {"payload", "awsRequest", "awsResponse"} & set(one)}
    assert with_data == {
        "ExecutionStarted",
        "TargetTransformationSucceeded",
        "TargetInvocationSucceeded",
        "TargetStageSucceeded",
    }
    assert [one["eventID"] for one in json.loads(shown["ExecutionStarted"]["payload"])] == ["e1", "e2"]
    assert json.loads(shown["TargetTransformationSucceeded"]["payload"]) == [{"id": "e1"}, {"id": "e2"}]
    assert shown["TargetStageSucceeded"]["payload"] == '{"ok": 1}'
    request = json.loads(shown["TargetInvocationSucceeded"]["awsRequest"])
    assert request["functionArn"] == TARGETS["lambda"] and json.loads(request["payload"])[0] == {"id": "e1"}
    assert shown["TargetInvocationSucceeded"]["awsResponse"] == '{"ok": 1}'


def test_without_execution_data_no_record_holds_any():
    shown = documents(lambda call: DENIED, data=False)
    assert not any({"payload", "awsRequest", "awsResponse"} & set(one) for one in shown.values())


def test_an_enrichment_tells_of_itself_and_the_target_of_what_it_got():
    answers = (lambda call: Answered(b'[{"tier": "gold"}]'), taken)
    shown = documents(*answers, Enrichment=TARGETS["lambda"] + "-enrich")
    assert shown["EnrichmentStageSucceeded"]["payload"] == '[{"tier": "gold"}]'
    assert json.loads(shown["EnrichmentInvocationSucceeded"]["awsRequest"])["functionArn"].endswith("-enrich")
    assert json.loads(json.loads(shown["TargetInvocationSucceeded"]["awsRequest"])["payload"]) == [{"tier": "gold"}]


def test_a_state_machine_is_told_by_its_output():
    answers = (lambda call: Answered(members={"output": '[{"a": 1}]'}), taken)
    shown = documents(*answers, Enrichment=TARGETS["states-express"])
    assert shown["EnrichmentStageSucceeded"]["payload"] == '[{"a": 1}]'


def test_a_failure_is_told_three_times_with_what_the_service_said():
    shown = documents(lambda call: DENIED, level="ERROR", name="sqs")
    assert list(shown) == ["TargetInvocationFailed", "TargetStageFailed", "ExecutionFailed"]
    for one in shown.values():
        assert one["error"] == {
            "message": "no",
            "httpStatusCode": 403,
            "awsService": "sqs",
            "exceptionType": "AccessDeniedException",
            "resourceArn": TARGETS["sqs"],
        }
    response = json.loads(shown["TargetInvocationFailed"]["awsResponse"])
    assert response == {"errorCode": "AccessDeniedException", "errorMessage": "no"}


def test_what_a_function_said_of_its_error_is_the_details():
    error = Refused(Fault.FUNCTION_ERROR, "Unhandled", "the function failed", status=200, payload=b'{"errorType": "E"}')
    (record, *_) = documents(lambda call: error, level="ERROR").values()
    assert record["error"]["details"] == '{"errorType": "E"}' and record["error"]["awsService"] == "lambda"


def test_of_pieces_the_one_that_failed_is_told_though_others_came_after_it():
    settings = pipe("dynamodb", "events", reading={"BatchSize": 100}, LogConfiguration=logging())
    bad = Answered(members={"Entries": [{"ErrorCode": "MalformedDetail", "ErrorMessage": "m"}]})
    ran = Ran(settings, [change(n) for n in range(25)], lambda call: bad, taken)
    shown = {one.step.value: one for one in told(ran, settings)}
    failed = shown["TargetInvocationPartiallyFailed"]
    assert "MalformedDetail" in failed.aws_response and '"e0' in json.dumps(json.loads(failed.aws_request)["Entries"])
    assert failed.error.message == "MalformedDetail: m"


def test_a_partial_answer_says_that_records_failed():
    answer = Answered(b'{"batchItemFailures": [{"itemIdentifier": "e1"}]}')
    shown = documents(lambda call: answer, level="ERROR")
    assert list(shown) == [
        "TargetInvocationPartiallyFailed",
        "TargetStagePartiallyFailed",
        "ExecutionPartiallyFailed",
    ]
    assert shown["TargetStagePartiallyFailed"]["error"]["message"] == "records failed by its answer"


def test_a_template_that_fails_says_why_and_never_the_values():
    shown = documents(taken, level="ERROR", TargetParameters={"InputTemplate": '{"a": <$.eventID>'})
    assert list(shown) == ["TargetTransformationFailed", "TargetStageFailed", "ExecutionFailed"]
    assert "e1" not in json.dumps([one["error"] for one in shown.values()])


def test_a_time_out_is_told_as_one_at_its_moment():
    settings = pipe(LogConfiguration=logging("ERROR"))
    plan, end = Plan(settings), NOW + timedelta(minutes=5)
    execution = PipeExecution(plan, batch_of([change(1)]), NOW, identifiers=list)
    assert isinstance(execution.begin(NOW), Ask)
    execution.timed_out(end)
    (record,) = log_records(plan, execution, "id")
    assert record.step == "ExecutionTimeout" and record.error.message == "the execution took too long"
    assert record.timestamp_ms == int(end.timestamp() * 1000)


def test_moments_ascend_from_step_to_step():
    settings = pipe(Enrichment=TARGETS["lambda"], LogConfiguration=logging())
    plan, now = Plan(settings), NOW
    execution = PipeExecution(plan, batch_of([change(1)]), now, identifiers=list)
    step = execution.begin(now)
    while isinstance(step, Ask):
        now += timedelta(seconds=1)
        step = execution.told(Answered(b"[1]" if now == NOW + timedelta(seconds=1) else b""), now)
    moments = [one.timestamp_ms for one in log_records(plan, execution, "id")]
    assert moments == sorted(moments) and moments[-1] - moments[0] == 2000


def test_bytes_and_times_in_a_request_have_a_form():
    own = {"KinesisStreamParameters": {"PartitionKey": "$.partitionKey"}}
    settings = pipe("kinesis", "kinesis", TargetParameters=own, LogConfiguration=logging())
    ran = Ran(settings, [click(1)], taken)
    (request,) = [one.aws_request for one in told(ran, settings) if one.step == "TargetInvocationSucceeded"]
    assert msgspec.json.decode(request)["operation"] == "put_records"
