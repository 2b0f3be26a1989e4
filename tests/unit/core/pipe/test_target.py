"""A target alone: entries, pieces, and what an answer says of each (X62 to X74, X82)."""

from __future__ import annotations

import json

import pytest

from afterbay.core.pipe.output import Output
from afterbay.core.pipe.plan import Plan
from afterbay.core.pipe.target import Target
from afterbay.core.target.call import Answered, AwsCall, Fault, FunctionCall, Rejected
from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event

from .making import TARGETS, pipe
from .running import NOW


def target(name: str, **changed: object) -> Target:
    return Plan(pipe("dynamodb", name, **changed)).target


def output(text: str, place: int = 0, **event: object) -> Output:
    return Output(text, Event(event), place, is_json=True)


def sizes(one: Target, *texts: str) -> list[int]:
    return [len(piece) for piece in one.pieces([output(text) for text in texts])]


@pytest.mark.parametrize("name, entries", [("sqs", 10), ("sns", 10), ("kinesis", 500), ("firehose", 500)])
def test_entries_bound_a_piece(name, entries):
    assert sizes(target(name), *["x"] * (entries * 2 + 1)) == [entries, entries, 1]


@pytest.mark.parametrize(
    "name, bytes_max",
    [
        ("sqs", 1 << 20),
        ("sns", 1 << 18),
        ("events", 1 << 20),
        ("kinesis", 5 << 20),
        ("firehose", 4 << 20),
        ("logs", 1 << 20),
        ("states-express", 1 << 18),
        ("lambda", 6 << 20),
    ],
)
def test_bytes_bound_a_piece_of_every_target(name, bytes_max):
    half = "é" * (bytes_max // 4 - 600)
    assert sizes(target(name), half, half, half) == [2, 1]


def test_the_payloads_of_a_function_stay_within_its_limit_with_brackets_and_commas():
    one = target("states-express")
    texts = ['"' + "x" * 1000 + '"'] * 600
    pieces = list(one.pieces([output(text) for text in texts]))
    payloads = [one.call(piece, NOW).parameters["input"] for piece in pieces]
    assert all(len(text) <= 262_144 for text in payloads) and len(payloads) == 3
    assert [each for text in payloads for each in json.loads(text)] == [json.loads(text) for text in texts]


def test_large_parameters_count_too():
    own = {"EventBridgeEventBusParameters": {"Resources": ["$.long"] * 10}}
    one = target("events", TargetParameters=own)
    outputs = [one.prepare(output("{}", long="r" * 20_000)) for _ in range(10)]
    assert len(list(one.pieces(outputs))) > 1


@pytest.mark.parametrize("name, bytes_max", [("sns", 1 << 18), ("events", 1 << 20), ("lambda", 6 << 20)])
def test_a_record_that_no_call_takes_is_refused_alone(name, bytes_max):
    one = target(name)
    with pytest.raises(TemplateError, match=f"at most {bytes_max} bytes, and this record is {bytes_max + 1}"):
        one.prepare(output("x" * (bytes_max + 1)))
    assert one.prepare(output("x" * bytes_max)).text


def test_log_events_go_by_their_time_within_the_batch():
    own = {"CloudWatchLogsParameters": {"Timestamp": "$.at"}}
    one = target("logs", TargetParameters=own)
    outputs = [one.prepare(output(str(at), place, at=at)) for place, at in enumerate((3, 1, 2))]
    (piece,) = one.pieces(outputs)
    assert [each.place for each in piece] == [1, 2, 0]


@pytest.mark.parametrize(
    "told, places",
    [
        ({}, []),
        ({"tooOldLogEventEndIndex": 2}, [0, 1]),
        ({"tooOldLogEventEndIndex": 0}, [0]),
        ({"expiredLogEventEndIndex": 1, "tooOldLogEventEndIndex": 2}, [0, 1]),
        ({"tooNewLogEventStartIndex": 3}, [3, 4]),
        ({"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 4}, [0, 4]),
        ({"tooOldLogEventEndIndex": 9}, [0, 1, 2, 3, 4]),
    ],
)
def test_what_a_log_group_leaves_out_is_rejected_though_it_answers_well(told, places):
    found = target("logs").rejected(Answered(members={"rejectedLogEventsInfo": told}), 5)
    assert [one.index for one in found] == places and all(one.fault is Fault.REFUSED for one in found)


def test_entries_are_rejected_by_id_or_by_place():
    failed = {"Failed": [{"Id": "1", "Code": "Throttling", "Message": "m", "SenderFault": False}]}
    assert target("sqs").rejected(Answered(members=failed), 2) == (Rejected(1, "Throttling", "m", Fault.THROTTLED),)
    placed = {"Records": [{}, {"ErrorCode": "InternalFailure", "ErrorMessage": "m"}]}
    assert target("kinesis").rejected(Answered(members=placed), 2) == (
        Rejected(1, "InternalFailure", "m", Fault.UNAVAILABLE),
    )
    assert target("lambda").rejected(Answered(b"{}"), 2) == ()


def test_only_who_is_waited_for_reports():
    answer = Answered(b'{"batchItemFailures": [{"itemIdentifier": "a"}]}')
    assert target("lambda").report(answer) == ("a",)
    waits_not = {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}
    one = target("lambda", TargetParameters=waits_not)
    assert one.report(answer) == () and one.call([output("{}")], NOW) == FunctionCall(TARGETS["lambda"], b"[{}]", False)
    assert target("sqs").report(answer) == ()
    machine = target("states-express")
    assert machine.report(Answered(members={"output": answer.payload.decode()})) == ("a",)
    assert machine.report(Answered(members={})) == ()


def test_an_empty_text_of_the_event_is_no_default_of_a_bus():
    """X60, X65."""
    own = {"EventBridgeEventBusParameters": {"Source": "$.none", "DetailType": "$.none"}}
    one = target("events", TargetParameters=own)
    (entry,) = one.call([one.prepare(output("{}", none=""))], NOW).parameters["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("", "")


def test_a_bus_has_its_defaults_and_its_parameters():
    call = target("events").call([output("{}")], NOW)
    assert isinstance(call, AwsCall)
    assert call.parameters["Entries"] == [
        {
            "EventBusName": TARGETS["events"],
            "Source": "Pipe orders-shipped",
            "DetailType": "Event from aws:dynamodb",
            "Detail": "{}",
        }
    ]
    own = {"EventBridgeEventBusParameters": {"Time": "$.at"}}
    one = target("events", TargetParameters=own)
    prepared = one.prepare(output("{}", at="2026-01-01T00:00:00"))
    (entry,) = one.call([prepared], NOW).parameters["Entries"]
    assert entry["Time"].isoformat() == "2026-01-01T00:00:00+00:00", "no zone is UTC"
