"""The enrichment: what goes out to it, and what its answer makes of the batch (X50 to X57)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from msgspec import structs

from afterbay.core.change.wire import JsonValue
from afterbay.core.pipe.group import shown
from afterbay.core.pipe.output import Output, array_of, check_json
from afterbay.core.pipe.target import destination_call
from afterbay.core.pipe.target_parameters import HttpParameters
from afterbay.core.pipe.target_service import TargetKind
from afterbay.core.target import state_machine
from afterbay.core.target.call import Answered, Call, FunctionCall
from afterbay.core.template.dynamic import Parameter
from afterbay.core.template.event import Event
from afterbay.core.template.exact import read_json

__all__ = ["ANSWER_BYTES_MAX", "Enrichment"]

ANSWER_BYTES_MAX = 6 * 1024 * 1024
"""X52."""


class Enrichment:
    """One enrichment, ready to be called."""

    def __init__(self, kind: TargetKind, arn: str, parameters: HttpParameters | None) -> None:
        self._kind = kind
        self._arn = arn
        given = {} if parameters is None else shown(parameters)
        self._parameters = Parameter("HttpParameters", cast("JsonValue", given))

    @property
    def looks_into_events(self) -> bool:
        """Whether any parameter is taken from the event."""
        return self._parameters.is_dynamic

    def call(self, outputs: Sequence[Output]) -> Call:
        """Functions and state machines get the whole array, HTTP the one record (X51).

        Raises ``TemplateError`` for text where JSON is needed (X46) and for a parameter that the event does not give.
        """
        match self._kind:
            case TargetKind.FUNCTION:
                return FunctionCall(self._arn, _json_array(outputs))
            case TargetKind.STATE_MACHINE:
                return state_machine.start_sync(self._arn, _json_array(outputs).decode())
            case _:
                (one,) = outputs
                found = self._parameters.value if one.event is None else self._parameters.resolve(one.event)
                return destination_call(
                    self._arn, structs.replace(one, parameters=found if isinstance(found, dict) else {})
                )

    def payload(self, reply: Answered) -> bytes:
        """What it answered; a state machine's ``output`` (X55)."""
        if self._kind is not TargetKind.STATE_MACHINE:
            return reply.payload
        output = reply.members.get("output")
        return output.encode() if isinstance(output, str) else b""

    @staticmethod
    def events(payload: bytes) -> list[Event] | None:
        """The events of an answer, which replace the batch; None: there is nothing to send.

        Rules: X50 an empty text, object or array is nothing; null and no bytes are too (ours); ``[{}]`` is one empty
        object. X53 one object is a list of one. Text that is no JSON is one event of text (X43).
        """
        is_json = True
        try:
            answer = read_json(payload)
        except ValueError:
            answer, is_json = payload.decode(errors="replace"), False
        if answer is None or answer in ("", {}, []):
            return None
        listed = cast("list[object]", answer) if isinstance(answer, list) else [answer]
        return [Event(one, is_quoted=is_json and isinstance(one, str)) for one in listed]


def _json_array(outputs: Sequence[Output]) -> bytes:
    for one in outputs:
        if not one.is_json:
            check_json(one.text)
    return array_of(outputs)
