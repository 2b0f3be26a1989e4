"""The record of what a pipe discarded, and why (X90, X91).

Decides what a dead letter says. Storing and sending it are the engine's.
"""

from __future__ import annotations

from datetime import datetime

from afterbay.core.mapping.deadletter import Letter, batch_members

__all__ = ["document"]


def document(letter: Letter, now: datetime) -> dict[str, object]:
    """The document as its destination gets it, sent at ``now``: the body of a message to a queue, without attributes,
    or the message to a topic.

    ``letter.function_arn`` is the pipe's ARN. No record and no text of an error is in it: who gets it has to read the
    shard again before the stream drops the records.
    """
    context = {"partnerResourceArn": letter.function_arn, "condition": letter.condition.value}
    return {"context": context, **batch_members(letter, now)}
