"""One delivery as a call of its target, and what the reply means for it (B46, B52, B62, B65 to B69)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from itertools import chain

import msgspec

from afterbay.core.bus.envelope import Event as BusEvent
from afterbay.core.bus.envelope import encode_event
from afterbay.core.bus.outcome import (
    Accepted,
    ErrorCode,
    Failed,
    Late,
    Outcome,
    Refused,
    TokenRefused,
    no_such_host,
    not_connected,
    not_rendered,
)
from afterbay.core.bus.rule import Rule
from afterbay.core.bus.target import Target, TargetKind
from afterbay.core.mapping.constraints import moment
from afterbay.core.target import log_group, queue, state_machine, stream, topic
from afterbay.core.target.call import Answered, Call, DestinationCall, Fault, FunctionCall, Reply
from afterbay.core.target.call import Refused as CallRefused
from afterbay.core.target.entries import by_place
from afterbay.core.template.dynamic import Parameter
from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.errors import SettingsError

__all__ = ["call_of", "outcome_of"]

_Read = Callable[[], Event]
"""Reads the event when first asked for it. Raises ``TemplateError``."""


class _LogLine(msgspec.Struct):
    """What a transformer has to make for a log group (B67). ``timestamp``: epoch milliseconds, or ISO 8601 text, as an
    event's own time is."""

    timestamp: int | str
    message: str

    def event(self) -> log_group.LogEvent:
        """Raises ``SettingsError`` for a text that is no time."""
        if isinstance(self.timestamp, int):
            return log_group.LogEvent(self.timestamp, self.message)
        at = moment({"timestamp": self.timestamp}, "timestamp")
        assert at is not None, "there is a text"
        return log_group.LogEvent(round(at.timestamp() * 1000), self.message)


def call_of(event: BusEvent, rule: Rule, target: Target, arrived: datetime) -> Call | Refused:
    """The call that brings ``event``, which its bus got when it ``arrived``, to ``target``; a bus is none: nothing is
    called (``envelope.forward``).

    Rules: B36 the input settings, B44 a payload that cannot be made is refused as INVALID_JSON, B45 the time in a
    template is when the event arrived, at every try. An event that nothing is taken out of is not read, and so is sent
    however deep it is nested (B18).
    """
    encoded = encode_event(event)
    read = cache(lambda: Event.read(encoded))
    try:
        if target.input.looks_inside:
            payload = target.input.payload(read(), {"rule_arn": rule.arn, "rule_name": rule.name, "now": arrived})
        else:
            payload = target.input.constant or encoded.decode()
        return _call(event, read, rule, target, payload, arrived)
    except TemplateError as wrong:
        return not_rendered(wrong.message)


def _call(event: BusEvent, read: _Read, rule: Rule, target: Target, payload: str, arrived: datetime) -> Call | Refused:
    match target.kind:
        case TargetKind.QUEUE:
            return queue.send_message(target.arn, queue.QueueMessage(payload, target.message_group_id))
        case TargetKind.TOPIC:
            return topic.publish(target.arn, payload)
        case TargetKind.FUNCTION:
            return FunctionCall(target.arn, payload.encode(), waits=False)  # B66
        case TargetKind.STATE_MACHINE:
            return state_machine.start(target.arn, payload)
        case TargetKind.STREAM:
            return stream.put_records(target.arn, [(_partition_key(event, read, target), payload.encode())])
        case TargetKind.DELIVERY_STREAM:
            return stream.put_record_batch(target.arn, [payload.encode()])
        case TargetKind.LOG_GROUP:
            return _log(event, rule, target, payload)
        case TargetKind.API_DESTINATION | TargetKind.API_GATEWAY:
            return _http(read, target, payload, arrived)
        case TargetKind.BUS:
            raise AssertionError("a bus is handed the event, not called")


def outcome_of(reply: Reply) -> Outcome:
    """What the reply of a target means (B52). Which fault has which code is our choice for the most part (B62)."""
    if isinstance(reply, Answered):
        return _entries_taken(reply)
    told = reply.told
    match reply.fault:
        case Fault.THROTTLED:
            return Failed(ErrorCode.THROTTLING, told, reply.retry_after_s)
        case Fault.UNAVAILABLE:
            return Failed(ErrorCode.ERROR_FROM_TARGET, told, reply.retry_after_s)
        case Fault.TIMED_OUT:
            return Failed(ErrorCode.TIMEOUT, told)
        case Fault.NOT_CONNECTED:
            return not_connected(told)
        case Fault.NO_SUCH_HOST:
            return no_such_host(told)
        case Fault.CONFLICT:
            return Failed(ErrorCode.RESOURCE_MODIFICATION_COLLISION, told)
        case Fault.TOKEN_REFUSED:
            return TokenRefused(told)
        case Fault.TOO_LATE:
            return Late()
        case Fault.DENIED:
            return Refused(ErrorCode.NO_PERMISSIONS, told)
        case Fault.NOT_FOUND:
            return Refused(ErrorCode.NO_RESOURCE, told)
        case Fault.TOO_LARGE:
            return Refused(ErrorCode.INVALID_PARAMETER, told)
        case Fault.REFUSED | Fault.FUNCTION_ERROR:
            code = ErrorCode.ERROR_FROM_TARGET if reply.status else ErrorCode.SDK_CLIENT_ERROR
            return Refused(code, told)


def _entries_taken(reply: Answered) -> Outcome:
    """Kinesis, Firehose and CloudWatch Logs answer well and say of each record whether it was taken; ours have one."""
    listed = (by_place(reply.members, name) for name in ("Records", "RequestResponses"))
    for one in (*chain.from_iterable(listed), *log_group.rejected(reply.members, 1)):
        return outcome_of(CallRefused(one.fault, one.code, one.message))
    return Accepted()


def _partition_key(event: BusEvent, read: _Read, target: Target) -> str:
    """The event's id unless a path says otherwise (B66); a number or a boolean is its JSON text (ours, as X62). Raises
    ``TemplateError``."""
    if target.partition_key_path is None:
        return event.id
    found = Parameter("PartitionKeyPath", target.partition_key_path).resolve(read())
    if not found:
        raise TemplateError("the partition key is empty", code="InvalidValue", where="PartitionKeyPath")
    return str(found)


def _log(event: BusEvent, rule: Rule, target: Target, payload: str) -> Call | Refused:
    """B67: the payload is the message and the event's time its own, unless a transformer says both."""
    line = log_group.LogEvent(event.time_s * 1000, payload)
    if target.input.template is not None:
        try:
            line = msgspec.json.decode(payload, type=_LogLine).event()
        except (msgspec.DecodeError, RecursionError) as wrong:
            return Refused(ErrorCode.INVALID_PARAMETER, f"a log group takes timestamp and message: {wrong}")
        except SettingsError:
            return Refused(ErrorCode.INVALID_PARAMETER, "a log group takes timestamp and message: timestamp is no time")
    return log_group.put_log_events(target.arn, rule.name, [line])


def _http(read: _Read, target: Target, payload: str, arrived: datetime) -> Call:
    """Rules: B54 it waits for the destination's rate no longer than the event may grow old, B69 paths in values, not in
    names of headers, see the original event. Raises ``TemplateError``."""
    return DestinationCall(
        target.arn,
        tuple(_resolved("HttpParameters.PathParameterValues", value, read) for value in target.http.path_values),
        {name: _resolved(name, value, read) for name, value in target.http.headers},
        {name: _resolved(name, value, read) for name, value in target.http.query},
        payload.encode(),
        until_s=arrived.timestamp() + target.retry.age_max_s,
    )


def _resolved(name: str, value: str, read: _Read) -> str:
    parameter = Parameter(name, value)
    return str(parameter.resolve(read())) if parameter.is_dynamic else value
