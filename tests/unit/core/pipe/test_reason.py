"""Why a pipe is in its state (X5)."""

from __future__ import annotations

import pytest

from afterbay.core.change.source import SourceKind
from afterbay.core.pipe.reason import (
    REASON_MAX,
    SourceLost,
    dead_letter_refused,
    shortened,
    source_refused,
    unexpected,
)


def test_a_source_that_may_not_be_read_is_told_with_the_call_that_failed() -> None:
    calls = {kind: source_refused(kind).partition(" permissions to call ")[2] for kind in SourceKind}
    assert calls == {
        SourceKind.TABLE: "DescribeStream on DynamoDB Streams",
        SourceKind.KINESIS: "DescribeStream on Kinesis",
        SourceKind.QUEUE: "ReceiveMessage on SQS",
    }


def test_a_destination_that_may_not_be_sent_to_is_told_by_its_kind() -> None:
    topic = "arn:aws:sns:us-east-1:111122223333:letters"
    assert dead_letter_refused(topic).endswith(f"Error occurred while sending message to SNS topic: {topic}")


@pytest.mark.parametrize("length", [REASON_MAX, REASON_MAX + 1, 5000])
def test_a_reason_is_one_line_of_at_most_512_characters(length: int) -> None:
    told = shortened("x" * length)
    assert len(told) == REASON_MAX and told.endswith("..." if length > REASON_MAX else "x")
    assert shortened("first\n  second") == "first second"
    assert len(unexpected("y" * length)) == REASON_MAX


def test_the_known_reasons_need_no_cutting() -> None:
    assert all(shortened(one.value) == one.value for one in SourceLost)
