"""The pipes of ``afterbay run``: what is looked at before they begin, and how an API destination is called."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from afterbay.aws.client import AwsSettings
from afterbay.core.target.call import Answered, Call, DestinationCall, Fault, Refused, Reply
from afterbay.engine.clock import Clock
from afterbay.engine.standalone_pipes import StandalonePipes
from afterbay.engine.wanted import WantedPipe, read_pipes
from afterbay.errors import AfterbayError, DeniedError, NotFoundError, SettingsError
from unit.core.pipe.making import ROLE, TARGETS, request

MACHINE, DESTINATION = TARGETS["states-express"], TARGETS["api-destination"]
CALL = DestinationCall(DESTINATION, (), {}, {}, b"{}")


class Registered:
    """Where destinations are looked up."""

    def __init__(self) -> None:
        self.looked: list[str] = []
        self.forgotten: list[str] = []
        self.error: AfterbayError | None = None

    async def look_up(self, arn: str) -> None:
        self.looked.append(arn)
        if self.error is not None:
            raise self.error

    def forget(self, arn: str) -> None:
        self.forgotten.append(arn)


class StepFunctions:
    def __init__(self, answer: str | AfterbayError) -> None:
        self.answer = answer

    def of(self, region: str) -> StepFunctions:
        return self

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        assert (service, operation, parameters) == (
            "stepfunctions",
            "describe_state_machine",
            {"stateMachineArn": MACHINE},
        )
        if isinstance(self.answer, AfterbayError):
            raise self.answer
        return {"type": self.answer}


def wanted(folder: Path, **more: object) -> WantedPipe:
    file = folder / "pipe.json"
    file.write_bytes(msgspec.json.encode(request("dynamodb", "states-express", **more)))
    (one,) = read_pipes([file])
    return one


class World:
    def __init__(self, one: WantedPipe, machine: str | AfterbayError = "EXPRESS", reply: Reply | None = None) -> None:
        self.one = one
        self.pipes = StandalonePipes([one], AwsSettings(), Clock(), function=self.nobody, metrics=lambda data: None)
        self.registered, self.reply = Registered(), reply or Answered()
        self.pipes._registered = self.registered  # type: ignore[assignment]
        self.pipes._asking = StepFunctions(machine)  # type: ignore[assignment]
        self.pipes._calls = self.answer  # type: ignore[assignment]

    def nobody(self, arn: str):
        raise AssertionError("no function is called")

    async def answer(self, call: Call, request_id: str) -> Reply:
        return self.reply

    async def call(self) -> Reply:
        return await self.pipes.deliverer(self.one.pipe.arn).perform(CALL, "")


async def test_only_an_express_state_machine_can_be_waited_for(tmp_path: Path) -> None:
    one = wanted(tmp_path)
    await World(one).pipes.check(one)
    with pytest.raises(SettingsError, match="STANDARD state machine") as caught:
        await World(one, "STANDARD").pipes.check(one)
    assert caught.value.where == one.place
    started = {"StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}}
    other = wanted(tmp_path, TargetParameters=started)
    await World(other, "STANDARD").pipes.check(other)
    enriching = wanted(tmp_path, Target=TARGETS["sqs"], Enrichment=MACHINE)
    with pytest.raises(SettingsError, match="STANDARD state machine"):
        await World(enriching, "STANDARD").pipes.check(enriching)


async def test_who_may_not_look_at_a_state_machine_runs_and_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    one = wanted(tmp_path)
    await World(one, DeniedError("no", code="AccessDeniedException")).pipes.check(one)
    with pytest.raises(NotFoundError):
        await World(one, NotFoundError("gone", code="StateMachineDoesNotExist")).pipes.check(one)


async def test_an_api_destination_is_looked_up_at_the_start_and_before_each_call(tmp_path: Path) -> None:
    one = wanted(
        tmp_path,
        Target=DESTINATION,
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "LATEST", "BatchSize": 1}},
    )
    world = World(one, reply=Answered(b"ok"))
    await world.pipes.check(one)
    assert await world.call() == Answered(b"ok")
    assert world.registered.looked == [DESTINATION, DESTINATION] and not world.registered.forgotten
    assert world.pipes.role(one.pipe.arn) == ROLE


@pytest.mark.parametrize(("status", "forgotten"), [(401, 1), (403, 1), (500, 0)])
async def test_credentials_that_were_refused_are_looked_up_anew(tmp_path: Path, status: int, forgotten: int) -> None:
    world = World(wanted(tmp_path), reply=Refused(Fault.REFUSED, "", "no", status))
    await world.call()
    assert len(world.registered.forgotten) == forgotten


async def test_a_destination_that_cannot_be_looked_up_is_a_refusal_like_others(tmp_path: Path) -> None:
    world = World(wanted(tmp_path))
    world.registered.error = NotFoundError("gone", code="ResourceNotFoundException")
    reply = await world.call()
    assert isinstance(reply, Refused) and reply.fault is Fault.NOT_FOUND
