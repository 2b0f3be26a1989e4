"""Calls that made something, to be made again at the next start: with the same time and the same random numbers, so
that what comes back has the same names, ids and dates.

Decides which calls of moto's services those are, what each is about, and which earlier calls need not be kept any more.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote

import msgspec

from afterbay.endpoint.protocol import Request, json_object
from afterbay.endpoint.routing import Route
from afterbay.endpoint.state.state import Op, State
from afterbay.errors import EndpointError, StateError

__all__ = ["Call", "CallLog", "Kept", "draw_call_seed", "kept", "tell_failure"]

log = logging.getLogger(__name__)

_INSERT = "INSERT INTO calls (service, operation, scope, part, at, seed, body) SELECT ?, ?, ?, ?, ?, ?, ?"
_KIND = "\x01"
"""How a part begins that says kind and content of a call; no name of an object does."""

_SEED_BITS = 62  # an integer of SQLite's


class _Body(msgspec.Struct, frozen=True, tag_field="form", tag="call-1"):
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    region: str
    fetched: tuple[bytes, ...] = ()


_BODY = msgspec.msgpack.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it was made. ``fetched``: what it read elsewhere, such as code in a bucket."""

    service: str
    operation: str
    at: datetime
    seed: int
    request: Request
    fetched: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What a call is about. ``part``: a later call about the same part of the scope takes this one's place.

    ``undoes``: further parts that are over with it. ``pins``: parts (None: all) of scopes of which nothing may be
    forgotten, since something else was made of them. ``kind``: the same call as the last one of its kind (or of kind
    ``unless``) changes nothing and is not kept. ``ends``: the scope is over; ``name`` is how others would name it.
    """

    scope: str
    part: str | None = None
    undoes: tuple[str, ...] = ()
    pins: tuple[tuple[str, str | None], ...] = ()
    kind: str | None = None
    unless: str | None = None
    ends: bool = False
    name: str = ""


class CallLog:
    """The calls of the state's file."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> Iterator[Call]:
        """Every call, in order. Raises ``StateError``."""
        query = "SELECT service, operation, at, seed, body FROM calls ORDER BY number"
        for service, operation, at, seed, body in self._state.rows(query):
            assert isinstance(seed, int) and isinstance(body, bytes), "as they were written"
            try:
                read = _BODY.decode(body)
            except msgspec.MsgspecError as error:
                raise StateError(f"the state's call {service} {operation} cannot be read: {error}") from error
            request = Request(read.method, read.path, read.query, read.headers, read.body, read.region)
            yield Call(str(service), str(operation), datetime.fromisoformat(str(at)), seed, request, read.fetched)

    def of(self, service: str) -> list[Call]:
        """The calls of one service, in order."""
        return [call for call in self.all() if call.service == service]

    @staticmethod
    def ops(call: Call, about: Kept) -> list[Op]:
        """What storing a call takes: itself, and the end of calls that it makes needless."""
        ops: list[Op] = []
        for scope, part in about.pins:
            where, values = "service = ? AND scope = ?", (call.service, scope)
            if part is None:
                ops.append((f"UPDATE calls SET part = NULL WHERE {where} AND part NOT LIKE ?", (*values, f"{_KIND}%")))
            else:
                ops.append((f"UPDATE calls SET part = NULL WHERE {where} AND part = ?", (*values, part)))
        for part in (about.part, *about.undoes):
            if part is not None:
                where = "service = ? AND scope = ? AND part = ?"
                ops.append((f"DELETE FROM calls WHERE {where}", (call.service, about.scope, part)))
        if about.ends:
            # a resource that no other call names is forgotten with all that was asked of it
            other = "SELECT 1 FROM calls WHERE service = ? AND scope != ? AND instr(body, ?) > 0"
            ops.append(
                (
                    f"DELETE FROM calls WHERE service = ? AND scope = ? AND NOT EXISTS ({other})",
                    (call.service, about.scope, call.service, about.scope, about.name.encode()),
                )
            )
        ops.append(_insert(call, about))
        return ops


def _insert(call: Call, about: Kept) -> Op:
    request = call.request
    body = _Body(
        request.method, request.path, request.query, dict(request.headers), request.body, request.region, call.fetched
    )
    part = about.part if about.kind is None else f"{_KIND}{about.kind}={_digest(request)}"
    row = (
        call.service,
        call.operation,
        about.scope,
        part,
        call.at.isoformat(),
        call.seed,
        msgspec.msgpack.encode(body),
    )
    here = (call.service, about.scope)
    if about.ends:  # of a resource that was forgotten there is nothing to end
        there = "EXISTS (SELECT 1 FROM calls WHERE service = ? AND scope = ?)"
        return f"{_INSERT} WHERE {there}", (*row, *here)
    if about.kind is not None:
        last = (
            "SELECT part FROM calls WHERE service = ? AND scope = ? AND (part LIKE ? OR part LIKE ?) "
            "ORDER BY number DESC LIMIT 1"
        )
        kinds = (f"{_KIND}{about.kind}=%", f"{_KIND}{about.unless or about.kind}=%")
        return f"{_INSERT} WHERE NOT EXISTS (SELECT 1 FROM ({last}) WHERE part = ?)", (*row, *here, *kinds, part)
    return _INSERT, row


def _digest(request: Request) -> str:
    told = f"{request.method} {request.path}?{request.query}\n".encode() + request.body
    return blake2b(told, digest_size=16).hexdigest()


def tell_failure(call: Call, answer: str) -> None:
    """A call that was answered well once, and is not now: a newer version is stricter, or it needs what is not kept."""
    fields = {"service": call.service, "operation": call.operation, "answer": answer}
    log.warning("a call of an earlier run could not be made again; what it made is missing", extra=fields)


def draw_call_seed() -> int:
    """The randomness of one call."""
    return secrets.randbits(_SEED_BITS)


_SQS = frozenset(
    {
        "CreateQueue",
        "DeleteQueue",
        "SetQueueAttributes",
        "TagQueue",
        "UntagQueue",
        "AddPermission",
        "RemovePermission",
    }
)
_QUEUE_KINDS = {"CreateQueue": "create", "DeleteQueue": "create", "SetQueueAttributes": "attributes"}
_TOPIC_KINDS = {"CreateTopic": "create", "DeleteTopic": "create", "Unsubscribe": "unsubscribe"}
_CLOUDWATCH = frozenset(
    {
        "PutMetricAlarm",
        "PutCompositeAlarm",
        "DeleteAlarms",
        "EnableAlarmActions",
        "DisableAlarmActions",
        "SetAlarmState",
        "PutDashboard",
        "DeleteDashboards",
        "TagResource",
        "UntagResource",
    }
)
_READING = ("Get", "List", "Describe", "Check", "Simulate", "Generate")
_SETTINGS_OF_OBJECTS = frozenset({"tagging", "acl"})
"""Given anew with each write of the object, and each time as a whole."""

_SNS_DATA = frozenset({"Publish", "PublishBatch"})
_KINESIS_DATA = frozenset({"PutRecord", "PutRecords", "SubscribeToShard"})


def kept(found: Route, request: Request) -> Kept | None:
    """What a call to one of moto's services is about, if it has to be made again at the next start; else None.

    Messages, records and items are stored as such; logs and metric data are not kept.
    """
    operation = found.operation
    match found.service:
        case "sqs" if operation in _SQS:
            members = _members(request)
            name = members.get("QueueName") or _last(members.get("QueueUrl", request.path))
            kind = _QUEUE_KINDS.get(operation)
            return Kept(_scope(request, name), kind=kind, ends=operation == "DeleteQueue", name=name)
        case "sns" if operation not in _SNS_DATA and not operation.startswith(_READING):
            members = _members(request)
            arn = members.get("TopicArn") or members.get("SubscriptionArn") or members.get("ResourceArn") or ""
            name = members.get("Name") or (arn.split(":")[5] if arn.count(":") >= 5 else "")
            kind, ends = _TOPIC_KINDS.get(operation), operation == "DeleteTopic" and bool(name)
            if operation == "Subscribe":
                kind = f"subscribe {members.get('Protocol')} {members.get('Endpoint')}"
            return Kept(_scope(request, name), kind=kind, unless="unsubscribe", ends=ends, name=name)
        case "kinesis" if operation not in _KINESIS_DATA and not operation.startswith(_READING):
            members = _members(request)
            name = members.get("StreamName") or _last(members.get("StreamARN", ""))
            return Kept(_scope(request, name), ends=operation == "DeleteStream", name=name)
        case "firehose" if not operation.startswith(_READING):
            # the records, too: they are objects in a bucket, which outlive the delivery stream
            return Kept(_scope(request, _members(request).get("DeliveryStreamName", "")))
        case "cloudwatch" if operation in _CLOUDWATCH:
            # put as a whole: the same one, later, takes its place
            same = f"{operation} {_digest(request)}" if operation.startswith("Put") else None
            return Kept(_scope(request, ""), part=same)
        case "iam" if not operation.startswith(_READING):
            return Kept(_scope(request, ""))
        case "s3" if request.method in ("PUT", "POST", "DELETE"):
            return _of_bucket(request)
        case _:
            return None


def _of_bucket(request: Request) -> Kept | None:
    """A bucket's calls. A later write of an object takes the place of an earlier one, where that leaves no trace."""
    bucket, key = _bucket_and_key(request)
    parameters = request.parameters.keys() - {"x-id"}
    if not bucket or "select" in parameters:
        return None
    if not key:
        ends = request.method == "DELETE" and not parameters
        # versions remember what was there; several objects at once are not told apart here
        pins: tuple[tuple[str, str | None], ...] = ((bucket, None),) if parameters & {"versioning", "delete"} else ()
        kind = None if request.method == "POST" else " ".join(sorted(parameters)) or "create"
        return Kept(bucket, pins=pins, kind=kind, ends=ends, name=bucket)
    source = request.headers.get("x-amz-copy-source")
    if source is not None:
        home, _, name = unquote(source).lstrip("/").partition("?")[0].partition("/")
        return Kept(bucket, pins=((home, name),))
    if not _is_understood(request):
        return Kept(bucket)
    if request.method in ("PUT", "DELETE") and not parameters:
        return Kept(bucket, part=key, undoes=tuple(f"{key}?{one}" for one in _SETTINGS_OF_OBJECTS))
    if request.method == "PUT" and len(parameters) == 1 and parameters <= _SETTINGS_OF_OBJECTS:
        return Kept(bucket, part=f"{key}?{min(parameters)}")
    return Kept(bucket, pins=((bucket, key),))


def _bucket_and_key(request: Request) -> tuple[str, str]:
    """Path style, and the virtual style whose host begins with the bucket's name."""
    path = unquote(request.path).lstrip("/")
    host = request.headers.get("host", "").partition(":")[0]
    bucket, dot, rest = host.partition(".s3.")
    if not dot and host.endswith(".localhost"):
        bucket, dot, rest = host.removesuffix(".localhost"), ".", "localhost"
    if dot and rest:
        return bucket, path
    bucket, _, key = path.partition("/")
    return bucket, key


def _is_understood(request: Request) -> bool:
    """False where a host may say the bucket in a way that is not known here: then two objects might seem one."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return ".s3." in host or host == "localhost" or host.endswith(".localhost")
    return True


def _members(request: Request) -> Mapping[str, str]:
    """The text members of a request, of either form."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {name: values[-1] for name, values in parse_qs(request.body.decode(errors="replace")).items()}
    try:
        return {name: value for name, value in json_object(request.body).items() if isinstance(value, str)}
    except EndpointError:  # CBOR: moto reads it
        return {}


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _scope(request: Request, name: str) -> str:
    return f"{request.region}/{name}"
