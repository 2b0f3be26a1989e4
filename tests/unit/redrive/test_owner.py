"""How a redrive goes through a mapping, a pipe or a rule: its settings now, and what stands against it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from afterbay.engine.wanted import Wanted, read_wanted
from afterbay.errors import NotFoundError, UnavailableError
from afterbay.redrive.letter import DeadLetter, LetterKind, QueuePlace, read_letter
from afterbay.redrive.owner import Form, Owner, find_owner, owner_in
from unit.redrive.world import FUNCTION, STREAM, URL, document

PLACE = QueuePlace(URL, "one")
PIPE = "arn:aws:pipes:eu-west-1:000000000000:pipe/orders-shipped"
RULE = "arn:aws:events:eu-west-1:000000000000:rule/orders/shipped"
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:work"
PATTERN = '{"eventName": ["MODIFY"]}'


class Service:
    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, object]]] = []

    async def call(self, service: str, operation: str, **asked: object) -> dict[str, object]:
        self.asked.append((operation, asked))
        if operation not in self.answers:
            raise NotFoundError("not there", code="ResourceNotFoundException")
        answer = self.answers[operation]
        assert isinstance(answer, dict)
        return answer


def find(service: Service, letter: DeadLetter) -> Owner:
    return asyncio.run(find_owner(service, letter))


def of_mapping(**more: object) -> DeadLetter:
    return read_letter(PLACE, json.dumps(document(1, 2, **more)).encode())


def of_pipe() -> DeadLetter:
    written = document(1, 2)
    written.pop("requestContext")
    context = {"partnerResourceArn": PIPE, "condition": "RetryAttemptsExhausted"}
    return read_letter(PLACE, json.dumps({**written, "context": context}).encode())


def of_rule(target: str = FUNCTION) -> DeadLetter:
    return read_letter(PLACE, b"{}", {"RULE_ARN": RULE, "TARGET_ARN": target})


def mapping(**members: object) -> Service:
    whole = {"FunctionArn": FUNCTION, "BatchSize": 10, **members}
    return Service(list_event_source_mappings={"EventSourceMappings": [whole]})


def pipe(**members: object) -> Service:
    reading = {"DynamoDBStreamParameters": {"BatchSize": 7}, "FilterCriteria": {"Filters": [{"Pattern": PATTERN}]}}
    return Service(describe_pipe={"Target": FUNCTION, "SourceParameters": reading, **members})


def rule(**members: object) -> Service:
    return Service(list_targets_by_rule={"Targets": [{"Arn": FUNCTION, **members}]})


def test_a_mappings_filters_batch_size_and_answers():
    service = mapping(
        FilterCriteria={"Filters": [{"Pattern": PATTERN}]}, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    told = find(service, of_mapping())
    assert told == Owner(filters=(PATTERN,), batch_size=10, partial=True, function=FUNCTION)
    assert service.asked == [
        ("list_event_source_mappings", {"EventSourceArn": STREAM, "FunctionName": FUNCTION}),
    ]


def test_a_mapping_that_does_not_ask_for_failures_gets_none():
    assert find(mapping(), of_mapping()).partial is False


@pytest.mark.parametrize("service", [Service(list_event_source_mappings={"EventSourceMappings": []}), Service()])
def test_a_mapping_that_is_gone_still_has_its_function(service: Service):
    assert find(service, of_mapping()) == Owner(found=False, function=FUNCTION)


def test_filters_that_nobody_can_read_are_said_to_be_there():
    assert find(mapping(KMSKeyArn="arn:aws:kms:k"), of_mapping()).hidden_filters
    assert not find(
        mapping(KMSKeyArn="k", FilterCriteria={"Filters": [{"Pattern": PATTERN}]}), of_mapping()
    ).hidden_filters


def test_a_function_that_was_told_of_a_window_is_not_called_without_one():
    told = find(mapping(), of_mapping(timeWindowInfo={"isFinalInvokeForWindow": False}))
    assert told.function is None and "window" in told.why


def test_a_pipes_function_is_called_as_the_pipe_calls_it():
    service = pipe()
    told = find(service, of_pipe())
    assert told == Owner(filters=(PATTERN,), batch_size=7, partial=True, form=Form.ARRAY, function=FUNCTION)
    assert service.asked == [("describe_pipe", {"Name": "orders-shipped"})]


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"Enrichment": FUNCTION}, "enrichment"),
        ({"TargetParameters": {"InputTemplate": "<$.x>"}}, "input template"),
        ({"Target": QUEUE}, "is no function"),
    ],
)
def test_what_only_the_pipe_itself_can_send_is_said_by_name(members: dict[str, object], why: str):
    told = find(pipe(**members), of_pipe())
    assert told.function is None and why in told.why and told.filters == (PATTERN,)


def test_a_pipe_that_is_gone():
    told = find(Service(), of_pipe())
    assert not told.found and told.function is None and "orders-shipped is gone" in told.why


def test_a_rules_function_gets_the_event():
    service = rule()
    assert find(service, of_rule()) == Owner(form=Form.EVENT, batch_size=1, function=FUNCTION)
    assert service.asked == [("list_targets_by_rule", {"Rule": "shipped", "EventBusName": "orders"})]


@pytest.mark.parametrize("member", [{"Input": "{}"}, {"InputPath": "$.detail"}, {"InputTransformer": {"a": 1}}])
def test_a_rule_that_makes_another_event_cannot_be_imitated(member: dict[str, object]):
    told = find(rule(**member), of_rule())
    assert told.function is None and "another event" in told.why


def test_a_rules_other_targets_are_named():
    told = find(rule(), of_rule(QUEUE))
    assert told.function is None and QUEUE in told.why


def test_a_rule_that_is_gone_still_has_its_function():
    assert find(Service(), of_rule()).function == FUNCTION


def test_what_is_no_letter_has_no_owner():
    assert find(Service(), read_letter(PLACE, b"hello")).found is False


def test_an_answer_of_another_shape_is_the_services_fault():
    with pytest.raises(UnavailableError, match="something else"):
        find(Service(describe_pipe={"Target": 1}), of_pipe())
    assert of_rule().kind is LetterKind.RULE


def files(folder: Path, **of_pipe: object) -> tuple[Wanted, ...]:
    """What `afterbay run` was given: the mapping and the pipe of the letters here, each with a filter."""
    filtered = {"Filters": [{"Pattern": PATTERN}]}
    asked = {"FunctionName": FUNCTION, "EventSourceArn": STREAM, "StartingPosition": "LATEST", "BatchSize": 7}
    reading = {"DynamoDBStreamParameters": {"StartingPosition": "LATEST", "BatchSize": 7}, "FilterCriteria": filtered}
    piped = {"Name": "orders-shipped", "RoleArn": "arn:aws:iam::000000000000:role/any", "Source": STREAM}
    (folder / "mapping.json").write_text(json.dumps({**asked, "FilterCriteria": filtered}))
    (folder / "pipe.json").write_text(json.dumps({**piped, "SourceParameters": reading, "Target": FUNCTION, **of_pipe}))
    return read_wanted(folder / "mapping.json", folder / "pipe.json")


def test_what_afterbay_run_runs_is_set_as_its_file_says(tmp_path: Path):
    wanted = files(tmp_path)
    assert owner_in(wanted, of_mapping()) == Owner(filters=(PATTERN,), batch_size=7, partial=False, function=FUNCTION)
    piped = Owner(filters=(PATTERN,), batch_size=7, partial=True, form=Form.ARRAY, function=FUNCTION)
    assert owner_in(wanted, of_pipe()) == piped
    window = owner_in(wanted, of_mapping(timeWindowInfo={}))
    assert window is not None and window.function is None and "window" in window.why


def test_only_the_pipe_itself_sends_to_another_target_in_a_file_too(tmp_path: Path):
    owner = owner_in(files(tmp_path, Target=QUEUE), of_pipe())
    assert owner is not None and owner.filters == (PATTERN,)
    assert owner.function is None and "is no function" in owner.why


def test_what_is_in_no_file_is_asked_for(tmp_path: Path):
    mapping, piped = files(tmp_path)
    assert owner_in((piped,), of_mapping()) is None and owner_in((mapping,), of_pipe()) is None
    assert owner_in((mapping, piped), of_rule()) is None and owner_in((), of_mapping()) is None
