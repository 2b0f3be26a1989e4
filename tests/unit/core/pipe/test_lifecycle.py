"""The life of a pipe: which state follows which, and which request conflicts (X3, X4)."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from afterbay.core.mapping.lifecycle import State
from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.lifecycle import LifecycleEvent, PipeState, diagram, state_of, step

PAGE = Path(__file__).parents[4] / "docs" / "semantics" / "pipes.md"
FAILED = ["CREATE_FAILED", "UPDATE_FAILED", "START_FAILED", "STOP_FAILED", "DELETE_FAILED"]
MOVING = ["CREATING", "UPDATING", "DELETING", "STARTING", "STOPPING"]
REQUESTS = {"start": "STARTING", "stop": "STOPPING", "update": "UPDATING", "delete": "DELETING"}

# Written out from the rule and not from the table.
EDGES = {
    (None, "create", "CREATING"),
    ("CREATING", "started", "RUNNING"),
    ("CREATING", "stopped", "STOPPED"),
    ("CREATING", "failed", "CREATE_FAILED"),
    ("RUNNING", "start", "RUNNING"),
    ("RUNNING", "stop", "STOPPING"),
    ("RUNNING", "update", "UPDATING"),
    ("RUNNING", "delete", "DELETING"),
    ("RUNNING", "halted", "STOPPED"),
    ("STOPPED", "start", "STARTING"),
    ("STOPPED", "stop", "STOPPED"),
    ("STOPPED", "update", "UPDATING"),
    ("STOPPED", "delete", "DELETING"),
    ("STARTING", "started", "RUNNING"),
    ("STARTING", "failed", "START_FAILED"),
    ("STOPPING", "stopped", "STOPPED"),
    ("STOPPING", "failed", "STOP_FAILED"),
    ("UPDATING", "started", "RUNNING"),
    ("UPDATING", "stopped", "STOPPED"),
    ("UPDATING", "failed", "UPDATE_FAILED"),
    ("DELETING", "stopped", None),
    ("DELETING", "failed", "DELETE_FAILED"),
    *((state, event, target) for state in FAILED for event, target in REQUESTS.items()),
}
ENTERED = [None, *(one for one in PipeState if "ROLLBACK" not in one)]


def test_the_edges_are_those_of_the_rule_and_no_others() -> None:
    found = set()
    for state, event in product(ENTERED, LifecycleEvent):
        try:
            found.add((state, event, step(state, event, name="p")))
        except (PipeError, AssertionError):
            continue
    assert found == EDGES


@pytest.mark.parametrize(("state", "request_"), list(product(MOVING, REQUESTS)))
def test_a_request_in_a_transition_conflicts(state: str, request_: str) -> None:
    with pytest.raises(PipeError) as caught:
        step(PipeState(state), LifecycleEvent(request_), name="p")
    assert (caught.value.code, caught.value.status) == ("ConflictException", 409)
    assert caught.value.members == {"resourceId": "p", "resourceType": "pipe"}
    assert state in caught.value.message


@pytest.mark.parametrize("state", [one for one in ENTERED if one is not None])
def test_a_pipe_that_is_there_is_not_created_again(state: PipeState) -> None:
    with pytest.raises(PipeError, match="already exists") as caught:
        step(state, LifecycleEvent.CREATE, name="p")
    assert caught.value.code == "ConflictException"


def test_a_report_that_cannot_be_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        step(PipeState.STOPPED, LifecycleEvent.STARTED, name="p")
    with pytest.raises(AssertionError):
        step(None, LifecycleEvent.DELETE, name="p")


def test_a_state_is_settled_unless_it_leads_to_another() -> None:
    assert {one for one in PipeState if not one.settled} == set(MOVING)


def test_each_state_of_a_mapping_is_one_of_a_pipe() -> None:
    assert {one: str(state_of(one)) for one in State} == {
        State.CREATING: "CREATING",
        State.ENABLING: "STARTING",
        State.ENABLED: "RUNNING",
        State.DISABLING: "STOPPING",
        State.DISABLED: "STOPPED",
        State.UPDATING: "UPDATING",
        State.DELETING: "DELETING",
    }


def test_the_documents_have_the_diagram_of_the_table() -> None:
    assert f"```mermaid\n{diagram()}```" in PAGE.read_text()
