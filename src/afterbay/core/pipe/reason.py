"""Why a pipe is in the state it is in: ``StateReason``, where AWS's text is known (X5, X12).

Decides the sentence and which report of the driver goes with it. Finding out that something failed is the driver's.
"""

from __future__ import annotations

from enum import Enum

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.source import SourceKind

__all__ = [
    "REASON_MAX",
    "SourceLost",
    "dead_letter_refused",
    "shortened",
    "source_lost",
    "source_refused",
    "unexpected",
]

REASON_MAX = 512
"""Characters of a reason (X5)."""

_HEAD = "Input parameter is invalid from the request due to : "
_FIRST_CALL = {
    SourceKind.TABLE: "DescribeStream on DynamoDB Streams",
    SourceKind.KINESIS: "DescribeStream on Kinesis",
    SourceKind.QUEUE: "ReceiveMessage on SQS",
}
_SENT_TO = {"sqs": "SQS queue", "sns": "SNS topic"}


class SourceLost(Enum):
    """What stops a running pipe (``LifecycleEvent.HALTED``); the value is the reason (documented)."""

    STREAM_GONE = "Stream not found. To resume processing please delete the pipe and create a new one."
    QUEUE_DENIED = (
        "Pipes does not have required permissions to perform Queue operations "
        "(sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes)"
    )


def source_lost(kind: SourceKind) -> SourceLost:
    """Why nothing comes from a source any more: a stream ends (X12), a queue denies (X5)."""
    return SourceLost.QUEUE_DENIED if kind is SourceKind.QUEUE else SourceLost.STREAM_GONE


def source_refused(kind: SourceKind) -> str:
    """The role may not read the source, or it is not there: found while a pipe is created, updated or started
    (``LifecycleEvent.FAILED``). Recorded for SQS; the other two by analogy."""
    return f"{_HEAD}The provided customer role does not have permissions to call {_FIRST_CALL[kind]}"


def dead_letter_refused(arn: str) -> str:
    """The test send to the dead-letter destination failed, likewise. Recorded for SQS; SNS by analogy."""
    return f"{_HEAD}Error occurred while sending message to {_SENT_TO[parse_arn(arn).service]}: {arn}"


def unexpected(what: str) -> str:
    """Any other failure, in the form of the known ones (ours)."""
    return shortened(_HEAD + what)


def shortened(reason: str) -> str:
    """At most ``REASON_MAX`` characters, and no line ends: the model's form takes none."""
    line = " ".join(reason.split())
    return line if len(line) <= REASON_MAX else line[: REASON_MAX - 3] + "..."
