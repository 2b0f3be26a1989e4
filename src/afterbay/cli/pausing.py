"""What ``pause`` and ``resume`` share: a mapping or a pipe is asked to stop or to go on, and waited for."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
import typer

from afterbay.aws.client import Aws, AwsSettings, Caller
from afterbay.cli.address import fetch
from afterbay.cli.options import given_path
from afterbay.cli.output import print_json
from afterbay.cli.which_mapping import Named, find, look
from afterbay.errors import AfterbayError, ServiceError, SettingsError, UnavailableError

__all__ = ["MappingName", "Patience", "StateFile", "switch"]

POLL_S = 0.2
POLL_AWS_S = 2.0
"""A mapping of AWS takes up to minutes; its API is not to be asked five times a second."""

LOOK_S = 1.0
"""A mapping that goes on has read its first page by then."""

_IN_USE = frozenset({"ResourceInUseException", "ConflictException"})

MappingName: TypeAlias = Annotated[
    str, typer.Argument(metavar="MAPPING", help="A UUID or ARN, a function that has one mapping, or a pipe's name.")
]
Patience: TypeAlias = Annotated[float, typer.Option("--wait", help="How many seconds to wait for it.")]
StateFile: TypeAlias = Annotated[
    Path | None, typer.Option("--state", parser=given_path, help="Of `afterbay run`: says what to do instead of this.")
]


class _Shard(msgspec.Struct):
    shard: str
    age_s: float
    blocked_by: str | None = None


class _Mapping(msgspec.Struct):
    uuid: str
    age_s: float
    shards: list[_Shard]


class _Status(msgspec.Struct):
    mappings: list[_Mapping]


def switch(name: str, settings: AwsSettings, *, on: bool, wait_s: float, state: Path | None, as_json: bool) -> None:
    """Pause or resume, wait, and say where it stands. Raises ``SettingsError`` and ``ServiceError``."""
    if state is not None:
        raise SettingsError(
            "a mapping of `afterbay run` is switched in its file",
            hint=f'set "Enabled": {"true" if on else "false"} there and start the engine again',
        )
    named, age_s, blocked = asyncio.run(_switched(name, settings, on=on, wait_s=wait_s))
    if as_json:
        print_json({**asdict(named), "oldest_age_s": age_s, "blocked_by": blocked})
        return
    typer.echo(f"{named}: {named.state}")
    if named.detail:
        typer.echo(f"  last result: {named.detail}")
    if age_s is not None:
        typer.echo(f"  the oldest record that waits is {age_s:.0f} s old")
    for one in blocked:
        typer.echo(f"  blocked: {one}")


async def _switched(
    name: str, settings: AwsSettings, *, on: bool, wait_s: float
) -> tuple[Named, float | None, list[str]]:
    aws = Aws(settings)
    try:
        url = settings.endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "")
        named = await find(aws, name)
        before = await asyncio.to_thread(_reading, url, named)
        named = await _ask(aws, named, on=on, wait_s=wait_s, poll_s=POLL_S if url else POLL_AWS_S)
        now = await _at_work(url, named) if on else None
    finally:
        aws.close()
    told = now if on else before  # what is paused holds nothing any more
    if told is None:
        return named, None, []
    blocked = [f"{one.shard}: {one.blocked_by}" for one in told.shards if one.blocked_by]
    return named, told.age_s or None, blocked


async def _ask(aws: Caller, named: Named, *, on: bool, wait_s: float, poll_s: float) -> Named:
    """Ask until it is taken, then look until it has arrived."""
    wanted = {"mapping": ("Disabled", "Enabled"), "pipe": ("STOPPED", "RUNNING")}[named.kind][on]
    end = time.monotonic() + wait_s
    asked = False
    while named.state != wanted:
        if time.monotonic() > end:
            raise UnavailableError(
                f"{named} is {named.state} after {wait_s:g} s, not {wanted}",
                code="NotSettled",
                hint="it goes on by itself; --wait gives it more time",
            )
        if not asked:
            asked = await _asked(aws, named, on=on)
        await asyncio.sleep(poll_s)
        named = await look(aws, named)
        if named.state.endswith("_FAILED"):
            raise UnavailableError(f"{named} is {named.state}: {named.detail or 'no reason is told'}", code=named.state)
    return named


async def _asked(aws: Caller, named: Named, *, on: bool) -> bool:
    """False while it is on its way from one state to another: it takes no request then (E19)."""
    try:
        if named.kind == "mapping":
            await aws.call("lambda", "update_event_source_mapping", UUID=named.uuid, Enabled=on)
        else:
            await aws.call("pipes", "start_pipe" if on else "stop_pipe", Name=named.name)
    except ServiceError as error:
        if error.code in _IN_USE:
            return False
        raise
    return True


async def _at_work(url: str, named: Named) -> _Mapping | None:
    """How it stands once it reads again, or after a moment: what waits is known only then."""
    end = time.monotonic() + LOOK_S
    while True:
        told = await asyncio.to_thread(_reading, url, named)
        if told is None or told.age_s or time.monotonic() > end:
            return told
        await asyncio.sleep(POLL_S)


def _reading(url: str, named: Named) -> _Mapping | None:
    """What the local address says of it; None on AWS, which does not say (its IteratorAge metric does, later)."""
    if not url:
        return None
    try:
        told = msgspec.json.decode(fetch(url, "status"), type=_Status)
    except (AfterbayError, msgspec.DecodeError):
        return None  # not an address of ours
    return next((one for one in told.mappings if one.uuid == named.uuid), None)
