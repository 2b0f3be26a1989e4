"""What the API's model says of each request, as one tree of shapes (X2, X8, X9, X11, X14; X39, X60, X61 for paths).

Facts only: lengths, ranges, forms and closed sets, from the service's public model. What the parameters mean for one
another is ``definition.py``'s.
"""

from __future__ import annotations

import re

from afterbay.core.pipe.lifecycle import PipeState
from afterbay.core.pipe.log import Level
from afterbay.core.pipe.model_runs import groups
from afterbay.core.pipe.shape import Choice, Entries, Items, Moment, Object, Shape, Text, Whole

__all__ = ["CREATE", "JSON_PATH", "LIST", "NAMED", "RESOURCE", "TAG", "TAGS", "UNTAG", "UPDATE"]

JSON_PATH = r"\$(\.[\w/_-]+(\[(\d+|\*)\])*)*"
"""X39, as the model writes it; ``\\w`` and ``\\d`` are ASCII's."""


def _form(pattern: str, *, or_path: bool = False) -> re.Pattern[str]:
    return re.compile(f"{pattern}|({JSON_PATH})" if or_path else pattern, re.ASCII)


_PARTITION = r"arn:aws([a-z]|\-)*"
_REGION = r"([a-z]{2,4}((-gov)|(-de)|(-iso([a-z]?)))?-[a-z]+(-\d{1})?)"
_ARN = rf"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-]+):{_REGION}?:(\d{{12}})?:(.+)"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9\-]*[A-Za-z0-9])?"
_BROKER = rf"smk://({_HOST}\.)*{_HOST}:[0-9]{{1,5}}"

_ANY_ARN = Text(1, 1600, _form(_ARN))
_OPTIONAL_ARN = Text(0, 1600, _form(_ARN))
_SOURCE = Text(1, 1600, _form(f"{_BROKER}|{_ARN}"))
_ARN_OR_PATH = Text(1, 1600, _form(_ARN, or_path=True))
_ROLE = Text(1, 1600, _form(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z0-9+=,.@\-_/]+"))
_NAME = Text(1, 64, _form(r"[\.\-_A-Za-z0-9]+"))
_PATH = Text(1, 256, _form(JSON_PATH))
_DESCRIPTION = Text(0, 512, _form(".*"))
_KMS_KEY = Text(0, 2048, _form(r"[a-zA-Z0-9_\-/:]*"))
_TEMPLATE = Text(0, 8192)
_REQUESTED_STATE = Choice(("RUNNING", "STOPPED"))
TAGS = Entries(Text(1, 128), Text(0, 256), 1, 50)  # X8

_BATCH: dict[str, Shape] = {"BatchSize": Whole(1, 10_000), "MaximumBatchingWindowInSeconds": Whole(0, 300)}
_STREAM: dict[str, Shape] = {
    **_BATCH,
    "MaximumRecordAgeInSeconds": Whole(-1, 604_800),
    "MaximumRetryAttempts": Whole(-1, 10_000),
    "ParallelizationFactor": Whole(1, 10),
    "OnPartialBatchItemFailure": Choice(("AUTOMATIC_BISECT",)),
    "DeadLetterConfig": Object({"Arn": _ANY_ARN}),
}
_ANYTHING = Object(closed=False)
"""The parameters of a source that we do not read: refused as a whole, not looked into."""

_OTHER_SOURCES: dict[str, Shape] = {
    "ActiveMQBrokerParameters": _ANYTHING,
    "RabbitMQBrokerParameters": _ANYTHING,
    "ManagedStreamingKafkaParameters": _ANYTHING,
    "SelfManagedKafkaParameters": _ANYTHING,
}
_FILTERS = Object({"Filters": Items(Object({"Pattern": Text(0, 4096)}), 0, 5)})
_START: dict[str, Shape] = {"StartingPosition": Choice(("TRIM_HORIZON", "LATEST"))}
_START_KINESIS: dict[str, Shape] = {
    "StartingPosition": Choice(("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")),
    "StartingPositionTimestamp": Moment(),
}
_SOURCE_PARAMETERS = Object(
    {
        "FilterCriteria": _FILTERS,
        "DynamoDBStreamParameters": Object({**_STREAM, **_START}, ("StartingPosition",)),
        "KinesisStreamParameters": Object({**_STREAM, **_START_KINESIS}, ("StartingPosition",)),
        "SqsQueueParameters": Object(_BATCH),
        **_OTHER_SOURCES,
    }
)
_UPDATED_SOURCE_PARAMETERS = Object(
    {
        "FilterCriteria": _FILTERS,
        "DynamoDBStreamParameters": Object(_STREAM),
        "KinesisStreamParameters": Object(_STREAM),
        "SqsQueueParameters": Object(_BATCH),
        **_OTHER_SOURCES,
    }
)

# The model's own form of a header's value can be read in exponentially many ways; this one describes the same texts. A
# header's name is never a path (X61), and X-Amz headers are AWS's own (X56).
_HEADER_NAME = Text(1, 512, _form(r"[!#$%&'*+\-.^_`|~0-9a-zA-Z]+"), re.compile("x-amz", re.IGNORECASE))
_HEADER_VALUE = Text(0, 512, _form(r"\t*[\x20-\x7E][\t\x20-\x7E]*"))
_QUERY_NAME = Text(1, 512, _form(r"[^\x00-\x1F\x7F]+"))
_QUERY_VALUE = Text(0, 512, _form(r"[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+"))
_HTTP = Object(
    {
        "PathParameterValues": Items(Text(1, form=re.compile(r"(?!\s*$).+"))),
        "HeaderParameters": Entries(_HEADER_NAME, _HEADER_VALUE),
        "QueryStringParameters": Entries(_QUERY_NAME, _QUERY_VALUE),
    }
)

# X14: not from aws.; the model's own form says so too, in a way that lets ``aws.mine`` pass.
_EVENT_SOURCE = Text(1, 256, _form(r".*[/\.\-_A-Za-z0-9].*", or_path=True), re.compile(r"aws\."))
_ENDPOINT_ID = Text(1, 50, _form(r"[A-Za-z0-9\-]+[\.][A-Za-z0-9\-]+"))
_INVOCATION = Object({"InvocationType": Choice(("REQUEST_RESPONSE", "FIRE_AND_FORGET"))})
_BUS = Object(
    {
        "EndpointId": _ENDPOINT_ID,
        "DetailType": Text(1, 128),
        "Source": _EVENT_SOURCE,
        "Resources": Items(_ARN_OR_PATH, 0, 10),
        "Time": _PATH,
    }
)
_TARGET_PARAMETERS = Object(
    {
        "InputTemplate": _TEMPLATE,
        "LambdaFunctionParameters": _INVOCATION,
        "StepFunctionStateMachineParameters": _INVOCATION,
        "KinesisStreamParameters": Object({"PartitionKey": Text(0, 256)}, ("PartitionKey",)),
        "SqsQueueParameters": Object({"MessageGroupId": Text(0, 100), "MessageDeduplicationId": Text(0, 100)}),
        "HttpParameters": _HTTP,
        "EventBridgeEventBusParameters": _BUS,
        "CloudWatchLogsParameters": Object({"LogStreamName": Text(1, 256), "Timestamp": _PATH}),
        **groups(_ARN_OR_PATH, JSON_PATH),
    }
)
_ENRICHMENT_PARAMETERS = Object({"InputTemplate": _TEMPLATE, "HttpParameters": _HTTP})

_LOG_GROUP = rf"{_PARTITION}:logs:{_REGION}:(\d{{12}}):log-group:[\.\-_/#A-Za-z0-9]{{1,512}}(:\*)?"
_DELIVERY_STREAM = rf"{_PARTITION}:firehose:{_REGION}:(\d{{12}}):deliverystream/[a-zA-Z0-9_.-]{{1,64}}"
_LOG_CONFIGURATION = Object(
    {
        "Level": Choice(tuple(Level)),
        "IncludeExecutionData": Items(Choice(("ALL",))),
        "CloudwatchLogsLogDestination": Object({"LogGroupArn": Text(1, 1600, _form(_LOG_GROUP))}, ("LogGroupArn",)),
        "FirehoseLogDestination": Object(
            {"DeliveryStreamArn": Text(1, 1600, _form(_DELIVERY_STREAM))}, ("DeliveryStreamArn",)
        ),
        "S3LogDestination": Object(
            {
                "BucketName": Text(3, 63),
                "BucketOwner": Text(1, form=_form(r"\d{12}")),
                "OutputFormat": Choice(("json", "plain", "w3c")),
                "Prefix": Text(0, 256),
            },
            ("BucketName", "BucketOwner"),
        ),
    },
    ("Level",),
)  # X100

_EITHER: dict[str, Shape] = {
    "Name": _NAME,
    "Description": _DESCRIPTION,
    "DesiredState": _REQUESTED_STATE,
    "Enrichment": _OPTIONAL_ARN,
    "EnrichmentParameters": _ENRICHMENT_PARAMETERS,
    "Target": _ANY_ARN,
    "TargetParameters": _TARGET_PARAMETERS,
    "RoleArn": _ROLE,
    "LogConfiguration": _LOG_CONFIGURATION,
    "KmsKeyIdentifier": _KMS_KEY,
}
CREATE = Object(
    {**_EITHER, "Source": _SOURCE, "SourceParameters": _SOURCE_PARAMETERS, "Tags": TAGS},
    ("Name", "Source", "Target", "RoleArn"),
)
UPDATE = Object({**_EITHER, "SourceParameters": _UPDATED_SOURCE_PARAMETERS}, ("RoleArn",))  # X10
LIST = Object(
    {
        "NamePrefix": _NAME,
        "DesiredState": _REQUESTED_STATE,
        "CurrentState": Choice(tuple(PipeState)),
        "SourcePrefix": Text(1, 1600),
        "TargetPrefix": Text(1, 1600),
        "NextToken": Text(1, 2048),
        "Limit": Whole(1, 100),
    }
)  # X11
NAMED = Object({"Name": _NAME}, ("Name",))
"""Of the calls that say no more than which pipe."""

_RESOURCE_ARN = rf"{_PARTITION}:([a-zA-Z0-9\-]+):([a-z]|\d|\-)*:([0-9]{{12}})?:(.+)"
RESOURCE = Object({"resourceArn": Text(1, 1600, _form(_RESOURCE_ARN))}, ("resourceArn",))
TAG = Object({"tags": TAGS}, ("tags",))
UNTAG = Object({"tagKeys": Items(Text(1, 128), 0, 50)}, ("tagKeys",))
