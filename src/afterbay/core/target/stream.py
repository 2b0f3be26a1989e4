"""Records for a Kinesis stream or a Firehose delivery stream (X68, B66)."""

from __future__ import annotations

from collections.abc import Sequence

from afterbay.core.change.arn import parse_arn
from afterbay.core.target.call import AwsCall

__all__ = ["ENTRIES_MAX", "put_record_batch", "put_records"]

ENTRIES_MAX = 500


def put_records(stream_arn: str, records: Sequence[tuple[str, bytes]]) -> AwsCall:
    """Pairs of partition key and data. The answer is read by ``entries.by_place``, its list is ``Records``."""
    told = [{"PartitionKey": key, "Data": data} for key, data in records]
    return AwsCall("kinesis", "put_records", parse_arn(stream_arn).region, {"StreamARN": stream_arn, "Records": told})


def put_record_batch(delivery_stream_arn: str, records: Sequence[bytes]) -> AwsCall:
    """The answer is read by ``entries.by_place``, its list is ``RequestResponses``."""
    arn = parse_arn(delivery_stream_arn)
    name = arn.resource.partition("/")[2]
    told = [{"Data": data} for data in records]
    return AwsCall("firehose", "put_record_batch", arn.region, {"DeliveryStreamName": name, "Records": told})
