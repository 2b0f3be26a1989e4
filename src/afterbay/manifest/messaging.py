"""Queues, topics and their subscriptions."""

from __future__ import annotations

import json
from collections.abc import Mapping

from afterbay.declaration.resources import Declared, Queue, Subscription, Topic
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Value, text_of
from afterbay.manifest.session import Session, part_of

__all__ = ["make_queue", "make_subscription", "make_topic"]

QUEUE_NAME_MAX = 80
TOPIC_NAME_MAX = 256

_DELIVERED = frozenset({"sqs", "http", "https"})

_UNSAID: Mapping[str, str] = {
    "DelaySeconds": "0",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedrivePolicy": "",
    "VisibilityTimeout": "30",
}
"""What takes an attribute of an earlier template away."""

_UNSAID_OF_SUBSCRIPTIONS: Mapping[str, str] = {"FilterPolicy": "{}", "RawMessageDelivery": "false"}

_SUBSCRIPTION = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")


async def make_queue(session: Session, queue: Queue) -> dict[str, Value]:
    properties = session.settled(queue.declared)
    properties.pop("QueueName", None)
    is_fifo = properties.get("FifoQueue") is True
    if not is_fifo:
        for one in ("FifoQueue", "ContentBasedDeduplication"):  # false is as good as nothing, and the API takes nothing
            if properties.get(one) is False:
                del properties[one]
    name = session.name(queue.declared, queue.name, QUEUE_NAME_MAX, tail=".fifo" if is_fifo else "")
    attributes = {one: _attribute(value) for one, value in properties.items()}
    answer = await session.create("sqs", "create_queue", QueueName=name, Attributes=attributes)
    if answer is None:  # there, with other attributes
        answer = await session.call("sqs", "get_queue_url", QueueName=name)
        changes = {one: value for one, value in attributes.items() if one != "FifoQueue"}
        await session.call("sqs", "set_queue_attributes", QueueUrl=answer["QueueUrl"], Attributes=changes)
    url = str(answer["QueueUrl"])
    told = await session.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    there = part_of(told, "Attributes")
    unsaid = {one: value for one, value in _UNSAID.items() if one not in attributes and there.get(one, value) != value}
    if unsaid:
        await session.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes=unsaid)
    arn = str(there["QueueArn"])
    return {"Ref": url, "QueueUrl": url, "Arn": arn, "QueueName": name}


async def make_topic(session: Session, topic: Topic) -> dict[str, Value]:
    """The topic, and the subscriptions that are written into it."""
    properties = session.settled(topic.declared)
    subscriptions = properties.pop("Subscription", None)
    properties.pop("TopicName", None)
    is_fifo = properties.get("FifoTopic") is True
    name = session.name(topic.declared, topic.name, TOPIC_NAME_MAX, tail=".fifo" if is_fifo else "")
    attributes = {one: _attribute(value) for one, value in properties.items()}
    answer = await session.call("sns", "create_topic", Name=name, Attributes=attributes)
    arn = str(answer["TopicArn"])
    for one in subscriptions if isinstance(subscriptions, list) else ():
        with session.step(topic.declared, "Subscription"):
            members = one if isinstance(one, dict) else {}
            _tell_undelivered(session, topic.declared, "Subscription", members.get("Protocol"))
            await session.call(
                "sns", "subscribe", TopicArn=arn, Protocol=members.get("Protocol"), Endpoint=members.get("Endpoint")
            )
    return {"Ref": arn, "TopicArn": arn, "TopicName": name}


async def make_subscription(session: Session, subscription: Subscription) -> dict[str, Value]:
    properties = session.settled(subscription.declared)
    attributes = {one: _attribute(properties[one]) for one in _SUBSCRIPTION if one in properties}
    _tell_undelivered(session, subscription.declared, "Protocol", properties.get("Protocol"))
    answer = await session.call(
        "sns",
        "subscribe",
        TopicArn=properties.get("TopicArn"),
        Protocol=properties.get("Protocol"),
        Endpoint=properties.get("Endpoint"),
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )
    arn = str(answer["SubscriptionArn"])
    told = await session.call("sns", "get_subscription_attributes", SubscriptionArn=arn)
    for one in part_of(told, "Attributes").keys() & _UNSAID_OF_SUBSCRIPTIONS.keys() - attributes.keys():
        nothing = _UNSAID_OF_SUBSCRIPTIONS[one]
        if part_of(told, "Attributes")[one] != nothing:
            await session.call(
                *("sns", "set_subscription_attributes"), SubscriptionArn=arn, AttributeName=one, AttributeValue=nothing
            )
    return {"Ref": arn, "Arn": arn}


def _tell_undelivered(session: Session, declared: Declared, name: str, protocol: Value) -> None:
    """Letters, text messages and the like: a topic takes the subscription, and nothing is sent here."""
    if isinstance(protocol, str) and protocol not in _DELIVERED and protocol != "lambda":  # that is refused
        subject = f"{declared.id}.{name} ({protocol})"
        session.notes.append(Note(NoteKind.WITHOUT_EFFECT, declared.place_of(name), subject, group="subscriptions"))


def _attribute(value: Value) -> str:
    """Both APIs take every attribute as text."""
    told = text_of(value)
    return json.dumps(value) if told is None else told
