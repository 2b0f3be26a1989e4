"""Who a letter is of, and how a redrive goes through it: the settings that its mapping, pipe or rule has now.

Decides which setting means what. Rules: E16 filters are the owner's own; R97 and X80, how failures are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

import msgspec

from afterbay.aws.client import Caller
from afterbay.core.bus.names import split_rule_arn
from afterbay.core.change.arn import parse_arn
from afterbay.engine.wanted import Wanted, WantedMapping, WantedPipe
from afterbay.errors import NotFoundError, UnavailableError
from afterbay.redrive.letter import DeadLetter, LetterKind

__all__ = ["Form", "Owner", "find_owner", "owner_in"]

BATCH_SIZE_DEFAULT = 100
"""Of a stream (R4), and where the owner is gone."""

_T = TypeVar("_T", bound=msgspec.Struct)


class Form(Enum):
    """What a function is handed."""

    RECORDS = "records"
    """``{"Records": [...]}``, as a mapping sends (R132)."""
    ARRAY = "array"
    """A JSON array, as a pipe sends (X19)."""
    EVENT = "event"
    """The event itself, as a rule sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """``function`` is the one to send through; None: ``why`` says what stands against it.

    ``partial``: failures are named in its answer; None: that is not known, and they are heeded where they are.
    ``found`` False: mapping, pipe or rule is gone. ``hidden_filters``: it has some, and they cannot be read (R17).
    """

    found: bool = True
    filters: tuple[str, ...] = ()
    hidden_filters: bool = False
    batch_size: int = BATCH_SIZE_DEFAULT
    partial: bool | None = None
    form: Form = Form.RECORDS
    function: str | None = None
    why: str = ""


class _Pattern(msgspec.Struct):
    Pattern: str = "{}"


class _Criteria(msgspec.Struct):
    Filters: list[_Pattern] = []

    def patterns(self) -> tuple[str, ...]:
        return tuple(one.Pattern for one in self.Filters)


class _Mapping(msgspec.Struct):
    FunctionArn: str = ""
    BatchSize: int = BATCH_SIZE_DEFAULT
    FilterCriteria: _Criteria | None = None
    FilterCriteriaError: dict[str, object] | None = None
    KMSKeyArn: str | None = None
    FunctionResponseTypes: list[str] = []


class _Mappings(msgspec.Struct):
    EventSourceMappings: list[_Mapping] = []


class _Reading(msgspec.Struct):
    BatchSize: int = BATCH_SIZE_DEFAULT


class _PipeSource(msgspec.Struct):
    FilterCriteria: _Criteria | None = None
    DynamoDBStreamParameters: _Reading | None = None
    KinesisStreamParameters: _Reading | None = None


class _Lambda(msgspec.Struct):
    InvocationType: str = "REQUEST_RESPONSE"


class _PipeTarget(msgspec.Struct):
    InputTemplate: str | None = None
    LambdaFunctionParameters: _Lambda | None = None


class _Pipe(msgspec.Struct):
    Target: str
    Enrichment: str | None = None
    KmsKeyIdentifier: str | None = None
    SourceParameters: _PipeSource = msgspec.field(default_factory=_PipeSource)
    TargetParameters: _PipeTarget = msgspec.field(default_factory=_PipeTarget)


class _RuleTarget(msgspec.Struct):
    Arn: str
    Input: str | None = None
    InputPath: str | None = None
    InputTransformer: dict[str, object] | None = None


class _RuleTargets(msgspec.Struct):
    Targets: list[_RuleTarget] = []


async def find_owner(caller: Caller, letter: DeadLetter) -> Owner:
    """What the owner of a letter is set to now; ``caller`` is one of its region. Raises ``ServiceError``."""
    match letter.kind:
        case LetterKind.MAPPING:
            return await _of_mapping(caller, letter)
        case LetterKind.PIPE:
            return await _of_pipe(caller, letter)
        case LetterKind.RULE:
            return await _of_rule(caller, letter)
        case LetterKind.POISON:
            # Its mapping let the record pass, and its function names what fails.
            return Owner(function=letter.owner or None, why="the letter does not say whose record it was")
        case LetterKind.UNKNOWN:
            return Owner(found=False, why=letter.why)


def owner_in(wanted: Iterable[Wanted], letter: DeadLetter) -> Owner | None:
    """What the owner of a letter is set to in the files of `afterbay run`, of which no service knows; None: it is not
    in them."""
    for one in wanted:
        match one:
            case WantedMapping(settings=settings) if letter.kind is LetterKind.MAPPING:
                if (settings.function_arn, settings.event_source_arn) == (letter.owner, letter.stream_arn):
                    function, window = _through(letter)
                    return Owner(
                        filters=settings.filters,
                        batch_size=settings.batch_size,
                        partial=settings.report_batch_item_failures,
                        function=function,
                        why=window,
                    )
            case WantedPipe(pipe=pipe) if letter.kind is LetterKind.PIPE and pipe.arn == letter.owner:
                return _as_pipe(_read(pipe.described(), _Pipe), pipe.name)
            case _:
                pass
    return None


def _through(letter: DeadLetter) -> tuple[str | None, str]:
    """The function of a mapping's letter, or why it cannot be called again."""
    if letter.window:
        return None, "the function was told of a tumbling window, which is over"
    return letter.owner, ""


async def _of_mapping(caller: Caller, letter: DeadLetter) -> Owner:
    function, window = _through(letter)
    try:
        answer = await caller.call(
            "lambda", "list_event_source_mappings", EventSourceArn=letter.stream_arn, FunctionName=letter.owner
        )
    except NotFoundError:
        return Owner(found=False, function=function, why=window)
    found = _read(answer, _Mappings).EventSourceMappings
    if not found:
        return Owner(found=False, function=function, why=window)
    one = found[0]
    hidden = one.FilterCriteria is None and (one.KMSKeyArn is not None or one.FilterCriteriaError is not None)
    return Owner(
        filters=() if one.FilterCriteria is None else one.FilterCriteria.patterns(),
        hidden_filters=hidden,
        batch_size=one.BatchSize,
        partial="ReportBatchItemFailures" in one.FunctionResponseTypes,
        function=function,
        why=window,
    )


async def _of_pipe(caller: Caller, letter: DeadLetter) -> Owner:
    name = parse_arn(letter.owner).resource.removeprefix("pipe/")
    try:
        pipe = _read(await caller.call("pipes", "describe_pipe", Name=name), _Pipe)
    except NotFoundError:
        return Owner(found=False, form=Form.ARRAY, why=f"pipe {name} is gone, or one of `afterbay run` (--pipes FILE)")
    return _as_pipe(pipe, name)


def _as_pipe(pipe: _Pipe, name: str) -> Owner:
    source = pipe.SourceParameters
    reading = source.DynamoDBStreamParameters or source.KinesisStreamParameters or _Reading()
    why = _not_through(pipe, name)
    return Owner(
        filters=() if source.FilterCriteria is None else source.FilterCriteria.patterns(),
        hidden_filters=source.FilterCriteria is None and pipe.KmsKeyIdentifier is not None,
        batch_size=reading.BatchSize,
        partial=True,
        form=Form.ARRAY,
        function=None if why else pipe.Target,
        why=why,
    )


def _not_through(pipe: _Pipe, name: str) -> str:
    """Why nobody but the pipe itself can send what it sends; empty where its function can be called as it calls it."""
    target = pipe.TargetParameters
    if pipe.Enrichment is not None:
        return f"pipe {name} has an enrichment, and nobody but the pipe can send through it"
    if target.InputTemplate is not None:
        return f"pipe {name} has an input template for its target"
    if not _is_function(pipe.Target):
        return f"the target of pipe {name} is no function: {pipe.Target}"
    return ""


async def _of_rule(caller: Caller, letter: DeadLetter) -> Owner:
    bus, rule = split_rule_arn(letter.owner)
    target = letter.target or ""
    if not _is_function(target):
        return Owner(form=Form.EVENT, batch_size=1, why=f"the rule's target is no function: {target or 'not named'}")
    try:
        answer = await caller.call("events", "list_targets_by_rule", Rule=rule, EventBusName=bus)
    except NotFoundError:
        return Owner(found=False, form=Form.EVENT, batch_size=1, function=target)
    same = [one for one in _read(answer, _RuleTargets).Targets if one.Arn == target]
    if any(one.Input or one.InputPath or one.InputTransformer for one in same):
        why = f"rule {rule} makes another event for its target of the one in the letter"
        return Owner(form=Form.EVENT, batch_size=1, why=why)
    return Owner(found=bool(same), form=Form.EVENT, batch_size=1, function=target)


def _is_function(arn: str) -> bool:
    return ":lambda:" in arn and ":function:" in arn


def _read(answer: Mapping[str, object], kind: type[_T]) -> _T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise UnavailableError(f"the service answered something else: {error}", code="UnreadableAnswer") from error
