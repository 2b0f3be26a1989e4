"""A target of a rule: its settings checked (B25, B31, B50, B61, B65).

Decides what a member of PutTargets' Targets means. The input settings are ``core/template``'s (B36 to B49).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

import msgspec

from afterbay.core.bus.call import HttpParameters, http_violations, read_http_parameters
from afterbay.core.bus.constraints import ARN_MAX, AWS_NAME, Text, Whole, invalid, violations
from afterbay.core.bus.names import Home
from afterbay.core.change.arn import Arn, parse_arn
from afterbay.core.change.source import is_fifo
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import integer, members, text
from afterbay.core.template import TargetInput, input_violations, parse_target_input
from afterbay.core.template.path import is_path
from afterbay.errors import SettingsError

__all__ = ["TARGET_ID", "RetryPolicy", "Target", "TargetKind", "parse_target", "target_violations"]

TARGET_ID = Text(name="Id", low=1, high=64, pattern=AWS_NAME, required=True)


class TargetKind(Enum):
    """What receives events."""

    QUEUE = "sqs"
    TOPIC = "sns"
    FUNCTION = "lambda"
    STATE_MACHINE = "states"
    STREAM = "kinesis"
    DELIVERY_STREAM = "firehose"
    LOG_GROUP = "logs"
    API_GATEWAY = "execute-api"
    BUS = "event-bus"
    API_DESTINATION = "api-destination"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often an event is tried again, and until what age (B50)."""

    attempts_max: int = 185
    age_max_s: int = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target. ``document`` is the request's JSON, what ListTargetsByRule shows."""

    id: str
    arn: str
    kind: TargetKind
    document: bytes
    role_arn: str | None = None
    retry: RetryPolicy = RetryPolicy()
    dead_letter_arn: str | None = None
    message_group_id: str | None = None
    partition_key_path: str | None = None
    http: HttpParameters = field(default_factory=HttpParameters)

    def body(self) -> dict[str, JsonValue]:
        shown: dict[str, JsonValue] = json.loads(self.document)
        return shown

    @property
    def input(self) -> TargetInput:
        """What makes the payload of an event."""
        return _input_of(self.document)


@lru_cache(maxsize=1024)  # compiled once, not for every event
def _input_of(document: bytes) -> TargetInput:
    return parse_target_input(json.loads(document))


_IMPLEMENTED = (
    *("Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "RetryPolicy", "DeadLetterConfig"),
    *("SqsParameters", "KinesisParameters", "HttpParameters"),
)
_NOT_IMPLEMENTED = (
    *("RunCommandParameters", "EcsParameters", "BatchParameters", "RedshiftDataParameters"),
    *("SageMakerPipelineParameters", "AppSyncParameters"),
)
_TAKEN_BY_AWS = frozenset(
    {
        *("ecs", "batch", "ssm", "ec2", "codebuild", "codepipeline", "glue", "inspector", "redshift"),
        *("redshift-serverless", "sagemaker", "appsync", "ssm-incidents", "ssm-contacts", "automation"),
    }
)
"""Services that AWS sends events to and that nothing here calls."""

_MODEL = (
    TARGET_ID,
    Text(name="Arn", low=1, high=ARN_MAX, required=True),
    Text(name="RoleArn", low=1, high=ARN_MAX),
)
_RETRY = (
    Whole(name="MaximumRetryAttempts", low=0, high=185),
    Whole(name="MaximumEventAgeInSeconds", low=60, high=86_400),
)
_NESTED = (
    ("KinesisParameters", (Text(name="PartitionKeyPath", high=256, required=True),)),
    ("SqsParameters", (Text(name="MessageGroupId", high=100),)),
    ("DeadLetterConfig", (Text(name="Arn", low=1, high=ARN_MAX),)),
    ("RetryPolicy", _RETRY),
)


def target_violations(params: Mapping[str, JsonValue], place: int) -> Iterator[str]:
    """What the model says of one target; ``place`` is its number among those of the request, from 1."""
    at = f"targets.{place}.member."
    yield from violations(params, _MODEL, at=at)
    yield from input_violations(params, place)
    for name, model in _NESTED:
        nested = members(params, name)
        if nested is not None:
            yield from violations(nested, model, at=f"{at}{name[0].lower()}{name[1:]}.")
    yield from http_violations(members(params, "HttpParameters") or {}, at=f"{at}httpParameters.")


def parse_target(params: Mapping[str, JsonValue], home: Home) -> Target:
    """Read one target that the model took, of a rule at ``home``. Raises ``SettingsError``.

    Rules: B36 to B49 input settings that can be rendered, B25 none for a bus of another account, B61 the dead-letter
    queue is a standard one of the same region; it need not exist.
    """
    for name in _NOT_IMPLEMENTED:
        if params.get(name) is not None:
            raise invalid(f"{name} is not implemented: afterbay does not call the targets that it is for")
    target_id, arn = text(params, "Id") or "", _read_arn(text(params, "Arn") or "")
    kind = _kind_of(arn)
    given = [name for name in ("Input", "InputPath", "InputTransformer") if params.get(name) is not None]
    parse_target_input(params)
    if given and kind is TargetKind.BUS and arn.account != home.account:
        raise invalid(f"{given[0]} is not available for target {target_id}: it is an event bus of another account.")
    group = text(members(params, "SqsParameters") or {}, "MessageGroupId")
    if kind is TargetKind.QUEUE and is_fifo(str(arn)) and not group:
        raise invalid(f"Parameter(s) SqsParameters must be specified for target: {target_id}.")
    key_path = text(members(params, "KinesisParameters") or {}, "PartitionKeyPath")
    if key_path is not None and not is_path(key_path):
        raise invalid("Parameter KinesisParameters.PartitionKeyPath is not valid. Reason: it is no path.")  # ours
    retry = members(params, "RetryPolicy") or {}
    return Target(
        id=target_id,
        arn=str(arn),
        kind=kind,
        document=msgspec.json.encode({name: params[name] for name in _IMPLEMENTED if params.get(name) is not None}),
        role_arn=text(params, "RoleArn"),
        retry=_policy(retry),
        dead_letter_arn=_dead_letter(text(members(params, "DeadLetterConfig") or {}, "Arn"), home),
        message_group_id=group,
        partition_key_path=key_path,
        http=read_http_parameters(members(params, "HttpParameters") or {}),
    )


def _policy(given: Mapping[str, JsonValue]) -> RetryPolicy:
    attempts, age = integer(given, "MaximumRetryAttempts"), integer(given, "MaximumEventAgeInSeconds")
    default = RetryPolicy()
    return RetryPolicy(
        attempts_max=default.attempts_max if attempts is None else attempts,
        age_max_s=default.age_max_s if age is None else age,
    )


def _read_arn(given: str) -> Arn:
    try:
        return parse_arn(given)
    except SettingsError as error:
        raise invalid(f"Parameter {given} is not valid. Reason: Provided Arn is not in correct format.") from error


def _kind_of(arn: Arn) -> TargetKind:
    """The second text is AWS's [public reports]; the first is ours."""
    kind = arn.resource.partition("/")[0] if arn.service == "events" else arn.service
    if kind in _KINDS:
        return TargetKind(kind)
    if arn.service in _TAKEN_BY_AWS:
        raise invalid(f"Target {arn} is not implemented: afterbay does not send events to {arn.service}")
    raise invalid(f"{arn.service} is not a supported service for a target.")


_KINDS = frozenset(kind.value for kind in TargetKind)


def _dead_letter(arn: str | None, home: Home) -> str | None:
    """Its texts are ours: AWS's are not recorded."""
    if arn is None:
        return None
    queue = _read_arn(arn)
    reason: str | None = None
    if queue.service != "sqs":
        reason = "A dead-letter queue is an SQS queue."
    elif is_fifo(arn):
        reason = "A FIFO queue is not supported as a dead-letter queue."
    elif queue.region != home.region:
        reason = f"The dead-letter queue must be in the region of the rule, {home.region}."
    if reason is not None:
        raise invalid(f"Parameter DeadLetterConfig.Arn is not valid. Reason: {reason}")
    return arn
