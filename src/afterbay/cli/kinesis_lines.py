"""A Kinesis record that carries no change of a table, as a line for a person, or as a JSON line.

Decides spelling. Its data are bytes of whoever wrote it: they are shown where they are asked for, and never read.
"""

from __future__ import annotations

from afterbay.cli.change_lines import Document, plain_text, printable, utc
from afterbay.core.change.kinesis import KinesisEnvelope
from afterbay.core.change.value import json_bytes

__all__ = ["envelope_document", "envelope_lines"]


def envelope_lines(envelope: KinesisEnvelope, *, data: bool) -> list[str]:
    """When it arrived, its partition key, its size and its number; its data below where they are asked for."""
    size = f"{len(envelope.data)} byte{'' if len(envelope.data) == 1 else 's'}"
    lines = [f"{_time(envelope)} RECORD {plain_text(envelope.partitionKey)}  {size}  {envelope.sequenceNumber}"]
    return [*lines, f"    data: {printable(envelope.data)}"] if data else lines


def envelope_document(envelope: KinesisEnvelope, shard: str, *, data: bool) -> bytes:
    """The same in JSON (docs/cli.md), data as base64 text."""
    document: Document = {
        "time": _time(envelope),
        "kind": "RECORD",
        "partition_key": envelope.partitionKey,
        "bytes": len(envelope.data),
        "shard": shard,
        "sequence_number": envelope.sequenceNumber,
    }
    if data:
        document["data"] = envelope.data
    return json_bytes(document)


def _time(envelope: KinesisEnvelope) -> str:
    """Kinesis tells arrivals to the millisecond (R112)."""
    return utc(envelope.approximateArrivalTimestamp, "milliseconds")
