"""ListPipes: filters and pages (X11)."""

from __future__ import annotations

import pytest

from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.lifecycle import LifecycleEvent
from afterbay.core.pipe.listing import TOKEN_AGE_MAX_S
from afterbay.core.pipe.registry import PipeRegistry

from .making import SOURCES, TARGETS, registry, request


@pytest.fixture
def pipes() -> PipeRegistry:
    made = registry()
    for name, source, target in (("b-2", "sqs", "sqs"), ("a-1", "dynamodb", "lambda"), ("b-1", "dynamodb", "sqs")):
        made.create(request(source, target, Name=name, DesiredState="STOPPED" if name == "a-1" else "RUNNING"), 1.0)
    made.settle("b-1", LifecycleEvent.STARTED)
    made.delete("b-1", 2.0)
    return made


def names(answer: dict) -> list[str]:
    return [one["Name"] for one in answer["Pipes"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["a-1", "b-1", "b-2"]),
        ({"NamePrefix": "b"}, ["b-1", "b-2"]),
        ({"NamePrefix": "1"}, []),
        ({"DesiredState": "STOPPED"}, ["a-1"]),
        ({"DesiredState": "RUNNING"}, ["b-2"]),
        ({"CurrentState": "DELETING"}, ["b-1"]),
        ({"CurrentState": "UPDATE_ROLLBACK_FAILED"}, []),
        ({"SourcePrefix": SOURCES["sqs"]}, ["b-2"]),
        ({"TargetPrefix": TARGETS["sqs"][:-1]}, ["b-1", "b-2"]),
        ({"TargetPrefix": TARGETS["sqs"], "NamePrefix": "b-2"}, ["b-2"]),
    ],
)
def test_pipes_are_listed_by_name_as_asked_for(pipes: PipeRegistry, query: dict, found: list[str]) -> None:
    answer = pipes.list(query, 3.0)
    assert names(answer) == found and "NextToken" not in answer


def test_pages_go_on_where_the_last_one_ended(pipes: PipeRegistry) -> None:
    first = pipes.list({"Limit": "2"}, 3.0)
    assert names(first) == ["a-1", "b-1"]
    pipes.settle("b-1", LifecycleEvent.STOPPED)
    pipes.create(request(Name="a-2"), 4.0)
    pipes.create(request(Name="c"), 4.0)
    second = pipes.list({"Limit": "2", "NextToken": first["NextToken"]}, 3.0 + TOKEN_AGE_MAX_S)
    assert names(second) == ["b-2", "c"] and "NextToken" not in second


def test_a_token_is_good_for_a_day(pipes: PipeRegistry) -> None:
    token = pipes.list({"Limit": "1"}, 3.0)["NextToken"]
    with pytest.raises(PipeError, match="24 hours"):
        pipes.list({"NextToken": token}, 4.0 + TOKEN_AGE_MAX_S)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"Limit": "0"}, "Limit"),
        ({"Limit": "101"}, "Limit"),
        ({"Limit": "ten"}, "Limit"),
        ({"Limit": "-1"}, "Limit"),
        ({"CurrentState": "Running"}, "CurrentState"),
        ({"DesiredState": "DELETED"}, "DesiredState"),
        ({"NamePrefix": "a b"}, "NamePrefix"),
        ({"NextToken": "x"}, "NextToken"),
        ({"NextToken": "e30="}, "NextToken"),
        ({"NextToken": "é"}, "NextToken"),
        ({"NextToken": ""}, "NextToken"),
    ],
)
def test_a_query_outside_the_model_is_refused(pipes: PipeRegistry, query: dict, where: str) -> None:
    with pytest.raises(PipeError) as caught:
        pipes.list(query, 3.0)
    assert caught.value.code == "ValidationException"
    assert [one["name"] for one in caught.value.members["fieldList"]] == [where]
