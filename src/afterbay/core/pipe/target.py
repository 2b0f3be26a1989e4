"""A target, ready to be called: outputs into calls that its API takes, and what an answer says of each (X63 to X74)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from msgspec import structs

from afterbay.core.change.wire import JsonValue
from afterbay.core.pipe.filled import filled_call
from afterbay.core.pipe.output import Output, array_of, check_json
from afterbay.core.pipe.report import Report, read_report
from afterbay.core.pipe.target_parameters import InvocationParameters, TargetParameters, shown
from afterbay.core.pipe.target_service import TargetKind, TargetService
from afterbay.core.target import event_bus, log_group, measure, queue, run, state_machine, stream, topic
from afterbay.core.target.call import Answered, Call, DestinationCall, FunctionCall, Rejected
from afterbay.core.target.entries import by_id, by_place
from afterbay.core.template.dynamic import Parameter
from afterbay.core.template.errors import TemplateError
from afterbay.core.template.path import Path

__all__ = ["Target", "destination_call"]

_ANSWERS = {TargetKind.BUS: "Entries", TargetKind.KINESIS: "Records", TargetKind.FIREHOSE: "RequestResponses"}
"""Where PutEvents and its like list their results, one for each entry."""

_REPORTING = frozenset(
    {TargetKind.FUNCTION, TargetKind.STATE_MACHINE, TargetKind.API_DESTINATION, TargetKind.API_GATEWAY}
)
"""Whose answer may name failed records (X80)."""

_JSON_ONLY = frozenset({TargetKind.FUNCTION, TargetKind.STATE_MACHINE})
_ENTRY_BYTES = 512
"""What an entry takes beside its text and its parameters: names, defaults. On the safe side of every service's
count."""

_BYTES_OF_CHAR_MAX = 4

_AROUND_BYTES = 2
"""The brackets of an array."""


class Target:
    """One target of one pipe. ``pipe`` is the pipe's name and ``source`` what it reads, as ``aws:dynamodb``: a bus is
    told both by default (X65), a log the name."""

    def __init__(
        self, service: TargetService, arn: str, parameters: TargetParameters | None, *, pipe: str, source: str
    ) -> None:
        self.service = service
        self._kind = service.kind
        self._arn = arn
        self._pipe = pipe
        self._source = source
        self.waits = not isinstance(parameters, InvocationParameters) or parameters.waits
        given = {} if parameters is None else shown(parameters)
        self._parameters = Parameter(service.group or "", cast("JsonValue", given))
        self.looks_into_events = self._parameters.is_dynamic
        self._fixed = None if self.looks_into_events or not given else _converted(given)
        self._fixed_bytes = len(str(self._fixed or ""))
        is_fixed = self._kind is TargetKind.BUS and not self.looks_into_events
        self._fixed_entry = self._envelope(self._fixed or {}) if is_fixed else None

    @property
    def takes_json(self) -> bool:
        """Whether it takes nothing but JSON (X46)."""
        return self._kind in _JSON_ONLY

    @property
    def paths(self) -> Sequence[Path]:
        """What its parameters look at in an event."""
        return self._parameters.paths

    def prepare(self, output: Output) -> Output:
        """``output`` with its parameters looked up, which make an entry that the target takes.

        Raises ``TemplateError`` for a parameter that the event does not give (X62), for text where the target needs
        JSON (X46), and for more than one call takes (X74).
        """
        if self.takes_json and not output.is_json:
            check_json(output.text)
        most = self.service.payload_bytes_max
        if len(output.text) * _BYTES_OF_CHAR_MAX > most and (size := len(output.text.encode())) > most:
            told = f"{self.service.kind.value} takes at most {most} bytes, and this record is {size}"
            raise TemplateError(told, code="InvalidValue")
        if not self.looks_into_events:
            return output if self._fixed is None else structs.replace(output, parameters=self._fixed)
        assert output.event is not None, "it was read, since somebody looks into it"
        found = self._parameters.resolve(output.event)
        return structs.replace(output, parameters=_converted(found) if isinstance(found, dict) else {})

    def pieces(self, outputs: Sequence[Output]) -> Iterator[Sequence[Output]]:
        """Cut into what one call takes, in order: entries and bytes (X70, X74). A log group wants them by time."""
        if self._kind is TargetKind.LOGS:
            outputs = sorted(outputs, key=lambda one: _number(one.parameters, "Timestamp", 0))
        most = self.service.batch_max or len(outputs)
        bytes_max = self.service.payload_bytes_max - _AROUND_BYTES
        start, size = 0, 0
        for index, output in enumerate(outputs):
            more = self._size(output)
            if index > start and (index - start == most or size + more > bytes_max):
                yield outputs[start:index]
                start, size = index, 0
            size += more
        if start < len(outputs):
            yield outputs[start:]

    def _size(self, output: Output) -> int:
        """Bytes of one entry, or of one element of an array with its comma."""
        text = len(output.text.encode())
        if self.service.batch_max is None:
            return text + 1
        told = output.parameters
        return text + _ENTRY_BYTES + (self._fixed_bytes if told is self._fixed or not told else len(str(told)))

    def call(self, outputs: Sequence[Output], now: datetime) -> Call:
        """One call with ``outputs``, which are prepared and one of ``pieces``."""
        match self._kind:
            case TargetKind.FUNCTION:
                return FunctionCall(self._arn, array_of(outputs), self.waits)
            case TargetKind.STATE_MACHINE:
                make = state_machine.start_sync if self.waits else state_machine.start
                return make(self._arn, array_of(outputs).decode())
            case TargetKind.QUEUE:
                return queue.send_messages(self._arn, [_message(one) for one in outputs])
            case TargetKind.TOPIC:
                return topic.publish_batch(self._arn, [one.text for one in outputs])
            case TargetKind.BUS:
                endpoint = _text(outputs[0].parameters, "EndpointId")
                return event_bus.put_events(self._arn, [self._entry(one) for one in outputs], endpoint_id=endpoint)
            case TargetKind.KINESIS:
                records = [(_text(one.parameters, "PartitionKey") or "", one.text.encode()) for one in outputs]
                return stream.put_records(self._arn, records)
            case TargetKind.FIREHOSE:
                return stream.put_record_batch(self._arn, [one.text.encode() for one in outputs])
            case TargetKind.LOGS:
                name = _text(outputs[0].parameters, "LogStreamName") or self._pipe
                now_ms = int(now.timestamp() * 1000)
                events = [log_group.LogEvent(_number(one.parameters, "Timestamp", now_ms), one.text) for one in outputs]
                return log_group.put_log_events(self._arn, name, events)
            case TargetKind.API_DESTINATION | TargetKind.API_GATEWAY:
                return destination_call(self._arn, outputs[0])
            case _:
                return filled_call(self._kind, self._arn, outputs[0].parameters)

    def rejected(self, reply: Answered, entries: int) -> tuple[Rejected, ...]:
        """Those of ``entries`` in a batch call that were not taken (X82)."""
        if self._kind is TargetKind.LOGS:
            return log_group.rejected(reply.members, entries)
        if self._kind is TargetKind.ECS:
            return run.failures(reply.members)
        if self._kind in (TargetKind.QUEUE, TargetKind.TOPIC):
            return by_id(reply.members)
        name = _ANSWERS.get(self._kind)
        return () if name is None else by_place(reply.members, name)

    def report(self, reply: Answered) -> Report:
        """Which records the target itself names as failed (X80); nobody waits for what it says later (X63)."""
        if self._kind not in _REPORTING or not self.waits:
            return ()
        if self._kind is TargetKind.STATE_MACHINE:
            output = reply.members.get("output")
            return read_report(output.encode() if isinstance(output, str) else b"")
        return read_report(reply.payload, strict=self._kind is TargetKind.FUNCTION)

    def _entry(self, output: Output) -> dict[str, object]:
        """What the template calls ``source`` or ``detail`` stays inside the detail (X65)."""
        fixed = self._fixed_entry
        return {**(self._envelope(output.parameters) if fixed is None else fixed), "Detail": output.text}

    def _envelope(self, told: Mapping[str, JsonValue]) -> dict[str, object]:
        """All of an entry but its detail, with the defaults of X65. An empty text that an event gave is no default: the
        bus refuses the entry."""
        source, detail_type = _text(told, "Source"), _text(told, "DetailType")
        resources, at = told.get("Resources"), told.get("Time")
        entry = event_bus.BusEntry(
            source=f"Pipe {self._pipe}" if source is None else source,
            detail_type=f"Event from {self._source}" if detail_type is None else detail_type,
            resources=tuple(str(one) for one in resources) if isinstance(resources, list) else (),
            time=datetime.fromisoformat(at) if isinstance(at, str) else None,
        )
        return entry.members(self._arn)


def destination_call(arn: str, output: Output) -> DestinationCall:
    """One record to an API destination or to API Gateway (X56, X69)."""
    told = output.parameters
    values = told.get("PathParameterValues")
    return DestinationCall(
        arn=arn,
        path_values=tuple(str(one) for one in values) if isinstance(values, list) else (),
        headers=_texts(told, "HeaderParameters"),
        query=_texts(told, "QueryStringParameters"),
        body=output.text.encode(),
    )


def _message(output: Output) -> queue.QueueMessage:
    told = output.parameters
    return queue.QueueMessage(output.text, _text(told, "MessageGroupId"), _text(told, "MessageDeduplicationId"))


def _converted(members: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Parameters with times as the target's call has them. Raises ``TemplateError``."""
    found = dict(members)
    if "Time" in found:
        found["Time"] = _moment(found["Time"])
    if "Timestamp" in found:
        found["Timestamp"] = _milliseconds(found["Timestamp"])
    for name in measure.WHOLE:
        if name in found:
            _check_whole(name, found[name])
    return found


def _moment(value: JsonValue) -> str:
    """A time that ``datetime`` reads, with its zone. Raises ``TemplateError``."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as wrong:
        raise _no_value("Time", "an ISO 8601 time") from wrong
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _milliseconds(value: JsonValue) -> int:
    digits = str(value)
    if not (digits.isascii() and digits.isdecimal()):
        raise _no_value("Timestamp", "epoch milliseconds")
    return int(digits)


def _check_whole(name: str, value: JsonValue) -> None:
    digits = str(value)
    if not (digits.isascii() and digits.isdecimal()):
        raise _no_value(name, "a whole number")


def _no_value(name: str, wanted: str) -> TemplateError:
    return TemplateError(f"{wanted} is wanted", code="InvalidValue", where=name)


def _text(members: Mapping[str, JsonValue], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


def _number(members: Mapping[str, JsonValue], name: str, otherwise: int) -> int:
    value = members.get(name)
    return value if isinstance(value, int) else otherwise


def _texts(members: Mapping[str, JsonValue], name: str) -> dict[str, str]:
    value = members.get(name)
    return {key: str(one) for key, one in value.items()} if isinstance(value, dict) else {}
