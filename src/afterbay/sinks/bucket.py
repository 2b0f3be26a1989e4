"""A bucket of any S3-compatible server: its client, its listings, and what a failed call makes of a record.

Decides how calls are made and judged. What is stored under which name is ``bucket_state``'s and ``bucket_log``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from afterbay.aws.errors import from_botocore
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import AfterbayError, ConflictError, PayloadTooLargeError, ServiceError, SettingsError
from afterbay.sinks.writers import WRITERS, Writers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["FAULTS", "Bucket", "Fault", "Listed", "is_lost_race", "is_missing"]

T = TypeVar("T")
R = TypeVar("R")

Fault: TypeAlias = ClientError | BotoCoreError
"""What a call of the SDK raises: the service's answer, or no answer."""

FAULTS = (ClientError, BotoCoreError)


_POISON_CODES = frozenset(
    {
        "InvalidObjectName",
        "KeyTooLongError",
        "MetadataTooLarge",
        "ObjectParentIsFile",
        "XMinioInvalidObjectName",
        "XMinioObjectExistsAsDirectory",
        "XMinioParentIsObject",
    }
)
"""What the store will refuse each time, besides objects that are too large. Every other code passes, or is mended by
an operator: retryable."""

_NEVER_WORKS = frozenset({"InvalidBucketName", "NotImplemented"})
"""The address is wrong, or its server lacks what the sink stands on."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing; ``etag`` as conditions take it."""

    name: str
    size: int
    etag: str


class Bucket:
    """``prefix`` in the bucket ``name``; keys are given below the prefix. Nothing is opened before the first call.

    Safe to use from several threads. ``client`` replaces the one made of ``region`` and ``endpoint_url``; without them
    the SDK's own chain decides.
    """

    def __init__(
        self,
        name: str,
        prefix: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        client: S3Client | None = None,
    ) -> None:
        self.name = name
        self.prefix = prefix.strip("/")
        self._region = region
        self._endpoint_url = endpoint_url
        self._writers = Writers("afterbay-s3", self._made, client)

    def __str__(self) -> str:
        return f"s3:{self.name}/{self.prefix}"

    def key(self, name: str) -> str:
        """The whole key of the object ``name``."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def client(self) -> S3Client:
        """Raises ``SettingsError`` for settings of which no client can be made."""
        return self._writers.client()

    def side_by_side(self, work: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
        """As ``Writers`` does it."""
        return self._writers.side_by_side(work, things)

    def pages(self, below: str = "", *, folders: bool = True) -> Iterator[list[Listed]]:
        """Objects whose names begin with ``below``, page by page (1,000 at most). Without ``folders``, only those that
        have no slash behind it. Raises ``ServiceError``."""
        within, cut = self.key(below), len(self.key(""))
        try:
            pages = self.client().get_paginator("list_objects_v2")
            found = (
                pages.paginate(Bucket=self.name, Prefix=within)
                if folders
                else pages.paginate(Bucket=self.name, Prefix=within, Delimiter="/")
            )
            for page in found:
                yield [
                    Listed(one.get("Key", "")[cut:], one.get("Size", 0), one.get("ETag", ""))
                    for one in page.get("Contents", [])
                ]
        except FAULTS as fault:
            raise self.error(fault) from fault

    def now_s(self) -> float:
        """The server's own time, in epoch seconds. Raises ``ServiceError`` for a server that does not say."""
        try:
            answer = self.client().list_objects_v2(Bucket=self.name, Prefix=self.key(""), MaxKeys=1)
        except FAULTS as fault:
            raise self.error(fault) from fault
        said = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", "")
        try:
            return parsedate_to_datetime(said).timestamp()
        except ValueError as wrong:
            raise ServiceError(f"{self}: the server's answers have no date", code="NoDate") from wrong

    def close(self) -> None:
        """End the writers. A client that was handed in stays its owner's."""
        self._writers.close()

    def _made(self) -> S3Client:
        try:
            client: S3Client = boto3.Session().client(
                "s3",
                region_name=self._region,
                endpoint_url=self._endpoint_url,
                config=_calls(own_endpoint=self._endpoint_url is not None),
            )
        except BotoCoreError as fault:
            raise self.error(fault) from fault
        except ValueError as wrong:
            raise SettingsError(f"{self}: endpoint_url is not a URL") from wrong
        return client

    # ---- faults

    def error(self, fault: Fault) -> AfterbayError:
        """Our error for a failed call."""
        return from_botocore(fault, action=str(self))

    def failed(self, fault: Fault) -> Verdict:
        """What a failed call makes of its record, by the service's code (E8, E9). A time-out is retryable: the guard is
        there. Raises ``SettingsError`` for what no record is to blame for."""
        ours = self.error(fault)
        if not isinstance(ours, ServiceError):
            raise ours from fault
        if ours.code in _NEVER_WORKS:
            raise SettingsError(f"{self}: {ours}", hint="the server must know conditional writes") from fault
        poison = isinstance(ours, PayloadTooLargeError) or ours.code in _POISON_CODES
        return Verdict(Kind.POISON if poison else Kind.RETRYABLE, str(ours))


def is_missing(fault: Fault) -> bool:
    """No such object. A HEAD tells no code: a missing bucket looks the same, and the write that follows says so."""
    return isinstance(fault, ClientError) and fault.response.get("Error", {}).get("Code") in ("404", "NoSuchKey")


def is_lost_race(fault: Fault) -> bool:
    """A condition did not hold: another writer was first. A ``If-Match`` of what is gone is told as a missing key."""
    if not isinstance(fault, ClientError) or fault.response.get("Error", {}).get("Code") in _POISON_CODES:
        return False
    return is_missing(fault) or isinstance(from_botocore(fault, action=""), ConflictError)


def _calls(*, own_endpoint: bool) -> Config:
    """Throttles, 5xx and lost connections are tried again by the SDK, with jitter; the guard makes that safe (E9).

    Another maker's server is addressed by path, since its buckets have no names in DNS, and gets only the checksums
    that it asks for: trailers of CRCs are AWS's own.
    """
    addressing: Literal["path", "auto"] = "path" if own_endpoint else "auto"
    checksums: Literal["when_required", "when_supported"] = "when_required" if own_endpoint else "when_supported"
    return Config(
        connect_timeout=3,
        read_timeout=20,
        max_pool_connections=WRITERS,
        retries={"mode": "standard", "max_attempts": 4},
        s3={"addressing_style": addressing},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
    )
