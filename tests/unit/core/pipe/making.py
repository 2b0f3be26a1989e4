"""Requests and pipes that the tests of ``core.pipe`` begin with."""

from __future__ import annotations

import copy

import pytest

from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.lifecycle import LifecycleEvent, PipeState
from afterbay.core.pipe.registry import PipeRegistry
from afterbay.core.pipe.request import parse_create, parse_update

ACCOUNT, REGION = "111122223333", "us-east-1"
HOME = f"{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipe"

SOURCES = {
    "dynamodb": f"arn:aws:dynamodb:{HOME}:table/orders/stream/2026-01-02T03:04:05.678",
    "kinesis": f"arn:aws:kinesis:{HOME}:stream/clicks",
    "sqs": f"arn:aws:sqs:{HOME}:orders",
    "msk": f"arn:aws:kafka:{HOME}:cluster/c/uuid",
    "kafka": "smk://broker.example.com:9092",
    "mq": f"arn:aws:mq:{HOME}:broker:b:b-1",
}
SOURCE_GROUPS = {
    "dynamodb": "DynamoDBStreamParameters",
    "kinesis": "KinesisStreamParameters",
    "sqs": "SqsQueueParameters",
}
TARGETS = {
    "lambda": f"arn:aws:lambda:{HOME}:function:f",
    "states-express": f"arn:aws:states:{HOME}:stateMachine:m",
    "sqs": f"arn:aws:sqs:{HOME}:out",
    "sns": f"arn:aws:sns:{HOME}:out",
    "events": f"arn:aws:events:{HOME}:event-bus/orders",
    "kinesis": f"arn:aws:kinesis:{HOME}:stream/out",
    "firehose": f"arn:aws:firehose:{HOME}:deliverystream/out",
    "logs": f"arn:aws:logs:{HOME}:log-group:out",
    "api-destination": f"arn:aws:events:{HOME}:api-destination/d/00000000-0000-0000-0000-000000000000",
    "apigateway": f"arn:aws:execute-api:{HOME}:abc123/prod/POST/orders",
    "ecs": f"arn:aws:ecs:{HOME}:cluster/c",
    "batch": f"arn:aws:batch:{HOME}:job-queue/q",
    "redshift-data": f"arn:aws:redshift:{HOME}:cluster:c",
    "sagemaker": f"arn:aws:sagemaker:{HOME}:pipeline/p",
    "timestream": f"arn:aws:timestream:{HOME}:database/d/table/t",
    "inspector": f"arn:aws:inspector:{HOME}:target/t/template/a",
}
NEEDED = {
    "kinesis": {"KinesisStreamParameters": {"PartitionKey": "$.eventID"}},
    "ecs": {"EcsTaskParameters": {"TaskDefinitionArn": f"arn:aws:ecs:{HOME}:task-definition/t:1"}},
    "batch": {"BatchJobParameters": {"JobDefinition": "d", "JobName": "j"}},
    "redshift-data": {"RedshiftDataParameters": {"Database": "d", "Sqls": ["select 1"]}},
    "timestream": {
        "TimestreamParameters": {
            "TimeValue": "$.dynamodb.ApproximateCreationDateTime",
            "VersionValue": "1",
            "DimensionMappings": [
                {"DimensionName": "id", "DimensionValue": "$.eventID", "DimensionValueType": "VARCHAR"}
            ],
            "SingleMeasureMappings": [
                {"MeasureName": "n", "MeasureValue": "$.dynamodb.NewImage.n.N", "MeasureValueType": "BIGINT"}
            ],
        }
    },
}
"""What a target cannot do without."""


def request(source: str = "dynamodb", target: str = "lambda", /, **changed: object) -> dict:
    """A whole Create request; ``reading`` are members of the source's own parameters, the others its own members, which
    None takes away."""
    reading = changed.pop("reading", {})
    own = {} if source == "sqs" else {"StartingPosition": "TRIM_HORIZON"}
    whole = {
        "Name": "orders-shipped",
        "Source": SOURCES[source],
        "SourceParameters": {SOURCE_GROUPS[source]: {**own, **reading}} if source in SOURCE_GROUPS else None,
        "Target": TARGETS[target],
        "TargetParameters": NEEDED.get(target),
        "RoleArn": ROLE,
        **changed,
    }
    return copy.deepcopy({name: value for name, value in whole.items() if value is not None})


def created(params: dict) -> PipeSettings:
    return parse_create(params, account=ACCOUNT, region=REGION)


def pipe(source: str = "dynamodb", target: str = "lambda", /, **changed: object) -> PipeSettings:
    return created(request(source, target, **changed))


def updated(current: PipeSettings, **params: object) -> PipeSettings:
    return parse_update(current, {"RoleArn": ROLE, **params})


def refused(params: dict) -> list[tuple[str, str]]:
    """The parameters at fault and what is said of each."""
    with pytest.raises(PipeError) as caught:
        created(params)
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)
    fields = caught.value.members.get("fieldList", [])
    return [(one["name"], one["message"]) for one in fields]


ROADS = {
    PipeState.CREATING: (),
    PipeState.RUNNING: (LifecycleEvent.STARTED,),
    PipeState.STOPPED: (LifecycleEvent.STOPPED,),
    PipeState.CREATE_FAILED: (LifecycleEvent.FAILED,),
}


def registry(state: PipeState | None = None, **chosen: object) -> PipeRegistry:
    """A registry with the pipe ``orders-shipped`` to a bus in ``state``; None: without it."""
    made = PipeRegistry(account=ACCOUNT, region=REGION, **chosen)
    if state is None:
        return made
    made.create(request("dynamodb", "events", reading={"BatchSize": 10}), 1.0)
    if state is PipeState.UPDATING:
        made.settle("orders-shipped", LifecycleEvent.STARTED)
        made.update("orders-shipped", {"RoleArn": ROLE}, 2.0)
        return made
    for event in ROADS[state]:
        made.settle("orders-shipped", event)
    return made
