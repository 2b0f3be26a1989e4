"""Deliveries of a bus: each target with a queue, a budget and a pace of its own (B50 to B62)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from afterbay.core.bus.delivery import Backoff
from afterbay.core.target.call import Fault, Refused
from afterbay.engine.bus import CALLS_MAX, DeliveryEntry, LetterEntry
from unit.engine.bus_rig import DOWN, GONE, BusRig, Kept, bus_arn, letters_to, queue_arn, retries, target


@pytest.fixture
async def rig() -> AsyncIterator[BusRig]:
    rig = BusRig()
    yield rig
    await rig.engine.clear()


async def test_every_rule_that_matches_delivers_to_each_of_its_targets(rig: BusRig) -> None:
    rig.rule("one", target("a"), target("b"))
    rig.rule("two", target("a"))
    rig.rule("other", target("c"), pattern='{"source": ["else"]}')
    rig.put("e")
    await rig.settle()
    assert (rig.ids("a"), rig.ids("b"), rig.ids("c")) == (["e", "e"], ["e"], [])
    assert not rig.store, "what is delivered is forgotten"
    assert rig.counted("MatchedEvents") == rig.counted("TriggeredRules") == 2
    assert rig.counted("Invocations") == 3
    assert rig.counted("FailedInvocations") == 0


async def test_retries_come_at_doubled_pauses_until_they_are_used_up(rig: BusRig) -> None:
    """B51: three retries are four calls."""
    rig.answers["q"] = [DOWN] * 9
    arn = rig.rule("r", target(**retries(3), **letters_to()))
    rig.put("e")
    await rig.settle()
    await rig.clock.advance(100)
    await rig.settle()
    assert rig.of("q") == [0.0, 1.0, 3.0, 7.0]
    assert rig.of("dlq") == [7.0]
    assert rig.letters() == [
        {
            "RULE_ARN": arn,
            "TARGET_ARN": queue_arn("q"),
            "ERROR_CODE": "ERROR_FROM_TARGET",
            "ERROR_MESSAGE": "ServiceUnavailable: down",
            "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
            "RETRY_ATTEMPTS": "3",
        }
    ]
    assert rig.ids("dlq") == ["e"], "the letter is the event (B60)"
    assert (rig.counted("Invocations"), rig.counted("FailedInvocations")) == (1, 1), "tries in between count nothing"
    assert (rig.counted("InvocationsSentToDlq"), rig.store) == (1, {})


async def test_jitter_keeps_its_share_of_a_pause(rig: BusRig) -> None:
    rig.answers["q"] = [DOWN] * 9
    rig.rule("r", target(**retries(2)))
    rig.share = 0.5
    rig.put("e")
    await rig.settle()
    await rig.clock.advance(100)
    assert rig.of("q") == [0.0, 0.5, 1.5]


async def test_another_back_off_is_handed_in() -> None:
    rig = BusRig(backoff=Backoff(first_s=10, factor=3, cap_s=50))
    rig.answers["q"] = [DOWN] * 4
    rig.rule("r", target())
    rig.put("e")
    await rig.settle()
    await rig.clock.advance(500)
    await rig.settle()
    assert rig.of("q") == [0.0, 10.0, 40.0, 90.0, 140.0], "the fifth call is taken"
    await rig.engine.close()


async def test_the_age_limit_ends_it_before_the_retries_do(rig: BusRig) -> None:
    rig.answers["q"] = [DOWN] * 99
    rig.rule("r", target(**retries(185, age_s=60), **letters_to()))
    rig.put("e")
    await rig.settle()
    await rig.clock.advance(1000)
    await rig.settle()
    assert rig.of("q") == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0]
    assert rig.of("dlq") == [60.0], "at the limit itself, without another call"
    (letter,) = rig.letters()
    assert (letter["EXHAUSTED_RETRY_CONDITION"], letter["RETRY_ATTEMPTS"]) == ("MaximumEventAgeInSeconds", "5")


async def test_the_longer_of_pause_and_retry_after_is_waited(rig: BusRig) -> None:
    rig.answers["q"] = [Refused(Fault.THROTTLED, "Throttling", "slow down", 429, retry_after_s=20.0)]
    rig.rule("r", target())
    rig.put("e")
    await rig.settle()
    await rig.clock.advance(60)
    assert rig.of("q") == [0.0, 20.0]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (GONE, "NO_RESOURCE"),
        (Refused(Fault.DENIED, "AccessDenied", "no", 403), "NO_PERMISSIONS"),
        (Refused(Fault.TOO_LARGE, "TooLarge", "no", 413), "INVALID_PARAMETER"),
        (Refused(Fault.NO_SUCH_HOST, "ConnectError", "unknown"), "CONNECTION_FAILURE"),
    ],
)
async def test_what_no_retry_mends_goes_to_the_dead_letters_at_once(rig: BusRig, reply: Refused, code: str) -> None:
    rig.answers["q"] = [reply]
    rig.rule("r", target(**letters_to()))
    rig.put("e")
    await rig.settle()
    (letter,) = rig.letters()
    assert (letter["ERROR_CODE"], letter["RETRY_ATTEMPTS"]) == (code, "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in letter
    assert rig.of("q") == rig.of("dlq") == [0.0]


async def test_a_payload_that_cannot_be_made_is_never_sent(rig: BusRig) -> None:
    rig.rule("r", target(InputPath="$.detail.nothing", **letters_to()))
    rig.put("e")
    await rig.settle()
    assert (rig.of("q"), rig.letters()[0]["ERROR_CODE"]) == ([], "INVALID_JSON")


async def test_every_try_says_when_the_event_arrived(rig: BusRig) -> None:
    """B45."""
    rig.answers["q"] = [DOWN] * 2
    template = {"InputTemplate": '"at <aws.events.event.ingestion-time>"'}
    rig.rule("r", target(InputTransformer=template, **retries(2)))
    rig.put("e", time=datetime(2020, 1, 1, tzinfo=UTC))
    await rig.settle()
    await rig.clock.advance(10)
    await rig.settle()
    bodies = [message["MessageBody"] for _, name, message in rig.calls if name == "q"]
    assert bodies == ['"at 2026-01-02T03:04:05.000Z"'] * 3


async def test_without_a_queue_for_letters_the_event_is_dropped(rig: BusRig) -> None:
    rig.answers["q"] = [GONE]
    rig.rule("r", target())
    rig.put("e")
    await rig.settle()
    assert not rig.store
    assert rig.counted("FailedInvocations") == 1


async def test_one_target_is_called_a_few_times_at_once_and_stalls_no_other(rig: BusRig) -> None:
    rig.rule("slow", target("slow"))
    rig.rule("quick", target("quick"))
    rig.blocked.add("slow")
    rig.put(*(str(n) for n in range(50)))
    await rig.settle()
    assert len(rig.of("quick")) == 50
    assert rig.most["slow"] == len(rig.of("slow")) == CALLS_MAX
    assert rig.engine.waiting == 50 - CALLS_MAX
    assert rig.counted("ThrottledRules") == 2 * (50 - CALLS_MAX), "what had to wait for a place"
    rig.release("slow")
    await rig.settle()
    assert sorted(rig.ids("slow"), key=int) == [str(n) for n in range(50)]
    assert rig.most["slow"] == CALLS_MAX
    assert rig.engine.waiting == 0


async def test_two_targets_of_one_rule_have_budgets_of_their_own(rig: BusRig) -> None:
    rig.answers["broken"] = [DOWN] * 99
    rig.rule("r", target("broken", **retries(1), **letters_to()), target("fine"))
    rig.put("a", "b")
    await rig.settle()
    assert rig.of("fine") == [0.0, 0.0]
    await rig.clock.advance(2)
    await rig.settle()
    assert len(rig.of("broken")) == 4
    assert [one["TARGET_ARN"] for one in rig.letters()] == [queue_arn("broken")] * 2


async def test_a_letter_that_its_queue_refuses_is_kept_and_sent_later(rig: BusRig) -> None:
    rig.answers["q"] = [GONE]
    rig.answers["dlq"] = [GONE, DOWN]
    rig.rule("r", target(**letters_to()))
    rig.put("e")
    await rig.settle()
    (kept,) = rig.store.values()
    assert isinstance(kept, LetterEntry)
    assert rig.counted("InvocationsFailedToBeSentToDlq") == 1
    await rig.clock.advance(10)
    await rig.settle()
    assert rig.of("dlq") == [0.0, 1.0, 3.0]
    assert not rig.store
    assert rig.counted("InvocationsFailedToBeSentToDlq") == 1, "told once"
    assert rig.counted("InvocationsSentToDlq") == 0
    assert rig.of("q") == [0.0], "the target's budget is over"


async def test_what_waits_goes_on_after_a_restart_with_what_it_had_used_up(rig: BusRig) -> None:
    rig.answers["q"] = [DOWN] * 9
    rig.answers["other"] = [GONE]
    rig.answers["dlq"] = [GONE]
    rig.rule("r", target(**retries(2), **letters_to("letters")), target("other", **letters_to()))
    rig.put("e")
    await rig.settle()
    await rig.clock.advance(0.9)
    await rig.engine.close()
    assert {type(one) for one in rig.store.values()} == {DeliveryEntry, LetterEntry}

    again = BusRig(rig.clock, Kept(rig.store))
    again.rule("r", target(**retries(2), **letters_to("letters")), target("other", **letters_to()))
    again.answers["q"] = [DOWN] * 9
    again.engine.resume(sorted(again.store.items()))
    await again.settle()
    await again.clock.advance(3)
    await again.settle()
    assert len(again.of("q")) == 2, "one of three calls was made before"
    assert [one["RETRY_ATTEMPTS"] for one in again.letters("letters")] == ["2"]
    assert len(again.of("dlq")) == 1
    again.put("new")
    assert max(again.store) > max(rig.store), "no number comes twice"
    await again.settle()
    await again.engine.close()


async def test_a_target_that_is_removed_meanwhile_gets_nothing_more(rig: BusRig) -> None:
    rig.answers["q"] = [DOWN]
    rig.rule("r", target(**letters_to()))
    rig.put("e")
    await rig.settle()
    rig.home.buses.remove_targets({"Rule": "r", "Ids": ["q"]})
    await rig.clock.advance(5)
    await rig.settle()
    assert (rig.of("q"), rig.of("dlq"), rig.store) == ([0.0], [], {})


async def test_a_target_that_is_replaced_meanwhile_gets_it_as_it_is_now(rig: BusRig) -> None:
    rig.answers["q"] = [DOWN]
    rig.answers["other"] = [GONE]
    rig.rule("r", target())
    rig.put("e")
    await rig.settle()
    rig.home.buses.put_targets({"Rule": "r", "Targets": [{"Id": "q", "Arn": queue_arn("other"), **letters_to()}]})
    await rig.clock.advance(5)
    await rig.settle()
    assert rig.of("q") == [0.0]
    assert [(one["TARGET_ARN"], one["RETRY_ATTEMPTS"]) for one in rig.letters()] == [(queue_arn("other"), "1")]


async def test_a_function_is_called_without_waiting_for_it(rig: BusRig) -> None:
    rig.rule("r", {"Id": "f", "Arn": "arn:aws:lambda:eu-west-1:000000000000:function:f"})
    rig.put("e")
    await rig.settle()
    assert rig.ids("f") == ["e"]


async def test_an_event_goes_on_to_another_bus_and_no_further(rig: BusRig) -> None:
    """B25."""
    rig.bus("second")
    rig.bus("third")
    rig.rule("to-second", {"Id": "1", "Arn": bus_arn("second")})
    rig.rule("to-third", {"Id": "1", "Arn": bus_arn("third"), **letters_to()}, bus="second")
    rig.rule("of-second", target("second"), bus="second")
    rig.rule("of-third", target("third"), bus="third")
    rig.put("e")
    await rig.settle()
    assert (rig.ids("second"), rig.ids("third")) == (["e"], [])
    (letter,) = rig.letters()
    assert letter["ERROR_CODE"] == "THIRD_ACCOUNT_HOP_DETECTED"


async def test_in_another_region_an_event_has_another_id(rig: BusRig) -> None:
    rig.bus("far", "us-west-2")
    rig.rule("go", {"Id": "1", "Arn": bus_arn("far", "us-west-2")})
    rig.rule("there", {"Id": "q", "Arn": queue_arn("q", "us-west-2")}, bus="far", region="us-west-2")
    rig.put("e")
    await rig.settle()
    ((_, _, message),) = rig.calls
    event = json.loads(message["MessageBody"])
    assert (event["id"], event["region"], event["detail"]) == ("id-1", "eu-west-1", {"n": "e"})


async def test_a_bus_that_is_not_there_takes_nothing(rig: BusRig) -> None:
    rig.rule("r", {"Id": "1", "Arn": bus_arn("nowhere"), **letters_to()})
    rig.put("e")
    await rig.settle()
    (letter,) = rig.letters()
    assert (letter["ERROR_CODE"], letter["ERROR_MESSAGE"]) == ("NO_RESOURCE", "Event bus nowhere does not exist.")


async def test_a_rule_that_feeds_itself_runs_once(rig: BusRig) -> None:
    """B27."""
    rig.rule("self", {"Id": "1", "Arn": bus_arn("default")}, target())
    rig.put("e")
    await rig.settle()
    assert rig.ids("q") == ["e"]
    assert rig.counted("DeadLetterInvocations") == 1


async def test_it_is_full_while_too_much_waits_and_tells_when_there_is_room() -> None:
    rig = BusRig(waiting_max=3)
    rig.rule("r", target())
    rig.blocked.add("q")
    rig.put(*(str(n) for n in range(CALLS_MAX + 3)))
    await rig.settle()
    assert rig.engine.full
    told = asyncio.create_task(rig.engine.room())
    await rig.settle()
    assert not told.done()
    rig.release("q")
    await asyncio.wait_for(told, 5)
    assert not rig.engine.full
    await rig.settle()
    await rig.engine.close()


async def test_clearing_forgets_what_waits_and_ends_what_is_under_way(rig: BusRig) -> None:
    rig.answers["late"] = [DOWN]
    rig.rule("r", target("stuck"), target("late"))
    rig.blocked.add("stuck")
    rig.put("e")
    await rig.settle()
    await rig.engine.clear()
    await rig.clock.advance(100)
    assert (len(rig.of("stuck")), len(rig.of("late")), rig.engine.waiting) == (1, 1, 0)
    rig.blocked.clear()
    rig.put("new")
    await rig.settle()
    assert rig.ids("late") == ["e", "new"]


async def test_closing_lets_calls_under_way_end_and_starts_no_more(rig: BusRig) -> None:
    rig.rule("r", target())
    rig.blocked.add("q")
    rig.put(*(str(n) for n in range(CALLS_MAX + 1)))
    await rig.settle()
    closing = asyncio.create_task(rig.engine.close())
    await rig.settle()
    assert not closing.done()
    rig.release("q")
    await asyncio.wait_for(closing, 5)
    assert len(rig.of("q")) == CALLS_MAX
    assert len(rig.store) == 1, "it is delivered after the next start"
