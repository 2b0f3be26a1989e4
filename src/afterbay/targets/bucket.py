"""A dead letter as an object in an S3 bucket, with the records' bodies (R114, R115)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec

from afterbay.aws.client import Aws
from afterbay.core.change.arn import Arn
from afterbay.core.mapping.deadletter import Letter, document, object_key

__all__ = ["BucketTarget"]


class BucketTarget:
    """One bucket. ``unique`` draws the last part of an object's name."""

    def __init__(self, aws: Aws, bucket: Arn, *, unique: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        self._aws = aws
        self._bucket = bucket
        self._unique = unique

    async def send(self, letter: Letter, *, now: datetime) -> None:
        await self._aws.call(
            "s3",
            "put_object",
            Bucket=self._bucket.resource,
            Key=object_key(letter, now, self._unique()),
            Body=msgspec.json.encode(document(letter, now)),
            ContentType="application/octet-stream",
        )
