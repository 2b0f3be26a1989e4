"""Which services a pipe can call, as a target or an enrichment, and the limits of each (X50, X65, X70, X74).

Decides from the ARN alone. Where a pipe runs decides which of them can be called there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from afterbay.core.change.arn import parse_arn

__all__ = [
    "ENRICHMENTS",
    "PAYLOAD_BYTES_MAX",
    "TargetKind",
    "TargetService",
    "enrichment_fault",
    "target_fault",
    "target_service",
]

PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
"""X74: what a pipe takes along; targets may take less."""

_BUS_BYTES_MAX = 1024 * 1024
_STATE_MACHINE_BYTES_MAX = 262_144
_QUEUE_BYTES_MAX = _LOGS_BYTES_MAX = 1024 * 1024
_TOPIC_BYTES_MAX = 256 * 1024
_KINESIS_BYTES_MAX = 5 * 1024 * 1024
_FIREHOSE_BYTES_MAX = 4 * 1024 * 1024
"""What the services' references give for one call, all entries together."""


class TargetKind(Enum):
    """What can be called; the value is what an ARN of it names."""

    FUNCTION = "a Lambda function"
    STATE_MACHINE = "a Step Functions state machine"
    QUEUE = "an SQS queue"
    TOPIC = "an SNS topic"
    BUS = "an event bus"
    KINESIS = "a Kinesis stream"
    FIREHOSE = "a Firehose stream"
    LOGS = "a CloudWatch Logs log group"
    API_DESTINATION = "an API destination"
    API_GATEWAY = "an API Gateway REST API"
    ECS = "an ECS cluster"
    BATCH = "an AWS Batch job queue"
    REDSHIFT = "an Amazon Redshift database"
    SAGEMAKER = "a SageMaker pipeline"
    TIMESTREAM = "a Timestream table"
    INSPECTOR = "an Amazon Inspector assessment template"

    @property
    def only_filled(self) -> bool:
        """True where the event fills parameters, and what the template makes of it goes nowhere (X69)."""
        return self in _FILLED


_FILLED = frozenset(
    {
        TargetKind.ECS,
        TargetKind.BATCH,
        TargetKind.REDSHIFT,
        TargetKind.SAGEMAKER,
        TargetKind.TIMESTREAM,
        TargetKind.INSPECTOR,
    }
)


@dataclass(frozen=True, slots=True)
class TargetService:
    """``group``: the member of TargetParameters that is this service's, or None.

    ``needs_group``: that member must be given. ``batch_max``: records per call, None where only the payload
    bounds them (X70). ``form`` is that of an ARN's resource.
    """

    kind: TargetKind
    service: str
    form: re.Pattern[str]
    group: str | None = None
    batch_max: int | None = None
    payload_bytes_max: int = PAYLOAD_BYTES_MAX
    needs_group: bool = False

    @property
    def takes_one(self) -> bool:
        """One record per call: a source of larger batches is refused (X70)."""
        return self.batch_max == 1


def _runs(kind: TargetKind, service: str, form: str, group: str | None, *, needs_group: bool = True) -> TargetService:
    """One whose work a call begins: a record each."""
    return TargetService(kind, service, re.compile(form), group, batch_max=1, needs_group=needs_group)


_SERVICES = (
    TargetService(TargetKind.FUNCTION, "lambda", re.compile(r"function:[^:]+(:[^:]+)?"), "LambdaFunctionParameters"),
    TargetService(
        TargetKind.STATE_MACHINE,
        "states",
        re.compile(r"stateMachine:.+"),
        "StepFunctionStateMachineParameters",
        payload_bytes_max=_STATE_MACHINE_BYTES_MAX,
    ),
    TargetService(TargetKind.QUEUE, "sqs", re.compile(r"[^:/]+"), "SqsQueueParameters", 10, _QUEUE_BYTES_MAX),
    TargetService(TargetKind.TOPIC, "sns", re.compile(r"[^:/]+"), batch_max=10, payload_bytes_max=_TOPIC_BYTES_MAX),
    TargetService(
        TargetKind.BUS,
        "events",
        re.compile(r"event-bus/.+"),
        "EventBridgeEventBusParameters",
        batch_max=10,
        payload_bytes_max=_BUS_BYTES_MAX,
    ),
    TargetService(
        TargetKind.API_DESTINATION, "events", re.compile(r"api-destination/.+"), "HttpParameters", batch_max=1
    ),
    TargetService(TargetKind.API_GATEWAY, "execute-api", re.compile(r"[^/]+/.+"), "HttpParameters", batch_max=1),
    TargetService(
        TargetKind.KINESIS,
        "kinesis",
        re.compile(r"stream/[^/]+"),
        "KinesisStreamParameters",
        500,
        _KINESIS_BYTES_MAX,
        needs_group=True,
    ),
    TargetService(
        TargetKind.FIREHOSE,
        "firehose",
        re.compile(r"deliverystream/.+"),
        batch_max=500,
        payload_bytes_max=_FIREHOSE_BYTES_MAX,
    ),
    TargetService(
        TargetKind.LOGS,
        "logs",
        re.compile(r"log-group:[^:]+(:\*)?"),
        "CloudWatchLogsParameters",
        batch_max=10_000,
        payload_bytes_max=_LOGS_BYTES_MAX,
    ),
    _runs(TargetKind.ECS, "ecs", r"cluster/[^/]+", "EcsTaskParameters"),
    _runs(TargetKind.BATCH, "batch", r"job-queue/[^/]+", "BatchJobParameters"),
    _runs(TargetKind.REDSHIFT, "redshift", r"cluster:[^:/]+", "RedshiftDataParameters"),
    _runs(TargetKind.REDSHIFT, "redshift-serverless", r"workgroup/[^/]+", "RedshiftDataParameters"),
    _runs(TargetKind.SAGEMAKER, "sagemaker", r"pipeline/[^/]+", "SageMakerPipelineParameters", needs_group=False),
    _runs(TargetKind.TIMESTREAM, "timestream", r"database/[^/]+/table/[^/]+", "TimestreamParameters"),
    _runs(TargetKind.INSPECTOR, "inspector", r"target/[^/]+/template/[^/]+", None, needs_group=False),
)
ENRICHMENTS = frozenset(
    {TargetKind.FUNCTION, TargetKind.STATE_MACHINE, TargetKind.API_GATEWAY, TargetKind.API_DESTINATION}
)  # X50
_FIFO = ".fifo"


def target_service(arn: str) -> TargetService | None:
    """The service that an ARN names, if afterbay calls it."""
    whole = parse_arn(arn)
    return next((one for one in _SERVICES if one.service == whole.service and one.form.fullmatch(whole.resource)), None)


def target_fault(arn: str, *, account: str) -> str | None:
    """Why it cannot be a target of a pipe in ``account``, in a sentence of ours that names it; None if it can.

    Rules: X65 a bus is the account's own, X67 no FIFO topics.
    """
    whole = parse_arn(arn)
    service = target_service(arn)
    if service is None:
        titles = ", ".join(kind.value for kind in TargetKind)
        return f"{arn} is no target of a pipe that afterbay knows: use one of {titles}"
    if service.kind is TargetKind.TOPIC and whole.resource.endswith(_FIFO):
        return f"{arn} is a FIFO topic, which is no target of a pipe: use a standard topic"
    if service.kind is TargetKind.BUS and whole.account != account:
        return f"{arn} is an event bus of another account: a pipe sends to a bus of its own account and Region"
    return None


def enrichment_fault(arn: str) -> str | None:
    """Why it cannot be an enrichment (X50); None if it can. A state machine's type shows at run time only (X55)."""
    service = target_service(arn)
    if service is not None and service.kind in ENRICHMENTS:
        return None
    titles = ", ".join(kind.value for kind in TargetKind if kind in ENRICHMENTS)
    return f"{arn} is no enrichment of a pipe: use one of {titles}"
