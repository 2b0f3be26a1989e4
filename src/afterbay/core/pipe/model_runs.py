"""What the API's model says of targets that an event only fills the parameters of (X14, X61, X69); part of
``model.py``."""

from __future__ import annotations

import re

from afterbay.core.pipe.shape import Choice, Entries, Flag, Items, Object, Shape, Text, Whole

__all__ = ["groups"]

_ANY = Text()
_AMOUNT = Whole(0, 2**63 - 1)
_VALUE_TYPE = Choice(("DOUBLE", "BIGINT", "VARCHAR", "BOOLEAN", "TIMESTAMP"))
_FIELD = Text(1, 256)
"""A value or a path, whose names the model gives no form."""
_SUBNET, _SECURITY_GROUP = r"subnet-[0-9a-z]*", r"sg-[0-9a-zA-Z]*"
_PARAMETER_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
_REGION = r"([a-z]{2,4}((-gov)|(-de)|(-iso([a-z]?)))?-[a-z]+(-\d{1})?)"
_SECRET = rf"(arn:aws([a-z]|\-)*:secretsmanager:{_REGION}:(\d{{12}}):secret:.+)"


def groups(arn_or_path: Text, path: str) -> dict[str, Shape]:
    """The groups of TargetParameters, by name. ``path`` is the form of a path, which may stand for many values."""

    def form(pattern: str) -> re.Pattern[str]:
        return re.compile(f"{pattern}|({path})", re.ASCII)

    network = Object(
        {
            "Subnets": Items(Text(1, 1024, form(_SUBNET)), 0, 16),
            "SecurityGroups": Items(Text(1, 1024, form(_SECURITY_GROUP)), 0, 5),
            "AssignPublicIp": Choice(("ENABLED", "DISABLED")),
        },
        ("Subnets",),
    )
    pipeline_parameter = Object(
        {"Name": Text(1, 256, form(_PARAMETER_NAME)), "Value": Text(0, 1024)}, ("Name", "Value")
    )
    return {
        "EcsTaskParameters": Object(
            {
                "TaskDefinitionArn": arn_or_path,
                "TaskCount": Whole(1, 2**63 - 1),
                "LaunchType": Choice(("EC2", "FARGATE", "EXTERNAL")),
                "NetworkConfiguration": Object({"awsvpcConfiguration": network}),
                "PlatformVersion": _ANY,
                "Group": _ANY,
                "CapacityProviderStrategy": Items(_CAPACITY_PROVIDER, 0, 6),
                "EnableECSManagedTags": Flag(),
                "EnableExecuteCommand": Flag(),
                "PlacementConstraints": Items(_CONSTRAINT, 0, 10),
                "PlacementStrategy": Items(_STRATEGY, 0, 5),
                "PropagateTags": Choice(("TASK_DEFINITION",)),
                "ReferenceId": Text(0, 1024),
                "Overrides": _task_override(arn_or_path),
                "Tags": Items(Object({"Key": Text(1, 128), "Value": Text(0, 256)}, ("Key", "Value"))),
            },
            ("TaskDefinitionArn",),
        ),
        "BatchJobParameters": _JOB,
        "RedshiftDataParameters": Object(
            {
                "SecretManagerArn": Text(1, 1600, form(_SECRET)),
                "Database": Text(1, 64),
                "DbUser": Text(1, 128),
                "StatementName": Text(1, 500),
                "WithEvent": Flag(),
                "Sqls": Items(Text(1, 100_000), 1, 40),
            },
            ("Database", "Sqls"),
        ),
        "SageMakerPipelineParameters": Object({"PipelineParameterList": Items(pipeline_parameter, 0, 200)}),
        "TimestreamParameters": _MEASURES,
    }


_CAPACITY_PROVIDER = Object(
    {"capacityProvider": Text(1, 255), "weight": Whole(0, 1000), "base": Whole(0, 100_000)}, ("capacityProvider",)
)
_CONSTRAINT = Object({"type": Choice(("distinctInstance", "memberOf")), "expression": Text(0, 2000)})
_STRATEGY = Object({"type": Choice(("random", "spread", "binpack")), "field": Text(0, 255)})
_CONTAINER_OVERRIDE = Object(
    {
        "Command": Items(_ANY),
        "Cpu": _AMOUNT,
        "Environment": Items(Object({"name": _ANY, "value": _ANY})),
        "EnvironmentFiles": Items(Object({"type": Choice(("s3",)), "value": _ANY}, ("type", "value"))),
        "Memory": _AMOUNT,
        "MemoryReservation": _AMOUNT,
        "Name": _ANY,
        "ResourceRequirements": Items(
            Object({"type": Choice(("GPU", "InferenceAccelerator")), "value": _ANY}, ("type", "value"))
        ),
    }
)


def _task_override(arn_or_path: Text) -> Object:
    return Object(
        {
            "ContainerOverrides": Items(_CONTAINER_OVERRIDE),
            "Cpu": _ANY,
            "EphemeralStorage": Object({"sizeInGiB": Whole(21, 200)}, ("sizeInGiB",)),
            "ExecutionRoleArn": arn_or_path,
            "InferenceAcceleratorOverrides": Items(Object({"deviceName": _ANY, "deviceType": _ANY})),
            "Memory": _ANY,
            "TaskRoleArn": arn_or_path,
        }
    )


_JOB = Object(
    {
        "JobDefinition": _ANY,
        "JobName": _ANY,
        "ArrayProperties": Object({"Size": Whole(2, 10_000)}),
        "RetryStrategy": Object({"Attempts": Whole(1, 10)}),
        "ContainerOverrides": Object(
            {
                "Command": Items(_ANY),
                "Environment": Items(Object({"Name": _ANY, "Value": _ANY})),
                "InstanceType": _ANY,
                "ResourceRequirements": Items(
                    Object({"Type": Choice(("GPU", "MEMORY", "VCPU")), "Value": _ANY}, ("Type", "Value"))
                ),
            }
        ),
        "DependsOn": Items(Object({"JobId": _ANY, "Type": Choice(("N_TO_N", "SEQUENTIAL"))}), 0, 20),
        "Parameters": Entries(_ANY, _ANY),
    },
    ("JobDefinition", "JobName"),
)
_MEASURES = Object(
    {
        "TimeValue": _FIELD,
        "EpochTimeUnit": Choice(("MILLISECONDS", "SECONDS", "MICROSECONDS", "NANOSECONDS")),
        "TimeFieldType": Choice(("EPOCH", "TIMESTAMP_FORMAT")),
        "TimestampFormat": Text(1, 256),
        "VersionValue": Text(1, 256),
        "DimensionMappings": Items(
            Object(
                {
                    "DimensionValue": Text(1, 2048),
                    "DimensionValueType": Choice(("VARCHAR",)),
                    "DimensionName": Text(1, 256),
                },
                ("DimensionValue", "DimensionValueType", "DimensionName"),
            ),
            1,
            128,
        ),
        "SingleMeasureMappings": Items(
            Object(
                {"MeasureValue": Text(1, 2048), "MeasureValueType": _VALUE_TYPE, "MeasureName": Text(1, 1024)},
                ("MeasureValue", "MeasureValueType", "MeasureName"),
            ),
            0,
            8192,
        ),
        "MultiMeasureMappings": Items(
            Object(
                {
                    "MultiMeasureName": Text(1, 256),
                    "MultiMeasureAttributeMappings": Items(
                        Object(
                            {
                                "MeasureValue": Text(1, 2048),
                                "MeasureValueType": _VALUE_TYPE,
                                "MultiMeasureAttributeName": Text(1, 256),
                            },
                            ("MeasureValue", "MeasureValueType", "MultiMeasureAttributeName"),
                        ),
                        1,
                        256,
                    ),
                },
                ("MultiMeasureName", "MultiMeasureAttributeMappings"),
            ),
            0,
            1024,
        ),
    },
    ("TimeValue", "VersionValue", "DimensionMappings"),
)
