"""Which mapping or pipe is meant, and how one is waited for."""

from __future__ import annotations

import asyncio

import pytest

from afterbay.cli import pausing
from afterbay.cli.which_mapping import Named, find
from afterbay.errors import ConflictError, DeniedError, NotFoundError, SettingsError, UnavailableError

UUIDS = [f"{n}0000000-0000-4000-8000-000000000000" for n in range(1, 4)]
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
PIPE = "arn:aws:pipes:eu-west-1:000000000000:pipe/shipped"


def mapping(uuid: str, state: str = "Enabled") -> dict[str, object]:
    return {"UUID": uuid, "State": state, "EventSourceArn": STREAM, "FunctionArn": FUNCTION, "BatchSize": 10}


class Services:
    """AWS's answers: mappings by function, one on a page, and a pipe. ``states``: what the next looks see."""

    def __init__(self, *uuids: str, pipe: str | None = None) -> None:
        self.uuids, self.pipe = uuids, pipe
        self.states: list[str] = []
        self.refusals: list[Exception] = []
        self.asked: list[tuple[str, dict[str, object]]] = []

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        match operation:
            case "get_event_source_mapping" if parameters["UUID"] in self.uuids:
                return mapping(str(parameters["UUID"]), self.states.pop(0) if self.states else "Enabled")
            case "list_event_source_mappings" if parameters["FunctionName"] == "orders":
                page = int(str(parameters.get("Marker", 0)))
                more = {"NextMarker": str(page + 1)} if page + 1 < len(self.uuids) else {}
                return {"EventSourceMappings": [mapping(self.uuids[page])] if self.uuids else [], **more}
            case "describe_pipe" if parameters["Name"] == self.pipe:
                arn = PIPE.replace("shipped", self.pipe or "")
                return {"Arn": arn, "Name": self.pipe, "CurrentState": "RUNNING", "Source": STREAM}
            case "update_event_source_mapping" | "stop_pipe" | "start_pipe":
                self.asked.append((operation, parameters))
                if self.refusals:
                    raise self.refusals.pop(0)
                return {}
            case _:
                raise NotFoundError(f"no {parameters}", code="ResourceNotFoundException")


async def test_a_uuid_is_that_mapping() -> None:
    found = await find(Services(*UUIDS), UUIDS[1])
    assert (found.kind, found.uuid, found.name, found.source) == ("mapping", UUIDS[1], "orders", STREAM)
    with pytest.raises(SettingsError, match="there is no mapping"):
        await find(Services(), UUIDS[0])


async def test_a_mappings_arn_is_that_mapping() -> None:
    """R30."""
    arn = f"arn:aws:lambda:eu-west-1:000000000000:event-source-mapping:{UUIDS[1]}"
    assert (await find(Services(*UUIDS), arn)).uuid == UUIDS[1]
    with pytest.raises(SettingsError, match=f"there is no mapping {arn}"):
        await find(Services(), arn)


async def test_a_function_with_one_mapping_is_that_mapping() -> None:
    assert (await find(Services(UUIDS[0]), "orders")).uuid == UUIDS[0]


async def test_a_function_with_several_is_refused_with_all_of_them() -> None:
    with pytest.raises(SettingsError, match="orders means 3 of them") as refused:
        await find(Services(*UUIDS), "orders")
    assert all(uuid in str(refused.value) for uuid in UUIDS), "every page of the listing"


async def test_a_pipe_is_named_by_name_or_arn() -> None:
    for name in ("shipped", PIPE):
        found = await find(Services(pipe="shipped"), name)
        assert (found.kind, found.uuid, found.state) == ("pipe", PIPE, "RUNNING")


async def test_a_pipe_and_a_function_of_one_name_are_two() -> None:
    with pytest.raises(SettingsError, match="orders means 2 of them"):
        await find(Services(UUIDS[0], pipe="orders"), "orders")


async def test_a_name_that_nothing_has_is_refused() -> None:
    with pytest.raises(SettingsError, match="no function with a mapping and no pipe is called nobody"):
        await find(Services(), "nobody")


def ask(services: Services, named: Named, *, on: bool, wait_s: float = 10.0) -> Named:
    return asyncio.run(pausing._ask(services, named, on=on, wait_s=wait_s, poll_s=0.0))


def test_it_is_asked_once_and_waited_for() -> None:
    services = Services(UUIDS[0])
    services.states = ["Disabling", "Disabling", "Disabled"]
    named = Named("mapping", UUIDS[0], "orders", STREAM, "Enabled")
    assert ask(services, named, on=False).state == "Disabled"
    assert services.asked == [("update_event_source_mapping", {"UUID": UUIDS[0], "Enabled": False})]


def test_one_that_is_there_already_is_not_asked() -> None:
    services = Services(UUIDS[0])
    named = Named("mapping", UUIDS[0], "orders", STREAM, "Enabled")
    assert ask(services, named, on=True) is named and services.asked == []


def test_one_that_is_in_use_is_asked_again() -> None:
    services = Services(UUIDS[0])
    services.refusals = [ConflictError("busy", code="ResourceInUseException")]
    services.states = ["Updating", "Disabled"]
    named = Named("mapping", UUIDS[0], "orders", STREAM, "Updating")
    assert ask(services, named, on=False).state == "Disabled" and len(services.asked) == 2


def test_a_refusal_and_a_failure_end_the_waiting() -> None:
    services = Services(UUIDS[0])
    named = Named("mapping", UUIDS[0], "orders", STREAM, "Enabled")
    services.refusals = [DeniedError("no", code="AccessDeniedException")]
    with pytest.raises(DeniedError):
        ask(services, named, on=False)
    services.states = ["STOP_FAILED"]
    with pytest.raises(UnavailableError, match="is STOP_FAILED"):
        ask(services, named, on=False)
    with pytest.raises(UnavailableError, match=r"after -1 s, not Disabled \(it goes on by itself"):
        ask(services, named, on=False, wait_s=-1.0)
