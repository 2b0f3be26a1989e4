"""`terraform show -json`: plans, whose joins are in the configuration, and states, where values are the joins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbay.declaration.document import read_document
from afterbay.declaration.read import read_template
from afterbay.declaration.resources import LocalCode
from afterbay.declaration.template import NoteKind, Wanted
from afterbay.declaration.value import Attribute, Call
from afterbay.errors import SettingsError
from unit.declaration.reading import notes, properties, resource

PLAN = (Path(__file__).parents[2] / "data/templates/terraform-orders/plan.json").read_text()
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
STREAM_ARN = TABLE_ARN + "/stream/2026-01-05T10:11:12.345"
QUEUE_ARN = "arn:aws:sqs:eu-west-1:123456789012:letters"


def read(document, *, skip_unknown: bool = False, **parameters: str):
    text = document if isinstance(document, str) else json.dumps(document, indent=1)
    wanted = Wanted(region="eu-west-1", stack="shop", parameters=parameters, skip_unknown=skip_unknown)
    return read_template(read_document(text, "plan.json"), wanted)


def state(*resources: tuple[str, str, dict]) -> dict:
    """A state of resources: type, name, values."""
    listed = [
        {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name, "values": values}
        for kind, name, values in resources
    ]
    return {"format_version": "1.0", "values": {"root_module": {"resources": listed}}}


TABLE = (
    "aws_dynamodb_table",
    "orders",
    {
        "arn": TABLE_ARN,
        "attribute": [{"name": "pk", "type": "S"}, {"name": "at", "type": "N"}],
        "billing_mode": "PROVISIONED",
        "global_secondary_index": [{"name": "byTime", "hash_key": "at", "projection_type": "KEYS_ONLY"}],
        "hash_key": "pk",
        "id": "orders",
        "local_secondary_index": [{"name": "local", "range_key": "at", "projection_type": "ALL"}],
        "name": "orders",
        "read_capacity": 5,
        "stream_arn": STREAM_ARN,
        "stream_enabled": True,
        "stream_view_type": "KEYS_ONLY",
        "ttl": [{"attribute_name": "", "enabled": False}],
        "write_capacity": 6,
    },
)


def test_a_plan_joins_what_is_unknown_by_its_configuration():
    template = read(PLAN)
    mapping = resource(template, "aws_lambda_event_source_mapping.project")
    assert mapping.source == Attribute("aws_dynamodb_table.orders", "StreamArn")
    assert mapping.function == Attribute("aws_lambda_function.project", "Arn")
    given = properties(template, "aws_lambda_event_source_mapping.project")
    assert given["DestinationConfig"] == {
        "OnFailure": {"Destination": Attribute('aws_sqs_queue.failed["mapping"]', "Arn")}
    }
    assert (given["MaximumRetryAttempts"], given["ParallelizationFactor"]) == (5, 4)
    assert given["FilterCriteria"]["Filters"][1] == {"Pattern": '{"eventName":["REMOVE"]}'}


def test_a_modules_variable_leads_to_what_the_caller_handed_in():
    mapping = resource(read(PLAN), "module.audit.aws_lambda_event_source_mapping.audit")
    assert mapping.source == Attribute("aws_dynamodb_table.orders", "StreamArn")
    assert mapping.function == Attribute("module.audit.aws_lambda_function.audit[0]", "Arn")


def test_code_is_the_folder_that_an_archive_is_made_of_or_the_file_itself():
    template = read(PLAN)
    assert resource(template, "aws_lambda_function.project").code == LocalCode("./src", packed="./build/project.zip")
    assert resource(template, "module.audit.aws_lambda_function.audit[0]").code == LocalCode("audit/audit.zip")


def test_resources_have_their_line_in_the_plan():
    place = resource(read(PLAN), "aws_dynamodb_table.orders").declared.place
    assert json.dumps("aws_dynamodb_table.orders") in PLAN.splitlines()[place.line]


def test_pipes_and_rules_are_read_with_their_targets():
    template = read(PLAN)
    assert resource(template, "aws_cloudwatch_event_bus.orders").declared.kind == "AWS::Events::EventBus"
    pipe = properties(template, "aws_pipes_pipe.orders")
    assert pipe["SourceParameters"]["DynamoDBStreamParameters"]["OnPartialBatchItemFailure"] == "AUTOMATIC_BISECT"
    assert pipe["TargetParameters"]["EventBridgeEventBusParameters"]["DetailType"] == "OrderChanged"
    targets = resource(template, "aws_cloudwatch_event_rule.shipped").targets
    assert [one["Arn"] for one in targets] == [
        Attribute("aws_lambda_function.project", "Arn"),
        Attribute("aws_sqs_queue.work", "Arn"),
    ]
    assert targets[1]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3}


def test_what_is_known_after_apply_only_is_told_and_left_out():
    told = notes(read(PLAN), NoteKind.UNKNOWN)
    assert any(one.startswith("aws_lambda_function.project.Environment.Variables left out") for one in told)
    assert any(one.startswith("aws_sqs_queue.work.RedrivePolicy left out") for one in told)
    assert len(told) == 2


def test_a_role_is_without_effect():
    told = [note.subject for note in read(PLAN).notes if note.kind is NoteKind.WITHOUT_EFFECT]
    assert told == ["aws_iam_role.runner"]


def test_a_table_of_a_state_has_its_keys_indexes_stream_and_throughput():
    given = properties(read(state(TABLE)), "aws_dynamodb_table.orders")
    assert given == {
        "TableName": "orders",
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "byTime",
                "KeySchema": [{"AttributeName": "at", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "LocalSecondaryIndexes": [
            {
                "IndexName": "local",
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
    }


def test_the_arns_of_a_state_are_references_wherever_they_stand():
    queue = ("aws_sqs_queue", "letters", {"arn": QUEUE_ARN, "name": "letters"})
    redrive = json.dumps({"deadLetterTargetArn": QUEUE_ARN, "maxReceiveCount": 3})
    work = ("aws_sqs_queue", "work", {"arn": QUEUE_ARN + "-work", "name": "work", "redrive_policy": redrive})
    function = (
        "aws_lambda_function",
        "f",
        {"function_name": "f", "environment": [{"variables": {"T": TABLE_ARN, "S": STREAM_ARN, "X": "x"}}]},
    )
    template = read(state(TABLE, queue, work, function))
    assert properties(template, "aws_sqs_queue.work")["RedrivePolicy"] == Call(
        "Fn::Join",
        ["", ['{"deadLetterTargetArn": "', Attribute("aws_sqs_queue.letters", "Arn"), '", "maxReceiveCount": 3}']],
    )
    assert resource(template, "aws_lambda_function.f").variables == {
        "T": Attribute("aws_dynamodb_table.orders", "Arn"),
        "S": Attribute("aws_dynamodb_table.orders", "StreamArn"),
        "X": "x",
    }


def test_the_zeros_of_a_state_are_no_settings():
    queue = ("aws_sqs_queue", "q", {"arn": QUEUE_ARN, "name": "q"})
    zeros = {"parallelization_factor": 0, "maximum_retry_attempts": 0, "tumbling_window_in_seconds": 0}
    given = {"event_source_arn": QUEUE_ARN, "function_name": "f", "batch_size": 10, **zeros}
    on_queue = ("aws_lambda_event_source_mapping", "q", given)
    on_stream = ("aws_lambda_event_source_mapping", "s", {**given, "event_source_arn": STREAM_ARN})
    template = read(state(TABLE, queue, on_queue, on_stream))
    kept = properties(template, "aws_lambda_event_source_mapping.q")
    assert kept.keys() == {"BatchSize", "EventSourceArn", "FunctionName"}
    stream = properties(template, "aws_lambda_event_source_mapping.s")
    assert stream["MaximumRetryAttempts"] == 0 and "ParallelizationFactor" not in stream


def test_an_alarms_dimensions_are_a_list():
    alarm = ("aws_cloudwatch_metric_alarm", "a", {"alarm_name": "a", "dimensions": {"FunctionName": "f"}, "period": 60})
    given = properties(read(state(alarm)), "aws_cloudwatch_metric_alarm.a")
    assert given == {"AlarmName": "a", "Period": 60, "Dimensions": [{"Name": "FunctionName", "Value": "f"}]}


def test_a_buckets_notifications_are_its_own():
    bucket = ("aws_s3_bucket", "b", {"bucket": "b", "arn": "arn:aws:s3:::b"})
    events = [{"queue_arn": QUEUE_ARN, "events": ["s3:ObjectCreated:*"], "filter_prefix": "in/"}]
    told = ("aws_s3_bucket_notification", "n", {"bucket": "b", "queue": events})
    given = properties(read(state(bucket, told)), "aws_s3_bucket.b")
    assert given["NotificationConfiguration"] == {
        "QueueConfigurations": [
            {
                "Event": "s3:ObjectCreated:*",
                "Queue": QUEUE_ARN,
                "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "in/"}]}},
            }
        ]
    }


def test_what_moves_records_and_is_not_implemented_is_refused_and_can_be_skipped():
    consumer = ("aws_kinesis_stream_consumer", "f", {})
    with pytest.raises(SettingsError, match=r"plan.json:\d+: aws_kinesis_stream_consumer.f: enhanced fan-out"):
        read(state(TABLE, consumer))
    template = read(state(TABLE, consumer), skip_unknown=True)
    assert len(template.resources) == 1 and notes(template, NoteKind.SKIPPED)


LAKE_ARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/lake"


def delivery_stream(**more: object) -> tuple[str, str, dict]:
    """As a state has it: with everything that was not written, too."""
    s3 = {
        "bucket_arn": "arn:aws:s3:::b",
        "role_arn": "arn:aws:iam::123456789012:role/r",
        "prefix": "orders/",
        "buffering_size": 5,
        "buffering_interval": 300,
        "compression_format": "UNCOMPRESSED",
        "custom_time_zone": "UTC",
        "file_extension": "",
        "s3_backup_mode": "Disabled",
        "s3_backup_configuration": [],
        "processing_configuration": [{"enabled": False, "processors": []}],
        "cloudwatch_logging_options": [{"enabled": False, "log_group_name": "", "log_stream_name": ""}],
    }
    values = {
        "name": "lake",
        "arn": LAKE_ARN,
        "id": LAKE_ARN,
        "destination": "extended_s3",
        "extended_s3_configuration": [s3],
        "http_endpoint_configuration": [],
        "kinesis_source_configuration": [],
        "server_side_encryption": [{"enabled": False, "key_type": "AWS_OWNED_CMK", "key_arn": ""}],
    }
    return ("aws_kinesis_firehose_delivery_stream", "lake", {**values, **more})


def test_the_blocks_of_a_pipe_keep_their_members_and_the_users_names():
    """X15."""
    target = {
        "sagemaker_pipeline_parameters": [{"pipeline_parameter": [{"name": "a_b", "value": "$.eventID"}]}],
        "http_parameters": [{"header_parameters": {"X-a_b": "v"}, "query_string_parameters": {"q_x": "1"}}],
    }
    given = properties(
        read(state(("aws_pipes_pipe", "p", {"name": "p", "target_parameters": [target]}))), "aws_pipes_pipe.p"
    )
    assert given["TargetParameters"] == {
        "SageMakerPipelineParameters": {"PipelineParameterList": [{"Name": "a_b", "Value": "$.eventID"}]},
        "HttpParameters": {"HeaderParameters": {"X-a_b": "v"}, "QueryStringParameters": {"q_x": "1"}},
    }


def test_a_delivery_stream_to_s3_and_a_pipe_that_names_it():
    bucket = ("aws_s3_bucket", "b", {"bucket": "b", "arn": "arn:aws:s3:::b"})
    pipe = ("aws_pipes_pipe", "p", {"name": "p", "source": STREAM_ARN, "target": LAKE_ARN})
    template = read(state(TABLE, bucket, delivery_stream(), pipe))
    given = properties(template, "aws_kinesis_firehose_delivery_stream.lake")
    assert given["DeliveryStreamName"] == "lake"
    assert given["ExtendedS3DestinationConfiguration"] == {
        "BucketARN": Attribute("aws_s3_bucket.b", "Arn"),
        "RoleARN": "arn:aws:iam::123456789012:role/r",
        "Prefix": "orders/",
        "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
        "CompressionFormat": "UNCOMPRESSED",
        "CustomTimeZone": "UTC",
        "S3BackupMode": "Disabled",
        "ProcessingConfiguration": {"Enabled": False},
        "CloudWatchLoggingOptions": {"Enabled": False},
    }
    assert resource(template, "aws_pipes_pipe.p").target == Attribute(
        "aws_kinesis_firehose_delivery_stream.lake", "Arn"
    )


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("http_endpoint_configuration", "HttpEndpointDestinationConfiguration is not delivered to"),
        ("redshift_configuration", "RedshiftDestinationConfiguration is not delivered to"),
        ("kinesis_source_configuration", "KinesisStreamSourceConfiguration is not read"),
    ],
)
def test_a_delivery_stream_elsewhere_or_of_another_source_is_refused_by_name(block, told):
    with pytest.raises(SettingsError, match=told):
        read(state(delivery_stream(**{block: [{"url": "https://x", "role_arn": "r"}]})))


def test_what_nothing_fires_is_told():
    told = notes(read(state(("aws_apigatewayv2_api", "a", {}))), NoteKind.NOT_FIRED)
    assert told == ["aws_apigatewayv2_api.a an HTTP API"]


@pytest.mark.parametrize(
    ("document", "parameters", "told"),
    [
        ({"format_version": "1.0"}, {}, "planned_values or values"),
        (state(TABLE), {"Stage": "dev"}, "a plan has no parameters: Stage"),
    ],
)
def test_a_document_that_is_neither_plan_nor_state_is_refused(document, parameters, told):
    with pytest.raises(SettingsError, match=told):
        read(document, **parameters)


def planned_many(kind: str, keys: list, source: list[str], **loop) -> dict:
    """A plan of one table or queue and one mapping for each key; ``source`` is what the mapping's source refers to."""
    alias = {"address": "aws_lambda_alias.live", "mode": "managed", "type": "aws_lambda_alias", "name": "live"}
    function = {"address": "aws_lambda_function.f", "mode": "managed", "type": "aws_lambda_function", "name": "f"}
    resources: list[dict] = [{**function, "values": {"function_name": "f"}}, {**alias, "values": {"name": "live"}}]
    for key in keys:
        for type_, name in ((kind, "s"), ("aws_lambda_event_source_mapping", "m")):
            address = f"{type_}.{name}[{json.dumps(key)}]"
            one = {"address": address, "mode": "managed", "type": type_, "name": name, "index": key, "values": {}}
            resources.append(one)
    expressions = {
        "event_source_arn": {"references": source},
        "function_name": {"references": ["aws_lambda_alias.live.arn", "aws_lambda_alias.live"]},
    }
    version = {"references": ["aws_lambda_function.f.version", "aws_lambda_function.f"]}
    mapping = {"mode": "managed", "type": "aws_lambda_event_source_mapping", "name": "m", "expressions": expressions}
    configured = [{**mapping, **loop}, {**alias, "expressions": {"function_version": version}}]
    return {
        "format_version": "1.2",
        "planned_values": {"root_module": {"resources": resources}},
        "configuration": {"root_module": {"resources": configured}},
    }


@pytest.mark.parametrize(
    ("kind", "keys", "source", "loop", "attribute"),
    [
        ("aws_sqs_queue", [0, 1], ["aws_sqs_queue.s", "count.index"], {}, "Arn"),
        ("aws_dynamodb_table", ["a", "b"], ["aws_dynamodb_table.s", "each.key"], {}, "StreamArn"),
        (
            "aws_dynamodb_table",
            ["a", "b"],
            ["each.value.stream_arn", "each.value"],
            {"for_each_expression": {"references": ["aws_dynamodb_table.s"]}},
            "StreamArn",
        ),
    ],
)
def test_one_of_many_is_the_one_of_the_same_index(kind, keys, source, loop, attribute):
    template = read(planned_many(kind, keys, source, **loop))
    for key in keys:
        found = properties(template, f"aws_lambda_event_source_mapping.m[{json.dumps(key)}]")
        assert found["EventSourceArn"] == Attribute(f"{kind}.s[{json.dumps(key)}]", attribute)


def test_a_text_made_with_an_index_is_no_reference():
    template = read(planned_many("aws_sqs_queue", [0], ["aws_sqs_queue.s[0].arn", "aws_sqs_queue.s[0]", "count.index"]))
    assert len(notes(template, NoteKind.UNKNOWN)) == 1


def test_an_alias_is_for_the_code_that_is_here_whatever_the_version():
    template = read(planned_many("aws_sqs_queue", [0], ["aws_sqs_queue.s", "count.index"]))
    assert properties(template, "aws_lambda_alias.live")["FunctionVersion"] == "$LATEST"
    known = read(state(("aws_lambda_alias", "live", {"name": "live", "function_name": "f", "function_version": "7"})))
    assert properties(known, "aws_lambda_alias.live")["FunctionVersion"] == "$LATEST"
