"""Answers of the pipes API, as documented (X1, X4, X7, X8): each operation on a registry in the wanted state."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from afterbay.core.pipe.described import accepted, described
from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.lifecycle import PipeState
from afterbay.core.pipe.registry import PIPES_MAX, PipeRegistry
from unit.core.pipe.making import registry, request
from vectors.loading import Vector, vectors

NOW_S = 1_767_323_045.25
PLACES = {"<any>": object, "<epoch-seconds>": float}


def full() -> PipeRegistry:
    made = registry()
    for number in range(PIPES_MAX):
        made.create(request(Name=f"pipe-{number}"), NOW_S)
    return made


PRECONDITIONS: dict[str | None, Callable[[], PipeRegistry]] = {
    None: registry,
    "absent": registry,
    "RUNNING": lambda: registry(PipeState.RUNNING),
    "STOPPED": lambda: registry(PipeState.STOPPED),
    "UPDATING": lambda: registry(PipeState.UPDATING),
    "1000 pipes exist": full,
}


def _untagged(pipes: PipeRegistry, params: dict) -> dict:
    pipes.untag(params["resourceArn"], params["tagKeys"])
    return {}


OPERATIONS: dict[str, Callable[[PipeRegistry, dict], dict]] = {
    "CreatePipe": lambda pipes, params: accepted(pipes.create(params, NOW_S)),
    "UpdatePipe": lambda pipes, params: accepted(pipes.update(params["Name"], params, NOW_S)),
    "DeletePipe": lambda pipes, params: accepted(pipes.delete(params["Name"], NOW_S)),
    "StartPipe": lambda pipes, params: accepted(pipes.start(params["Name"], NOW_S)),
    "StopPipe": lambda pipes, params: accepted(pipes.stop(params["Name"], NOW_S)),
    "DescribePipe": lambda pipes, params: described(pipes.get(params["Name"])),
    "ListTagsForResource": lambda pipes, params: {"tags": pipes.tags(params["resourceArn"])},
    "UntagResource": _untagged,
}


def agrees(found: object, wanted: object) -> bool:
    """Members that are not listed are free; a placeholder stands for a value of its kind."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and agrees(found[name], one) for name, one in wanted.items()
        )
    if isinstance(wanted, str) and wanted in PLACES:
        return isinstance(found, PLACES[wanted])
    return found == wanted and type(found) is type(wanted)


@pytest.mark.parametrize("vector", vectors("pipes/api-responses.json"))
def test_an_operation_is_answered_as_documented(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        pipes = PRECONDITIONS[given["precondition"]]()
        try:
            status, body = 200, OPERATIONS[given["operation"]](pipes, given["request"])
        except PipeError as error:
            status, body = error.status, error.body
        assert status == wanted["http_status"]
        assert agrees(body, wanted["body"]), body
