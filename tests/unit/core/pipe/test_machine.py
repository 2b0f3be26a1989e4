"""One execution of a pipe: what is called in which order, and what becomes of the batch."""

from __future__ import annotations

import json

import pytest

from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedSome, NotReached
from afterbay.core.pipe.execution import Result, StageEnd
from afterbay.core.pipe.machine import Ask, PipeExecution
from afterbay.core.pipe.plan import Plan
from afterbay.core.target.call import Answered, AwsCall, Call, DestinationCall, Fault, FunctionCall, Refused, Reply

from .making import TARGETS, pipe
from .running import NOW, Ran, batch_of, change, click, taken

THROTTLED = Refused(Fault.THROTTLED, "ThrottlingException", "Rate exceeded", 429, 7.0)
DENIED = Refused(Fault.DENIED, "AccessDeniedException", "no", 403)
UNDONE = Answered(members={"status": "FAILED", "error": "Boom", "cause": "it broke"})


def entries(call: Call) -> list[dict]:
    assert isinstance(call, AwsCall)
    (listed,) = [value for value in call.parameters.values() if isinstance(value, list)]
    return listed


def rejecting(*places: int, code: str = "InternalFailure") -> Reply:
    """PutEvents' answer in which the entries at ``places`` of ten failed."""
    told = [{"ErrorCode": code, "ErrorMessage": "m"} if n in places else {"EventId": str(n)} for n in range(10)]
    return Answered(members={"FailedEntryCount": len(places), "Entries": told})


class TestPieces:
    def test_a_large_batch_goes_in_pieces_and_in_order(self):
        settings = pipe("dynamodb", "events", reading={"BatchSize": 100})
        ran = Ran(settings, [change(n) for n in range(25)], taken)
        sent = [[json.loads(one["Detail"])["eventID"] for one in entries(call)] for call in ran.calls]
        assert [len(piece) for piece in sent] == [10, 10, 5]
        assert [name for piece in sent for name in piece] == [f"e{n}" for n in range(25)]
        assert ran.outcome == Delivered()

    def test_a_piece_that_fails_holds_back_those_behind_it(self):
        settings = pipe("dynamodb", "events", reading={"BatchSize": 100})
        ran = Ran(settings, [change(n) for n in range(25)], taken, lambda call: DENIED)
        assert len(ran.calls) == 2
        assert ran.outcome == FailedSome(frozenset(range(10, 25)))
        assert ran.execution.execution().result is Result.PARTLY_FAILED

    def test_bytes_bound_a_piece_too(self):
        settings = pipe("dynamodb", "events", reading={"BatchSize": 10})
        big = [change(n, note="x" * 300_000) for n in range(5)]
        assert [len(entries(call)) for call in Ran(settings, big, taken).calls] == [3, 2]

    def test_functions_get_everything_at_once(self):
        (call,) = Ran(pipe("dynamodb", "lambda"), [change(n) for n in range(40)], taken).calls
        assert isinstance(call, FunctionCall) and call.waits
        assert len(json.loads(call.payload)) == 40


class TestFailures:
    def test_an_internal_failure_costs_no_attempt_and_keeps_the_advice(self):
        ran = Ran(pipe("dynamodb", "events"), [change(1)], lambda call: THROTTLED)
        assert ran.outcome == NotReached("ThrottlingException: Rate exceeded", 7.0)

    def test_entries_that_the_service_is_to_blame_for_are_tried_again_without_an_attempt(self):
        ran = Ran(pipe("dynamodb", "events"), [change(0)], lambda call: rejecting(0))
        assert isinstance(ran.outcome, NotReached)

    def test_one_entry_of_the_customers_makes_it_count(self):
        answers = Answered(members={"Entries": [{"ErrorCode": "InternalFailure"}, {"ErrorCode": "MalformedDetail"}]})
        ran = Ran(pipe("dynamodb", "events"), [change(0), change(1)], lambda call: answers)
        assert ran.outcome == Failed(Cause.FUNCTION_ERROR)

    def test_rejected_entries_fail_alone(self):
        ran = Ran(pipe("dynamodb", "events"), [change(n) for n in range(10)], lambda call: rejecting(2, 7))
        assert ran.outcome == FailedSome(frozenset({2, 7}), not_reached=NotReached("InternalFailure: m"))

    def test_of_those_that_the_customer_is_to_blame_for_an_attempt_is_counted(self):
        answer = lambda call: rejecting(2, code="MalformedDetail")  # noqa: E731
        ran = Ran(pipe("dynamodb", "events"), [change(n) for n in range(10)], answer)
        assert ran.outcome == FailedSome(frozenset({2}))

    def test_a_function_error_fails_the_whole_batch(self):
        error = Refused(Fault.FUNCTION_ERROR, "Unhandled", "no")
        assert Ran(pipe(), [change(1), change(2)], lambda call: error).outcome == Failed(Cause.FUNCTION_ERROR)

    @pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
    def test_so_does_a_state_machine_that_failed_though_its_call_is_answered(self, status):
        """X85: a customer's error, which counts."""
        answer = Answered(members={"status": status})
        ran = Ran(pipe("dynamodb", "states-express"), [change(1), change(2)], lambda call: answer)
        assert ran.outcome == Failed(Cause.FUNCTION_ERROR)
        assert ran.execution.execution().target.ended is StageEnd.FAILED

    def test_a_state_machine_that_nobody_waits_for_has_no_status(self):
        """X63."""
        waits_not = {"StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}}
        settings = pipe("dynamodb", "states-express", TargetParameters=waits_not)
        assert Ran(settings, [change(1)], lambda call: UNDONE).outcome == Delivered()

    def test_a_template_that_makes_no_json_fails_it_too_and_nothing_is_called(self):
        settings = pipe(TargetParameters={"InputTemplate": '{"a": <$.eventID>'})
        ran = Ran(settings, [change(1)], taken)
        assert (ran.outcome, ran.calls) == (Failed(Cause.FUNCTION_ERROR), [])
        assert ran.execution.execution().target.ended is StageEnd.TRANSFORMATION_FAILED

    def test_text_aimed_at_a_function_fails_the_record(self):
        settings = pipe(TargetParameters={"InputTemplate": "order <$.eventID>"})
        assert Ran(settings, [change(1)], taken).outcome == Failed(Cause.FUNCTION_ERROR)

    def test_an_execution_that_takes_too_long_counts(self):
        execution = PipeExecution(Plan(pipe()), batch_of([change(1)]), NOW, identifiers=list)
        assert isinstance(execution.begin(NOW), Ask)
        assert execution.timed_out(NOW).outcome == Failed(Cause.FUNCTION_ERROR)
        assert execution.execution().result is Result.TIMED_OUT


class TestParameters:
    def test_a_record_that_lacks_a_parameter_fails_alone(self):
        own = {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.NewImage.group.S"}}
        good = change(2, dynamodb={"Keys": {"pk": {"S": "k"}}, "NewImage": {"group": {"S": "g"}}})
        ran = Ran(pipe("dynamodb", "kinesis", TargetParameters=own), [change(1), good], taken)
        assert [one["PartitionKey"] for one in entries(ran.calls[0])] == ["g"]
        assert ran.outcome == FailedSome(frozenset({1}))

    def test_they_are_looked_up_in_what_enters_the_stage(self):
        own = {"SqsQueueParameters": {"MessageGroupId": "$.dynamodb.Keys.pk.S"}, "InputTemplate": '{"x": <$.eventID>}'}
        (call,) = Ran(pipe("dynamodb", "sqs", TargetParameters=own), [change(1, key="k")], taken).calls
        assert entries(call) == [{"Id": "0", "MessageBody": '{"x": "e1"}', "MessageGroupId": "k"}]
        assert call.queue == TARGETS["sqs"]

    def test_an_api_destination_gets_one_record_with_its_values(self):
        own = {
            "HttpParameters": {
                "PathParameterValues": ["$.dynamodb.Keys.pk.S", "fixed"],
                "HeaderParameters": {"X-Id": "$.eventID"},
                "QueryStringParameters": {"q": "1"},
            }
        }
        settings = pipe("dynamodb", "api-destination", TargetParameters=own)
        (call,) = Ran(settings, [change(1, key="k")], taken).calls
        assert call == DestinationCall(
            TARGETS["api-destination"], ("k", "fixed"), {"X-Id": "e1"}, {"q": "1"}, change(1, key="k").body
        )

    def test_a_log_has_a_time_of_the_records_own_or_that_of_the_call(self):
        own = {"CloudWatchLogsParameters": {"LogStreamName": "s", "Timestamp": "$.at"}}
        settings = pipe("dynamodb", "logs", TargetParameters=own)
        ran = Ran(settings, [change(1, at=2_000), change(2, at=1_000), change(3, at="soon")], taken)
        assert [one["timestamp"] for one in entries(ran.calls[0])] == [1_000, 2_000], "as the service wants them"
        assert ran.outcome == FailedSome(frozenset({3}))
        (call,) = Ran(pipe("dynamodb", "logs"), [change(1)], taken).calls
        assert [one["timestamp"] for one in entries(call)] == [int(NOW.timestamp() * 1000)]
        assert call.parameters["logStreamName"] == "orders-shipped"

    def test_a_bus_may_be_told_a_time(self):
        own = {"EventBridgeEventBusParameters": {"Time": "$.at", "Resources": ["$.eventID"]}}
        settings = pipe("dynamodb", "events", TargetParameters=own)
        ran = Ran(settings, [change(1, at="2026-01-01T00:00:00Z"), change(2, at="never")], taken)
        (entry,) = entries(ran.calls[0])
        assert (entry["Time"].isoformat(), entry["Resources"]) == ("2026-01-01T00:00:00+00:00", ["e1"])
        assert ran.outcome == FailedSome(frozenset({2}))


class TestEnrichment:
    def test_it_gets_the_templated_array_and_the_target_what_it_answers(self):
        settings = pipe(
            Enrichment=TARGETS["lambda"] + "-enrich",
            EnrichmentParameters={"InputTemplate": '{"id": <$.eventID>}'},
            TargetParameters={"InputTemplate": '{"tier": <$.tier>, "by": "<aws.pipes.pipe-name>"}'},
        )
        ran = Ran(settings, [change(1), change(2)], lambda call: Answered(b'[{"tier": "gold"}]'), taken)
        enriched, sent = ran.calls
        assert json.loads(enriched.payload) == [{"id": "e1"}, {"id": "e2"}]
        assert json.loads(sent.payload) == [{"tier": "gold", "by": "orders-shipped"}]
        assert ran.outcome == Delivered()

    def test_a_report_finds_its_records_by_the_ids_that_came_through(self):
        settings = pipe("dynamodb", "events", reading={"BatchSize": 10}, Enrichment=TARGETS["lambda"])
        answer = Answered(b'[{"eventID": "e2"}, {"eventID": "e1"}]')
        ran = Ran(settings, [change(1), change(2)], lambda call: answer, lambda call: rejecting(0))
        assert isinstance(ran.outcome, FailedSome) and ran.outcome.positions == {2}

    def test_without_ids_nobody_knows_which_record_failed(self):
        settings = pipe("dynamodb", "events", reading={"BatchSize": 10}, Enrichment=TARGETS["lambda"])
        answer = Answered(b'[{"a": 1}, {"b": 2}]')
        ran = Ran(settings, [change(1), change(2)], lambda call: answer, lambda call: rejecting(0))
        assert isinstance(ran.outcome, NotReached), "all are tried again"

    def test_an_http_enrichment_gets_the_record_itself(self):
        settings = pipe("dynamodb", "sqs", reading={"BatchSize": 1}, Enrichment=TARGETS["api-destination"])
        ran = Ran(settings, [change(1)], lambda call: Answered(b"plain text"), taken)
        assert json.loads(ran.calls[0].body)["eventID"] == "e1"
        assert entries(ran.calls[1])[0]["MessageBody"] == "plain text"

    @pytest.mark.parametrize("target, form", [("lambda", "payload"), ("states-express", "input")])
    @pytest.mark.parametrize("answer", [b'["a", "1", "say \\"x\\"", {}]', b'["", "null"]', b'"true"'])
    def test_strings_that_it_answers_stay_strings_where_only_json_goes(self, target, form, answer):
        """X30, X46, X50."""
        settings = pipe("dynamodb", target, Enrichment=TARGETS["lambda"])
        ran = Ran(settings, [change(1)], lambda call: Answered(answer), taken)
        call = ran.calls[1]
        sent = call.payload if isinstance(call, FunctionCall) else call.parameters[form]
        listed = json.loads(answer)
        assert json.loads(sent) == (listed if isinstance(listed, list) else [listed])

    def test_text_that_was_no_json_does_not_become_it(self):
        """X46."""
        settings = pipe("dynamodb", "lambda", reading={"BatchSize": 1}, Enrichment=TARGETS["api-destination"])
        ran = Ran(settings, [change(1)], lambda call: Answered(b"plain text"), taken)
        assert len(ran.calls) == 1 and ran.outcome == Failed(Cause.FUNCTION_ERROR)

    def test_a_state_machine_answers_by_its_output(self):
        settings = pipe("dynamodb", "lambda", Enrichment=TARGETS["states-express"])
        ran = Ran(settings, [change(1)], lambda call: Answered(members={"output": '[{"a": 1}]'}), taken)
        assert json.loads(ran.calls[1].payload) == [{"a": 1}]

    def test_a_state_machine_that_failed_fails_the_batch_though_its_call_is_answered(self):
        """X54: as a function's error."""
        settings = pipe("dynamodb", "lambda", Enrichment=TARGETS["states-express"])
        ran = Ran(settings, [change(1), change(2)], lambda call: UNDONE, taken)
        assert ran.outcome == Failed(Cause.FUNCTION_ERROR) and len(ran.calls) == 1
        assert ran.outcome.said.message == "Boom: it broke"
        assert ran.execution.execution().enrichment.ended is StageEnd.FAILED


class TestForms:
    def test_a_kinesis_record_is_flat_and_its_data_are_seen_parsed(self):
        settings = pipe(
            "kinesis", "sqs", TargetParameters={"InputTemplate": '{"n": <$.data.n>, "k": <$.partitionKey>}'}
        )
        ran = Ran(settings, [click(1, b'{"n": 3}')], taken)
        told = json.loads(entries(ran.calls[0])[0]["MessageBody"])
        assert told == {"n": 3, "k": 'a"},"eventSource":"b'}

    def test_without_a_template_nothing_of_it_changes(self):
        (call,) = Ran(pipe("kinesis", "lambda"), [click(1, b"raw")], taken).calls
        (record,) = json.loads(call.payload)
        assert "kinesis" not in record
        assert (record["sequenceNumber"], record["data"], record["eventName"]) == ("1", "cmF3", "aws:kinesis:record")

    def test_a_target_that_nobody_waits_for_reports_nothing(self):
        own = {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}
        (call,) = Ran(pipe(TargetParameters=own), [change(1)], taken).calls
        assert isinstance(call, FunctionCall) and not call.waits


@pytest.mark.parametrize("answer", [b"OK", b'"fine"', b"[1]", b"<html>", b"{}"])
def test_a_web_server_may_answer_what_it_likes(answer):
    settings = pipe("dynamodb", "api-destination")
    assert Ran(settings, [change(1)], lambda call: Answered(answer)).outcome == Delivered()


@pytest.mark.parametrize(
    "answer, outcome", [(b"OK", Failed), (b'"fine"', Delivered), (b"[1]", Delivered), (b"", Delivered)]
)
def test_a_function_answers_json(answer, outcome):
    assert isinstance(Ran(pipe(), [change(1)], lambda call: Answered(answer)).outcome, outcome)
