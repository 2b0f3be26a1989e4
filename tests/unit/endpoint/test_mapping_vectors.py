"""The recorded answers of AWS's mapping API (vectors/esm), given by our handler.

A vector tells what was sent and what came back, seldom what was there before. So: what a vector names by a placeholder
is there; what it names literally is not; a mapping that is read, changed or listed was made with the settings it shows;
and its function and its table are gone by then (R34).
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from afterbay.core.mapping.settings import unknown_parameters
from unit.endpoint.mapping_world import ACCOUNT, FUNCTION, MODEL, OTHER_UUID, REGION, STREAM, UUID, World

FOLDER = Path(__file__).parents[2] / "vectors" / "esm"
PLACEHOLDERS = {
    "<partition>": "aws",
    "<region>": REGION,
    "<account>": ACCOUNT,
    "<function>": FUNCTION,
    "<table>": "orders",
    "<stream-label>": STREAM.rpartition("/")[2],
    "<stream>": "clicks",
    "<queue>": "letters",
    "<topic>": "alarms",
    "<bucket>": "letters",
    "<custom-tag>": "shop",
    "<esm-uuid>": UUID,
    "<unknown-uuid>": OTHER_UUID,
    "<epoch>": "1741010802",
}
PROSE = {"note", "precondition"}  # said for readers; what it says is in the members beside it
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def load(name: str) -> list[dict[str, Any]]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    left = set(re.findall(r"<[a-z0-9:-]+>", text)) - {"<datetime>"}
    assert not left, f"placeholders that this test does not know: {left}"
    return json.loads(text)


class Members:
    """A vector's object, of which every member must be read."""

    def __init__(self, members: dict[str, Any]) -> None:
        self.left = {key: value for key, value in members.items() if key not in PROSE}

    def take(self, name: str, default: Any = None) -> Any:
        return self.left.pop(name, default)


def shown(expect: dict[str, Any]) -> dict[str, Any]:
    """The mapping that an answer shows, as far as it does."""
    body = expect.get("body") or expect.get("body_subset") or {}
    listed = body.get("EventSourceMappings", [body])
    return listed[0] if listed else {}


def parametrize(vectors: list[dict[str, Any]]) -> Any:
    made = [pytest.param(vector, id=f"{vector['name']}: {vector['source']}") for vector in vectors]
    return pytest.mark.parametrize("vector", made)


RESPONSES = load("api_responses.json")
ERRORS = load("validation_errors.json")


def make_mapping(world: World, params: dict[str, Any], before: dict[str, Any], disabled: bool) -> None:
    """Make the mapping that ``before`` shows, without what ``params`` changed; then take away what it stands on."""
    settings = {name: value for name, value in before.items() if not unknown_parameters({name: value})}
    wanted = {name: value for name, value in settings.items() if name not in params or name == "EventSourceArn"}
    wanted["FunctionName"] = before.get("FunctionArn", FUNCTION)
    world.create(**wanted, Enabled=not disabled)
    result = before.get("LastProcessingResult")
    if result is not None:
        world.engine.statuses[UUID] = world.engine.statuses[UUID]._replace(last_processing_result=result)
    world.functions.names.clear()
    world.streams.arns.clear()
    world.kinesis.arns.clear()


def same(wanted: Any, got: Any, *, whole: bool) -> None:
    if isinstance(wanted, dict) and isinstance(got, dict):
        assert not whole or set(got) == set(wanted)
        for name, value in wanted.items():
            same(value, got[name], whole=whole)
    elif isinstance(wanted, list):
        assert len(got) == len(wanted)
        for one, other in zip(wanted, got, strict=True):
            same(one, other, whole=whole)
    elif wanted == "<datetime>":
        assert isinstance(got, float), "a timestamp in a REST-JSON body is a number"
    elif isinstance(wanted, str) and MOMENT.fullmatch(wanted):
        assert got == datetime.fromisoformat(wanted).timestamp()
    else:
        assert got == wanted


@parametrize(RESPONSES)
def test_an_accepted_request_is_answered_as_recorded(vector: dict[str, Any]) -> None:
    sent, expect = Members(vector["input"]), Members(vector["expect"])
    operation, params = sent.take("operation"), sent.take("params", {})
    created_at, state = sent.take("created_at"), sent.take("precondition_state")
    world = World(datetime.fromisoformat(created_at)) if created_at else World()
    before = shown(vector["expect"])
    if operation == "CreateEventSourceMapping":
        source = params.get("EventSourceArn", STREAM)
        position = {} if ":sqs:" in source else {"StartingPosition": "TRIM_HORIZON"}
        params = {"EventSourceArn": source, "FunctionName": FUNCTION, **position, **params}
    elif created_at:
        same(expect.take("create_body_LastModified"), world.create()["LastModified"], whole=True)
        params = {"UUID": UUID}
    elif before:
        make_mapping(world, params, before, disabled="Disabled" in (state, before.get("State")))
    response, body = world.call(operation, **params)
    assert response.status == expect.take("http_status", 200), body
    assert expect.take("error") is None
    if "body" in expect.left:
        same(expect.take("body"), body, whole=True)
    same(expect.take("body_subset", {}), body, whole=False)
    for name in expect.take("absent", []):
        assert name not in body
    if "get_body_LastModified" in expect.left:
        same(expect.take("get_body_LastModified"), body["LastModified"], whole=True)
    check_what_follows(world, body, expect)
    assert not sent.left and not expect.left, "members that this test does not read"


def check_what_follows(world: World, body: dict[str, Any], expect: Members) -> None:
    settles_to, then_get, tags = expect.take("settles_to"), expect.take("then_get"), expect.take("list_tags")
    if tags is not None:
        assert world.ok("ListTags", Resource=body["EventSourceMappingArn"]) == {"Tags": tags}
    world.engine.settle_all()
    if settles_to:
        assert world.ok("GetEventSourceMapping", UUID=UUID)["State"] == settles_to
    if then_get:
        assert world.refused("GetEventSourceMapping", UUID=UUID)[0] == then_get


@parametrize(ERRORS)
def test_a_refused_request_gets_the_recorded_code_and_text(vector: dict[str, Any]) -> None:
    sent, expect = Members(vector["input"]), Members(vector["expect"])
    operation, params = sent.take("operation"), sent.take("params")
    if operation == "CreateEventSourceMapping":
        params = {"FunctionName": FUNCTION, **params}
    code, message, world = expect.take("code"), expect.take("message"), World()
    if operation != "CreateEventSourceMapping":
        world.create(Enabled=False)
    elif code == "ResourceConflictException":
        world.create(**params)
    world.streams.denied = (message or "").startswith("Cannot access stream ")
    if expect.take("client_side"):  # the service never saw it: its code and text are by analogy (E5)
        with pytest.raises(ParamValidationError) as refused:
            raise ParamValidationError(
                report=ParamValidator().validate(params, MODEL.operation_model(operation).input_shape).generate_report()
            )
        assert str(refused.value) == message
        code, message = "ValidationException", None
    response, body = world.call(operation, **params)
    assert (response.status, response.headers["x-amzn-errortype"]) == (expect.take("http_status", 400), code)
    text = body["Message" if code == "ResourceNotFoundException" else "message"]
    assert text and message in (text, None)
    assert body.get("Type") == expect.take("type", None if code == "ValidationException" else "User")
    assert not sent.left and not expect.left, "members that this test does not read"
