"""The life of a mapping: which state follows which, and which request has to wait (R31, R32, E19)."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from afterbay.core.mapping.lifecycle import LifecycleEvent, State, diagram, step, update_event
from afterbay.errors import SettingsError

PAGE = Path(__file__).parents[4] / "docs" / "semantics" / "mapping-api.md"
SETTLED = [State.ENABLED, State.DISABLED]
MOVING = [state for state in State if state not in SETTLED]
REQUESTS = [LifecycleEvent.ENABLE, LifecycleEvent.DISABLE, LifecycleEvent.UPDATE, LifecycleEvent.DELETE]

# R32, written out from the rule and not from the table.
EDGES = {
    (None, "create", "Creating"),
    ("Creating", "started", "Enabled"),
    ("Creating", "stopped", "Disabled"),
    ("Enabled", "disable", "Disabling"),
    ("Disabling", "stopped", "Disabled"),
    ("Disabled", "enable", "Enabling"),
    ("Enabling", "started", "Enabled"),
    ("Enabled", "update", "Updating"),
    ("Disabled", "update", "Updating"),
    ("Updating", "started", "Enabled"),
    ("Updating", "stopped", "Disabled"),
    ("Enabled", "delete", "Deleting"),
    ("Disabled", "delete", "Deleting"),
    ("Deleting", "stopped", None),
}


def test_the_edges_are_those_of_the_rule_and_no_others() -> None:
    found = set()
    for state, event in product([None, *State], LifecycleEvent):
        try:
            found.add((state, event, step(state, event)))
        except (SettingsError, AssertionError):
            continue
    assert found == EDGES


@pytest.mark.parametrize("state", SETTLED)
def test_a_settled_mapping_takes_an_update_of_any_kind_and_a_delete(state: State) -> None:
    for enabled in (None, True, False):
        assert step(state, update_event(state, enabled=enabled)) in MOVING
    assert step(state, LifecycleEvent.DELETE) is State.DELETING


@pytest.mark.parametrize("event", REQUESTS)
@pytest.mark.parametrize("state", MOVING)
def test_a_mapping_on_its_way_to_another_state_is_in_use(state: State, event: LifecycleEvent) -> None:
    with pytest.raises(SettingsError) as refused:
        step(state, event)
    verb = "delete" if event is LifecycleEvent.DELETE else "update"
    assert refused.value.code == "ResourceInUseException"
    assert refused.value.message == f"Cannot {verb} the event source mapping because it is in use."
    assert refused.value.hint == f"it is {state}: try again once it is Enabled or Disabled"


@pytest.mark.parametrize(
    ("state", "enabled", "shown"),
    [
        (State.ENABLED, False, State.DISABLING),
        (State.DISABLED, True, State.ENABLING),
        (State.ENABLED, None, State.UPDATING),
        (State.DISABLED, None, State.UPDATING),
        (State.ENABLED, True, State.UPDATING),
        (State.DISABLED, False, State.UPDATING),
    ],
)
def test_an_update_shows_where_it_is_going(state: State, enabled: bool | None, shown: State) -> None:
    assert step(state, update_event(state, enabled=enabled)) is shown


@pytest.mark.parametrize("event", [event for event in LifecycleEvent if event is not LifecycleEvent.CREATE])
def test_nothing_happens_to_a_mapping_that_is_not_there(event: LifecycleEvent) -> None:
    with pytest.raises(AssertionError, match="not there"):
        step(None, event)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.DISABLING, LifecycleEvent.STARTED),
        (State.ENABLING, LifecycleEvent.STOPPED),
        (State.UPDATING, LifecycleEvent.CREATE),
        (State.ENABLED, LifecycleEvent.STARTED),
        (State.ENABLED, LifecycleEvent.ENABLE),
        (State.DISABLED, LifecycleEvent.DISABLE),
    ],
)
def test_a_report_that_cannot_come_is_a_bug_and_no_refusal(state: State, event: LifecycleEvent) -> None:
    with pytest.raises(AssertionError, match=f"{event} does not happen to a mapping that is {state}"):
        step(state, event)


def test_the_page_shows_the_table() -> None:
    assert f"```mermaid\n{diagram()}```" in PAGE.read_text(encoding="utf-8")
