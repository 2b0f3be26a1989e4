"""The mapping API over HTTP requests, where no recorded vector reaches: order, uniqueness, paging, tags, Regions."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from afterbay.core.mapping.lifecycle import State
from afterbay.endpoint.protocol import Request
from afterbay.endpoint.services.lambda_mappings import LambdaMappings
from afterbay.errors import EndpointError
from unit.endpoint.mapping_world import (
    FUNCTION,
    KINESIS_STREAM,
    OTHER_UUID,
    QUEUE,
    REGION,
    STREAM,
    UUID,
    World,
    request,
)

IPV, GONE = "InvalidParameterValueException", "ResourceNotFoundException"
NEEDED = {"FunctionName": FUNCTION, "EventSourceArn": STREAM, "StartingPosition": "LATEST"}


@pytest.fixture
def world() -> World:
    return World()


def test_the_settings_reach_the_engine(world: World) -> None:
    world.create(BatchSize=7, Enabled=False, FunctionName=f"{FUNCTION}:live")
    settings = world.engine.settings[UUID]
    assert settings.batch_size == 7 and not world.engine.enabled[UUID]
    assert settings.function_arn == f"arn:aws:lambda:{REGION}:000000000000:function:{FUNCTION}:live"
    world.ok("UpdateEventSourceMapping", UUID=UUID, BatchSize=9, Enabled=True)
    assert world.engine.settings[UUID].batch_size == 9 and world.engine.enabled[UUID]


def test_a_stream_is_looked_for_once_the_function_is_found(world: World) -> None:
    world.functions.names.clear()
    world.streams.arns.clear()
    assert world.refused("CreateEventSourceMapping", **NEEDED) == (IPV, "Function does not exist")
    world.functions.names.add(FUNCTION)
    assert world.refused("CreateEventSourceMapping", **NEEDED) == (IPV, f"Stream not found: {STREAM}")
    assert world.engine.statuses == {}


def test_a_stream_of_another_region_is_not_found(world: World) -> None:
    assert world.refused("CreateEventSourceMapping", region="eu-north-1", **NEEDED)[1] == f"Stream not found: {STREAM}"


def test_the_same_source_and_function_are_refused_until_the_first_is_gone(world: World) -> None:
    world.create()
    code, text = world.refused("CreateEventSourceMapping", **NEEDED)
    assert code == "ResourceConflictException" and text.endswith(f"mapping with UUID {UUID}")
    world.ok("DeleteEventSourceMapping", UUID=UUID)
    assert world.refused("CreateEventSourceMapping", **NEEDED)[0] == "ResourceConflictException"
    world.engine.settle_all()
    assert world.ok("CreateEventSourceMapping", **NEEDED)["UUID"] == OTHER_UUID


def test_two_creates_at_once_make_one_mapping(world: World) -> None:
    async def both() -> list[int]:
        sent = request("CreateEventSourceMapping", NEEDED)
        return [answer.status for answer in await asyncio.gather(world.answer(sent), world.answer(sent))]

    assert sorted(asyncio.run(both())) == [202, 409]
    assert list(world.engine.statuses) == [UUID]


def test_another_qualifier_is_another_function_and_an_update_may_not_make_two_alike(world: World) -> None:
    world.create()
    world.create(FunctionName=f"{FUNCTION}:live")
    code, text = world.refused("UpdateEventSourceMapping", UUID=OTHER_UUID, FunctionName=FUNCTION)
    assert code == "ResourceConflictException" and UUID in text
    body = world.ok("UpdateEventSourceMapping", UUID=OTHER_UUID, FunctionName=f"{FUNCTION}:live")
    assert body["FunctionArn"].endswith(f":{FUNCTION}:live"), "naming its own function again is no conflict"
    assert world.refused("UpdateEventSourceMapping", UUID=UUID, FunctionName="other")[1] == "Function does not exist"


def test_an_update_during_a_transition_is_in_use_and_changes_nothing(world: World) -> None:
    world.ok("CreateEventSourceMapping", **NEEDED)
    told = world.refused("UpdateEventSourceMapping", UUID=UUID, BatchSize=7)
    assert told == ("ResourceInUseException", "Cannot update the event source mapping because it is in use.")
    assert world.refused("DeleteEventSourceMapping", UUID=UUID)[1].startswith("Cannot delete ")
    assert world.ok("GetEventSourceMapping", UUID=UUID)["BatchSize"] == 100
    world.engine.settle_all()
    assert world.ok("UpdateEventSourceMapping", UUID=UUID, BatchSize=7)["State"] == State.UPDATING


def test_a_refused_update_leaves_the_mapping_as_it_was(world: World) -> None:
    world.create()
    assert world.refused("UpdateEventSourceMapping", UUID=UUID, BatchSize=5, MaximumRecordAgeInSeconds=1)[0] == IPV
    body = world.ok("GetEventSourceMapping", UUID=UUID)
    assert (body["BatchSize"], body["State"]) == (100, "Enabled")


def test_the_model_is_checked_before_anything_is_looked_up(world: World) -> None:
    assert world.refused("UpdateEventSourceMapping", UUID=UUID, BatchSize=0)[0] == "ValidationException"
    assert world.refused("UpdateEventSourceMapping", UUID=UUID, BatchSize=1)[0] == GONE


def test_an_update_has_a_time_of_its_own(world: World) -> None:
    first = world.create()["LastModified"]
    world.now += timedelta(seconds=90, milliseconds=5)
    assert world.ok("UpdateEventSourceMapping", UUID=UUID)["LastModified"] == pytest.approx(first + 90.005, abs=1e-6)


def test_what_the_engine_says_is_shown(world: World) -> None:
    world.create()
    world.engine.statuses[UUID] = world.engine.statuses[UUID]._replace(last_processing_result="OK")
    assert world.ok("GetEventSourceMapping", UUID=UUID)["LastProcessingResult"] == "OK"
    assert world.ok("DeleteEventSourceMapping", UUID=UUID)["LastProcessingResult"] == "OK"
    assert world.ok("GetEventSourceMapping", UUID=UUID)["State"] == "Deleting"


def test_regions_do_not_see_each_others_mappings(world: World) -> None:
    arn = world.create()["EventSourceMappingArn"]
    for operation in ("GetEventSourceMapping", "DeleteEventSourceMapping", "UpdateEventSourceMapping"):
        assert world.refused(operation, region="eu-north-1", UUID=UUID)[0] == GONE
    assert world.refused("ListTags", region="eu-north-1", Resource=arn)[0] == GONE
    assert world.ok("ListEventSourceMappings", region="eu-north-1") == {"EventSourceMappings": []}
    assert world.ok("GetEventSourceMapping", UUID=UUID)["UUID"] == UUID


def make_many(world: World, count: int) -> list[str]:
    world.functions.names |= {f"f{n}" for n in range(count)}
    return [world.create(FunctionName=f"f{n}")["UUID"] for n in range(count)]


def test_a_listing_comes_in_pages_that_miss_and_repeat_nothing(world: World) -> None:
    made, seen, marker = make_many(world, 5), [], {}
    while True:
        page = world.ok("ListEventSourceMappings", MaxItems=2, **marker)
        seen += [one["UUID"] for one in page["EventSourceMappings"]]
        if "NextMarker" not in page:
            break
        marker = {"Marker": page["NextMarker"]}
        world.engine.statuses.pop(seen[-1])  # the last one shown goes away between two pages
    assert seen == made


def test_a_page_that_holds_all_has_no_marker(world: World) -> None:
    make_many(world, 2)
    assert "NextMarker" not in world.ok("ListEventSourceMappings", MaxItems=2)


def test_a_page_has_at_most_a_hundred(world: World) -> None:
    make_many(world, 101)
    page = world.ok("ListEventSourceMappings", MaxItems=10_000)
    assert len(page["EventSourceMappings"]) == 100
    assert len(world.ok("ListEventSourceMappings", Marker=page["NextMarker"])["EventSourceMappings"]) == 1


@pytest.mark.parametrize(
    "name",
    [
        FUNCTION,
        f"000000000000:function:{FUNCTION}",
        f"arn:aws:lambda:{REGION}:000000000000:function:{FUNCTION}",
    ],
)
def test_a_listing_finds_a_function_by_each_form_of_its_name(world: World, name: str) -> None:
    world.create()
    world.create(FunctionName=f"{FUNCTION}:live")
    assert [one["UUID"] for one in world.ok("ListEventSourceMappings", FunctionName=name)["EventSourceMappings"]] == [
        UUID
    ]
    live = world.ok("ListEventSourceMappings", FunctionName=f"{name}:live")["EventSourceMappings"]
    assert [one["UUID"] for one in live] == [OTHER_UUID]


@pytest.mark.parametrize(
    "asked",
    [
        {"FunctionName": "x" * 100},
        {"FunctionName": f"arn:aws:lambda:eu-north-1:000000000000:function:{FUNCTION}"},
        {"FunctionName": f"111111111111:function:{FUNCTION}"},
        {"EventSourceArn": STREAM + "9"},
        {"EventSourceArn": STREAM, "FunctionName": "other"},
    ],
)
def test_a_listing_of_what_is_not_there_is_empty(world: World, asked: dict[str, str]) -> None:
    world.create()
    assert world.ok("ListEventSourceMappings", **asked) == {"EventSourceMappings": []}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("MaxItems=0", "ValidationException"),
        ("MaxItems=10001", "ValidationException"),
        ("MaxItems=many", "SerializationException"),
        ("Marker=x", IPV),
        ("FunctionName=", "ValidationException"),
    ],
)
def test_a_listing_asked_for_wrongly_is_refused(world: World, query: str, code: str) -> None:
    sent = Request("GET", "/2015-03-31/event-source-mappings", query, {}, b"", REGION)
    with pytest.raises(EndpointError) as refused:
        asyncio.run(world.service(sent))
    assert refused.value.code == code


def test_tags_are_set_listed_and_taken_away(world: World) -> None:
    arn = world.create(Tags={"a": "1", "b": "2"})["EventSourceMappingArn"]
    response, body = world.call("TagResource", Resource=arn, Tags={"b": "3", "c": ""})
    assert (response.status, body) == (204, None)
    assert world.ok("ListTags", Resource=arn) == {"Tags": {"a": "1", "b": "3", "c": ""}}
    assert world.call("UntagResource", Resource=arn, TagKeys=["a", "c", "never"])[0].status == 204
    assert world.ok("ListTags", Resource=arn) == {"Tags": {"b": "3"}}
    assert world.refused("TagResource", Resource=arn, Tags={f"k{n}": "" for n in range(50)})[0] == IPV
    assert world.ok("ListTags", Resource=arn) == {"Tags": {"b": "3"}}


def test_a_refused_creation_by_the_engine_leaves_no_mapping(world: World) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise EndpointError("ServiceException", "full", status=500)

    world.engine.create = fail
    assert world.refused("CreateEventSourceMapping", **NEEDED)[0] == "ServiceException"
    assert world.ok("ListEventSourceMappings") == {"EventSourceMappings": []}


def test_the_registry_forgets_what_is_gone(world: World) -> None:
    world.create()
    world.ok("DeleteEventSourceMapping", UUID=UUID)
    world.engine.settle_all()
    assert world.refused("GetEventSourceMapping", UUID=UUID) == (GONE, "The resource you requested does not exist.")
    assert list(world.service.registry) == []


def test_a_body_that_is_no_json_object_is_refused(world: World) -> None:
    for body in (b"{", b"[]", json.dumps("x").encode()):
        sent = Request("POST", "/2015-03-31/event-source-mappings", "", {}, body, REGION)
        with pytest.raises(EndpointError) as refused:
            asyncio.run(world.service(sent))
        assert refused.value.code == "SerializationException"


def test_only_its_own_calls_are_its(world: World) -> None:
    mine = world.create()["EventSourceMappingArn"]
    assert LambdaMappings.owns(request("ListEventSourceMappings", {}))
    assert LambdaMappings.owns(request("ListTags", {"Resource": mine}))
    assert not LambdaMappings.owns(request("ListTags", {"Resource": world.engine.settings[UUID].function_arn}))
    assert not LambdaMappings.owns(request("ListFunctions", {}))
    with pytest.raises(EndpointError) as refused:
        asyncio.run(world.service(request("ListFunctions", {})))
    assert (refused.value.code, refused.value.status) == ("UnknownOperationException", 404)


# ---- queues and Kinesis streams

OF_QUEUE = {"FunctionName": FUNCTION, "EventSourceArn": QUEUE}
NO_QUEUE = "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue."


def test_a_queues_mapping_has_a_queues_body(world: World) -> None:
    made = world.ok("CreateEventSourceMapping", **OF_QUEUE, ScalingConfig={"MaximumConcurrency": 7})
    assert made.pop("LastModified")
    home = f"arn:aws:lambda:{REGION}:000000000000"
    assert made == {
        "UUID": UUID,
        "EventSourceMappingArn": f"{home}:event-source-mapping:{UUID}",
        "EventSourceArn": QUEUE,
        "FunctionArn": f"{home}:function:{FUNCTION}",
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "ScalingConfig": {"MaximumConcurrency": 7},
    }
    world.engine.settle_all()
    updated = world.ok("UpdateEventSourceMapping", UUID=UUID, ScalingConfig={}, BatchSize=1)
    assert "ScalingConfig" not in updated and (updated["BatchSize"], updated["State"]) == (1, "Updating")


def test_a_queue_is_looked_for_once_the_function_is_found(world: World) -> None:
    world.functions.names.clear()
    world.queues.hides_s.clear()
    assert world.refused("CreateEventSourceMapping", **OF_QUEUE) == (IPV, "Function does not exist")
    world.functions.names.add(FUNCTION)
    code, text = world.refused("CreateEventSourceMapping", **OF_QUEUE)
    assert code == IPV and text.startswith(NO_QUEUE)
    world.queues.hides_s[QUEUE] = 30.0
    assert world.refused("CreateEventSourceMapping", region="eu-north-1", **OF_QUEUE)[1].startswith(NO_QUEUE)
    assert world.engine.statuses == {}


def test_a_queue_hides_a_message_at_least_as_long_as_the_function_may_take(world: World) -> None:
    world.queues.hides_s[QUEUE] = 29.0
    short = "Queue visibility timeout: 29 seconds is less than Function timeout: 30 seconds"
    assert world.refused("CreateEventSourceMapping", **OF_QUEUE) == (IPV, short)
    world.queues.hides_s[QUEUE] = 30.0
    world.ok("CreateEventSourceMapping", **OF_QUEUE)
    world.engine.settle_all()
    world.queues.hides_s[QUEUE] = 29.0
    assert world.refused("UpdateEventSourceMapping", UUID=UUID, FunctionName=FUNCTION) == (IPV, short)
    world.ok("UpdateEventSourceMapping", UUID=UUID, BatchSize=1)  # names no function: nothing is looked up


def test_an_update_of_a_queues_mapping_takes_no_parameters_of_streams(world: World) -> None:
    world.ok("CreateEventSourceMapping", **OF_QUEUE)
    world.engine.settle_all()
    text = "Unsupported BisectBatchOnFunctionError parameter for given event source mapping type."
    assert world.refused("UpdateEventSourceMapping", UUID=UUID, BisectBatchOnFunctionError=True) == (IPV, text)


def test_an_update_passes_over_what_only_a_create_says(world: World) -> None:
    """R21: written by hand, since a client of AWS's would not send it."""
    world.ok("CreateEventSourceMapping", **OF_QUEUE)
    world.engine.settle_all()
    sent = request("UpdateEventSourceMapping", {"UUID": UUID, "BatchSize": 3})
    body = json.loads(sent.body) | {"StartingPosition": "now", "EventSourceArn": 5, "Tags": "none"}
    answer = asyncio.run(world.answer(replace(sent, body=json.dumps(body).encode())))
    assert (answer.status, json.loads(answer.body)["BatchSize"]) == (202, 3)


def test_a_kinesis_stream_may_start_at_a_time_that_is_over(world: World) -> None:
    at = {"FunctionName": FUNCTION, "EventSourceArn": KINESIS_STREAM, "StartingPosition": "AT_TIMESTAMP"}
    code, text = world.refused(
        "CreateEventSourceMapping", **at, StartingPositionTimestamp=world.now + timedelta(seconds=1)
    )
    assert code == IPV and "is in the future" in text
    made = world.ok("CreateEventSourceMapping", **at, StartingPositionTimestamp=world.now - timedelta(seconds=1))
    assert made["StartingPosition"] == "AT_TIMESTAMP"
    assert made["StartingPositionTimestamp"] == pytest.approx(world.now.timestamp() - 1, abs=0.001)
