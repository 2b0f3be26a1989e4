"""Without a place named, every destination of mappings, pipes and rules is found, page by page."""

from __future__ import annotations

import asyncio

import pytest

from afterbay.errors import DeniedError, NotFoundError
from afterbay.redrive.destinations import Destinations, find_destinations

HOME = "eu-west-1:000000000000"


def queue(name: str) -> str:
    return f"arn:aws:sqs:{HOME}:{name}"


LISTINGS: dict[str, tuple[str, list[dict[str, object]]]] = {
    "list_event_source_mappings": (
        "EventSourceMappings",
        [
            {"DestinationConfig": {"OnFailure": {"Destination": queue("of-mappings")}}},
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::letters"}}},
            {"DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:sns:{HOME}:told"}}},
            {"DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:sns:{HOME}:lonely"}}},
            {"DestinationConfig": {"OnFailure": {}}},
            {},
        ],
    ),
    "list_pipes": ("Pipes", [{"Name": "table"}, {"Name": "stream"}, {"Name": "queue"}]),
    "list_event_buses": ("EventBuses", [{"Name": "default"}, {"Name": "orders"}]),
    "list_rules": ("Rules", [{"Name": "shipped"}]),
    "list_targets_by_rule": ("Targets", [{"DeadLetterConfig": {"Arn": queue("of-rules")}}, {}]),
}
PIPES: dict[str, dict[str, object]] = {
    "table": {"DynamoDBStreamParameters": {"DeadLetterConfig": {"Arn": queue("of-pipes")}}},
    "stream": {"KinesisStreamParameters": {"DeadLetterConfig": {"Arn": queue("gone")}}},
    "queue": {"SqsQueueParameters": {}},
}


class Services:
    """Every listing comes in pages of one; ``empty``: there is nothing to list, ``refusing``: services that refuse."""

    def __init__(self, *, empty: bool = False, refusing: tuple[str, ...] = ()) -> None:
        self.empty = empty
        self.refusing = refusing

    async def call(self, service: str, operation: str, **asked: object) -> dict[str, object]:
        if service in self.refusing:
            raise DeniedError(f"{service}: not authorized", code="AccessDenied")
        if operation == "describe_pipe":
            return {"SourceParameters": PIPES[str(asked["Name"])]}
        if operation == "get_queue_url":
            if asked["QueueName"] == "gone":
                raise NotFoundError("no such queue", code="QueueDoesNotExist")
            return {"QueueUrl": f"https://sqs/{asked['QueueName']}"}
        if operation == "list_subscriptions_by_topic":
            found = [{"Protocol": "email", "Endpoint": "x"}, {"Protocol": "sqs", "Endpoint": queue("behind")}]
            return {"Subscriptions": found if str(asked["TopicArn"]).endswith("told") else []}
        member, entries = LISTINGS[operation]
        entries = [] if self.empty else entries
        token, following = ("Marker", "NextMarker") if service == "lambda" else ("NextToken", "NextToken")
        at = int(str(asked.get(token, "0")))
        return {member: entries[at : at + 1], **({following: str(at + 1)} if at + 1 < len(entries) else {})}


def test_every_destination_is_found():
    told = asyncio.run(find_destinations(Services()))
    assert told.queues == tuple(f"https://sqs/{one}" for one in ("behind", "of-mappings", "of-pipes", "of-rules"))
    assert told.buckets == (("letters", "aws/lambda/"),)
    lonely, gone = sorted(told.unreadable, key=lambda one: "gone" in one)
    assert "no queue is subscribed" in lonely and "no such queue" in gone


def test_where_there_is_nothing_nothing_is_found():
    assert asyncio.run(find_destinations(Services(empty=True))) == Destinations()


def test_a_service_that_refuses_is_told_and_the_others_are_asked():
    told = asyncio.run(find_destinations(Services(refusing=("pipes",))))
    assert "destinations of pipes: pipes: not authorized" in told.unreadable
    assert "https://sqs/of-rules" in told.queues and "https://sqs/of-pipes" not in told.queues


def test_where_every_service_refuses_the_reason_is_raised():
    with pytest.raises(DeniedError, match="lambda: not authorized"):
        asyncio.run(find_destinations(Services(refusing=("lambda", "pipes", "events"))))
