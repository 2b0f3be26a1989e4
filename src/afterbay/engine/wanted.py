"""What files ask ``afterbay run`` for: mappings and pipes, each a request of the AWS CLI, checked as its service would.

Decides what is refused because nothing here would act on it. Whether a source is there is seen when it is read.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from afterbay.core.change.arn import parse_arn, parse_function_name
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import text
from afterbay.core.mapping.settings import MappingSettings, parse_create, unknown_parameters
from afterbay.core.pipe import request as of_pipes
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.errors import Field, PipeError, invalid
from afterbay.core.pipe.lifecycle import DesiredState
from afterbay.core.pipe.plan import compile_template
from afterbay.core.pipe.source_service import BROKER
from afterbay.core.pipe.target_parameters import BusParameters
from afterbay.core.pipe.target_service import TargetKind
from afterbay.errors import SettingsError

__all__ = ["Wanted", "WantedMapping", "WantedPipe", "read_mappings", "read_pipes", "read_wanted"]

_NAMESPACE = uuids.UUID("5f1f4d5e-8f57-4b0c-9f0a-0d8f3a0c7e11")


class Wanted(Protocol):
    """What the engine needs of either. ``uuid`` is the same at every start, so that a restart finds its positions
    again; ``place`` is where it was asked for."""

    @property
    def uuid(self) -> str: ...

    @property
    def settings(self) -> MappingSettings: ...

    @property
    def enabled(self) -> bool: ...

    @property
    def place(self) -> str: ...


@dataclass(frozen=True, slots=True)
class WantedMapping:
    """A mapping of a file; its ``uuid`` follows from source and function."""

    uuid: str
    settings: MappingSettings
    enabled: bool
    place: str


@dataclass(frozen=True, slots=True)
class WantedPipe:
    """A pipe of a file; its ``uuid`` follows from source and name."""

    pipe: PipeSettings
    place: str

    @property
    def uuid(self) -> str:
        return _uuid(self.pipe.source, self.pipe.arn)

    @property
    def settings(self) -> MappingSettings:
        """Of the mapping that reads its source."""
        return self.pipe.source_settings()

    @property
    def enabled(self) -> bool:
        return self.pipe.desired_state is DesiredState.RUNNING


_W = TypeVar("_W", WantedMapping, WantedPipe)


def read_mappings(paths: Iterable[Path]) -> tuple[WantedMapping, ...]:
    """Read files, each one request of CreateEventSourceMapping or a list. Raises ``SettingsError`` with the place."""
    return _read(paths, _mapping, "mapping", "source and function are the same as in an earlier mapping")


def read_pipes(paths: Iterable[Path]) -> tuple[WantedPipe, ...]:
    """Read files, each one request of CreatePipe or a list. Raises ``SettingsError`` with the place, and names each
    member at fault.

    A pipe's account and Region are its source's: it reads no other's (X6).
    """
    return _read(paths, _pipe, "pipe", "the name is that of an earlier pipe")


def read_wanted(mappings: Path | None, pipes: Path | None) -> tuple[Wanted, ...]:
    """What a state file is of, by the files that its engine was given; None: it was given none. Raises
    ``SettingsError`` with the place."""
    of_mappings = () if mappings is None else read_mappings([mappings])
    return (*of_mappings, *(() if pipes is None else read_pipes([pipes])))


def _read(
    paths: Iterable[Path], read_one: Callable[[dict[str, JsonValue], str], _W], called: str, twice: str
) -> tuple[_W, ...]:
    wanted: dict[str, _W] = {}
    for entry, place in _entries(paths, called):
        one = read_one(entry, place)
        name = one.pipe.arn if isinstance(one, WantedPipe) else one.uuid
        if name in wanted:
            raise SettingsError(twice, where=place)
        wanted[name] = one
    return tuple(wanted.values())


def _entries(paths: Iterable[Path], called: str) -> Iterator[tuple[dict[str, JsonValue], str]]:
    """Every request of every file, and where it stands."""
    for path in paths:
        try:
            document: JsonValue = msgspec.json.decode(path.read_bytes())
        except OSError as error:
            raise SettingsError(f"cannot be read: {error.strerror}", where=str(path)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"is not JSON: {error}", where=str(path)) from error
        entries = document if isinstance(document, list) else [document]
        if not entries:
            raise SettingsError(f"holds no {called}", where=str(path))
        for index, entry in enumerate(entries):
            place = f"{path}[{index}]" if isinstance(document, list) else str(path)
            if not isinstance(entry, dict):
                raise SettingsError(f"a {called} is a JSON object, not {type(entry).__name__}", where=place)
            yield entry, place


def _mapping(entry: dict[str, JsonValue], place: str) -> WantedMapping:
    _refuse_unknown(unknown_parameters(entry), "CreateEventSourceMapping", place)
    try:
        request = parse_create(entry)
        source = parse_arn(request.settings.event_source_arn)
        name = parse_function_name(request.function_name)
    except SettingsError as error:
        raise SettingsError(error.message, code=error.code, where=place, hint=error.hint) from error
    settings = request.resolved(name.arn(region=source.region, account=source.account, partition=source.partition))
    return WantedMapping(_uuid(settings.event_source_arn, settings.function_arn), settings, request.enabled, place)


def _pipe(entry: dict[str, JsonValue], place: str) -> WantedPipe:
    _refuse_unknown(of_pipes.unknown_parameters(entry), "CreatePipe", place)
    account, region = _home(entry)
    try:
        settings = of_pipes.parse_create(entry, account=account, region=region, check_template=compile_template)
        without_effect = list(_without_effect(entry, settings))
        if without_effect:
            raise invalid(without_effect)
    except PipeError as error:
        raise SettingsError(_told(error), code=error.code, where=place) from error
    return WantedPipe(settings, place)


def _refuse_unknown(unknown: tuple[str, ...], call: str, place: str) -> None:
    if unknown:
        raise SettingsError(
            f"{unknown[0]!r} is no parameter of {call}", where=place, hint="names are AWS's own, as in BatchSize"
        )


def _home(entry: dict[str, JsonValue]) -> tuple[str, str]:
    """Account and Region of the first ARN that has them; what is no ARN at all, the model refuses."""
    for name in ("Source", "Target"):
        given = entry.get(name)
        if isinstance(given, str) and not given.startswith(BROKER):
            try:
                arn = parse_arn(given)
            except SettingsError:
                continue
            if arn.account and arn.region:
                return arn.account, arn.region
    return "", ""


def _without_effect(entry: dict[str, JsonValue], settings: PipeSettings) -> Iterator[Field]:
    """What AWS would act on, and nothing here does."""
    if entry.get("Tags"):
        yield Field("Tags", "nothing here lists pipes or bills them: leave Tags out")
    if text(entry, "KmsKeyIdentifier"):
        yield Field("KmsKeyIdentifier", "it encrypts what EventBridge keeps of a pipe; here that is your file")
    for member, arn, service in (
        ("Enrichment", settings.enrichment, settings.enrichment_service),
        ("Target", settings.target, settings.target_service),
    ):
        if service is not None and service.kind is TargetKind.API_GATEWAY:
            yield Field(member, f"{arn}: API Gateway is not called by its ARN here: use an API destination of its URL")
    bus = settings.target_parameters
    if isinstance(bus, BusParameters) and bus.endpoint_id is not None:
        yield Field(
            "TargetParameters.EventBridgeEventBusParameters.EndpointId",
            "a global endpoint wants signatures (SigV4A) that are not made here: name the bus alone",
        )


def _told(error: PipeError) -> str:
    """The members at fault in one line, as a person reads them; the service wraps them in JSON (X6)."""
    listed = error.members.get("fieldList")
    if not isinstance(listed, list):
        return error.message
    return "; ".join(f"{one.get('name')}: {one.get('message')}" for one in listed if isinstance(one, dict))


def _uuid(source: str, called: str) -> str:
    return str(uuids.uuid5(_NAMESPACE, f"{source} {called}"))
