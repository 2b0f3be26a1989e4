"""``/_afterbay/``: the address's own calls, for tests and the curious (interfaces.md section 5).

Destructive calls are refused to a client that is not on this machine, unless it shows the address's token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from hmac import compare_digest
from ipaddress import ip_address

from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from afterbay.core.change.wire import JsonValue
from afterbay.emulator.faults import Fault, FaultPlan
from afterbay.endpoint.protocol import Request, Response, TimeKeeper, json_object, json_response
from afterbay.endpoint.streams import StreamRegistry
from afterbay.errors import AfterbayError, EndpointError, SettingsError

__all__ = ["PREFIX", "Control", "Members"]

PREFIX = "/_afterbay/"

ADVANCE_MAX_S = 366 * 24 * 3600.0
"""One call's bound; a longer one is a slip of the unit."""

LIFETIME_MIN_S = 60
"""A day of shorter lives would be thousands of shards."""

Members = Mapping[str, JsonValue]
Call = Callable[[Members], Awaitable[Response]]


class Control:
    """The calls by method and name. ``health``, ``status``, ``outbox`` and ``reset`` ask the composition root."""

    def __init__(
        self,
        *,
        clock: TimeKeeper,
        streams: StreamRegistry,
        faults: FaultPlan,
        ready: Callable[[], bool],
        status: Callable[[], Awaitable[object]],
        outbox: Callable[[], Awaitable[object]],
        after_advance: Callable[[], Awaitable[None]],
        reset: Callable[[], Awaitable[None]],
        token: str | None = None,
    ) -> None:
        self._token = token
        self._clock = clock
        self._streams = streams
        self._faults = faults
        self._ready = ready
        self._status = status
        self._outbox = outbox
        self._after_advance = after_advance
        self._reset = reset
        self._harmless: dict[tuple[str, str], Call] = {
            ("GET", "health"): self._get_health,
            ("GET", "outbox"): self._get_outbox,
            ("GET", "status"): self._get_status,
        }
        self._destructive: dict[tuple[str, str], Call] = {
            ("POST", "clock"): self._post_clock,
            ("POST", "streams/split"): self._post_split,
            ("POST", "streams/roll"): self._post_roll,
            ("POST", "streams/schedule"): self._post_schedule,
            ("POST", "faults"): self._post_faults,
            ("DELETE", "faults"): self._delete_faults,
            ("POST", "reset"): self._post_reset,
        }

    def add(self, calls: Mapping[tuple[str, str], Callable[[Members], Awaitable[object]]]) -> None:
        """Serve more calls, by method and name, that answer documents; any but a GET counts as destructive."""
        for (method, name), call in calls.items():
            kind = self._harmless if method == "GET" else self._destructive
            kind[method, name] = partial(_answered, call)

    async def __call__(self, request: Request) -> Response:
        name = request.path.removeprefix(PREFIX).rstrip("/")
        call = self._harmless.get((request.method, name))
        if call is None:
            call = self._destructive.get((request.method, name))
            if call is None:
                return self._unknown(request.method, name)
            if not _is_loopback(request.client_host) and (refusal := self._stranger(name, request)):
                return refusal
        try:
            return await call({**request.parameters, **json_object(request.body)})
        except EndpointError as error:
            return _refusal(400, f"{error.message}; send a JSON object")
        except AfterbayError as error:
            return _refusal(400, str(error))

    def _stranger(self, name: str, request: Request) -> Response | None:
        """Why a client of another machine may not make this call; None if it may."""
        if self._token is None:
            text = f"{name} is refused away from loopback: call it on the machine of the address"
            return _refusal(403, f"{text}, or start the address with --token-file")
        shown = request.headers.get("authorization", "")
        if compare_digest(shown.encode(), f"Bearer {self._token}".encode()):
            return None
        return _refusal(401, f"{name} wants the token of --token-file: send Authorization: Bearer TOKEN")

    async def _get_health(self, members: Members) -> Response:
        ready = self._ready()
        return json_response({"ready": ready}, status=200 if ready else 503)

    async def _get_status(self, members: Members) -> Response:
        return json_response(await self._status())

    async def _get_outbox(self, members: Members) -> Response:
        return json_response(await self._outbox())

    async def _post_clock(self, members: Members) -> Response:
        _only(members, "advance_s")
        seconds = members.get("advance_s")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= ADVANCE_MAX_S:
            raise SettingsError(
                f"advance_s must be a number of seconds from 0 to {ADVANCE_MAX_S:.0f}, not {seconds!r}",
                hint='for example {"advance_s": 900}',
            )
        await self._clock.advance(float(seconds))
        await self._after_advance()
        return json_response({"now": self._clock.now().isoformat()})

    async def _post_split(self, members: Members) -> Response:
        arn, shard = _stream_and_shard(members)
        return json_response({"ChildShardIds": self._streams.split(arn, shard)})

    async def _post_roll(self, members: Members) -> Response:
        arn, shard = _stream_and_shard(members)
        return json_response({"ChildShardIds": self._streams.roll(arn, shard)})

    async def _post_schedule(self, members: Members) -> Response:
        _only(members, "StreamArn", "lifetime_s", "children")
        lifetime_s, children = members.get("lifetime_s"), members.get("children", 1)
        if lifetime_s is not None and not (
            isinstance(lifetime_s, int) and not isinstance(lifetime_s, bool) and lifetime_s >= LIFETIME_MIN_S
        ):
            raise SettingsError(
                f"lifetime_s must be a whole number of seconds from {LIFETIME_MIN_S} on, not {lifetime_s!r}",
                hint="leave it out for AWS's about four hours",
            )
        if isinstance(children, bool) or not isinstance(children, int) or children not in (1, 2):
            raise SettingsError(f"children must be 1 or 2, not {children!r}", hint="1 rolls a shard, 2 splits it")
        log = self._streams.schedule(_text(members, "StreamArn"), lifetime_s=lifetime_s, children=children)
        return json_response({"lifetime_s": log.lifetime_s, "children": log.children})

    async def _post_faults(self, members: Members) -> Response:
        _only(members, "service", "operation", "error", "times")
        service, operation, error = (_text(members, name) for name in ("service", "operation", "error"))
        times = members.get("times", 1)
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            raise SettingsError(
                f"times must be a whole number from 1 on, not {times!r}", hint="leave it out for one call"
            )
        self._faults.plan(Fault(service, _operation(service, operation), error, times))
        return json_response({})

    async def _delete_faults(self, members: Members) -> Response:
        _only(members)
        self._faults.clear()
        return json_response({})

    async def _post_reset(self, members: Members) -> Response:
        _only(members)
        await self._reset()
        return json_response({})

    def _unknown(self, method: str, name: str) -> Response:
        known = sorted(f"{verb} {one}" for verb, one in (*self._harmless, *self._destructive))
        return _refusal(404, f"no call {method} {name!r}; there are {', '.join(known)}")


async def _answered(call: Callable[[Members], Awaitable[object]], members: Members) -> Response:
    return json_response(await call(members))


def _stream_and_shard(members: Members) -> tuple[str, str]:
    _only(members, "StreamArn", "ShardId")
    return _text(members, "StreamArn"), _text(members, "ShardId")


def _only(members: Members, *known: str) -> None:
    unknown = sorted(set(members) - set(known))
    if unknown:
        hint = f"known are {', '.join(known)}" if known else "this call takes none: it clears all"
        raise SettingsError(f"unknown member {unknown[0]!r}", hint=hint)


def _text(members: Members, name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{name} must be a text, not {value!r}", hint=f'add "{name}": "..."')
    return value


def _operation(service: str, named: str) -> str:
    """The API's name of an operation, which may be named as boto3's method is. A fault that could never be met is
    refused."""
    loader = Loader()
    try:
        model: Mapping[str, Mapping[str, object]] = loader.load_service_model(service, "service-2")
    except UnknownServiceError as error:
        raise SettingsError(
            f"boto3 has no service {service!r}", hint="name it as boto3.client() does: dynamodbstreams, lambda, sqs"
        ) from error
    for operation in model["operations"]:
        if named in (operation, xform_name(operation)):
            return operation
    raise SettingsError(
        f"{service} has no operation {named!r}", hint="name it as the API or boto3 does: GetRecords, get_records"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(status: int, text: str) -> Response:
    return json_response({"error": text}, status=status)
