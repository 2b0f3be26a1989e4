"""``/_afterbay/why`` and ``/_afterbay/skip``: what they take, and whom they ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from afterbay.core.mapping.deadletter import Condition
from afterbay.endpoint.inquiries import Inquiries
from afterbay.errors import NotFoundError, SettingsError
from afterbay.ports import Answer
from afterbay.stores.memory import MemoryStore
from unit.core.mapping.driving import settings
from unit.engine.rig import QUEUE
from unit.engine.test_journal import Journaled

KEY = '{"pk":{"S":"bad"}}'


class NoStreams:
    """Reads nothing again."""

    async def get_shard_iterator(self, *args: object, **more: object) -> str:
        raise NotFoundError("gone", code="ResourceNotFoundException")


class Asked:
    def __init__(self) -> None:
        self.rig = Journaled(MemoryStore(b"seed" * 8), keys_in_clear=True)
        self.inquiries = Inquiries(
            self.rig.supervisor,
            self.rig.journal,
            NoStreams(),  # type: ignore[arg-type]
            self.rig.clock.now,
        )

    async def why(self, **members: str) -> list[dict]:
        return json.loads(json.dumps(await self.inquiries.why(members)))["records"]

    async def until_blocked(self) -> dict:
        while True:
            found = await self.why(key="bad")
            if found and found[0]["waits"] and found[0]["waits"]["attempts"]:
                return found[0]
            await asyncio.sleep(0.002)  # polls a state that has no event of its own


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    """A mapping that one record blocks, and one that waits behind it."""
    one = Asked()
    await one.rig.source.add_shard("s")

    async def refuse(numbers: list[int]) -> Answer:
        return Answer(b'{"errorType":"E","errorMessage":"poison"}', "Unhandled") if 1 in numbers else Answer(b"null")

    one.rig.answer = refuse
    async with one.rig.supervisor:
        await one.rig.supervisor.create("m", settings(batch_size=1), enabled=True)
        await one.rig.source.append("s", one.rig.record(1, KEY), one.rig.record(2, KEY.replace("bad", "later")))
        yield one
    await one.rig.journal.close()


async def test_a_record_is_told_with_what_it_waits_behind(asked: Asked) -> None:
    bad = await asked.until_blocked()
    assert "poison" in [event.get("error_message") for event in bad["events"]] and bad["key"] == {"pk": {"S": "bad"}}
    (later,) = await asked.why(key="later", shard="s", images="1")
    assert later["waits"]["ahead"] == 1 and later["lost"].startswith("trimmed")
    assert [one["mapping"] for one in await asked.why(key="bad", mapping="f")] == ["m"]
    assert await asked.why(key="bad", mapping="g") == [] == await asked.why(key="bad", shard="t")


async def test_a_shard_is_unblocked_and_the_plan_is_what_was_done(asked: Asked) -> None:
    await asked.until_blocked()
    members = {"mapping": "m", "shard": "s", "through": "1", "letter_to": QUEUE}
    plan = json.loads(json.dumps(await asked.inquiries.plan_skip(members)))
    assert (plan["records"], plan["keys"], plan["first"], plan["last"], plan["through"]) == (1, 1, "1", "1", "1")
    assert plan["destination"] == QUEUE and plan["oldest_age_s"] >= 0 and plan["attempts"] >= 1
    done = json.loads(json.dumps(await asked.inquiries.skip(members)))
    assert done.keys() == plan.keys()
    await asked.rig.until(lambda: [2] in asked.rig.calls and bool(asked.rig.sent))
    assert [one.condition for one in asked.rig.sent] == [Condition.SKIPPED_BY_OPERATOR]
    assert [one["outcome"] for one in await asked.why(key="bad")] == ["skipped"]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "one of key and sequence"),
        ({"key": "a", "sequence": "1" * 21}, "one of key and sequence"),
        ({"sequence": "12"}, "a number of 21 to 40 digits"),
        ({"key": "a", "colour": "red"}, "unknown member 'colour'"),
        ({"key": 1}, "key must be a text"),
        ({"key": "{"}, "is no key"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_refused(members: dict, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        await Asked().inquiries.why(members)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "mapping is missing"),
        ({"through": "x"}, "through must be a sequence number"),
        ({"mapping": "other"}, "no mapping other runs here.*those that run: m"),
        ({"letter_to": "arn:aws:lambda:eu-west-1:000000000000:function:f"}, "not the ARN of an on-failure destination"),
        ({}, "nothing is skipped without a letter"),
    ],
)
async def test_a_skip_that_cannot_be_meant_is_refused(asked: Asked, members: dict, said: str) -> None:
    await asked.until_blocked()
    usual = {"mapping": "m", "shard": "s", "through": "1"} if said != "mapping is missing" else {}
    with pytest.raises(SettingsError, match=said):
        await asked.inquiries.skip({**usual, **members})
    assert not asked.rig.sent
