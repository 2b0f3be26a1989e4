"""The drill of a template: each mapping of a table's stream, step by step."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from afterbay.backfill.table import read_table
from afterbay.cli.drill.attributes import attributes_of
from afterbay.cli.drill.draft import GROUP, Needs, draft_for
from afterbay.cli.drill.ground import Ground, ground
from afterbay.cli.drill.poison import poison
from afterbay.cli.drill.replay import replay
from afterbay.cli.drill.report import Drilled, Report, Steps
from afterbay.cli.drill.subject import Subject
from afterbay.cli.drill.trace import trace
from afterbay.cli.drill.witness import Witness
from afterbay.core.change.arn import is_pipe, parse_function_name, parse_stream_arn
from afterbay.core.change.source import SourceKind, source_kind
from afterbay.core.change.view import ViewType
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.snapshot import MappingSnapshot
from afterbay.errors import SettingsError

if TYPE_CHECKING:
    from afterbay.declaration.template import Template

__all__ = ["DrillOptions", "drill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOptions:
    """``given`` is an item that the functions take, typed. ``function`` None: every function with a table's stream."""

    given: Mapping[str, object] = field(default_factory=dict[str, object])
    function: str | None = None


async def drill(template: Template, folder: Path, options: DrillOptions, say: Callable[[str], None]) -> Report:
    """Put the template up on an address of its own and drill its mappings, one after the other.

    Raises ``SettingsError`` for a template that cannot be put up, or that has nothing to drill.
    """
    async with ground(template, folder, say) as place:
        drilled: list[Drilled] = []
        left_out: list[str] = []
        numbers = itertools.count(GROUP, GROUP)
        await place.idle()
        for mapping in [one.mapping for one in place.status().mappings]:
            reason = _why_not(mapping, options)
            if reason:
                left_out.append(f"{mapping.function_arn}: {reason}")
                continue
            subject = await _subject(place, mapping, options, numbers)
            if isinstance(subject, str):
                left_out.append(f"{mapping.function_arn}: {subject}")
                continue
            say(f"drilling {subject.table} -> {subject.function}")
            drilled.append(await _drill_one(place, subject, say))
    if not drilled:
        raise SettingsError(
            "; ".join(left_out) or "the template has no mapping of a table's stream",
            where=str(template.file),
            hint="a drill needs an enabled event source mapping from a DynamoDB stream to a function",
        )
    return Report(str(template.file), drilled, left_out)


async def _drill_one(place: Ground, subject: Subject, say: Callable[[str], None]) -> Drilled:
    place.hub.witness = subject.witness
    place.poison.function_arn = subject.settings.function_arn
    steps = Steps(place.now())
    told = 0

    def tell() -> None:
        nonlocal told
        for step in steps.done[told:]:
            say(f"  {step.verdict.value}: {step.name}")
        told = len(steps.done)

    async with place.alone(subject.mapping):
        traced = await trace(subject, steps)
        tell()
        await replay(subject, traced, steps)
        tell()
        await poison(subject, traced, steps)
        tell()
    place.hub.witness = None
    return Drilled(subject.mapping, subject.table, subject.function, tuple(steps.done))


async def _subject(
    place: Ground, mapping: MappingSnapshot, options: DrillOptions, numbers: Iterator[int]
) -> Subject | str:
    """What is drilled, or why it cannot be."""
    settings = place.settings_of(mapping.uuid)
    if settings is None:
        return "it is being deleted"
    table = parse_stream_arn(settings.event_source_arn).table
    needs = await _needs(place, table, parse_function_name(settings.function_arn).name, options)
    draft = draft_for(settings.filters, needs)
    if draft is None:
        return "no item was found that its filter lets through: give one with --item FILE"
    return Subject(place, mapping.uuid, settings, table, draft, Witness(mapping.uuid), numbers)


async def _needs(place: Ground, table: str, function: str, options: DrillOptions) -> Needs:
    answer = await place.aws.call("dynamodb", "describe_table", TableName=table)
    told = cast("Mapping[str, object]", answer["Table"])
    types = {
        one["AttributeName"]: one["AttributeType"] for one in cast("list[dict[str, str]]", told["AttributeDefinitions"])
    }
    keys = read_table(answer["Table"]).keys
    code = next((one.path for one in place.code if parse_function_name(one.function).name == function), None)
    read = {} if code is None or options.given else await asyncio.to_thread(attributes_of, code)
    indexed = {name: tag for name, tag in types.items() if name not in keys}
    others = {name: tag for name, tag in read.items() if name not in keys}
    stream = cast("Mapping[str, object]", told.get("StreamSpecification") or {})
    return Needs(
        keys=dict(keys),
        typed=others | ({} if options.given else indexed),
        given={name: value for name, value in options.given.items() if name not in keys},
        view=ViewType(str(stream.get("StreamViewType", ViewType.NEW_AND_OLD_IMAGES.value))),
    )


def _why_not(mapping: MappingSnapshot, options: DrillOptions) -> str:
    """Why a mapping is left out; empty where it is not."""
    if is_pipe(mapping.function_arn):
        return "a pipe is not drilled"
    if source_kind(mapping.event_source_arn) is not SourceKind.TABLE:
        return "its source is no table's stream"
    if options.function is not None and parse_function_name(mapping.function_arn).name != options.function:
        return f"not {options.function}"
    if mapping.state != State.ENABLED.value:
        return f"the mapping is {mapping.state}"
    return ""
