"""The answers of enrichments (X50 to X53), and what goes out to them."""

from __future__ import annotations

import pytest

from afterbay.core.mapping.outcome import Cause, Failed, NotReached
from afterbay.core.pipe.enrichment import ANSWER_BYTES_MAX, Enrichment
from afterbay.core.pipe.execution import Result, StageEnd
from afterbay.core.pipe.log import steps
from afterbay.core.target.call import Answered, Fault, Refused

from .making import TARGETS, pipe
from .running import Ran, change, taken


@pytest.mark.parametrize("payload", [b"", b"null", b'""', b"{}", b"[]", b" [ ] "])
def test_an_empty_answer_is_nothing_to_send(payload):
    assert Enrichment.events(payload) is None


@pytest.mark.parametrize(
    "payload, events",
    [
        (b"[{}]", [{}]),
        (b'{"a": 1}', [{"a": 1}]),
        (b"[1, [2]]", [1, [2]]),
        (b"0", [0]),
        (b"false", [False]),
        (b"plain", ["plain"]),
        (b"\xff", ["�"]),
    ],
)
def test_an_answer_replaces_the_batch(payload, events):
    assert [one.raw for one in Enrichment.events(payload) or ()] == events


def test_a_parameter_that_the_record_lacks_fails_it_and_nobody_is_called():
    """X62, without a template too."""
    own = {"HttpParameters": {"PathParameterValues": ["$.nothing"]}}
    settings = pipe(
        "dynamodb",
        "sqs",
        reading={"BatchSize": 1},
        Enrichment=TARGETS["api-destination"],
        EnrichmentParameters=own,
    )
    ran = Ran(settings, [change(1)], taken)
    assert (ran.outcome, ran.calls) == (Failed(Cause.FUNCTION_ERROR), [])
    execution = ran.execution.execution()
    assert execution.enrichment.ended is StageEnd.NOT_CALLED and execution.result is Result.FAILED
    assert [str(one) for one in steps(execution)] == [
        "ExecutionStarted",
        "EnrichmentStageEntered",
        "EnrichmentStageFailed",
        "ExecutionFailed",
    ]


@pytest.mark.parametrize("enrichment", ["lambda", "states-express"])
def test_text_that_is_no_json_fails_the_batch_where_only_json_goes(enrichment):
    """X46, X54: ``1, 2`` would make an array of more records than there are."""
    text = {"InputTemplate": "<$.dynamodb.SizeBytes>, 2"}
    settings = pipe(Enrichment=TARGETS[enrichment], EnrichmentParameters=text)
    ran = Ran(settings, [change(1), change(2)], taken)
    assert (ran.outcome, ran.calls) == (Failed(Cause.FUNCTION_ERROR), [])
    assert ran.execution.execution().enrichment.ended is StageEnd.NOT_CALLED
    quoted = pipe(Enrichment=TARGETS[enrichment], EnrichmentParameters={"InputTemplate": '"id <$.eventID>"'})
    assert len(Ran(quoted, [change(1)], taken).calls) == 1


def test_an_http_enrichment_takes_any_text():
    """X46."""
    own = {"InputTemplate": "id <$.eventID>"}
    size = {"BatchSize": 1}
    settings = pipe("dynamodb", "sqs", reading=size, Enrichment=TARGETS["api-destination"], EnrichmentParameters=own)
    assert Ran(settings, [change(1)], taken).calls[0].body == b"id e1"


def test_too_long_a_list_never_reaches_the_target():
    """X53."""
    settings = pipe("dynamodb", "sqs", reading={"BatchSize": 1}, Enrichment=TARGETS["lambda"])
    ran = Ran(settings, [change(1)], lambda call: Answered(b"[" + b"1," * 10 + b"1]"), taken)
    assert len(ran.calls) == 1 and ran.outcome == Failed(Cause.FUNCTION_ERROR)
    told = [str(one) for one in steps(ran.execution.execution())]
    assert told[-3:] == ["TargetStageEntered", "TargetStageFailed", "ExecutionFailed"]


def test_too_large_an_answer_counts():
    settings = pipe(Enrichment=TARGETS["lambda"])
    answer = Answered(b'"' + b"x" * (ANSWER_BYTES_MAX - 1) + b'"')
    ran = Ran(settings, [change(1)], lambda call: answer, taken)
    assert len(ran.calls) == 1 and ran.outcome == Failed(Cause.FUNCTION_ERROR)


def test_a_worn_out_token_is_renewed_once_and_then_is_a_refusal():
    settings = pipe("dynamodb", "sqs", reading={"BatchSize": 1}, Enrichment=TARGETS["api-destination"])
    worn = Refused(Fault.TOKEN_REFUSED, "", "HTTP status 401", 401)
    ran = Ran(settings, [change(1)], lambda call: worn, lambda call: Answered(b"{}"))
    assert ran.calls[0] is ran.calls[1] and len(ran.calls) == 2
    ran = Ran(settings, [change(1)], lambda call: worn)
    assert len(ran.calls) == 2 and ran.outcome == Failed(Cause.FUNCTION_ERROR)


def test_a_connection_that_fails_is_nobodys_attempt():
    settings = pipe(Enrichment=TARGETS["lambda"])
    ran = Ran(settings, [change(1)], lambda call: Refused(Fault.NOT_CONNECTED, "ConnectError", "no"), taken)
    assert ran.outcome == NotReached("ConnectError: no")
