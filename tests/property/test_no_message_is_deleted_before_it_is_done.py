"""Whatever fails, and whenever a mapping is paused or changed: only what is done or unwanted leaves a queue."""

from __future__ import annotations

import random

import pytest

from afterbay.core.mapping.events import DisableRequested, EnableRequested, UpdateRequested
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedSome, NotReached, Outcome
from afterbay.core.mapping.queue_commands import DeliverMessages
from afterbay.core.shard.position import Position
from unit.core.mapping.queue_driving import FIFO, QUEUE, World, settings

MESSAGES = 60
TROUBLES = 40
"""How often something fails; then all succeeds, so that every run comes to its end."""


def some_settings(rng: random.Random, arn: str):
    window = 0 if arn == FIFO else rng.choice((0, 0, 3))
    return settings(
        event_source_arn=arn,
        batch_size=rng.choice((1, 3, 10)) if not window else rng.choice((5, 25)),
        batching_window_s=window,
        concurrency_max=rng.choice((None, 2, 6)),
        report_batch_item_failures=rng.random() < 0.5,
        filters=('{"body": [{"anything-but": "unwanted"}]}',) if rng.random() < 0.4 else (),
    )


@pytest.mark.parametrize("seed", range(40))
def test_no_message_is_deleted_before_it_is_done(seed: int) -> None:
    rng = random.Random(seed)
    arn = rng.choice((QUEUE, FIFO))
    troubles = TROUBLES
    done: set[str] = set()

    def function(command: DeliverMessages) -> Outcome:
        nonlocal troubles
        names = command.message_ids
        kind = rng.choice(("error", "throttle", "some", "fine")) if troubles > 0 else "fine"
        troubles -= 1
        match kind:
            case "error":
                return Failed(Cause.FUNCTION_ERROR)
            case "throttle":
                return NotReached("TooManyRequestsException: slow down")
            case "some":
                bad = set(rng.sample(names, rng.randint(1, len(names))))
                done.update(set(names) - bad)
                pairs = zip(names, command.batch.records, strict=True)
                return FailedSome(frozenset(Position(one.position) for name, one in pairs if name in bad))
            case _:
                done.update(names)
                return Delivered()

    world = World(some_settings(rng, arn), function).start()
    unwanted = {f"m{n}" for n in range(MESSAGES) if rng.random() < 0.2}

    def check() -> None:
        left = set(world.queue.names())
        filtered = unwanted if any(world.mapping.settings.filters) or changed else set[str]()
        assert sent - left <= done | filtered, seed
        limit = world.mapping.settings.concurrency_max
        assert limit is None or changed or world.most_in_flight <= limit, seed

    sent: set[str] = set()
    changed = False
    for n in range(MESSAGES):
        name, group = f"m{n}", f"g{n % 4}" if arn == FIFO else None
        world.queue.send(name, group=group, body="unwanted" if name in unwanted else name)
        sent.add(name)
        if rng.random() < 0.1:
            world.failures.append("InternalError: down")
        if rng.random() < 0.1 and world.mapping.state.settled:
            changed = True
            new = some_settings(rng, arn)
            match rng.choice(("update", "toggle")), world.mapping.state:
                case "toggle", State.ENABLED:
                    world.tell(DisableRequested(new))
                case "toggle", State.DISABLED:
                    world.tell(EnableRequested(new))
                case _:
                    world.tell(UpdateRequested(new))
        world.run(rng.choice((0.0, 0.01, 0.5, 7.0)))
        check()
    while not world.mapping.state.settled:
        world.run(1)
    if world.mapping.state is State.DISABLED:
        world.tell(EnableRequested())
    world.run(3_000)
    check()
    assert world.queue.kept == [], seed
    assert done | unwanted >= sent
    assert world.mapping.batches == {} and len(world.mapping.inbox) == 0
    assert world.mapping.counters.deleted <= len(sent)
