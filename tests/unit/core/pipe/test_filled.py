"""Targets that an event only fills the parameters of: each call is one that its service takes (X60, X69, X70)."""

from __future__ import annotations

from collections.abc import Mapping

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from afterbay.core.mapping.outcome import Cause, Delivered, Failed
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.target.call import Answered, AwsCall, Reply

from .making import HOME, NEEDED, REGION, TARGETS, pipe, refused, request
from .running import Ran, change, taken

SESSION = botocore.session.get_session()
ONE = {"BatchSize": 1}
EVENT = {
    "eventName": "INSERT",
    "at": 1767323045000,
    "version": 7,
    "task": f"arn:aws:ecs:{HOME}:task-definition/t:2",
    "subnet": "subnet-0a",
    "sql": "select 2",
    "n": 5,
}
FULL = {
    "ecs": {
        "TaskDefinitionArn": "$.task",
        "TaskCount": 2,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["$.subnet"], "AssignPublicIp": "DISABLED"}},
        "PlatformVersion": "LATEST",
        "Group": "g",
        "CapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
        "EnableECSManagedTags": True,
        "EnableExecuteCommand": False,
        "PlacementConstraints": [{"type": "memberOf", "expression": "true"}],
        "PlacementStrategy": [{"type": "spread", "field": "host"}],
        "PropagateTags": "TASK_DEFINITION",
        "ReferenceId": "$.eventID",
        "Overrides": {
            "ContainerOverrides": [
                {
                    "Name": "c",
                    "Command": ["run", "$.eventName"],
                    "Cpu": 256,
                    "Memory": 512,
                    "MemoryReservation": 256,
                    "Environment": [{"name": "ID", "value": "$.eventID"}],
                    "EnvironmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/e"}],
                    "ResourceRequirements": [{"type": "GPU", "value": "1"}],
                }
            ],
            "Cpu": "256",
            "EphemeralStorage": {"sizeInGiB": 21},
            "ExecutionRoleArn": "arn:aws:iam::111122223333:role/r",
            "InferenceAcceleratorOverrides": [{"deviceName": "d", "deviceType": "t"}],
            "Memory": "512",
            "TaskRoleArn": "arn:aws:iam::111122223333:role/r",
        },
        "Tags": [{"Key": "Team", "Value": "orders"}],
    },
    "batch": {
        "JobDefinition": "d",
        "JobName": "$.eventName",
        "ArrayProperties": {"Size": 2},
        "RetryStrategy": {"Attempts": 3},
        "ContainerOverrides": {
            "Command": ["run"],
            "Environment": [{"Name": "ID", "Value": "$.eventID"}],
            "InstanceType": "m5.large",
            "ResourceRequirements": [{"Type": "VCPU", "Value": "1"}],
        },
        "DependsOn": [{"JobId": "j", "Type": "SEQUENTIAL"}],
        "Parameters": {"OrderId": "$.eventID"},
    },
    "redshift-data": {
        "SecretManagerArn": f"arn:aws:secretsmanager:{HOME}:secret:s",
        "Database": "d",
        "DbUser": "u",
        "StatementName": "$.eventID",
        "WithEvent": True,
        "Sqls": ["select 1 from $.eventID", "$.sql"],
    },
    "sagemaker": {"PipelineParameterList": [{"Name": "id", "Value": "$.eventID"}]},
    "timestream": {
        "TimeValue": "$.at",
        "EpochTimeUnit": "MILLISECONDS",
        "TimeFieldType": "EPOCH",
        "VersionValue": "$.version",
        "DimensionMappings": [{"DimensionName": "id", "DimensionValue": "$.eventID", "DimensionValueType": "VARCHAR"}],
        "SingleMeasureMappings": [{"MeasureName": "n", "MeasureValue": "$.n", "MeasureValueType": "BIGINT"}],
        "MultiMeasureMappings": [
            {
                "MultiMeasureName": "m",
                "MultiMeasureAttributeMappings": [
                    {"MeasureValue": "$.n", "MeasureValueType": "DOUBLE", "MultiMeasureAttributeName": "a"}
                ],
            }
        ],
    },
}
GROUPS = {
    "ecs": "EcsTaskParameters",
    "batch": "BatchJobParameters",
    "redshift-data": "RedshiftDataParameters",
    "sagemaker": "SageMakerPipelineParameters",
    "timestream": "TimestreamParameters",
}


def made(target: str, parameters: Mapping[str, object] | None = None, **more: object) -> PipeSettings:
    """A pipe from a stream that takes one record at a time."""
    own = None if target not in GROUPS else {GROUPS[target]: FULL[target] if parameters is None else parameters}
    reading = {**ONE, "MaximumRetryAttempts": 2}
    return pipe("dynamodb", target, reading=reading, TargetParameters=own, **more)


def call_of(target: str, parameters: Mapping[str, object] | None = None, **more: object) -> AwsCall:
    """The call for the event above, once its service has nothing against it."""
    ran = Ran(made(target, parameters, **more), [change(1, **EVENT)], taken)
    assert ran.outcome == Delivered()
    (call,) = ran.calls
    assert isinstance(call, AwsCall) and call.region == REGION
    service = SESSION.get_service_model(call.service)
    (operation,) = (name for name in service.operation_names if xform_name(name) == call.operation)
    shape = service.operation_model(operation).input_shape
    tokens = dict.fromkeys(service.operation_model(operation).idempotent_members, "t" * 32)
    report = ParamValidator().validate({**tokens, **call.parameters}, shape)
    assert not report.has_errors(), report.generate_report()
    return call


def test_a_task_is_run_with_what_the_event_gives_it():
    call = call_of("ecs")
    assert (call.service, call.operation) == ("ecs", "run_task")
    told = call.parameters
    assert (told["cluster"], told["taskDefinition"], told["count"]) == (TARGETS["ecs"], EVENT["task"], 2)
    assert told["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-0a"]
    (container,) = told["overrides"]["containerOverrides"]
    assert container["command"] == ["run", "INSERT"] and container["environment"] == [{"name": "ID", "value": "e1"}]
    assert told["tags"] == [{"key": "Team", "value": "orders"}] and told["enableECSManagedTags"] is True


def test_a_job_keeps_the_names_of_its_own_parameters():
    call = call_of("batch")
    assert (call.operation, call.parameters["jobQueue"]) == ("submit_job", TARGETS["batch"])
    assert call.parameters["parameters"] == {"OrderId": "e1"} and call.parameters["jobName"] == "INSERT"


def test_statements_go_as_one_transaction_and_a_path_inside_of_one_is_text():
    call = call_of("redshift-data")
    assert (call.service, call.operation) == ("redshift-data", "batch_execute_statement")
    assert call.parameters["Sqls"] == ["select 1 from $.eventID", "select 2"]
    assert call.parameters["ClusterIdentifier"] == "c" and call.parameters["SecretArn"].endswith("secret:s")
    workgroup = f"arn:aws:redshift-serverless:{HOME}:workgroup/1234"
    call = call_of("redshift-data", Target=workgroup)
    assert call.parameters["WorkgroupName"] == workgroup and "ClusterIdentifier" not in call.parameters


def test_a_pipeline_is_started_with_or_without_parameters():
    assert call_of("sagemaker").parameters == {
        "PipelineName": TARGETS["sagemaker"],
        "PipelineParameters": [{"Name": "id", "Value": "e1"}],
    }
    assert call_of("sagemaker", {}).parameters == {"PipelineName": TARGETS["sagemaker"]}


def test_measures_share_their_time_version_and_dimensions():
    told = call_of("timestream").parameters
    assert (told["DatabaseName"], told["TableName"]) == ("d", "t")
    assert told["CommonAttributes"] == {
        "Dimensions": [{"Name": "id", "Value": "e1", "DimensionValueType": "VARCHAR"}],
        "Time": "1767323045000",
        "TimeUnit": "MILLISECONDS",
        "Version": 7,
    }
    assert told["Records"] == [
        {"MeasureName": "n", "MeasureValue": "5", "MeasureValueType": "BIGINT"},
        {
            "MeasureName": "m",
            "MeasureValueType": "MULTI",
            "MeasureValues": [{"Name": "a", "Value": "5", "Type": "DOUBLE"}],
        },
    ]


def test_an_assessment_has_no_parameters():
    assert call_of("inspector").parameters == {"assessmentTemplateArn": TARGETS["inspector"]}


def test_what_a_template_makes_goes_nowhere_and_one_that_fails_counts():
    own = {"SageMakerPipelineParameters": FULL["sagemaker"], "InputTemplate": '{"id": <$.eventID>}'}
    settings = pipe("dynamodb", "sagemaker", reading=ONE, TargetParameters=own)
    (call,) = Ran(settings, [change(1)], taken).calls
    assert isinstance(call, AwsCall) and "id" not in call.parameters
    broken = pipe("dynamodb", "sagemaker", reading=ONE, TargetParameters={**own, "InputTemplate": '{"id": }'})
    assert Ran(broken, [change(1)], taken).outcome == Failed(Cause.FUNCTION_ERROR)


@pytest.mark.parametrize("event", [{"at": "today"}, {"version": 1.5}])
def test_a_time_or_a_version_that_is_no_number_fails_its_record(event: dict) -> None:
    ran = Ran(made("timestream"), [change(1, **{**EVENT, **event})], taken)
    assert ran.outcome == Failed(Cause.FUNCTION_ERROR) and not ran.calls


def test_a_task_that_does_not_start_is_a_failure_though_ecs_answers_well():
    def answer(call: object) -> Reply:
        return Answered(members={"tasks": [], "failures": [{"arn": "a", "reason": "RESOURCE:MEMORY"}]})

    ran = Ran(made("ecs"), [change(1, **EVENT)], answer)
    assert ran.outcome == Failed(Cause.FUNCTION_ERROR)
    assert ran.execution.target is not None and ran.execution.target.fault == "RESOURCE:MEMORY: a"


@pytest.mark.parametrize("target", ["ecs", "batch", "redshift-data", "sagemaker", "timestream", "inspector"])
def test_each_takes_one_record_at_a_time_and_that_is_the_default(target: str) -> None:
    assert made(target).batch_size == 1
    own = NEEDED.get(target)
    two = request("dynamodb", target, reading={"BatchSize": 2, "MaximumRetryAttempts": 1}, TargetParameters=own)
    assert [name for name, _ in refused(two)] == ["SourceParameters.DynamoDBStreamParameters.BatchSize"]
    whole = pipe("dynamodb", target, reading={"MaximumRetryAttempts": 1})
    assert whole.batch_size == 1
    assert whole.request().get("TargetParameters") == own


MEASURES = FULL["timestream"]
MANY = [{"MeasureName": f"m{n}", "MeasureValue": "1", "MeasureValueType": "BIGINT"} for n in range(100)]


@pytest.mark.parametrize(
    ("target", "given", "where"),
    [
        ("ecs", None, ""),
        ("batch", None, ""),
        ("redshift-data", None, ""),
        ("timestream", None, ""),
        ("ecs", {"TaskDefinitionArn": "t"}, ".TaskDefinitionArn"),
        ("ecs", {**FULL["ecs"], "LaunchType": "$.eventName"}, ".LaunchType"),
        ("ecs", {**FULL["ecs"], "EnableExecuteCommand": "yes"}, ".EnableExecuteCommand"),
        ("batch", {"JobName": "j"}, ".JobDefinition"),
        ("batch", {**FULL["batch"], "ArrayProperties": {"Size": 1}}, ".ArrayProperties.Size"),
        ("redshift-data", {"Database": "d", "Sqls": []}, ".Sqls"),
        ("sagemaker", {"PipelineParameterList": [{"Name": "-", "Value": ""}]}, ".PipelineParameterList[0].Name"),
        ("timestream", {**MEASURES, "TimeFieldType": "TIMESTAMP_FORMAT"}, ".TimestampFormat"),
        ("timestream", {**MEASURES, "SingleMeasureMappings": MANY}, ""),
        ("timestream", {**MEASURES, "SingleMeasureMappings": [], "MultiMeasureMappings": []}, ""),
    ],
)
def test_parameters_that_the_service_would_not_take_are_refused(target: str, given: dict | None, where: str) -> None:
    own = None if given is None else {GROUPS[target]: given}
    reading = {**ONE, "MaximumRetryAttempts": 1}
    ((name, _),) = refused(request("dynamodb", target, reading=reading, TargetParameters=own))
    assert name == f"TargetParameters.{GROUPS[target]}{where}"


def test_a_stream_to_timestream_bounds_its_retries():
    unbounded = request("dynamodb", "timestream", reading=ONE)
    assert refused(unbounded) == [
        ("SourceParameters.DynamoDBStreamParameters.MaximumRetryAttempts", "Missing required parameter.")
    ]
    assert pipe("sqs", "timestream").batch_size == 1
