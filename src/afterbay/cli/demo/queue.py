"""What is in the failure queue, looked at without taking it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["peek"]

RECEIVES_MAX = 50
"""Calls, at most 10 messages each. More letters than that are wrong anyway."""

EMPTY_MAX = 3
"""Calls in a row that show nothing new, before we believe that there is nothing more."""


def peek(client: SQSClient, queue_url: str) -> tuple[str, ...]:
    """Bodies of all messages, each once; they stay visible, for the demo's user may want to look at them too."""
    found: dict[str, str] = {}
    nothing_new = 0
    for _ in range(RECEIVES_MAX):
        answer = client.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        before = len(found)
        found |= {one.get("MessageId", ""): one.get("Body", "") for one in answer.get("Messages", [])}
        nothing_new = nothing_new + 1 if len(found) == before else 0
        if nothing_new == EMPTY_MAX:
            break
    return tuple(found.values())
