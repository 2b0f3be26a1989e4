"""Which mapping or pipe a person means: a mapping by UUID, ARN or its function, a pipe by name or ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from afterbay.aws.client import Caller
from afterbay.core.change.arn import is_pipe, parse_arn, parse_function_name
from afterbay.errors import NotFoundError, SettingsError

__all__ = ["Named", "find", "look"]

_MAPPING = re.compile(
    r"(arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:[0-9]{12}:event-source-mapping:)?"
    r"(?P<uuid>[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
)
"""A UUID, or the ARN that ends with it (R30)."""

PAGES_MAX = 100
"""Of a listing, a hundred each: more mappings than a function may have."""


@dataclass(frozen=True, slots=True)
class Named:
    """``uuid`` is what the engine calls it: of a pipe its ARN. ``name``: of the function or the pipe; ``source``: an
    ARN. ``detail``: what AWS says of its last result or state, if anything."""

    kind: Literal["mapping", "pipe"]
    uuid: str
    name: str
    source: str
    state: str
    detail: str | None = None

    def __str__(self) -> str:
        return f"pipe {self.name}" if self.kind == "pipe" else f"mapping {self.uuid} of {self.name}"


class _Mapping(msgspec.Struct):
    UUID: str
    State: str
    EventSourceArn: str = ""
    FunctionArn: str = ""
    LastProcessingResult: str | None = None

    def named(self) -> Named:
        name = parse_function_name(self.FunctionArn).name if self.FunctionArn else ""
        return Named("mapping", self.UUID, name, self.EventSourceArn, self.State, self.LastProcessingResult)


class _Pipe(msgspec.Struct):
    Arn: str
    Name: str
    CurrentState: str
    Source: str = ""
    StateReason: str | None = None

    def named(self) -> Named:
        return Named("pipe", self.Arn, self.Name, self.Source, self.CurrentState, self.StateReason)


class _Page(msgspec.Struct):
    EventSourceMappings: list[_Mapping] = []
    NextMarker: str | None = None


async def find(aws: Caller, name: str) -> Named:
    """The one that ``name`` means. Raises ``SettingsError`` for none and for several, ``ServiceError``."""
    asked = _MAPPING.fullmatch(name)
    if asked is not None:
        found = await _mapping(aws, asked["uuid"])
        if found is None:
            raise SettingsError(f"there is no mapping {name}", hint="is it in this region?")
        return found
    pipe_name = parse_arn(name).resource.removeprefix("pipe/") if is_pipe(name) else name
    several = [] if is_pipe(name) else await _mappings(aws, name)
    pipe = await _pipe(aws, pipe_name)
    several += [] if pipe is None else [pipe]
    if not several:
        raise SettingsError(
            f"no function with a mapping and no pipe is called {name}",
            hint="is it in this region? what `afterbay run` runs is named with --state",
        )
    if len(several) > 1:
        listed = "; ".join(f"{one} ({one.source})" for one in several)
        raise SettingsError(f"{name} means {len(several)} of them", hint=f"name one by its UUID: {listed}")
    return several[0]


async def look(aws: Caller, named: Named) -> Named:
    """The same one as it is now. Raises ``SettingsError`` once it is gone."""
    found = await (_pipe(aws, named.name) if named.kind == "pipe" else _mapping(aws, named.uuid))
    if found is None:
        raise SettingsError(f"{named} is gone")
    return found


async def _mapping(aws: Caller, uuid: str) -> Named | None:
    try:
        told = await aws.call("lambda", "get_event_source_mapping", UUID=uuid)
    except NotFoundError:
        return None
    return msgspec.convert(told, _Mapping).named()


async def _mappings(aws: Caller, function: str) -> list[Named]:
    found: list[Named] = []
    marker: str | None = None
    try:
        for _ in range(PAGES_MAX):
            more = {} if marker is None else {"Marker": marker}
            told = await aws.call("lambda", "list_event_source_mappings", FunctionName=function, **more)
            page = msgspec.convert(told, _Page)
            found += [one.named() for one in page.EventSourceMappings]
            marker = page.NextMarker
            if marker is None:
                break
    except NotFoundError:
        return []
    return found


async def _pipe(aws: Caller, name: str) -> Named | None:
    try:
        told = await aws.call("pipes", "describe_pipe", Name=name)
    except NotFoundError:
        return None
    return msgspec.convert(told, _Pipe).named()
