"""``afterbay status``: mappings, shards, age, what blocks them."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from afterbay.cli.address import fetch
from afterbay.cli.options import given_text
from afterbay.cli.output import print_json
from afterbay.core.change.wire import JsonValue

__all__ = ["status"]

PLAIN_WIDTH = 1_000


class _Lane(msgspec.Struct):
    lane: int
    state: str
    records: int
    attempts: int


class _Shard(msgspec.Struct):
    shard: str
    state: str
    position: str
    age_s: float
    buffered: int
    blocked_by: str | None
    lanes: list[_Lane]


class _Queue(msgspec.Struct):
    concurrency: int
    batches: int
    resting: int
    messages: int
    waiting: int


class _Mapping(msgspec.Struct):
    uuid: str
    event_source_arn: str
    function_arn: str
    state: str
    last_processing_result: str
    age_s: float
    source_failure: str | None
    shards: list[_Shard]
    queue: _Queue | None = None


class _Pipe(msgspec.Struct):
    name: str
    mapping: str
    state: str
    reason: str | None
    source: str
    enrichment: str | None
    target: str
    warnings: list[str]


class _Outbox(msgspec.Struct):
    waiting: int
    full: bool
    last_error: str | None


class _Status(msgspec.Struct):
    at: str
    mappings: list[_Mapping]
    outbox: _Outbox
    pipes: list[_Pipe] = msgspec.field(default_factory=list[_Pipe])


def status(
    *,
    endpoint_url: Annotated[
        str | None, typer.Option(parser=given_text, help="The local address \\[env: AWS_ENDPOINT_URL].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole snapshot as JSON.")] = False,
) -> None:
    """What every mapping and shard is doing, how old its oldest record is, and what blocks it.

    Example: AWS_ENDPOINT_URL=http://127.0.0.1:4566 afterbay status
    """
    body = fetch(endpoint_url or os.environ.get("AWS_ENDPOINT_URL", ""), "status")
    if as_json:
        document: JsonValue = msgspec.json.decode(body)
        print_json(document)
    else:
        _print(msgspec.json.decode(body, type=_Status))


def _print(told: _Status) -> None:
    # A pipe or a file has no width: nothing is wrapped or cut there, and shard and ARN can be taken from it.
    console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=PLAIN_WIDTH)
    if not told.mappings and not told.pipes:
        console.print("no mappings")
    reading = {one.uuid: one for one in told.mappings}
    for pipe in told.pipes:
        _print_pipe(console, pipe, reading.pop(pipe.mapping, None))
    for mapping in reading.values():
        console.print(f"[bold]{mapping.function_arn.rsplit(':', 1)[-1]}[/bold]  {mapping.state}  {mapping.uuid}")
        _print_reading(console, mapping)
    if told.outbox.waiting:
        why = f": {escape(told.outbox.last_error)}" if told.outbox.last_error else ""
        console.print(f"[yellow]{told.outbox.waiting} dead letter(s) wait in the outbox{why}[/yellow]")
    if told.outbox.full:
        console.print("[red]the outbox is full: shards with something to discard wait[/red]")


def _print_pipe(console: Console, pipe: _Pipe, mapping: _Mapping | None) -> None:
    console.print(f"[bold]pipe {pipe.name}[/bold]  {pipe.state}")
    if pipe.reason:
        console.print(f"  [red]{escape(pipe.reason)}[/red]", highlight=False)
    if mapping is None:
        console.print(f"  from {pipe.source}", highlight=False)
    else:
        _print_reading(console, mapping)
    if pipe.enrichment is not None:
        console.print(f"  through {pipe.enrichment}", highlight=False)
    console.print(f"  to {pipe.target}", highlight=False)
    for one in pipe.warnings:
        console.print(f"  [yellow]{escape(one)}[/yellow]", highlight=False)


def _print_reading(console: Console, mapping: _Mapping) -> None:
    console.print(f"  from {mapping.event_source_arn}", highlight=False)
    console.print(f"  last result: {mapping.last_processing_result}   age: {mapping.age_s:.1f} s")
    if mapping.source_failure:
        what = "stream cannot be listed" if mapping.queue is None else "queue cannot be read"
        console.print(f"  [red]the {what}: {escape(mapping.source_failure)}[/red]")
    if mapping.queue is not None:
        console.print(f"  {_in_hand(mapping.queue)}", highlight=False)
    if mapping.shards:
        console.print(_table(mapping.shards))


def _in_hand(queue: _Queue) -> str:
    text = f"{queue.batches} of {queue.concurrency} batches under way with {queue.messages} message(s)"
    if queue.resting:
        text += f", {queue.resting} of them waiting for the function"
    return text + (f"; {queue.waiting} message(s) wait for a batch" if queue.waiting else "")


def _table(shards: list[_Shard]) -> Table:
    table = Table("shard", "state", "position", "age s", "read ahead", "lanes", "blocked by")
    for column in table.columns:
        column.no_wrap = column.header in ("state", "age s", "read ahead", "lanes")
        column.overflow = "fold"  # `skip` wants the whole of a shard and a number
    for shard in shards:
        busy = sum(lane.state != "idle" for lane in shard.lanes)
        table.add_row(
            shard.shard,
            shard.state,
            shard.position,
            f"{shard.age_s:.1f}",
            str(shard.buffered),
            f"{busy} busy" if busy else "",
            escape(shard.blocked_by or ""),
        )
    return table
