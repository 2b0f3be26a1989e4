"""One execution of a pipe: a batch through its stages, in order (X28).

Told what a call came to, it says which call is next, or what became of the batch. Reading, retries, bisecting and dead
letters are the mapping core's, which gets an ``Outcome``; performing calls is the driver's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedSome, NotReached, Outcome, Said
from afterbay.core.mapping.response import said_in
from afterbay.core.pipe.enrichment import ANSWER_BYTES_MAX
from afterbay.core.pipe.execution import Execution, StageEnd, StageRun
from afterbay.core.pipe.output import Output, array_of, identifier_in
from afterbay.core.pipe.plan import Plan
from afterbay.core.pipe.record import pipe_form
from afterbay.core.shard.position import Position
from afterbay.core.target import state_machine
from afterbay.core.target.call import Call, Fault, Refused, Rejected, Reply
from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.core.template.exact import compact
from afterbay.core.template.input_template import InputTemplate
from afterbay.core.template.names import Context

__all__ = ["Ask", "Ended", "PipeExecution", "StageCourse"]

_INTERNAL = frozenset({Fault.THROTTLED, Fault.UNAVAILABLE, Fault.TIMED_OUT, Fault.NOT_CONNECTED, Fault.CONFLICT})
"""What costs no attempt (X85)."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Make this call, and say what came of it."""

    call: Call


@dataclass(frozen=True, slots=True)
class Ended:
    """The execution is over."""

    outcome: Outcome


Step = Ask | Ended


@dataclass(slots=True)
class StageCourse:
    """One stage as it goes, for the log: texts of what went in and out, moments, and what failed.

    ``sent`` is the batch behind the template; ``call`` and ``answer`` are the last of the stage, or those of the first
    piece that something was wrong with: then ``fault`` may say what.
    """

    templated: bool
    entered: datetime
    sent: str | None = None
    invoked: datetime | None = None
    call: Call | None = None
    answer: Reply | None = None
    left: datetime | None = None
    ended: StageEnd | None = None
    fault: str | None = None
    failing: bool = False

    def replied(self, call: Call, answer: Reply, *, failed: bool) -> None:
        """Note an exchange; nothing takes the place of the first that failed."""
        if not self.failing:
            self.call, self.answer, self.failing = call, answer, failed

    def run(self) -> StageRun:
        assert self.ended is not None and self.left is not None, "a stage is told of once it is over"
        duration = (self.left - self.entered) / timedelta(milliseconds=1)
        return StageRun(self.ended, self.templated, duration)


class PipeExecution:
    """``identifiers`` names the records of the batch, in its order; it is asked only where an answer names some
    (X80)."""

    def __init__(self, plan: Plan, batch: Batch, now: datetime, *, identifiers: Callable[[], Sequence[str]]) -> None:
        self._plan = plan
        self._identifiers = identifiers
        self._positions = [Position(record.position) for record in batch.records]
        self._bodies = [pipe_form(record.body, plan.settings.kind) for record in batch.records]
        self._pieces: Iterator[Sequence[Output]] = iter(())
        self._piece: Sequence[Output] = ()
        self._failed: set[Position] = set()
        self._internal: Refused | None = None
        self._customers = False
        """Whether anything failed that is the customer's fault."""
        self._sent = False
        self._call: Call | None = None
        self._renewed = False
        """Whether a call was made again with a fresh token."""
        self.began = now
        self.ended: datetime | None = None
        self.enrichment: StageCourse | None = None
        self.target: StageCourse | None = None

    @property
    def bodies(self) -> Sequence[bytes]:
        """The records as they came in."""
        return self._bodies

    def execution(self) -> Execution:
        """How it went, once it is over."""
        enrichment = None if self.enrichment is None else self.enrichment.run()
        target = None if self.target is None else self.target.run()
        return Execution(enrichment=enrichment, target=target)

    def begin(self, now: datetime) -> Step:
        plan = self._plan
        if plan.enrichment is None:
            return self._enter_target([None] * len(self._bodies), now)
        self.enrichment = stage = StageCourse(plan.enrichment_template is not None, now)
        try:
            template, looked_into = plan.enrichment_template, plan.enrichment.looks_into_events
            places, context = range(len(self._bodies)), self._context(now)
            outputs = [self._output(place, None, template, context, looked_into) for place in places]
        except TemplateError as wrong:
            return self._transformation_failed(stage, wrong, now)
        stage.sent = self._shown(outputs)
        try:
            call = plan.enrichment.call(outputs)
        except TemplateError as wrong:  # X46: text where JSON is needed; X62: the one record has no such parameter
            return self._not_called(stage, str(wrong), now)
        return self._ask(stage, call, now)

    def told(self, reply: Reply, now: datetime) -> Step:
        """What came of the call that was asked for last. A token that is worn out is no failure of anybody's: the same
        call is made once more, with the new one."""
        assert self._call is not None, "a reply is a call's"
        reply = state_machine.ended(self._call, reply)
        if isinstance(reply, Refused) and reply.fault is Fault.TOKEN_REFUSED and not self._renewed:
            self._renewed = True
            return Ask(self._call)
        self._renewed = False
        if self.target is None:
            return self._enriched(reply, now)
        return self._delivered(self.target, reply, now)

    def timed_out(self, now: datetime) -> Ended:
        """The whole took longer than an execution may (X75): a customer's error, so that it counts (ours)."""
        stage = self.target or self.enrichment
        assert stage is not None, "an execution that waits is in a stage"
        return self._over(stage, StageEnd.TIMED_OUT, Failed(Cause.FUNCTION_ERROR), now)

    # Enrichment

    def _enriched(self, reply: Reply, now: datetime) -> Step:
        """Rules: X54 an error fails the whole batch, X50 an empty answer ends it well."""
        stage, enrichment = self.enrichment, self._plan.enrichment
        assert stage is not None and enrichment is not None, "somebody was asked"
        assert self._call is not None, "somebody was asked"
        stage.replied(self._call, reply, failed=isinstance(reply, Refused))
        if isinstance(reply, Refused):
            return self._over(stage, StageEnd.FAILED, _failure(reply), now)
        payload = enrichment.payload(reply)
        if len(payload) > ANSWER_BYTES_MAX:
            stage.fault = f"the enrichment answered {len(payload)} bytes; at most {ANSWER_BYTES_MAX} are taken"
            return self._over(stage, StageEnd.FAILED, Failed(Cause.FUNCTION_ERROR), now)
        events = enrichment.events(payload)
        self._leave(stage, StageEnd.SUCCEEDED, now)
        if events is None:
            self.target = StageCourse(templated=False, entered=now)
            return self._over(self.target, StageEnd.SKIPPED, Delivered(), now)
        return self._enter_target(events, now)

    # Target

    def _enter_target(self, events: Sequence[Event | None], now: datetime) -> Step:
        """``events``: what the enrichment made of the batch; None stands for the record in that place."""
        plan, enriched = self._plan, self._plan.enrichment is not None
        template = plan.target_template
        self.target = stage = StageCourse(template is not None, now)
        looked_into = enriched or plan.target.looks_into_events
        context = self._context(now)
        outputs: list[Output] = []
        try:
            for place, event in enumerate(events):
                outputs.append(self._output(None if enriched else place, event, template, context, looked_into))
        except TemplateError as wrong:
            return self._transformation_failed(stage, wrong, now)
        most = plan.target.service.batch_max
        if enriched and most is not None and len(events) > most:  # X53
            stage.sent = self._shown(outputs)
            told = f"the enrichment answered {len(events)} records; the target takes at most {most}"
            return self._not_called(stage, told, now)
        prepared: list[Output] = []
        for output in outputs:
            try:
                prepared.append(plan.target.prepare(output))
            except TemplateError as wrong:  # X62, X74: this record's alone
                stage.fault = str(wrong)
                self._reject(output)
        stage.sent = self._shown(prepared)
        self._pieces = iter(plan.target.pieces(prepared))
        return self._next(stage, now)

    def _context(self, now: datetime) -> Context:
        """What reserved names stand for, in all templates of a stage."""
        return {**self._plan.context, "now": now}

    def _output(
        self,
        place: int | None,
        event: Event | None,
        template: InputTemplate | None,
        context: Context,
        looked_into: bool,
    ) -> Output:
        """One record through a template. Raises ``TemplateError``."""
        if event is None:
            assert place is not None, "a record of the batch"
            body = self._bodies[place]
            if template is None and not looked_into:
                return Output(body.decode(), None, place, is_json=True)
            glanced = None if self._plan.glance is None else self._plan.glance.read(body)
            event = Event.read(body, self._plan.form) if glanced is None else Event(glanced, self._plan.form)
        if template is None and event.is_quoted and self._plan.target.takes_json:
            return Output(compact(event.raw), event, place, is_json=True)
        if template is None:
            return Output(event.text, event, place, is_json=not isinstance(event.raw, str))
        text = template.render_event(event, context)
        return Output(text, event, place, is_json=template.is_json)

    def _next(self, stage: StageCourse, now: datetime) -> Step:
        """The next piece, or the end."""
        self._piece = next(self._pieces, ())
        if self._piece:
            return self._ask(stage, self._plan.target.call(self._piece, now), now)
        return self._finish(stage, now)

    def _delivered(self, stage: StageCourse, reply: Reply, now: datetime) -> Step:
        """Pieces go in order, so what fails as a whole holds back the pieces behind it (X24, X70)."""
        assert self._call is not None, "somebody was asked"
        if isinstance(reply, Refused):
            stage.replied(self._call, reply, failed=True)
            if not self._sent and not self._failed:
                return self._over(stage, StageEnd.FAILED, _failure(reply), now)
            behind = [output for piece in self._pieces for output in piece]
            for output in (*self._piece, *behind):
                self._reject(output, Rejected(0, reply.code, reply.message, reply.fault))
            return self._finish(stage, now)
        rejected, named = self._plan.target.rejected(reply, len(self._piece)), self._plan.target.report(reply)
        stage.replied(self._call, reply, failed=bool(rejected) or named is None or bool(named))
        for one in rejected:
            self._reject(self._piece[one.index], one)
        self._sent = self._sent or len(rejected) < len(self._piece)
        if named is None:
            stage.fault = "the answer names failed records in a way that is none"
            return self._over(stage, StageEnd.FAILED, Failed(Cause.INVALID_RESPONSE), now)
        if named and not self._name(named):
            stage.fault = "the answer names a record that is not in the batch"
            return self._over(stage, StageEnd.FAILED, Failed(Cause.INVALID_RESPONSE), now)
        return self._next(stage, now)

    def _name(self, named: Sequence[str]) -> bool:
        """Note the records that the target says failed; False if one of them is not known (X80)."""
        places = dict(zip(self._identifiers(), self._positions, strict=True))
        found = [places.get(name) for name in named]
        self._failed |= {position for position in found if position is not None}
        return None not in found

    def _reject(self, output: Output, why: Rejected | None = None) -> None:
        """This output was not taken. One that stands for no record we know fails them all (X57)."""
        refused = None if why is None else Refused(why.fault, why.code, why.message)
        if refused is not None and self.target is not None:
            self.target.fault = self.target.fault or refused.told
        if refused is not None and refused.fault in _INTERNAL:
            self._internal = refused
        else:
            self._customers = True
        position = self._position_of(output)
        self._failed |= set(self._positions) if position is None else {position}

    def _position_of(self, output: Output) -> Position | None:
        if output.place is not None:
            return self._positions[output.place]
        name = None if output.event is None else identifier_in(output.event.raw)
        if name is None:
            return None
        return dict(zip(self._identifiers(), self._positions, strict=True)).get(name)

    def _finish(self, stage: StageCourse, now: datetime) -> Ended:
        """Rules: X82 what was rejected is tried again as a smaller batch; X85 where the service alone is to blame, no
        attempt was used."""
        if not self._failed:
            return self._over(stage, StageEnd.SUCCEEDED, Delivered(), now)
        not_reached = None if self._internal is None or self._customers else _not_reached(self._internal)
        if len(self._failed) < len(self._positions):
            some = FailedSome(frozenset(self._failed), not_reached=not_reached)
            return self._over(stage, StageEnd.PARTLY_FAILED, some, now)
        ended = StageEnd.FAILED if stage.call is not None else StageEnd.NOT_CALLED
        return self._over(stage, ended, not_reached or Failed(Cause.FUNCTION_ERROR), now)

    # Both

    def _shown(self, outputs: Sequence[Output]) -> str | None:
        """What is sent, where a log tells of it."""
        log = self._plan.settings.log
        return array_of(outputs).decode() if log is not None and log.includes_data else None

    def _ask(self, stage: StageCourse, call: Call, now: datetime) -> Ask:
        self._call = call
        if not stage.failing:
            stage.call, stage.answer = call, None
        stage.invoked = stage.invoked or now
        return Ask(call)

    def _transformation_failed(self, stage: StageCourse, wrong: TemplateError, now: datetime) -> Ended:
        """X35: the execution's fault, and the customer's. A record alone is found by bisecting."""
        stage.fault = str(wrong)
        return self._over(stage, StageEnd.TRANSFORMATION_FAILED, Failed(Cause.FUNCTION_ERROR), now)

    def _not_called(self, stage: StageCourse, fault: str, now: datetime) -> Ended:
        """Nobody was asked, and that is the customer's fault."""
        stage.fault = fault
        return self._over(stage, StageEnd.NOT_CALLED, Failed(Cause.FUNCTION_ERROR), now)

    def _over(self, stage: StageCourse, ended: StageEnd, outcome: Outcome, now: datetime) -> Ended:
        self._leave(stage, ended, now)
        self.ended = now
        if isinstance(outcome, Failed | FailedSome):
            outcome = replace(outcome, said=self._said(stage, ended))
        return Ended(outcome)

    def _said(self, stage: StageCourse, ended: StageEnd) -> Said:
        """Which stage failed and how, and what was said of it."""
        name = "enrichment" if stage is self.enrichment else "target"
        message = stage.fault
        if message is None and isinstance(stage.answer, Refused):
            told = said_in(stage.answer.payload)
            message = stage.answer.told if told is None else f"{told.kind}: {told.message}"
        return Said(f"{name}: {ended.value}", message or "")

    @staticmethod
    def _leave(stage: StageCourse, ended: StageEnd, now: datetime) -> None:
        stage.ended, stage.left = ended, now


def _failure(reply: Refused) -> Outcome:
    """X85: internal failures cost no attempt, a customer's do. Too large a payload is mended by bisecting alone."""
    if reply.fault in _INTERNAL:
        return _not_reached(reply)
    return Failed(Cause.TOO_LARGE if reply.fault is Fault.TOO_LARGE else Cause.FUNCTION_ERROR)


def _not_reached(reply: Refused) -> NotReached:
    return NotReached(reply.told, reply.retry_after_s)
