"""Dead letters (B55, B60)."""

from __future__ import annotations

import msgspec

from afterbay.core.bus.deadletter import Letter, letter_of, message_attributes
from afterbay.core.bus.delivery import Condition, Delivery, GiveUp
from afterbay.core.bus.envelope import Arrival, Event, encode_event
from afterbay.core.bus.outcome import ErrorCode

EVENT = Event(id="e", detail_type="t", source="s", account="1", time_s=0, region="r", detail=b'{"secret":1}')
ARRIVAL = Arrival(event=EVENT, bus_arn="bus", arrived_s=0.0)
DELIVERY = Delivery(rule_arn="rule", target_id="t", target_arn="target", arrival=ARRIVAL, due_s=0.0, attempts=3)
END = GiveUp(DELIVERY, ErrorCode.TIMEOUT, "no answer", Condition.AGE)


def letter(end: GiveUp) -> Letter:
    written = letter_of(end, "queue")
    assert written is not None
    return written


def test_a_letter_holds_the_event_and_says_why() -> None:
    written = letter(END)
    assert (written.queue_arn, written.rule_arn, written.body) == ("queue", "rule", encode_event(EVENT))
    assert written.attributes == {
        "RULE_ARN": "rule",
        "TARGET_ARN": "target",
        "ERROR_CODE": "TIMEOUT",
        "ERROR_MESSAGE": "no answer",
        "EXHAUSTED_RETRY_CONDITION": "MaximumEventAgeInSeconds",
        "RETRY_ATTEMPTS": "2",
    }
    assert message_attributes(written)["ERROR_CODE"] == {"DataType": "String", "StringValue": "TIMEOUT"}


def test_without_a_condition_there_is_no_attribute_of_it() -> None:
    assert "EXHAUSTED_RETRY_CONDITION" not in letter(GiveUp(DELIVERY, ErrorCode.NO_RESOURCE, "gone")).attributes


def test_no_attribute_is_empty_or_without_end() -> None:
    """A queue takes neither an empty value nor more than its message may hold."""
    assert letter(GiveUp(DELIVERY, ErrorCode.UNKNOWN, "")).attributes["ERROR_MESSAGE"] == "UNKNOWN"
    assert len(letter(GiveUp(DELIVERY, ErrorCode.UNKNOWN, "x" * 10_000)).attributes["ERROR_MESSAGE"]) == 1024


def test_without_a_queue_there_is_no_letter() -> None:
    assert letter_of(END, None) is None


def test_a_letter_is_saved_and_its_repr_hides_the_event() -> None:
    written = letter(END)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(written), type=Letter) == written
    assert "secret" not in repr(written)
