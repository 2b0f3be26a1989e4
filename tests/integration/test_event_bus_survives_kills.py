"""``afterbay dev --state``: buses, what waits on them and what archives hold are there again after SIGKILL."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from integration.buses import ACCOUNT, Queue, World, eventually
from integration.serving import REGION, ROLE, wait_for
from integration.state_address import killed
from unit.targets.server import Told, serving

SEED = 20261128
ROUNDS = 2


@contextmanager
def world_on(state: Path, folder: Path) -> Iterator[World]:
    with killed(state, folder) as served:
        world = World(served)
        try:
            yield world
        finally:
            world.close()


def shown(world: World, bus: str, name: str) -> list[object]:
    """All that the API says."""
    events, arn = world.events, f"arn:aws:events:{REGION}:{ACCOUNT}"
    answers = [
        events.list_event_buses(),
        events.describe_event_bus(Name=bus),
        events.list_tags_for_resource(ResourceARN=f"{arn}:event-bus/{bus}"),
        events.list_rules(EventBusName=bus),
        events.list_targets_by_rule(Rule="r", EventBusName=bus),
        events.describe_archive(ArchiveName=name),
        events.describe_replay(ReplayName=name),
        events.describe_connection(Name=name),
        events.describe_api_destination(Name=name),
        world.served.client("firehose").list_delivery_streams(),
    ]
    return [{key: value for key, value in one.items() if key != "ResponseMetadata"} for one in answers]


def test_all_there_is_comes_back_and_works(tmp_path: Path) -> None:
    bus, name = "orders", "one"
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}"
    with world_on(tmp_path / "state", tmp_path) as world:
        events, s3 = world.events, world.served.client("s3")
        events.create_event_bus(Name=bus, Tags=[{"Key": "team", "Value": "blue"}])
        events.put_permission(EventBusName=bus, Action="events:PutEvents", Principal="*", StatementId="s")
        queue = Queue(world.served.client("sqs"), "q")
        s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
        lake = world.served.client("firehose").create_delivery_stream(
            DeliveryStreamName="lake", S3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake"}
        )["DeliveryStreamARN"]
        events.put_rule(Name="r", EventBusName=bus, EventPattern='{"source": ["shop"]}', Tags=[])
        targets = [{"Id": "q", "Arn": queue.arn}, {"Id": "lake", "Arn": lake, "RoleArn": ROLE, "InputPath": "$.id"}]
        events.put_targets(Rule="r", EventBusName=bus, Targets=targets)
        archive = events.create_archive(ArchiveName=name, EventSourceArn=f"{arn}:event-bus/{bus}")["ArchiveArn"]
        auth = {"BasicAuthParameters": {"Username": "me", "Password": "hush"}}
        made = events.create_connection(Name=name, AuthorizationType="BASIC", AuthParameters=auth)
        events.create_api_destination(
            Name=name, ConnectionArn=made["ConnectionArn"], InvocationEndpoint="https://example.com", HttpMethod="PUT"
        )
        ids = world.put(bus, {"n": 1}, {"n": 2})
        eventually(queue.messages, 2, "both arrive")
        objects = eventually(lambda: s3.list_objects_v2(Bucket="lake").get("Contents", []), 2, "both are written")
        now = datetime.now(UTC)
        hour = timedelta(hours=1)
        times = {"EventStartTime": now - hour, "EventEndTime": now + hour}
        nobody = {"Arn": f"{arn}:event-bus/{bus}", "FilterArns": [f"{arn}:rule/{bus}/nobody"]}
        events.start_replay(ReplayName=name, EventSourceArn=archive, Destination=nobody, **times)
        wait_for(lambda: events.describe_replay(ReplayName=name)["State"] == "COMPLETED", "the replay ends")
        before = shown(world, bus, name)
    with world_on(tmp_path / "state", tmp_path) as world:
        assert shown(world, bus, name) == before
        s3 = world.served.client("s3")
        there = s3.list_objects_v2(Bucket="lake")["Contents"]
        assert [(one["Key"], one["LastModified"]) for one in there] == [
            (one["Key"], one["LastModified"]) for one in objects
        ]
        written = {json.loads(s3.get_object(Bucket="lake", Key=one["Key"])["Body"].read()) for one in there}
        assert written == set(ids)
        queue = Queue(world.served.client("sqs"), "q")
        assert queue.messages() == [], "what was delivered is not delivered again"
        whole = {"Arn": f"{arn}:event-bus/{bus}"}
        world.events.start_replay(ReplayName="again", EventSourceArn=archive, Destination=whole, **times)
        eventually(queue.messages, 2, "the archive has its events")
        assert sorted(one["id"] for one in queue.bodies()) == sorted(ids)


def test_what_waits_goes_on_with_what_is_left_of_its_budget(tmp_path: Path) -> None:
    with serving() as server:
        server.answers = lambda seen: Told(503)
        with world_on(tmp_path / "state", tmp_path) as world:
            bus, letters = world.bus(), world.queue()
            target = {
                "Arn": world.destination(server.url),
                "RoleArn": ROLE,
                "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 86_400},
                "DeadLetterConfig": {"Arn": letters.arn},
            }
            world.rule(bus, target)
            gone = {"Arn": f"{letters.arn}-gone", "DeadLetterConfig": {"Arn": f"{letters.arn}-later"}}
            world.rule(bus, gone)
            (event_id,) = world.put(bus, {"n": 1})
            wait_for(lambda: world.served.call("clock", advance_s=1) is not None and len(server.seen) >= 2, "two calls")
        calls = len(server.seen)
        with world_on(tmp_path / "state", tmp_path) as world:
            letters = Queue(world.served.client("sqs"), letters.name)
            later = Queue(world.served.client("sqs"), f"{letters.name}-later")
            wait_for(
                lambda: (
                    world.served.call("clock", advance_s=60) is not None and letters.messages() and later.messages()
                ),
                "both letters",
            )
            assert calls <= len(server.seen) <= 5, "four calls in all, and one that the kill may have repeated"
            (letter,) = letters.letters()
            assert (letter["RETRY_ATTEMPTS"], letter["EXHAUSTED_RETRY_CONDITION"]) == ("3", "MaximumRetryAttempts")
            assert letters.bodies()[0]["id"] == later.bodies()[0]["id"] == event_id
            assert later.letters()[0]["ERROR_CODE"] == "NO_RESOURCE"


@pytest.mark.timeout(300)
def test_no_answered_event_is_lost_to_kills(tmp_path: Path) -> None:
    """At least once, at two targets, whenever the kill comes."""
    chance, answered = random.Random(SEED), set[str]()
    with world_on(tmp_path / "state", tmp_path) as world:
        bus, one, two = world.bus(), world.queue(), world.queue()
        world.rule(bus, {"Arn": one.arn})
        world.rule(bus, {"Arn": two.arn, "InputPath": "$"})
    for _ in range(ROUNDS):
        with world_on(tmp_path / "state", tmp_path) as world:
            for _ in range(chance.randint(3, 12)):
                answered |= set(world.put(bus, *({"n": n} for n in range(10))))
            world.served.process.kill()
            with pytest.raises((BotoCoreError, ClientError)):
                world.put(bus, {"n": "too late"})
    with world_on(tmp_path / "state", tmp_path) as world:
        for name in (one.name, two.name):
            queue = Queue(world.served.client("sqs"), name)
            wait_for(lambda queue=queue: {got["id"] for got in queue.bodies()} >= answered, "all that was answered")


def test_a_reset_empties_the_state(tmp_path: Path) -> None:
    with world_on(tmp_path / "state", tmp_path) as world:
        bus = world.bus()
        world.rule(bus, {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"})
        world.events.create_archive(
            ArchiveName="a", EventSourceArn=f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}"
        )
        world.put(bus, {"n": 1})
        world.served.call("reset")
        world.events.create_event_bus(Name="new")
    with world_on(tmp_path / "state", tmp_path) as world:
        assert [one["Name"] for one in world.events.list_event_buses()["EventBuses"]] == ["default", "new"]
        assert world.events.list_archives()["Archives"] == []
