"""Every operation of the EventBridge API by boto3 and by the AWS CLI, and what Terraform's provider asks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from integration.buses import ACCOUNT, World, eventually
from integration.serving import REGION, ROLE, Served, child, environment, unique, wait_for

BIN = Path(sys.executable).parent
EVENT = {
    "id": "1",
    "source": "shop",
    "detail-type": "t",
    "account": "1",
    "time": "2026-01-01T00:00:00Z",
    "region": "r",
    "resources": [],
    "detail": {"n": 1},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture(scope="module")
def world(served: Served) -> Iterator[World]:
    world = World(served)
    yield world
    world.close()


@pytest.fixture(scope="module")
def events(world: World):
    return world.events


def arn(resource: str) -> str:
    return f"arn:aws:events:{REGION}:{ACCOUNT}:{resource}"


def refused(call, **params: object) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**params)
    told = error.value.response["Error"]
    return told["Code"], told["Message"]


def bare(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def named(answers: list[dict], kind: str) -> list[str]:
    return [one[kind] for one in answers]


def test_buses(events) -> None:
    name, queue = unique("bus"), f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
    made = events.create_event_bus(
        Name=name, Description="d", DeadLetterConfig={"Arn": queue}, Tags=[{"Key": "team", "Value": "blue"}]
    )
    assert bare(made) == {
        "EventBusArn": arn(f"event-bus/{name}"),
        "Description": "d",
        "DeadLetterConfig": {"Arn": queue},
    }
    assert refused(events.create_event_bus, Name=name) == (
        "ResourceAlreadyExistsException",
        f"Event bus {name} already exists.",
    )
    events.update_event_bus(Name=name, Description="other")
    shown = events.describe_event_bus(Name=arn(f"event-bus/{name}"))
    assert (shown["Name"], shown["Description"]) == (name, "other")
    assert isinstance(shown["CreationTime"], datetime)
    assert name in named(events.list_event_buses()["EventBuses"], "Name")
    assert named(events.list_event_buses(NamePrefix=name)["EventBuses"], "Name") == [name]
    events.tag_resource(ResourceARN=made["EventBusArn"], Tags=[{"Key": "more", "Value": "1"}])
    events.untag_resource(ResourceARN=made["EventBusArn"], TagKeys=["team"])
    assert events.list_tags_for_resource(ResourceARN=made["EventBusArn"])["Tags"] == [{"Key": "more", "Value": "1"}]
    events.delete_event_bus(Name=name)
    assert refused(events.describe_event_bus, Name=name)[0] == "ResourceNotFoundException"
    assert events.describe_event_bus()["Name"] == "default"


def test_permissions_are_kept_and_shown(events, world: World) -> None:
    bus = world.bus()
    assert "Policy" not in events.describe_event_bus(Name=bus)
    condition = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"}
    events.put_permission(
        EventBusName=bus, Action="events:PutEvents", Principal="*", StatementId="org", Condition=condition
    )
    events.put_permission(EventBusName=bus, Action="events:PutEvents", Principal="111122223333", StatementId="one")
    policy = json.loads(events.describe_event_bus(Name=bus)["Policy"])
    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "org",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "events:PutEvents",
                "Resource": arn(f"event-bus/{bus}"),
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
            },
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "events:PutEvents",
                "Resource": arn(f"event-bus/{bus}"),
            },
        ],
    }
    events.remove_permission(EventBusName=bus, StatementId="org")
    assert refused(events.remove_permission, EventBusName=bus, StatementId="org")[0] == "ResourceNotFoundException"
    whole = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow"}})
    events.put_permission(EventBusName=bus, Policy=whole)
    assert events.describe_event_bus(Name=bus)["Policy"] == whole
    assert refused(events.put_permission, EventBusName=bus, Policy="{}")[0] == "ValidationException"
    events.remove_permission(EventBusName=bus, RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus(Name=bus)


def test_rules_and_targets(events, world: World) -> None:
    bus, queue, name = world.bus(), f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", unique("rule")
    pattern = '{"source": ["shop"]}'
    made = events.put_rule(
        Name=name, EventBusName=bus, EventPattern=pattern, RoleArn=ROLE, Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["RuleArn"] == arn(f"rule/{bus}/{name}")
    assert bare(events.describe_rule(Name=name, EventBusName=bus)) == {
        "Name": name,
        "Arn": made["RuleArn"],
        "EventPattern": pattern,
        "State": "ENABLED",
        "RoleArn": ROLE,
        "EventBusName": bus,
        "CreatedBy": ACCOUNT,
    }
    assert events.list_tags_for_resource(ResourceARN=made["RuleArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    events.disable_rule(Name=name, EventBusName=bus)
    assert events.describe_rule(Name=name, EventBusName=bus)["State"] == "DISABLED"
    events.enable_rule(Name=name, EventBusName=bus)
    assert named(events.list_rules(EventBusName=bus)["Rules"], "Name") == [name]
    targets = [
        {
            "Id": "one",
            "Arn": queue,
            "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"n": <n>}'},
            "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
            "DeadLetterConfig": {"Arn": queue},
        },
        {"Id": "two", "Arn": f"{queue}.fifo", "SqsParameters": {"MessageGroupId": "g"}},
    ]
    done = events.put_targets(Rule=name, EventBusName=bus, Targets=targets)
    assert bare(done) == {"FailedEntryCount": 0, "FailedEntries": []}
    assert events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"] == targets
    assert events.list_rule_names_by_target(TargetArn=queue, EventBusName=bus)["RuleNames"] == [name]
    assert refused(events.delete_rule, Name=name, EventBusName=bus) == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    done = events.remove_targets(Rule=name, EventBusName=bus, Ids=["one", "two"])
    assert bare(done) == {"FailedEntryCount": 0, "FailedEntries": []}
    events.delete_rule(Name=name, EventBusName=bus)
    code, told = refused(events.describe_rule, Name=name, EventBusName=bus)
    assert (code, told) == ("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus}.")


def test_lists_come_in_pages(events, world: World) -> None:
    bus = world.bus()
    names = [f"r{n}" for n in range(5)]
    for name in names:
        events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["x"]}')
    targets = [{"Id": str(n), "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{n}"} for n in range(5)]
    events.put_targets(Rule="r0", EventBusName=bus, Targets=targets)
    pages = list(events.get_paginator("list_rules").paginate(EventBusName=bus, PaginationConfig={"PageSize": 2}))
    assert [named(one["Rules"], "Name") for one in pages] == [names[:2], names[2:4], names[4:]]
    whole = events.get_paginator("list_targets_by_rule").paginate(
        Rule="r0", EventBusName=bus, PaginationConfig={"PageSize": 3}
    )
    assert [one["Id"] for page in whole for one in page["Targets"]] == [str(n) for n in range(5)]
    assert refused(events.list_rules, EventBusName=bus, NextToken="?")[0] == "ValidationException"


def test_patterns_are_tried(events) -> None:
    tried = {"EventPattern": '{"detail": {"n": [{"numeric": [">", 0]}]}}'}
    assert events.test_event_pattern(**tried, Event=json.dumps(EVENT))["Result"] is True
    other = json.dumps({**EVENT, "detail": {"n": 0}})
    assert events.test_event_pattern(**tried, Event=other)["Result"] is False
    code, _ = refused(events.test_event_pattern, EventPattern='{"source": "x"}', Event=json.dumps(EVENT))
    assert code == "InvalidEventPatternException"


def test_bad_entries_fail_alone(events, world: World) -> None:
    bus, queue = world.bus(), world.queue()
    world.rule(bus, {"Arn": queue.arn})
    good = {"EventBusName": bus, "Source": "shop", "DetailType": "t", "Detail": "{}"}
    done = events.put_events(
        Entries=[
            good,
            {**good, "Detail": "[]"},
            {**good, "Source": "aws.s3"},
            {"Detail": "{}"},
            {**good, "EventBusName": "nowhere"},
        ]
    )
    codes = [one.get("ErrorCode") for one in done["Entries"]]
    assert codes == [None, "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument", None]
    assert done["FailedEntryCount"] == 3
    eventually(queue.messages, 1, "the good one")
    assert [one["id"] for one in queue.bodies()] == [done["Entries"][0]["EventId"]]
    assert refused(events.put_events, Entries=[good] * 11)[0] == "ValidationException"


def test_archives_and_replays(events, world: World) -> None:
    bus, name, first, second = world.bus(), unique("a"), world.queue(), world.queue()
    made = events.create_archive(
        ArchiveName=name, EventSourceArn=arn(f"event-bus/{bus}"), EventPattern='{"source": ["shop"]}', RetentionDays=1
    )
    assert (made["State"], made["ArchiveArn"]) == ("ENABLED", arn(f"archive/{name}"))
    assert events.update_archive(ArchiveName=name, Description="d")["State"] == "ENABLED"
    wanted = world.rule(bus, {"Arn": first.arn})
    world.rule(bus, {"Arn": second.arn})
    ids = world.put(bus, {"n": 1}, {"n": 2})
    world.put(bus, {"n": 3}, source="other")
    eventually(second.messages, 3, "all arrive")
    assert events.describe_archive(ArchiveName=name)["EventCount"] == 2
    (summary,) = events.list_archives(NamePrefix=name)["Archives"]
    assert (summary["EventCount"], summary["SizeBytes"] > 0) == (2, True)

    now = datetime.now(UTC)
    started = events.start_replay(
        ReplayName=name,
        EventSourceArn=made["ArchiveArn"],
        EventStartTime=now - timedelta(hours=1),
        EventEndTime=now + timedelta(hours=1),
        Destination={"Arn": arn(f"event-bus/{bus}"), "FilterArns": [wanted]},
    )
    assert (started["State"], started["ReplayArn"]) == ("STARTING", arn(f"replay/{name}"))
    eventually(first.messages, 5, "both again")
    again = [one for one in first.bodies() if one.get("replay-name") == name]
    assert sorted(one["id"] for one in again) == sorted(ids)
    assert len(second.messages()) == 3
    wait_for(lambda: events.describe_replay(ReplayName=name)["State"] == "COMPLETED", "it ends")
    assert named(events.list_replays(NamePrefix=name)["Replays"], "State") == ["COMPLETED"]
    assert refused(events.cancel_replay, ReplayName=name)[0] == "IllegalStatusException"

    world.served.call("clock", advance_s=86_400 + 60)
    assert events.describe_archive(ArchiveName=name)["EventCount"] == 0, "a day is over"
    events.delete_archive(ArchiveName=name)
    assert refused(events.describe_archive, ArchiveName=name)[0] == "ResourceNotFoundException"


def test_connections_and_api_destinations(events) -> None:
    name = unique("c")
    basic = {"BasicAuthParameters": {"Username": "me", "Password": "hush"}}
    made = events.create_connection(Name=name, AuthorizationType="BASIC", AuthParameters=basic)
    assert made["ConnectionState"] == "AUTHORIZED"
    shown = events.describe_connection(Name=name)
    assert shown["AuthParameters"] == {"BasicAuthParameters": {"Username": "me"}}
    assert shown["SecretArn"].startswith("arn:aws:secretsmanager:")
    events.update_connection(Name=name, Description="d")
    assert named(events.list_connections(NamePrefix=name)["Connections"], "Name") == [name]
    destination = events.create_api_destination(
        Name=name, ConnectionArn=made["ConnectionArn"], InvocationEndpoint="https://example.com", HttpMethod="POST"
    )
    assert destination["ApiDestinationState"] == "ACTIVE"
    events.update_api_destination(Name=name, InvocationRateLimitPerSecond=5)
    assert events.describe_api_destination(Name=name)["InvocationRateLimitPerSecond"] == 5
    listed = events.list_api_destinations(ConnectionArn=made["ConnectionArn"])["ApiDestinations"]
    assert named(listed, "Name") == [name]
    assert events.deauthorize_connection(Name=name)["ConnectionState"] == "DEAUTHORIZING"
    assert events.describe_api_destination(Name=name)["ApiDestinationState"] == "INACTIVE"
    events.delete_api_destination(Name=name)
    assert events.delete_connection(Name=name)["ConnectionState"] == "DELETING"
    assert refused(events.describe_connection, Name=name)[0] == "ResourceNotFoundException"


def test_what_is_not_served_says_so(events) -> None:
    assert refused(events.list_event_sources)[0] == "UnknownOperationException"
    code, told = refused(events.put_rule, Name="r", ScheduleExpression="rate(1 minute)")
    assert (code, "ScheduleExpression" in told) == ("ValidationException", True)


def raw(world: World, operation: str, **params: object) -> tuple[int, dict]:
    """A request as Go's SDK sends it: JSON with the members that are set, empty ones too."""
    import urllib.error
    import urllib.request

    scope = f"AKIA/20260101/{REGION}/events/aws4_request"
    headers = {
        "X-Amz-Target": f"AWSEvents.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    }
    request = urllib.request.Request(world.served.url, json.dumps(params).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def asked(world: World, operation: str, **params: object) -> dict:
    status, answer = raw(world, operation, **params)
    assert status == 200, answer
    return answer


def not_found(world: World, operation: str, **params: object) -> bool:
    """The provider takes a resource for gone by the code alone."""
    status, answer = raw(world, operation, **params)
    return status == 400 and answer["__type"].endswith("#ResourceNotFoundException")


def test_terraform_makes_reads_and_destroys_a_bus(world: World) -> None:
    name = unique("tf")
    made = asked(world, "CreateEventBus", Name=name, Tags=[])
    shown = asked(world, "DescribeEventBus", Name=name)
    assert (shown["Arn"], shown["Name"]) == (made["EventBusArn"], name)
    assert asked(world, "ListTagsForResource", ResourceARN=shown["Arn"]) == {"Tags": []}
    asked(world, "UpdateEventBus", Name=name, Description="")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    asked(world, "PutPermission", EventBusName=name, Policy=policy)
    assert asked(world, "DescribeEventBus", Name=name)["Policy"] == policy
    asked(world, "RemovePermission", EventBusName=name, RemoveAllPermissions=True)
    asked(world, "DeleteEventBus", Name=name)
    assert not_found(world, "DescribeEventBus", Name=name)


def test_terraform_makes_reads_and_destroys_a_rule_with_a_target(world: World) -> None:
    bus, name, queue = world.bus(), unique("tf"), f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    rule = {"Name": name, "EventBusName": bus, "EventPattern": '{"source":["shop"]}', "State": "ENABLED"}
    asked(world, "PutRule", **rule, Description="", ScheduleExpression="", Tags=[])
    shown = asked(world, "DescribeRule", Name=name, EventBusName=bus)
    assert (shown["EventBusName"], shown["State"]) == (bus, "ENABLED")
    assert asked(world, "ListTagsForResource", ResourceARN=shown["Arn"]) == {"Tags": []}
    target = {
        "Id": "terraform-1",
        "Arn": queue,
        "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 0},
        "DeadLetterConfig": {"Arn": queue},
    }
    done = asked(world, "PutTargets", Rule=name, EventBusName=bus, Targets=[target])
    assert done == {"FailedEntryCount": 0, "FailedEntries": []}
    listed = asked(world, "ListTargetsByRule", Rule=name, EventBusName=bus, Limit=100)
    assert listed == {"Targets": [target]}
    asked(world, "PutRule", **{**rule, "State": "DISABLED"})
    asked(world, "RemoveTargets", Rule=name, EventBusName=bus, Ids=["terraform-1"], Force=False)
    asked(world, "DeleteRule", Name=name, EventBusName=bus, Force=False)
    assert not_found(world, "DescribeRule", Name=name, EventBusName=bus)
    assert not_found(world, "ListTargetsByRule", Rule=name, EventBusName=bus)


def test_terraform_makes_reads_and_destroys_the_rest(world: World) -> None:
    name, bus = unique("tf"), world.bus()
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "hush"}}
    invocation = {"BodyParameters": [{"Key": "k", "Value": "v", "IsValueSecret": True}], "HeaderParameters": []}
    auth = {**key, "InvocationHttpParameters": invocation}
    asked(world, "CreateConnection", Name=name, AuthorizationType="API_KEY", AuthParameters=auth)
    shown = asked(world, "DescribeConnection", Name=name)
    assert shown["ConnectionState"] == "AUTHORIZED"
    assert shown["AuthParameters"]["ApiKeyAuthParameters"] == {"ApiKeyName": "X-Key"}
    (body,) = shown["AuthParameters"]["InvocationHttpParameters"]["BodyParameters"]
    assert body == {"Key": "k", "IsValueSecret": True}
    asked(
        world,
        "CreateApiDestination",
        Name=name,
        ConnectionArn=shown["ConnectionArn"],
        InvocationEndpoint="https://example.com/x",
        HttpMethod="POST",
        InvocationRateLimitPerSecond=300,
        Description="",
    )
    assert asked(world, "DescribeApiDestination", Name=name)["ConnectionArn"] == shown["ConnectionArn"]
    source = arn(f"event-bus/{bus}")
    asked(world, "CreateArchive", ArchiveName=name, EventSourceArn=source, RetentionDays=0, Description="")
    archive = asked(world, "DescribeArchive", ArchiveName=name)
    assert (archive["EventSourceArn"], archive["RetentionDays"]) == (source, 0)
    asked(world, "UpdateArchive", ArchiveName=name, RetentionDays=7, EventPattern="", Description="d")
    for kind, member in (("Archive", "ArchiveName"), ("ApiDestination", "Name"), ("Connection", "Name")):
        asked(world, f"Delete{kind}", **{member: name})
        assert not_found(world, f"Describe{kind}", **{member: name})


def test_the_aws_cli_puts_an_event_through_a_rule(world: World) -> None:
    queue, name = world.queue(), unique("cli")
    variables = environment(world.served.url, AWS_PAGER="", AWS_DEFAULT_OUTPUT="json", PATH=f"{BIN}:/usr/bin:/bin")

    def aws(*words: str) -> dict:
        done = subprocess.run(
            ["aws", "events", *words], env=variables, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    aws("create-event-bus", "--name", name)
    aws("put-rule", "--name", name, "--event-bus-name", name, "--event-pattern", '{"source": ["shop"]}')
    target = f"Id=1,Arn={queue.arn},InputPath=$.detail"
    done = aws("put-targets", "--rule", name, "--event-bus-name", name, "--targets", target)
    assert done == {"FailedEntryCount": 0, "FailedEntries": []}
    entry = [{"EventBusName": name, "Source": "shop", "DetailType": "t", "Detail": '{"n": 1}'}]
    assert aws("put-events", "--entries", json.dumps(entry))["FailedEntryCount"] == 0
    assert eventually(queue.bodies, 1, "the event") == [{"n": 1}]
    (listed,) = aws("list-rules", "--event-bus-name", name)["Rules"]
    assert listed["Name"] == name
