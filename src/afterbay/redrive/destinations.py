"""Where dead letters go at all: the destinations of every mapping, pipe and rule of an account and region.

Does; a topic is followed to the queues that it hands its messages to. Rules: R14, X92, B61.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from afterbay.aws.client import Caller
from afterbay.core.change.arn import parse_arn
from afterbay.errors import NotFoundError, ServiceError, SettingsError, UnavailableError

__all__ = ["Destinations", "find_destinations"]

PAGES_MAX = 1_000
"""Of one listing: more are a service that repeats itself."""

LETTERS_PREFIX = "aws/lambda/"
"""R115: what Lambda writes to a bucket begins so."""

_T = TypeVar("_T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Destinations:
    """``unreadable``: destinations that cannot be looked into, with the reason."""

    queues: tuple[str, ...] = ()
    buckets: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[str, ...] = ()


class _Destination(msgspec.Struct):
    Destination: str | None = None


class _Failure(msgspec.Struct):
    OnFailure: _Destination | None = None


class _Mapping(msgspec.Struct):
    DestinationConfig: _Failure | None = None


class _Arn(msgspec.Struct):
    Arn: str | None = None


class _Reading(msgspec.Struct):
    DeadLetterConfig: _Arn | None = None


class _PipeSource(msgspec.Struct):
    DynamoDBStreamParameters: _Reading | None = None
    KinesisStreamParameters: _Reading | None = None


class _Pipe(msgspec.Struct):
    SourceParameters: _PipeSource = msgspec.field(default_factory=_PipeSource)


class _Named(msgspec.Struct):
    Name: str


class _Target(msgspec.Struct):
    DeadLetterConfig: _Arn | None = None


class _Subscription(msgspec.Struct):
    Protocol: str
    Endpoint: str


async def find_destinations(caller: Caller) -> Destinations:
    """Ask every service of the caller's region. One that refuses is told of; raises ``ServiceError`` where all do."""
    arns: set[str] = set()
    refused: dict[str, ServiceError] = {}
    for what, find in (("mappings", _of_mappings), ("pipes", _of_pipes), ("rules", _of_rules)):
        try:
            arns |= await find(caller)
        except ServiceError as error:
            refused[what] = error
    if len(refused) == 3:
        raise refused["mappings"]
    found = await _resolved(caller, arns)
    told = tuple(f"destinations of {what}: {error.message}" for what, error in refused.items())
    return replace(found, unreadable=told + found.unreadable)


async def _of_mappings(caller: Caller) -> set[str]:
    listed = _all(caller, "lambda", "list_event_source_mappings", "EventSourceMappings", _Mapping, "Marker")
    failures = [one.DestinationConfig.OnFailure async for one in listed if one.DestinationConfig is not None]
    return {one.Destination for one in failures if one is not None and one.Destination}


async def _of_pipes(caller: Caller) -> set[str]:
    arns: set[str] = set()
    async for pipe in _all(caller, "pipes", "list_pipes", "Pipes", _Named):
        described = _read(await caller.call("pipes", "describe_pipe", Name=pipe.Name), _Pipe).SourceParameters
        for reading in (described.DynamoDBStreamParameters, described.KinesisStreamParameters):
            arns |= _arn(None if reading is None else reading.DeadLetterConfig)
    return arns


async def _of_rules(caller: Caller) -> set[str]:
    arns: set[str] = set()
    async for bus in _all(caller, "events", "list_event_buses", "EventBuses", _Named):
        of_bus = {"EventBusName": bus.Name}
        async for rule in _all(caller, "events", "list_rules", "Rules", _Named, **of_bus):
            named = {"Rule": rule.Name, **of_bus}
            async for target in _all(caller, "events", "list_targets_by_rule", "Targets", _Target, **named):
                arns |= _arn(target.DeadLetterConfig)
    return arns


async def _resolved(caller: Caller, arns: set[str]) -> Destinations:
    queues: set[str] = set()
    buckets: set[tuple[str, str]] = set()
    unreadable: list[str] = []
    for text in sorted(arns):
        try:
            arn = parse_arn(text)
            match arn.service:
                case "sqs":
                    queues.add(await _url(caller, text))
                case "sns":
                    behind = await _queues_behind(caller, text)
                    queues.update([await _url(caller, one) for one in behind])
                    if not behind:
                        unreadable.append(
                            f"{text}: no queue is subscribed to the topic, so its letters are kept nowhere"
                        )
                case "s3":
                    buckets.add((arn.resource, LETTERS_PREFIX))
                case other:
                    unreadable.append(f"{text}: letters in {other} cannot be read")
        except (NotFoundError, SettingsError) as error:
            unreadable.append(f"{text}: {error.message}")
    return Destinations(tuple(sorted(queues)), tuple(sorted(buckets)), tuple(unreadable))


async def _queues_behind(caller: Caller, topic_arn: str) -> list[str]:
    asked = _all(caller, "sns", "list_subscriptions_by_topic", "Subscriptions", _Subscription, TopicArn=topic_arn)
    return [one.Endpoint async for one in asked if one.Protocol == "sqs"]


async def _url(caller: Caller, queue_arn: str) -> str:
    arn = parse_arn(queue_arn)
    answer = await caller.call("sqs", "get_queue_url", QueueName=arn.resource, QueueOwnerAWSAccountId=arn.account)
    return str(answer.get("QueueUrl", ""))


async def _all(
    caller: Caller,
    service: str,
    operation: str,
    member: str,
    kind: type[_T],
    token: str = "NextToken",
    **parameters: object,
) -> AsyncIterator[_T]:
    """Every entry of a listing. ``token`` is what the next page is asked for by; answers call it Next... too."""
    following = token if token.startswith("Next") else f"Next{token}"
    asked = dict(parameters)
    for _ in range(PAGES_MAX):
        answer = await caller.call(service, operation, **asked)
        for one in _entries(answer, member, kind):
            yield one
        if not answer.get(following):
            return
        asked = {**parameters, token: answer[following]}
    raise UnavailableError(f"{service} {operation}: the listing does not end", code="RepeatedPage")


def _entries(answer: Mapping[str, object], member: str, kind: type[_T]) -> list[_T]:
    try:
        return msgspec.convert(answer.get(member) or [], list[kind])  # type: ignore[valid-type] # made at run time
    except msgspec.ValidationError as error:
        raise UnavailableError(
            f"{member}: the service answered something else: {error}", code="UnreadableAnswer"
        ) from error


def _read(answer: Mapping[str, object], kind: type[_T]) -> _T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise UnavailableError(f"the service answered something else: {error}", code="UnreadableAnswer") from error


def _arn(config: _Arn | None) -> set[str]:
    return {config.Arn} if config is not None and config.Arn else set()
