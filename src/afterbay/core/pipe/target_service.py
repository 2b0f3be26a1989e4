"""Which services a pipe can call, as a target or an enrichment, and the limits of each (X50, X65, X70, X74).

Decides from the ARN alone. Targets that afterbay does not call are known, so that they are refused by their names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from afterbay.core.change.arn import Arn, parse_arn

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


@dataclass(frozen=True, slots=True)
class TargetService:
    """``group``: the member of TargetParameters that is this service's, or None.

    ``batch_max``: records per call, None where only the payload bounds them (X70). ``form`` is that of an ARN's
    resource.
    """

    kind: TargetKind
    service: str
    form: re.Pattern[str]
    group: str | None = None
    batch_max: int | None = None
    payload_bytes_max: int = PAYLOAD_BYTES_MAX

    @property
    def takes_one(self) -> bool:
        """One record per call: a source of larger batches is refused (X70)."""
        return self.batch_max == 1


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
        TargetKind.KINESIS, "kinesis", re.compile(r"stream/[^/]+"), "KinesisStreamParameters", 500, _KINESIS_BYTES_MAX
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
)
ENRICHMENTS = frozenset(
    {TargetKind.FUNCTION, TargetKind.STATE_MACHINE, TargetKind.API_GATEWAY, TargetKind.API_DESTINATION}
)  # X50
_NOT_CALLED = {
    "ecs": "an ECS cluster",
    "batch": "an AWS Batch job queue",
    "redshift": "an Amazon Redshift cluster",
    "redshift-serverless": "an Amazon Redshift workgroup",
    "redshift-data": "an Amazon Redshift cluster",
    "sagemaker": "a SageMaker pipeline",
    "inspector": "an Amazon Inspector assessment",
    "timestream": "a Timestream table",
}
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
        return _unknown(arn, whole)
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


def _unknown(arn: str, whole: Arn) -> str:
    titles = ", ".join(kind.value for kind in TargetKind)
    if whole.service in _NOT_CALLED:
        return f"{arn} is {_NOT_CALLED[whole.service]}, which afterbay does not call: use one of {titles}"
    return f"{arn} is no target of a pipe that afterbay knows: use one of {titles}"
