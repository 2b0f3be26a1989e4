"""The pipes of an account: each operation, and what it leaves behind (X1, X4, X7, X8)."""

from __future__ import annotations

import pytest

from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.lifecycle import DesiredState, LifecycleEvent, PipeState
from afterbay.core.pipe.reason import SourceLost

from .making import ROLE, TARGETS, registry, request

NAME = "orders-shipped"
ARN = f"arn:aws:pipes:us-east-1:111122223333:pipe/{NAME}"


def code_of(caught: pytest.ExceptionInfo[PipeError]) -> tuple[str, int]:
    return caught.value.code, caught.value.status


def test_a_pipe_keeps_its_creation_and_the_time_of_the_last_request() -> None:
    pipes = registry(PipeState.RUNNING)
    changed = pipes.update(NAME, {"RoleArn": ROLE, "Description": "d"}, 9.0)
    assert (changed.created_s, changed.modified_s, changed.state) == (1.0, 9.0, PipeState.UPDATING)
    settled = pipes.settle(NAME, LifecycleEvent.STARTED)
    assert settled is not None and (settled.modified_s, settled.state) == (9.0, PipeState.RUNNING)


@pytest.mark.parametrize("operation", ["get", "start", "stop", "delete", "update"])
def test_a_pipe_that_is_not_there_is_not_found(operation: str) -> None:
    pipes = registry()
    arguments = {"get": (), "update": ({"RoleArn": ROLE}, 1.0)}.get(operation, (1.0,))
    with pytest.raises(PipeError, match=r"^Pipe nope does not exist\.$") as caught:
        getattr(pipes, operation)("nope", *arguments)
    assert code_of(caught) == ("NotFoundException", 404)


@pytest.mark.parametrize("operation", ["get", "start", "stop", "delete", "update"])
@pytest.mark.parametrize("name", ["a b", "a" * 65, "a/b", "ä"])
def test_what_is_no_name_is_told_before_that_no_pipe_has_it(operation: str, name: str) -> None:
    """X2, X6."""
    arguments = {"get": (), "update": ({"RoleArn": ROLE}, 1.0)}.get(operation, (1.0,))
    with pytest.raises(PipeError, match='"Name":"Name"') as caught:
        getattr(registry(), operation)(name, *arguments)
    assert code_of(caught) == ("ValidationException", 400)


def test_an_update_without_its_role_is_told_before_that_there_is_no_such_pipe() -> None:
    """X6, X10."""
    with pytest.raises(PipeError, match="RoleArn") as caught:
        registry().update("nope", {}, 1.0)
    assert code_of(caught) == ("ValidationException", 400)


def test_what_is_no_arn_has_no_tags() -> None:
    """X6, X8."""
    for arn, code in (("nope", "ValidationException"), ("a" * 1601, "ValidationException"), (ARN, "NotFoundException")):
        with pytest.raises(PipeError) as caught:
            registry().tags(arn)
        assert caught.value.code == code


def test_start_and_stop_say_what_is_desired() -> None:
    pipes = registry(PipeState.RUNNING)
    assert pipes.stop(NAME, 2.0).desired_state is DesiredState.STOPPED
    pipes.settle(NAME, LifecycleEvent.STOPPED)
    assert pipes.stop(NAME, 3.0).state is PipeState.STOPPED
    started = pipes.start(NAME, 4.0)
    assert (started.state, started.desired_state) == (PipeState.STARTING, DesiredState.RUNNING)


def test_a_request_that_conflicts_changes_nothing() -> None:
    pipes = registry(PipeState.CREATING)
    before = pipes.get(NAME)
    for ask in (pipes.start, pipes.stop, pipes.delete):
        with pytest.raises(PipeError) as caught:
            ask(NAME, 5.0)
        assert code_of(caught) == ("ConflictException", 409)
    with pytest.raises(PipeError):
        pipes.update(NAME, {"RoleArn": ROLE}, 5.0)
    assert pipes.get(NAME) is before


def test_a_deleted_pipe_is_there_until_nothing_of_it_runs() -> None:
    pipes = registry(PipeState.STOPPED)
    pipes.delete(NAME, 2.0)
    with pytest.raises(PipeError, match="already exists"):
        pipes.create(request(), 3.0)
    assert pipes.settle(NAME, LifecycleEvent.STOPPED) is None
    assert len(pipes) == 0 and pipes.create(request(), 4.0).created_s == 4.0


def test_a_reason_lasts_until_the_pipe_moves_on() -> None:
    pipes = registry(PipeState.RUNNING)
    halted = pipes.settle(NAME, LifecycleEvent.HALTED, SourceLost.STREAM_GONE.value)
    assert halted is not None
    assert (halted.state, halted.desired_state) == (PipeState.STOPPED, DesiredState.RUNNING)
    assert pipes.stop(NAME, 2.0).reason == SourceLost.STREAM_GONE.value, "nothing moved"
    assert pipes.start(NAME, 3.0).reason is None
    failed = pipes.settle(NAME, LifecycleEvent.FAILED, "x" * 600)
    assert failed is not None and failed.reason is not None and len(failed.reason) == 512


def test_there_are_no_more_pipes_than_the_quota_allows() -> None:
    pipes = registry(pipes_max=2)
    pipes.create(request(Name="a"), 1.0)
    pipes.create(request(Name="b"), 1.0)
    with pytest.raises(PipeError) as caught:
        pipes.create(request(Name="c"), 1.0)
    assert code_of(caught) == ("ServiceQuotaExceededException", 402)
    with pytest.raises(PipeError, match="already exists"):
        pipes.create(request(Name="a"), 1.0)


def test_a_wrong_request_is_told_before_that_the_name_is_taken() -> None:
    with pytest.raises(PipeError) as caught:
        registry(PipeState.RUNNING).create(request(Target=TARGETS["ecs"]), 1.0)
    assert caught.value.code == "ValidationException"


def test_tags_come_with_the_pipe_and_change_in_every_state() -> None:
    pipes = registry()
    pipes.create(request(Tags={"a": "1", "b": "2"}), 1.0)
    pipes.tag(ARN, {"tags": {"b": "3", "c": ""}})
    pipes.untag(ARN, ["a", "never"])
    assert pipes.tags(ARN) == {"b": "3", "c": ""}


def test_tags_are_bounded_together() -> None:
    pipes = registry()
    pipes.create(request(Tags={str(number): "" for number in range(50)}), 1.0)
    pipes.tag(ARN, {"tags": {"0": "x"}})
    with pytest.raises(PipeError, match="51 tags"):
        pipes.tag(ARN, {"tags": {"new": ""}})


@pytest.mark.parametrize("arn", [ARN + "x", ARN.replace("us-east-1", "eu-west-1")])
def test_tags_of_what_is_not_there_are_not_found(arn: str) -> None:
    with pytest.raises(PipeError) as caught:
        registry(PipeState.RUNNING).tags(arn)
    assert code_of(caught) == ("NotFoundException", 404)


def test_pipes_are_taken_up_again_as_they_were_stored() -> None:
    stored = registry(PipeState.RUNNING).get(NAME)
    pipes = registry()
    pipes.restore(stored)
    assert list(pipes) == [stored] and pipes.get(NAME) is stored


def test_templates_are_checked_on_create_and_update() -> None:
    seen: list[str] = []
    pipes = registry(check_template=seen.append)
    pipes.create(request(TargetParameters={"InputTemplate": "one"}), 1.0)
    pipes.settle(NAME, LifecycleEvent.STARTED)
    pipes.update(NAME, {"RoleArn": ROLE, "TargetParameters": {"InputTemplate": "two"}}, 2.0)
    assert seen == ["one", "two"]
