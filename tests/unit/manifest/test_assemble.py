"""What is created, in which order, with which parameters, and what becomes of a refusal."""

from __future__ import annotations

import contextlib
import json
import re

import pytest

from afterbay.errors import ServiceError, SettingsError
from afterbay.manifest.package import zip_text
from unit.declaration.reading import MAPPING, STREAM, TABLE, WORKER
from unit.manifest.world import HOME, FakeAws, assembled

BASE = "Resources:" + TABLE + WORKER + MAPPING
REFUSED = ServiceError("lambda create_function: Runtime cobol is not supported", code="InvalidParameterValueException")


def lines(result) -> list[str]:
    return list(result.lines())


def test_what_a_mapping_needs_exists_before_it_and_is_filled_in():
    aws = FakeAws()
    result = assembled("Resources:" + MAPPING + WORKER + TABLE, aws)
    assert [name for name, _ in aws.calls] == ["create_function", "create_table", "create_event_source_mapping"]
    (table,), (function,), (mapping,) = map(
        aws.made, ("create_table", "create_function", "create_event_source_mapping")
    )
    assert mapping["EventSourceArn"] == f"arn:aws:dynamodb:{HOME}:table/{table['TableName']}/stream/label"
    assert mapping["FunctionName"] == function["FunctionName"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert lines(result)[0] == "template.yaml is up: 1 function, 1 table, 1 mapping"


def test_mappings_come_last_so_that_a_name_in_a_text_is_there():
    text = BASE.replace("!Ref Worker", "named-worker").replace(
        "      Handler", "      FunctionName: named-worker\n      Handler"
    )
    aws = FakeAws()
    assembled("Resources:" + text.removeprefix("Resources:"), aws)
    assert [name for name, _ in aws.calls][-1] == "create_event_source_mapping"
    assert aws.made("create_event_source_mapping")[0]["FunctionName"] == "named-worker"


def test_a_circle_is_refused_by_its_members():
    text = (
        "Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}\n"
        "  B: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref A}}\n"
    )
    with pytest.raises(SettingsError, match=r"template\.yaml:2: these need each other: A needs B needs A"):
        assembled(text, FakeAws())


def test_a_queues_attributes_are_text_and_its_redrive_policy_json():
    aws = FakeAws()
    text = (
        "Resources:\n  D: {Type: AWS::SQS::Queue, Properties: {QueueName: d}}\n"
        "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      FifoQueue: true\n      VisibilityTimeout: 7\n"
        "      RedrivePolicy: {deadLetterTargetArn: !GetAtt D.Arn, maxReceiveCount: 3}\n"
    )
    assembled(text, aws)
    made = aws.made("create_queue")[1]
    assert made["QueueName"].startswith("shop-Q-") and made["QueueName"].endswith(".fifo")
    assert made["Attributes"] == {
        "FifoQueue": "true",
        "VisibilityTimeout": "7",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{HOME}:d", "maxReceiveCount": 3}),
    }


def test_a_subscriptions_policy_is_json_and_topics_subscribe_what_is_written_into_them():
    aws = FakeAws()
    text = (
        "Resources:\n  T:\n    Type: AWS::SNS::Topic\n"
        "    Properties: {TopicName: t, Subscription: [{Protocol: sqs, Endpoint: e}]}\n"
        "  S:\n    Type: AWS::SNS::Subscription\n    Properties:\n      TopicArn: !Ref T\n      Protocol: sqs\n"
        "      Endpoint: f\n      RawMessageDelivery: true\n      FilterPolicy: {kind: [a]}\n"
    )
    assembled(text, aws)
    first, second = aws.made("subscribe")
    assert (first["Endpoint"], second["Endpoint"]) == ("e", "f")
    assert second["Attributes"] == {"RawMessageDelivery": "true", "FilterPolicy": '{"kind": ["a"]}'}


def test_a_buckets_notifications_are_in_the_apis_words():
    aws = FakeAws()
    text = (
        "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      NotificationConfiguration:\n"
        "        QueueConfigurations:\n"
        "          - {Event: 's3:ObjectCreated:*', Queue: q, Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}}\n"
    )
    assembled(text, aws)
    (bucket,) = aws.made("create_bucket")
    assert bucket["Bucket"].startswith("shop-b-") and bucket["Bucket"].islower()
    assert bucket["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}
    (told,) = aws.made("put_bucket_notification_configuration")
    assert told["NotificationConfiguration"] == {
        "QueueConfigurations": [
            {
                "QueueArn": "q",
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
            }
        ]
    }


LAKE = (
    "Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: lake}}\n"
    "  D:\n    Type: AWS::KinesisFirehose::DeliveryStream\n    Properties:\n"
    "      DeliveryStreamType: DirectPut\n      ExtendedS3DestinationConfiguration:\n"
    "        {BucketARN: !GetAtt B.Arn, Prefix: orders/, BufferingHints: {SizeInMBs: 1}}\n"
)


def test_a_delivery_stream_writes_to_a_bucket_of_the_template_and_a_pipe_to_it():
    aws = FakeAws()
    pipe = (
        "  P:\n    Type: AWS::Pipes::Pipe\n    Properties:\n      Name: p\n      RoleArn: r\n"
        f"      Source: arn:aws:sqs:{HOME}:in\n      Target: !GetAtt D.Arn\n"
    )
    result = assembled(LAKE + pipe, aws)
    (made,) = aws.made("create_delivery_stream")
    assert made["DeliveryStreamName"].startswith("shop-D-") and made["DeliveryStreamType"] == "DirectPut"
    destination = made["ExtendedS3DestinationConfiguration"]
    assert (destination["BucketARN"], destination["Prefix"]) == ("arn:aws:s3:::lake", "orders/")
    assert destination["RoleARN"].startswith("arn:aws:iam::"), "the API wants one, and nobody looks at it"
    (piped,) = aws.made("create_pipe")
    assert piped["Target"] == f"arn:aws:firehose:{HOME}:deliverystream/{made['DeliveryStreamName']}"
    assert lines(result)[0].endswith("1 bucket, 1 delivery stream, 1 pipe")
    assert "without effect here: properties: D.BufferingHints" in lines(result)


def test_a_delivery_stream_that_is_there_is_taken_as_it_is():
    aws = FakeAws(create_delivery_stream=ServiceError("there", code="ResourceInUseException"))
    assert "1 delivery stream" in lines(assembled(LAKE, aws))[0]


def test_a_delivery_stream_to_elsewhere_is_refused_by_name():
    text = LAKE.replace("ExtendedS3DestinationConfiguration", "SplunkDestinationConfiguration").replace(
        "{BucketARN: !GetAtt B.Arn, Prefix: orders/, BufferingHints: {SizeInMBs: 1}}", "{HECEndpoint: e}"
    )
    with pytest.raises(SettingsError, match=r"template\.yaml:7: D\.SplunkDestinationConfiguration is not delivered to"):
        assembled(text, FakeAws())


def test_a_global_table_has_throughput_where_it_is_provisioned_and_names_its_other_regions():
    aws = FakeAws()
    text = TABLE.replace("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable").replace(
        "PAY_PER_REQUEST", "PROVISIONED\n      Replicas: [{Region: eu-west-1}, {Region: us-east-1}]"
    )
    result = assembled("Resources:" + text, aws)
    assert aws.made("create_table")[0]["ProvisionedThroughput"] == {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    assert "without effect here: properties: Orders.Replicas in us-east-1" in lines(result)


def test_code_beside_the_template_is_packed(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text("x = 1\n")
    aws = FakeAws()
    text = WORKER.replace('{ZipFile: "def handler(event, context): pass"}', "./src")
    assembled("Resources:" + text, aws, tmp_path)
    assert aws.made("create_function")[0]["Code"]["ZipFile"][:2] == b"PK"


def test_code_in_a_bucket_is_taken_from_beside_the_template_where_it_lies_there(tmp_path):
    text = WORKER.replace('{ZipFile: "def handler(event, context): pass"}', "{S3Bucket: b, S3Key: shop/dev/1/code.zip}")
    aws = FakeAws()
    assembled("Resources:" + text, aws, tmp_path)
    assert aws.made("create_function")[0]["Code"] == {"S3Bucket": "b", "S3Key": "shop/dev/1/code.zip"}
    (tmp_path / "code.zip").write_bytes(zip_text("x", "index.py"))
    aws = FakeAws()
    assembled("Resources:" + text, aws, tmp_path)
    assert aws.made("create_function")[0]["Code"] == {"ZipFile": zip_text("x", "index.py")}


def test_what_the_address_refuses_is_told_with_file_and_line_and_stops_the_start():
    aws = FakeAws(create_function=REFUSED)
    with pytest.raises(SettingsError) as caught:
        assembled(BASE, aws)
    assert str(caught.value) == (
        "template.yaml:10: Worker (AWS::Lambda::Function): lambda create_function: Runtime cobol is not supported; "
        "--skip-unknown goes on without it"
    )
    assert not aws.made("create_event_source_mapping"), "what hangs on it is not tried"


def test_skip_unknown_goes_on_without_what_the_address_refuses_and_what_hangs_on_it():
    result = assembled(BASE, FakeAws(create_function=REFUSED), skip_unknown=True)
    told = lines(result)
    assert told[0] == "template.yaml is up: 1 table"
    assert any("skipped: Worker (AWS::Lambda::Function): lambda create_function: Runtime cobol" in one for one in told)
    assert any("left out: Changes: no mapping is made: Worker is not there" in one for one in told)


def test_several_refusals_are_told_at_once():
    aws = FakeAws(create_function=REFUSED, create_table=ServiceError("dynamodb create_table: no", code="X"))
    with pytest.raises(SettingsError) as caught:
        assembled(BASE, aws)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == ["template.yaml:2", "template.yaml:10"]


def test_code_that_is_not_there_is_refused_with_the_functions_line(tmp_path):
    text = WORKER.replace('{ZipFile: "def handler(event, context): pass"}', "./nowhere")
    with pytest.raises(SettingsError, match=r"template\.yaml:2: Worker .*its code is not there"):
        assembled("Resources:" + text, FakeAws(), tmp_path)


def test_a_folder_that_is_gone_is_taken_from_what_was_packed_of_it(tmp_path):
    (tmp_path / "count.zip").write_bytes(zip_text("x", "app.py"))
    values = {"function_name": "f", "runtime": "python3.11", "handler": "app.handler", "filename": "count.zip"}
    archive = {"output_path": "count.zip", "source_dir": "gone"}
    resources = [
        {
            "address": "aws_lambda_function.f",
            "mode": "managed",
            "type": "aws_lambda_function",
            "name": "f",
            "values": values,
        },
        {"address": "data.archive_file.a", "mode": "data", "type": "archive_file", "name": "a", "values": archive},
    ]
    aws = FakeAws()
    document = {"format_version": "1.0", "values": {"root_module": {"resources": resources}}}
    assembled(json.dumps(document), aws, tmp_path)
    assert aws.made("create_function")[0]["Code"]["ZipFile"] == zip_text("x", "app.py")


def test_letters_to_a_queue_of_somebody_elses_are_told():
    destination = "DestinationConfig: {OnFailure: {Destination: 'arn:aws:sqs:eu-west-1:000000000000:theirs'}}"
    result = assembled(BASE.replace("LATEST", f"LATEST\n      {destination}"), FakeAws())
    assert any("Changes.DestinationConfig: letters wait in the outbox" in one for one in lines(result))


def test_what_an_index_has_without_effect_is_told():
    index = "{IndexName: i, KeySchema: [], Projection: {}, WarmThroughput: {ReadUnitsPerSecond: 1}}"
    text = TABLE.replace("      BillingMode", f"      GlobalSecondaryIndexes: [{index}]\n      BillingMode")
    assert "without effect here: properties: Orders.GlobalSecondaryIndexes.WarmThroughput" in lines(
        assembled("Resources:" + text, FakeAws())
    )


def test_what_is_there_already_is_taken_and_brought_up_to_date():
    """As after a restart with the same state."""
    conflict = ServiceError("there", code="ResourceConflictException")
    in_use = ServiceError("there", code="ResourceInUseException")
    queue = "  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q, VisibilityTimeout: 7}}\n"
    aws = FakeAws(
        create_table=in_use,
        create_function=conflict,
        create_event_source_mapping=conflict,
        create_alias=conflict,
        create_queue=ServiceError("there", code="QueueAlreadyExists"),
    )
    result = assembled(BASE + ALIAS + queue, aws)
    assert lines(result)[0] == "template.yaml is up: 1 table, 1 function, 1 version, 1 alias, 1 queue, 1 mapping"
    (code,), (settings,), (mapping,) = map(
        aws.made, ("update_function_code", "update_function_configuration", "update_event_source_mapping")
    )
    assert code["ZipFile"] and settings["Handler"] == "index.handler" and "Code" not in settings
    assert mapping["UUID"] == "uuid-0" and mapping["FunctionName"] == settings["FunctionName"]
    assert not {"EventSourceArn", "StartingPosition"} & mapping.keys(), "an update has no such members (R21)"
    assert mapping["BatchSize"] == 100, "what an earlier template said is taken away"
    assert aws.made("set_queue_attributes")[0]["Attributes"] == {"VisibilityTimeout": "7"}
    assert not aws.made("update_time_to_live")


@pytest.mark.parametrize(
    "twin",
    [
        "  Two:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: one}\n",
        "  Again:" + MAPPING.removeprefix("\n  Changes:") + "  Two: {Type: AWS::SQS::Queue}\n",
    ],
)
def test_two_resources_that_are_one_are_refused(twin):
    text = BASE + "  One: {Type: AWS::SQS::Queue, Properties: {QueueName: one}}\n" + twin
    with pytest.raises(SettingsError, match=r"(Two|Again) .*(One|Changes) .* is the same"):
        assembled(text, FakeAws())


def test_a_container_image_is_refused():
    text = WORKER.replace('{ZipFile: "def handler(event, context): pass"}', "{ImageUri: x}")
    with pytest.raises(SettingsError, match="container images are not run"):
        assembled("Resources:" + text, FakeAws())


def test_a_stream_that_is_not_of_the_template_is_told_and_the_rest_is_up():
    text = "Parameters:\n  Stream: {Type: String}\n" + BASE.replace("!GetAtt Orders.StreamArn", "!Ref Stream")
    aws = FakeAws()
    result = assembled(text, aws, Stream=STREAM)
    assert not aws.made("create_event_source_mapping")
    assert any(
        f"unknown until deployed: Changes: no mapping is made: nothing in this template is {STREAM}" in one
        for one in lines(result)
    )


ALIAS = (
    "  V: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Worker}}\n"
    "  Live:\n    Type: AWS::Lambda::Alias\n"
    "    Properties: {Name: live, FunctionName: !Ref Worker, FunctionVersion: !GetAtt V.Version}\n"
)


def test_a_mapping_calls_the_alias_where_the_address_has_aliases():
    aws = FakeAws()
    assembled(BASE.replace("!Ref Worker\n      EventSource", "!Ref Live\n      EventSource") + ALIAS, aws)
    assert aws.made("create_alias")[0]["FunctionVersion"] == "1"
    assert aws.made("create_event_source_mapping")[0]["FunctionName"].endswith(":live")


def test_an_alias_may_be_named_in_a_text():
    text = BASE.replace("!Ref Worker\n      EventSource", '!Sub "${Worker.Arn}:live"\n      EventSource') + ALIAS
    aws = FakeAws()
    assembled(text, aws)
    assert aws.made("create_event_source_mapping")[0]["FunctionName"].endswith(":live")


def test_a_layer_of_the_template_is_sent_and_one_of_somebody_elses_is_left_out_and_told(tmp_path):
    (tmp_path / "deps").mkdir()
    (tmp_path / "deps/x.py").write_text("")
    foreign = "arn:aws:lambda:eu-west-1:111122223333:layer:tools:1"
    layer = "  Deps: {Type: AWS::Lambda::LayerVersion, Properties: {Content: ./deps}}\n"
    aws = FakeAws()
    result = assembled(f"Resources:{WORKER}      Layers: [!Ref Deps, '{foreign}']\n" + layer, aws, tmp_path)
    assert aws.made("create_function")[0]["Layers"] == ["layer-1"]
    assert any(f"Worker.Layers: left out: {foreign}" in one for one in lines(result))


def test_reserved_concurrency_is_handed_on():
    aws = FakeAws()
    assembled("Resources:" + WORKER + "      ReservedConcurrentExecutions: 1\n", aws)
    assert aws.made("put_function_concurrency")[0]["ReservedConcurrentExecutions"] == 1


EVENTS = """
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: shop, Tags: [{Key: a, Value: b}]}}
  Shipped:
    Type: AWS::Events::Rule
    Properties:
      Name: shipped
      EventBusName: !Ref Bus
      EventPattern: {detail-type: [OrderShipped]}
      Targets:
        - {Id: work, Arn: !GetAtt Q.Arn, RetryPolicy: {MaximumRetryAttempts: 3}}
        - {Id: far, Arn: !GetAtt Custom.Arn}
  Nightly: {Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 day)}}
  Kept: {Type: AWS::Events::Archive, Properties: {ArchiveName: kept, SourceArn: !GetAtt Bus.Arn, RetentionDays: 1}}
  Key:
    Type: AWS::Events::Connection
    Properties:
      Name: key
      AuthorizationType: API_KEY
      AuthParameters: {ApiKeyAuthParameters: {ApiKeyName: X-Key, ApiKeyValue: secret}}
  Hook:
    Type: AWS::Events::ApiDestination
    Properties: {Name: hook, ConnectionArn: !GetAtt Key.Arn, HttpMethod: POST, InvocationEndpoint: "http://127.0.0.1/x"}
  Pipe:
    Type: AWS::Pipes::Pipe
    Properties:
      Name: orders
      RoleArn: role
      Source: !GetAtt Orders.StreamArn
      SourceParameters:
        DynamoDBStreamParameters: {StartingPosition: LATEST, BatchSize: 10}
        FilterCriteria: {Filters: [{Pattern: '{"eventName": ["MODIFY"]}'}]}
      Target: !GetAtt Bus.Arn
      TargetParameters: {EventBridgeEventBusParameters: {DetailType: OrderShipped}}
      Tags: {a: b}
  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}
  Custom: {Type: Custom::Thing, Properties: {ServiceToken: x}}
"""
THERE = ServiceError("it is there", code="ConflictException")
KNOWN = ServiceError("it is there", code="ResourceAlreadyExistsException")


def test_pipes_buses_rules_and_what_they_call_are_made_in_order():
    aws = FakeAws()
    result = assembled("Resources:" + TABLE + EVENTS, aws)
    order = [name for name, _ in aws.calls]
    for before, after in (
        ("create_event_bus", "put_rule"),
        ("put_rule", "put_targets"),
        ("create_connection", "create_api_destination"),
        ("create_table", "create_pipe"),
        ("create_event_bus", "create_pipe"),
        ("create_event_bus", "create_archive"),
    ):
        assert order.index(before) < order.index(after)
    (rule,), (targets,), (pipe,) = map(aws.made, ("put_rule", "put_targets", "create_pipe"))
    assert (rule["EventBusName"], json.loads(rule["EventPattern"])) == ("shop", {"detail-type": ["OrderShipped"]})
    assert targets["Targets"] == [
        {"Id": "work", "Arn": f"arn:aws:sqs:{HOME}:q", "RetryPolicy": {"MaximumRetryAttempts": 3}}
    ]
    assert aws.made("remove_targets")[0]["Ids"] == ["old"]
    assert pipe["Source"].endswith("/stream/label") and pipe["Target"] == f"arn:aws:events:{HOME}:event-bus/shop"
    assert pipe["SourceParameters"]["DynamoDBStreamParameters"] == {"StartingPosition": "LATEST", "BatchSize": 10}
    assert "Tags" not in pipe
    (hook,) = aws.made("create_api_destination")
    assert hook["ConnectionArn"] == f"arn:aws:events:{HOME}:connection/key/1"
    assert aws.made("create_archive")[0]["EventSourceArn"] == f"arn:aws:events:{HOME}:event-bus/shop"
    told = lines(result)
    assert "1 pipe" in told[0] and "1 event bus" in told[0] and "1 rule," in told[0]
    assert any("not fired: Nightly: rate(1 day)" in one for one in told)
    assert any("Shipped: target far is left out" in one for one in told)


def test_what_is_there_already_is_brought_up_to_date():
    aws = FakeAws(
        create_pipe=THERE,
        create_event_bus=KNOWN,
        create_archive=KNOWN,
        create_connection=KNOWN,
        create_api_destination=KNOWN,
    )
    assembled("Resources:" + TABLE + EVENTS, aws)
    (pipe,) = aws.made("update_pipe")
    assert "Source" not in pipe
    assert pipe["SourceParameters"]["DynamoDBStreamParameters"] == {"BatchSize": 10}
    assert aws.made("update_event_bus") and aws.made("update_connection") and aws.made("update_api_destination")
    assert aws.made("update_archive") == [{"ArchiveName": "kept", "RetentionDays": 1}]


def test_a_pipe_that_reads_and_does_otherwise_than_the_template_says_is_told():
    class Stopped(FakeAws):
        def _describe_pipe(self, given):
            return {"CurrentState": "STOPPED", "DesiredState": "STOPPED", "Source": "arn:of:another"}

    told = lines(assembled("Resources:" + TABLE + EVENTS, Stopped(create_pipe=THERE)))
    assert any(
        "as it was in the state" in one and "Source: arn:of:another, and the template has" in one for one in told
    )
    assert any("it is stopped, and the template says nothing of it" in one for one in told)


def test_a_pipe_that_does_not_come_up_is_told_with_its_reason():
    class Failing(FakeAws):
        def _describe_pipe(self, given):
            return {"CurrentState": "CREATE_FAILED", "StateReason": "no permission to call DescribeStream"}

    with pytest.raises(SettingsError, match=r"the pipe is CREATE_FAILED: no permission to call DescribeStream"):
        assembled("Resources:" + TABLE + EVENTS, Failing())


def test_a_pipe_whose_target_is_elsewhere_is_not_made():
    text = EVENTS.replace("Target: !GetAtt Bus.Arn", "Target: !GetAtt Custom.Arn")
    aws = FakeAws()
    result = assembled("Resources:" + TABLE + text, aws)
    assert aws.made("create_pipe") == []
    assert any("Pipe: no pipe is made: " in one for one in lines(result))


def test_an_alarm_is_put_with_what_it_refers_to():
    aws = FakeAws()
    text = BASE + (
        "  A:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n"
        "      AlarmName: late\n      MetricName: IteratorAge\n"
        "      Dimensions: [{Name: FunctionName, Value: !Ref Worker}]\n      Threshold: '600000'\n"
    )
    assembled(text, aws)
    (made,) = aws.made("put_metric_alarm")
    assert made["Dimensions"] == [{"Name": "FunctionName", "Value": aws.made("create_function")[0]["FunctionName"]}]
    assert (made["AlarmName"], made["Threshold"]) == ("late", 600000)


def test_a_mapping_of_a_table_that_the_template_gives_no_stream_is_refused():
    """AWS has no such attribute either; it was told as unknown, and no record ever came (DESIGN section 5)."""
    bare = re.sub(r" +StreamSpecification:.*\n", "", TABLE)
    assert bare != TABLE
    with pytest.raises(SettingsError, match=r"template\.yaml:\d+: Changes .*the table Orders has no stream") as told:
        assembled("Resources:" + bare + WORKER + MAPPING, FakeAws())
    assert "StreamSpecification" in str(told.value)


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ("{ResourcePolicy: {PolicyDocument: {}}}", "its StreamSpecification has no StreamViewType"),
        ("{}", "its StreamSpecification has no StreamViewType"),
        ("{StreamViewType: NEW_IMAGE}", None),
        ("null", None),
    ],
)
def test_a_stream_without_a_view_is_refused_and_not_left_out(stream, told):
    text = f"Resources:\n  T: {{Type: AWS::DynamoDB::Table, Properties: {{StreamSpecification: {stream}}}}}\n"
    if told is None:
        assert len(assembled(text, FakeAws()).made) == 1
    else:
        with pytest.raises(SettingsError, match=told):
            assembled(text, FakeAws())


def test_no_shards_are_not_one_shard():
    aws = FakeAws()
    with contextlib.suppress(KeyError):  # the list of calls describes no stream
        assembled("Resources:\n  K: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 0}}\n", aws)
    assert aws.made("create_stream")[0]["ShardCount"] == 0


def test_subscriptions_that_nobody_delivers_are_told():
    text = (
        "Resources:\n"
        "  T: {Type: AWS::SNS::Topic, Properties: {Subscription: [{Protocol: email, Endpoint: a@b.example}]}}\n"
        "  S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref T, Protocol: sms, Endpoint: '+1'}}\n"
        "  Q: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref T, Protocol: sqs, Endpoint: q}}\n"
    )
    told = lines(assembled(text, FakeAws()))
    assert "without effect here: subscriptions: T.Subscription (email), S.Protocol (sms)" in told
