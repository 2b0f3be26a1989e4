"""What the demo finds once all is delivered: read back from the table, the sinks, the queue, the stream and the
function's notes, by clients of their own. Judging it is ``checks.py``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from afterbay.cli.demo.clients import Clients
from afterbay.cli.demo.function.app import project
from afterbay.cli.demo.orders import Life
from afterbay.cli.demo.places import Names, Places
from afterbay.cli.demo.progress import Progress
from afterbay.cli.demo.queue import peek
from afterbay.cli.demo.replay import Replay, replay
from afterbay.cli.demo.sinks import open_sinks
from afterbay.cli.demo.stream import Streamed, read_stream
from afterbay.cli.demo.witness import Delivery, read_witness
from afterbay.core.change.value import decode_item, encode_item
from afterbay.sinks.live import live_item

__all__ = ["Evidence", "Found", "SinkContents", "gather"]

Found = Mapping[str, Mapping[str, object]]
"""Items with exact numbers, by their canonical key."""


@dataclass(frozen=True, slots=True)
class SinkContents:
    """The live items of a sink, before anything was replayed into it."""

    name: str
    items: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """``table`` has the table's live items as the function's projection shows them: what each sink must hold.

    ``mapping_state`` is as the API says it. ``gathered_s`` is when the queue was read, in epoch seconds.
    """

    places: Places
    lives: Sequence[Life]
    table: Found
    sinks: tuple[SinkContents, ...]
    deliveries: Sequence[Delivery]
    letters: tuple[str, ...]
    progress: Progress
    mapping_state: str
    stream: Sequence[Streamed]
    replays: tuple[Replay, ...]
    gathered_s: float


def gather(places: Places, lives: Sequence[Life], clients: Clients, progress: Progress, now_s: float) -> Evidence:
    """Read everything; the replay comes last, since it is the one thing here that could change a sink."""
    opened = open_sinks(places, clients.dynamodb)
    try:
        contents = tuple(
            SinkContents(one.name, {live.key: live.item for live in one.sink.read_live()}) for one in opened
        )
        stream = read_stream(clients.streams, places.stream_arn)
        return Evidence(
            places=places,
            lives=lives,
            table=_table(clients),
            sinks=contents,
            deliveries=read_witness(places.witness),
            letters=peek(clients.queues, places.queue_url),
            progress=progress,
            mapping_state=_mapping_state(clients, places),
            stream=stream,
            replays=tuple(replay(one, stream) for one in opened),
            gathered_s=now_s,
        )
    finally:
        for one in opened:
            one.sink.close()


def _table(clients: Clients) -> Found:
    """The source's live items, scanned with strong consistency and projected as the function does it."""
    pages = clients.dynamodb.get_paginator("scan").paginate(TableName=Names.TABLE, ConsistentRead=True)
    keys = frozenset({"pk"})
    shown = [live_item(encode_item(project(decode_item(item))), keys) for page in pages for item in page["Items"]]
    return {one.key: one.item for one in shown}


def _mapping_state(clients: Clients, places: Places) -> str:
    return clients.functions.get_event_source_mapping(UUID=places.mapping)["State"]
