"""Where poison records are kept so that they can be acknowledged: a queue, or a bucket (AFTERBAY_POISON).

Decides what is stored of one, and under which name. A record is acknowledged once the service has it, and at no other
time: what cannot be stored is reported as failed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

import msgspec

from afterbay.core.guard import LOWEST_TOKEN
from afterbay.errors import AfterbayError, RecordError, SettingsError
from afterbay.handler.delivery import Carried

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

__all__ = ["NOTHING_STORED", "PoisonStore", "Stored", "poison_store", "store_all", "unicode_text"]

VARIABLE = "AFTERBAY_POISON"
PARAMETERS = ("endpoint_url", "region")
REASON_CHARS_MAX = 2_000

_HINT = "as in sqs://orders-poison, or s3://BUCKET/PREFIX; both take ?region= and endpoint_url="
_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,75}(\.fifo)?", re.ASCII)


class PoisonStore(Protocol):
    """Returns once the service has the document. Raises ``AfterbayError``."""

    def put(self, name: str, group: str, body: bytes) -> None:
        """``name`` is the record's own, the same each time it comes; ``group`` its item's."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the poison records of a batch: the places that are stored, and why others are not."""

    places: frozenset[int]
    refused: str | None = None


NOTHING_STORED = Stored(frozenset())


def poison_store(environment: Mapping[str, str]) -> PoisonStore | None:
    """The store that AFTERBAY_POISON names; None where it is unset. Raises ``SettingsError``."""
    address = environment.get(VARIABLE)
    return _opened(address) if address else None


def store_all(
    store: PoisonStore,
    poison: Sequence[tuple[int, Carried, str]],
    context: object,
    time_left_s: Callable[[], float] | None = None,
) -> Stored:
    """Store records, each with its place and its reason, until one is refused or the time is nearly over."""
    done: list[int] = []
    for place, carried, reason in poison:
        if time_left_s is not None and time_left_s() <= 0:
            return Stored(frozenset(done), "the function's time was nearly over")
        try:
            store.put(*_document(carried, reason, context))
        except AfterbayError as refused:
            return Stored(frozenset(done), str(refused))
        done.append(place)
    return Stored(frozenset(done))


def _document(carried: Carried, reason: str, context: object) -> tuple[str, str, bytes]:
    """Name, group and body. What cannot be decoded is named by what it is."""
    record = _json(carried.content)
    digest = hashlib.sha256(record).hexdigest()
    group = digest
    try:
        change = carried.change()
        group = hashlib.sha256(repr(sorted(change.keys.items())).encode("utf-8", "replace")).hexdigest()
        if change.token != LOWEST_TOKEN:
            digest = f"{change.token.replace('/', '_').replace(':', '.')}-{group[:16]}"
    except RecordError:
        pass  # then the name is made of the bytes alone
    body = {
        "afterbay": "poison",
        "reason": unicode_text(reason[:REASON_CHARS_MAX]),
        "identifier": None if carried.identifier is None else unicode_text(carried.identifier),
        "requestId": _told(context, "aws_request_id"),
        "functionArn": _told(context, "invoked_function_arn"),
        "record": msgspec.Raw(record),
    }
    return digest, group, msgspec.json.encode(body)


def unicode_text(text: str) -> str:
    """``text`` with a ``?`` for each lone surrogate, which JSON's escapes can spell and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


def _json(content: object) -> bytes:
    """As it came, a lone surrogate too: such a text is poison just for that, and must be storable as such."""
    try:
        return msgspec.json.encode(content, enc_hook=str)
    except UnicodeEncodeError:
        return json.dumps(content, default=str).encode()


def _told(context: object, name: str) -> str | None:
    said = getattr(context, name, None)
    return None if said is None else str(said)


@functools.cache
def _opened(address: str) -> PoisonStore:
    scheme, separator, rest = address.partition("://")
    place, _, query = rest.partition("?")
    settings: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name not in PARAMETERS or not value:
            raise SettingsError(f"unknown parameter {name[:40]!r}", where=VARIABLE, hint=_HINT)
        settings[name] = unquote(value)
    if separator and scheme == "sqs" and _QUEUE.fullmatch(place):
        return _Queue(place, settings.get("region"), settings.get("endpoint_url"))
    bucket, _, prefix = place.partition("/")
    if separator and scheme == "s3" and bucket:
        return _Bucket(bucket, unquote(prefix).strip("/"), settings.get("region"), settings.get("endpoint_url"))
    raise SettingsError("neither a queue nor a bucket", where=VARIABLE, hint=_HINT)


class _Queue:
    """A FIFO queue keeps the order of an item's records and takes each once within five minutes."""

    def __init__(self, name: str, region: str | None, endpoint_url: str | None) -> None:
        self._name, self._region, self._endpoint_url = name, region, endpoint_url
        self._client: SQSClient | None = None
        self._url = ""

    def put(self, name: str, group: str, body: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        from afterbay.aws.errors import from_botocore

        try:
            client = self._connected()
            if self._name.endswith(".fifo"):
                client.send_message(
                    QueueUrl=self._url, MessageBody=body.decode(), MessageGroupId=group, MessageDeduplicationId=name
                )
            else:
                client.send_message(QueueUrl=self._url, MessageBody=body.decode())
        except (BotoCoreError, ClientError) as fault:
            raise from_botocore(fault, action=f"{VARIABLE} sqs://{self._name}") from fault

    def _connected(self) -> SQSClient:
        import boto3

        if self._client is None:
            client: SQSClient = boto3.Session().client("sqs", region_name=self._region, endpoint_url=self._endpoint_url)
            self._url = client.get_queue_url(QueueName=self._name)["QueueUrl"]
            self._client = client
        return self._client


class _Bucket:
    """One object per record; one that comes again replaces itself."""

    def __init__(self, bucket: str, prefix: str, region: str | None, endpoint_url: str | None) -> None:
        self._bucket, self._prefix, self._region, self._endpoint_url = bucket, prefix, region, endpoint_url
        self._client: S3Client | None = None

    def put(self, name: str, group: str, body: bytes) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        from afterbay.aws.errors import from_botocore

        try:
            if self._client is None:
                # Another maker's server has no bucket names in DNS.
                own = None if self._endpoint_url is None else Config(s3={"addressing_style": "path"})
                made: S3Client = boto3.Session().client(
                    "s3", region_name=self._region, endpoint_url=self._endpoint_url, config=own
                )
                self._client = made
            key = f"{self._prefix}/{name}.json" if self._prefix else f"{name}.json"
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        except (BotoCoreError, ClientError) as fault:
            raise from_botocore(fault, action=f"{VARIABLE} s3://{self._bucket}/{self._prefix}") from fault
