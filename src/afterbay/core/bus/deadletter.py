"""What a dead-letter queue gets of a delivery that was given up (B55, B60 to B62)."""

from __future__ import annotations

import msgspec

from afterbay.core.bus.delivery import GiveUp
from afterbay.core.bus.envelope import encode_event

__all__ = ["Letter", "letter_of", "message_attributes"]

MESSAGE_MAX = 1024
"""Characters of ERROR_MESSAGE: a target's own words may be long, and the queue counts them (ours)."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a dead-letter queue, as it is stored until it is sent. ``attributes`` are all texts."""

    queue_arn: str
    rule_arn: str
    body: bytes
    attributes: dict[str, str]

    def __repr__(self) -> str:
        """Without the event, which is the customer's data."""
        return f"Letter(queue_arn={self.queue_arn!r}, attributes={self.attributes!r})"


def letter_of(given_up: GiveUp, queue_arn: str | None) -> Letter | None:
    """The letter about a delivery; None where its target has no queue: the event is dropped (B55).

    Rules: B60 the body is the event as it came, not what was sent (inferred); no condition where the error is never
    retried.
    """
    if queue_arn is None:
        return None
    delivery = given_up.delivery
    attributes = {
        "RULE_ARN": delivery.rule_arn,
        "TARGET_ARN": delivery.target_arn,
        "ERROR_CODE": given_up.code.value,
        "ERROR_MESSAGE": given_up.message[:MESSAGE_MAX] or given_up.code.value,
    }
    if given_up.condition is not None:
        attributes["EXHAUSTED_RETRY_CONDITION"] = given_up.condition.value
    attributes["RETRY_ATTEMPTS"] = str(delivery.retries)
    body = encode_event(delivery.arrival.event)
    return Letter(queue_arn=queue_arn, rule_arn=delivery.rule_arn, body=body, attributes=attributes)


def message_attributes(letter: Letter) -> dict[str, dict[str, str]]:
    """The letter's MessageAttributes, as SQS takes them."""
    return {name: {"DataType": "String", "StringValue": value} for name, value in letter.attributes.items()}
