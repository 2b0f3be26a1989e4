"""DynamoDB Streams over HTTP: requests read and checked, answers written (S1, S3, S5, S14).

GetRecords joins the stored bytes of its records: nothing is encoded twice.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from afterbay.core.change.wire import JsonValue
from afterbay.emulator.shard import PAGE_RECORDS_MAX, ShardLog
from afterbay.emulator.stream import StreamLog
from afterbay.endpoint.protocol import Request, Response, json_object, json_response
from afterbay.endpoint.services.dynamodb_streams import (
    PAGE_SHARDS_MAX,
    PAGE_STREAMS_MAX,
    IteratorType,
    StreamsService,
)
from afterbay.errors import EndpointError

__all__ = ["StreamsWire"]

TARGET_PREFIX = "DynamoDBStreams_20120810."
_TYPES: dict[str, IteratorType] = {
    "TRIM_HORIZON": "TRIM_HORIZON",
    "LATEST": "LATEST",
    "AT_SEQUENCE_NUMBER": "AT_SEQUENCE_NUMBER",
    "AFTER_SEQUENCE_NUMBER": "AFTER_SEQUENCE_NUMBER",
    "AT_TIMESTAMP": "AT_TIMESTAMP",
}
_STREAM_ARN = re.compile(r"arn:[^:|]+:dynamodb:[^:|]*:[^:|]*:table/[^/|]+/stream/[^/|]+")

Members = Mapping[str, JsonValue]


class StreamsWire:
    """The service as the address calls it: one HTTP request in, one answer out."""

    def __init__(self, service: StreamsService) -> None:
        self._service = service
        self._operations: dict[str, Callable[[Members, str], Awaitable[Response]]] = {
            "ListStreams": self._list_streams,
            "DescribeStream": self._describe_stream,
            "GetShardIterator": self._get_shard_iterator,
            "GetRecords": self._get_records,
        }

    async def __call__(self, request: Request) -> Response:
        operation = request.headers.get("x-amz-target", "").removeprefix(TARGET_PREFIX)
        carry_out = self._operations.get(operation)
        if carry_out is None:
            raise EndpointError("UnknownOperationException", f"DynamoDB Streams has no operation {operation!r}")
        return await carry_out(json_object(request.body), request.region)

    async def _list_streams(self, members: Members, region: str) -> Response:
        after = _text(members, "ExclusiveStartStreamArn", 37, 1024)
        if after is not None and not _STREAM_ARN.fullmatch(after):
            raise EndpointError("ValidationException", f"Invalid ExclusiveStartStreamArn: {after}")
        page = await self._service.list_streams(
            region,
            table=_text(members, "TableName", 3, 255),
            limit=_limit(members, PAGE_STREAMS_MAX),
            after=after,
        )
        answer: dict[str, object] = {"Streams": [_stream_entry(log) for log in page.streams]}
        if page.last is not None:
            answer["LastEvaluatedStreamArn"] = page.last
        return json_response(answer, protocol="json-1.0")

    async def _describe_stream(self, members: Members, region: str) -> Response:
        arn = _stream_arn(members, region)
        page = await self._service.describe_stream(
            arn,
            limit=_limit(members, PAGE_SHARDS_MAX),
            after=_text(members, "ExclusiveStartShardId", 28, 65),
            children_of=_children_of(members),
        )
        log = page.stream
        description: dict[str, object] = {
            **_stream_entry(log),
            "StreamStatus": page.status,
            "StreamViewType": log.view.value,
            "CreationRequestDateTime": _milliseconds(log.created),
            "KeySchema": [{"AttributeName": key.name, "KeyType": key.role} for key in log.keys],
            "Shards": [_shard_entry(shard, ended=shard.shard_id not in page.shown_open) for shard in page.shards],
        }
        if page.last is not None:
            description["LastEvaluatedShardId"] = page.last
        return json_response({"StreamDescription": description}, protocol="json-1.0")

    async def _get_shard_iterator(self, members: Members, region: str) -> Response:
        arn = _stream_arn(members, region)
        shard = _required(members, "ShardId", 28, 65)
        named = _required(members, "ShardIteratorType", 1, 64)
        kind = _TYPES.get(named)
        if kind is None:
            raise _constraint(named, "shardIteratorType", f"satisfy enum value set: [{', '.join(_TYPES)}]")
        number = _text(members, "SequenceNumber", 21, 40)
        if number is not None and kind in ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"):
            raise EndpointError(
                "ValidationException", f"SequenceNumber must not be provided for the iterator type {kind}"
            )
        iterator = await self._service.get_shard_iterator(
            arn, shard, kind, sequence_number=number, timestamp=_number(members, "Timestamp")
        )
        return json_response({"ShardIterator": iterator}, protocol="json-1.0")

    async def _get_records(self, members: Members, region: str) -> Response:
        iterator = _required(members, "ShardIterator", 1, 2048)
        page = await self._service.get_records(iterator, _limit(members, PAGE_RECORDS_MAX))
        tail = b"]}" if page.next_iterator is None else b'],"NextShardIterator":"%b"}' % page.next_iterator.encode()
        body = b'{"Records":[' + b",".join(page.records) + tail
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-crc32": str(zlib.crc32(body))}
        return Response(200, body, headers)


def _milliseconds(when: datetime) -> float:
    """Epoch seconds, rounded down to milliseconds as the stream's label is (S16)."""
    return when.replace(microsecond=when.microsecond // 1000 * 1000).timestamp()


def _stream_entry(log: StreamLog) -> dict[str, object]:
    return {"StreamArn": log.arn.arn, "StreamLabel": log.arn.label, "TableName": log.arn.table}


def _shard_entry(shard: ShardLog, *, ended: bool) -> dict[str, object]:
    """A shard as it is listed; without its end unless it is ``ended`` for the reader."""
    numbers = {"StartingSequenceNumber": str(shard.start)}
    if shard.end_number is not None and ended:
        numbers["EndingSequenceNumber"] = str(shard.end_number)
    entry: dict[str, object] = {"ShardId": shard.shard_id, "SequenceNumberRange": numbers}
    if shard.parent is not None:
        entry["ParentShardId"] = shard.parent
    return entry


def _children_of(members: Members) -> str | None:
    """The shard of a CHILD_SHARDS filter; both members are needed although the model marks neither (S10)."""
    shard_filter = members.get("ShardFilter")
    if shard_filter is None:
        return None
    if not isinstance(shard_filter, dict):
        raise EndpointError("SerializationException", "ShardFilter must be an object")
    kind = shard_filter.get("Type")
    if kind != "CHILD_SHARDS":
        raise _constraint(kind, "shardFilter.type", "satisfy enum value set: [CHILD_SHARDS]")
    shard = shard_filter.get("ShardId")
    if not isinstance(shard, str):
        raise _constraint(shard, "shardFilter.shardId", "not be null")
    if not 28 <= len(shard) <= 65:
        raise _constraint(
            shard,
            "shardFilter.shardId",
            f"have length {'greater' if len(shard) < 28 else 'less'} than or equal to {28 if len(shard) < 28 else 65}",
        )
    return shard


def _stream_arn(members: Members, region: str) -> str:
    """The stream named, which must be of the region that was called: elsewhere it does not exist."""
    arn = _required(members, "StreamArn", 37, 1024)
    if not _STREAM_ARN.fullmatch(arn):
        raise EndpointError("ValidationException", f"Invalid StreamArn: {arn}")
    if arn.split(":")[3] != region:
        raise EndpointError("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")
    return arn


def _required(members: Members, name: str, shortest: int, longest: int) -> str:
    value = _text(members, name, shortest, longest)
    if value is None:
        raise _constraint(None, _camel(name), "not be null")
    return value


def _text(members: Members, name: str, shortest: int, longest: int) -> str | None:
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise EndpointError("SerializationException", f"{name} must be a string")
    if len(value) < shortest:
        raise _constraint(value, _camel(name), f"have length greater than or equal to {shortest}")
    if len(value) > longest:
        raise _constraint(value, _camel(name), f"have length less than or equal to {longest}")
    return value


def _number(members: Members, name: str) -> float | None:
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EndpointError("SerializationException", f"{name} must be a number of epoch seconds")
    return float(value)


def _limit(members: Members, highest: int) -> int:
    value = members.get("Limit")
    if value is None:
        return highest
    if isinstance(value, bool) or not isinstance(value, int):
        raise EndpointError("SerializationException", "Limit must be a whole number")
    if value < 1:
        raise _constraint(value, "limit", "have value greater than or equal to 1")
    if value > highest:
        raise _constraint(value, "limit", f"have value less than or equal to {highest}")
    return value


def _constraint(value: object, member: str, must: str) -> EndpointError:
    """A refusal in the form of the service family (S14)."""
    shown = "null" if value is None else f"'{value}'"
    text = f"1 validation error detected: Value {shown} at '{member}' failed to satisfy constraint: Member must {must}"
    return EndpointError("ValidationException", text)


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]
