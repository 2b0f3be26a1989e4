"""Whatever targets and dead-letter queues answer, and wherever the process ends, no event is lost or left over."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.target.call import Answered, Fault, Refused, Reply
from unit.engine.bus_rig import BusRig, Kept, letters_to, retries, target

REPLIES = st.sampled_from(
    [
        Answered(),
        Refused(Fault.UNAVAILABLE, "ServiceUnavailable", "down", 503),
        Refused(Fault.THROTTLED, "Throttling", "slow down", 429, retry_after_s=5.0),
        Refused(Fault.TIMED_OUT, "Timeout", "slow"),
        Refused(Fault.NOT_FOUND, "QueueDoesNotExist", "gone", 404),
        Refused(Fault.TOKEN_REFUSED, "", "HTTP status 401", 401),
    ]
)
DAY_S = 90_000.0


def wired(rig: BusRig, answers: list[Reply], letters: list[Reply], attempts: int) -> BusRig:
    rig.answers = {"q": answers, "dlq": letters}
    rig.rule("r", target(**retries(attempts), **letters_to()), target("calm"))
    return rig


@settings(max_examples=60)
@given(
    events=st.integers(1, 12),
    answers=st.lists(REPLIES, max_size=30),
    letters=st.lists(REPLIES, max_size=10),
    attempts=st.integers(0, 4),
    ends_after_s=st.none() | st.floats(0, 30),
)
def test_every_event_ends_at_its_target_or_in_its_letters(
    events: int, answers: list[Reply], letters: list[Reply], attempts: int, ends_after_s: float | None
) -> None:
    async def run() -> None:
        rig = wired(BusRig(), answers, letters, attempts)
        ids = {f"e{n}" for n in range(events)}
        taken: dict[str, list[str]] = {"q": [], "dlq": [], "calm": []}
        hear(rig, taken)
        rig.put(*sorted(ids))
        await rig.settle()
        assert sorted(taken["calm"]) == sorted(ids), "the other target is not kept waiting"
        if ends_after_s is not None:
            await rig.clock.advance(ends_after_s)
            await rig.engine.close()
            stored = Kept(rig.store)
            rig = wired(BusRig(rig.clock, stored), rig.answers["q"], rig.answers["dlq"], attempts)
            hear(rig, taken)
            rig.engine.resume(sorted(stored.items()))
            await rig.settle()
        await rig.clock.advance(DAY_S)
        await rig.settle()
        assert sorted(taken["q"] + taken["dlq"]) == sorted(ids), "each once, here or there"
        assert not rig.store
        assert rig.engine.waiting == 0
        await rig.engine.close()

    asyncio.run(run())


def hear(rig: BusRig, taken: dict[str, list[str]]) -> None:
    """Note what each queue took."""
    perform = rig.engine._perform

    async def heard(call, request_id: str) -> Reply:
        reply = await perform(call, request_id)
        if isinstance(reply, Answered):
            name = call.queue.rpartition(":")[2]
            taken[name].append(json.loads(call.parameters["MessageBody"])["id"])
        return reply

    rig.engine._perform = heard
