"""What requests about buses, rules, targets, connections and destinations are answered (B1, B30 to B33, B36, B40)."""

from __future__ import annotations

import pytest

from vectors.bus_world import ANY_PATTERN, AUTH, HOME, QUEUE, World, compare
from vectors.loading import Reader, vectors

CONNECTION_ARN = HOME.arn("connection/c/11111111-2222-4333-8444-555555555555")


def filled(operation: str, given: dict) -> dict:
    """The request of a vector with the members that it leaves to the reader."""
    match operation:
        case "PutTargets":
            return {"Rule": "full", "Targets": [{"Id": "t", "Arn": QUEUE, **given.pop("Target", {})}], **given}
        case "DeleteRule":
            return {"Name": "full", **given}
        case "PutRule":
            return {"EventPattern": ANY_PATTERN, **given}
        case "CreateConnection":
            auth = AUTH.get(given["AuthorizationType"], AUTH["BASIC"])
            return {"Name": "c", "AuthParameters": auth, **given}
        case "CreateApiDestination":
            return {"Name": "d", "InvocationEndpoint": "https://example.com", "HttpMethod": "POST", **given}
        case _:
            return given


def twice(world: World, given: Reader, wanted: Reader) -> None:
    """The same target put two times."""
    operation = given["op"].removesuffix(" twice")
    world.rule("twice")
    for name in ("first", "second"):
        world.done(operation, **{**filled(operation, {"Target": given[name]}), "Rule": "twice"})
    listed = world.done("ListTargetsByRule", Rule="twice")["Targets"]
    assert [{name: one[name] for name in one if name != "Arn"} for one in listed] == wanted["targets"]


def once(world: World, given: Reader, wanted: Reader) -> None:
    existing = given["existing"] if "existing" in given.names else 1
    world.rule("full", *({"Id": f"existing-{number}"} for number in range(existing)))
    members = {name: given[name] for name in given.names - {"op", "existing"}}
    reply = world.call(given["op"], **filled(given["op"], members))
    compare(reply, wanted)
    if "body" in wanted.names:
        assert reply.body == wanted["body"]
    if "RuleArn" in wanted.names:
        assert reply.body["RuleArn"] == wanted["RuleArn"]
    if "ConnectionState" in wanted.names:
        assert reply.body["ConnectionState"] == wanted["ConnectionState"]
    if "ApiDestinationState" in wanted.names:
        made = world.done("CreateApiDestination", **filled("CreateApiDestination", {"ConnectionArn": CONNECTION_ARN}))
        assert made["ApiDestinationState"] == wanted["ApiDestinationState"]


@pytest.mark.parametrize("vector", vectors("bus/api-errors.json"))
def test_a_request_is_answered_as_recorded(vector) -> None:
    with vector.opened() as (given, wanted):
        (twice if "first" in given.names else once)(World(), given, wanted)
