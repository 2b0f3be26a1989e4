"""What a user asks of a mapping: taken, refused, and gone on with (R31 to R33, R38, E19)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.core.mapping.driving import settings

from afterbay.core.mapping.events import (
    Created,
    DeletionRequested,
    DisableRequested,
    EnableRequested,
    Request,
    StopRequested,
    UpdateRequested,
)
from afterbay.core.mapping.lifecycle import LifecycleEvent, State
from afterbay.core.mapping.standing import Next, Standing
from afterbay.errors import SettingsError

NEW = replace(settings(), batch_size=7)


def standing(*, enabled: bool) -> Standing:
    """Of a mapping that was created and has arrived."""
    made = Standing()
    made.take(Created(enabled))
    made.arrive(LifecycleEvent.STARTED if enabled else LifecycleEvent.STOPPED)
    return made


@pytest.mark.parametrize(
    ("request_", "shown", "next_"),
    [
        (EnableRequested(NEW), State.ENABLING, Next.START),
        (UpdateRequested(NEW), State.UPDATING, Next.REST),
        (DeletionRequested(), State.DELETING, Next.DELETE),
        (StopRequested(), State.DISABLED, Next.END),
    ],
)
def test_a_mapping_that_rests_takes_a_request(request_: Request, shown: State, next_: Next) -> None:
    mapping = standing(enabled=False)
    mapping.take(request_)
    assert (mapping.state, mapping.wish.next) == (shown, next_)
    assert mapping.wish.settings == getattr(request_, "settings", None)


@pytest.mark.parametrize(
    ("request_", "shown", "next_"),
    [
        (DisableRequested(), State.DISABLING, Next.REST),
        (UpdateRequested(NEW), State.UPDATING, Next.START),
        (DeletionRequested(), State.DELETING, Next.DELETE),
        (StopRequested(), State.ENABLED, Next.END),
    ],
)
def test_a_mapping_that_works_takes_a_request(request_: Request, shown: State, next_: Next) -> None:
    mapping = standing(enabled=True)
    mapping.take(request_)
    assert (mapping.state, mapping.wish.next) == (shown, next_)


@pytest.mark.parametrize("enabled", [True, False])
def test_an_update_returns_to_the_state_it_came_from(enabled: bool) -> None:
    mapping = standing(enabled=enabled)
    before = mapping.state
    mapping.take(UpdateRequested(NEW))
    mapping.arrive(LifecycleEvent.STARTED if mapping.wish.next is Next.START else LifecycleEvent.STOPPED)
    assert mapping.state is before


@pytest.mark.parametrize("refused", [EnableRequested(), DeletionRequested(), UpdateRequested(NEW)])
def test_a_request_that_is_refused_changes_nothing(refused: Request) -> None:
    """E19. What was asked before still holds: a mapping that was on its way to rest does not start again."""
    mapping = standing(enabled=True)
    mapping.take(DisableRequested())
    wish = mapping.wish
    with pytest.raises(SettingsError, match="in use"):
        mapping.take(refused)
    assert (mapping.state, mapping.wish) == (State.DISABLING, wish)


def test_a_settled_state_stays() -> None:
    mapping = standing(enabled=True)
    mapping.arrive(LifecycleEvent.STOPPED)
    assert mapping.state is State.ENABLED


@pytest.mark.parametrize("end", [StopRequested(), DeletionRequested()])
@pytest.mark.parametrize("late", [EnableRequested(), UpdateRequested(NEW), DeletionRequested(), StopRequested()])
def test_after_an_end_nothing_is_taken(end: Request, late: Request) -> None:
    mapping = standing(enabled=True)
    assert mapping.take(end)
    before = (mapping.state, mapping.wish)
    assert not mapping.take(late)
    assert (mapping.state, mapping.wish) == before


@pytest.mark.parametrize("request_", [DisableRequested(), UpdateRequested(NEW)])
def test_what_is_no_end_is_followed_by_others(request_: Request) -> None:
    mapping = standing(enabled=True)
    assert mapping.take(request_)
    assert mapping.take(StopRequested())
