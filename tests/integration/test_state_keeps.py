"""``afterbay dev --state``: what docs/state.md lists is there again, the same as before, after a kill."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import msgspec
import pytest
from botocore.exceptions import ClientError

from integration.serving import ROLE, Served, unique, wait_for, zipped
from integration.state_address import killed, records_of

HANDLER = "def handler(event, context):\n    return '{}'\n"


def described(served: Served, name: str) -> dict:
    table = served.client("dynamodb").describe_table(TableName=name)["Table"]
    return {key: value for key, value in table.items() if key not in ("ItemCount", "TableSizeBytes")}


def test_tables_are_the_same(tmp_path: Path) -> None:
    name, old = unique("t"), unique("old")
    with killed(tmp_path / "state", tmp_path) as served:
        client = served.client("dynamodb")
        for one in (name, old):
            client.create_table(
                TableName=one,
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "N"},
                    {"AttributeName": "sk", "AttributeType": "B"},
                    {"AttributeName": "g", "AttributeType": "S"},
                ],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": "by-g",
                        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
                Tags=[{"Key": "team", "Value": "blue"}],
            )
        client.update_time_to_live(TableName=name, TimeToLiveSpecification={"AttributeName": "end", "Enabled": True})
        item = {
            "pk": {"N": "1.50"},
            "sk": {"B": b"\x00\xff"},
            "g": {"S": "é😀"},
            "list": {"L": [{"NULL": True}, {"BOOL": False}, {"M": {"deep": {"NS": ["1", "20"]}}}]},
            "bytes": {"BS": [b"\x01", b"\x02"]},
        }
        client.put_item(TableName=name, Item=item)
        client.update_item(
            TableName=name,
            Key={"pk": {"N": "2"}, "sk": {"B": b"a"}},
            UpdateExpression="SET n = :n",
            ExpressionAttributeValues={":n": {"N": "12345678901234567890123456789012345678"}},
        )
        gone = {"pk": {"N": "3"}, "sk": {"B": b"a"}}
        client.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": gone}}])
        client.delete_item(TableName=name, Key=gone)
        client.put_item(TableName=old, Item=gone)
        client.delete_table(TableName=old)
        before = described(served, name)
        items = client.scan(TableName=name)["Items"]
        indexed = client.query(
            TableName=name,
            IndexName="by-g",
            KeyConditionExpression="g = :g",
            ExpressionAttributeValues={":g": {"S": "é😀"}},
        )["Items"]
        records = records_of(served, before["LatestStreamArn"])
        streams = served.client("dynamodbstreams").list_streams()["Streams"]
        assert len(items) == 2
        assert len(indexed) == 1
    with killed(tmp_path / "state", tmp_path) as served:
        client = served.client("dynamodb")
        assert client.list_tables()["TableNames"] == [name]
        assert described(served, name) == before
        assert client.scan(TableName=name)["Items"] == items
        assert (
            client.query(
                TableName=name,
                IndexName="by-g",
                KeyConditionExpression="g = :g",
                ExpressionAttributeValues={":g": {"S": "é😀"}},
            )["Items"]
            == indexed
        )
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "end"}
        assert client.list_tags_of_resource(ResourceArn=before["TableArn"])["Tags"] == [
            {"Key": "team", "Value": "blue"}
        ]
        assert records_of(served, before["LatestStreamArn"]) == records
        assert served.client("dynamodbstreams").list_streams()["Streams"] == streams, "the deleted table's, too"
        # the key of an item that came back is the same key
        client.put_item(TableName=name, Item={**item, "new": {"S": "yes"}})
        assert client.scan(TableName=name)["Count"] == 2
        (new,) = [one for one in records_of(served, before["LatestStreamArn"]) if one not in records]
        assert new["eventName"] == "MODIFY"


def test_a_table_of_a_backup_is_kept_as_it_was_made(tmp_path: Path) -> None:
    with killed(tmp_path / "state", tmp_path) as served:
        table, client, name = served.table(), served.client("dynamodb"), unique("copy")
        table.put("a", "b")
        backup = client.create_backup(TableName=table.name, BackupName="one")["BackupDetails"]["BackupArn"]
        client.restore_table_from_backup(TargetTableName=name, BackupArn=backup)
        client.put_item(TableName=name, Item={"pk": {"S": "c"}})
    with killed(tmp_path / "state", tmp_path) as served:
        items = served.client("dynamodb").scan(TableName=name)["Items"]
        assert sorted(item["pk"]["S"] for item in items) == ["a", "b", "c"]


def test_an_expiry_that_came_due_while_nothing_ran_is_met(tmp_path: Path) -> None:
    with killed(tmp_path / "state", tmp_path) as served:
        table, client = served.table(), served.client("dynamodb")
        client.update_time_to_live(
            TableName=table.name, TimeToLiveSpecification={"AttributeName": "end", "Enabled": True}
        )
        table.put("probe")
        (record,) = records_of(served, table.stream)
        now = int(record["dynamodb"]["ApproximateCreationDateTime"].timestamp())
        client.put_item(TableName=table.name, Item={"pk": {"S": "gone"}, "end": {"N": str(now + 3600)}})
        served.call("clock", advance_s=3590)
    with killed(tmp_path / "state", tmp_path) as served:
        served.call("clock", advance_s=30)
        last = records_of(served, table.stream)[-1]
        assert last["eventName"] == "REMOVE"
        assert last["userIdentity"]["PrincipalId"] == "dynamodb.amazonaws.com"


def test_iterators_and_retention_go_by_a_clock_that_stays_ahead(tmp_path: Path) -> None:
    with killed(tmp_path / "state", tmp_path) as served:
        table = served.table()
        table.put("old")
        client = served.client("dynamodbstreams")
        iterator = client.get_shard_iterator(
            StreamArn=table.stream, ShardId=table.shards()[0], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
    with killed(tmp_path / "state", tmp_path) as served:
        table.served, client = served, served.client("dynamodbstreams")
        assert len(client.get_records(ShardIterator=iterator)["Records"]) == 1, "an iterator goes on"
        served.call("clock", advance_s=23 * 3600)
        table.put("new")
    with killed(tmp_path / "state", tmp_path) as served:
        client = served.client("dynamodbstreams")
        with pytest.raises(client.exceptions.ExpiredIteratorException):
            client.get_records(ShardIterator=iterator)
        assert len(records_of(served, table.stream)) == 2
        served.call("clock", advance_s=2 * 3600)
        assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in records_of(served, table.stream)] == ["new"]


def test_functions_versions_aliases_and_layers_are_the_same(tmp_path: Path) -> None:
    name, bucket = unique("f"), unique("code")
    with killed(tmp_path / "state", tmp_path) as served:
        client, s3 = served.client("lambda"), served.client("s3")
        layer = client.publish_layer_version(
            LayerName="helpers", Content={"ZipFile": zipped(**{"python/helper": "WORD = 'layer'\n"})}
        )["LayerVersionArn"]
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket=bucket, Key="code.zip", Body=zipped(app=HANDLER.format("first")))
        client.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=ROLE,
            Code={"S3Bucket": bucket, "S3Key": "code.zip"},
            Tags={"team": "blue"},
        )
        s3.delete_object(Bucket=bucket, Key="code.zip")
        client.publish_version(FunctionName=name)
        client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        code = "import helper\n" + HANDLER.replace("'{}'", "'second ' + helper.WORD")
        for text in (HANDLER.format("between"), code):
            client.update_function_code(FunctionName=name, ZipFile=zipped(app=text))
        revision = client.get_function_configuration(FunctionName=name)["RevisionId"]
        client.update_function_configuration(
            FunctionName=name, Timeout=7, Layers=[layer], Environment={"Variables": {"WORD": "b"}}, RevisionId=revision
        )
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=4)
        client.create_function(
            FunctionName="gone",
            Runtime="python3.11",
            Handler="app.handler",
            Role=ROLE,
            Code={"ZipFile": zipped(app=HANDLER)},
        )
        client.delete_function(FunctionName="gone")
        before = shown(served, name)
    with killed(tmp_path / "state", tmp_path) as served:
        client = served.client("lambda")
        assert [one["FunctionName"] for one in client.list_functions()["Functions"]] == [name]
        assert shown(served, name) == before

        def said(qualifier: str) -> str:
            return json.load(client.invoke(FunctionName=name, Qualifier=qualifier)["Payload"])

        assert [said("live"), said("1"), said("$LATEST")] == ["first", "first", "second layer"]


def shown(served: Served, name: str) -> list[object]:
    """All that the API says, but for what is drawn anew."""
    client = served.client("lambda")
    function = client.get_function(FunctionName=name)
    found: list[object] = [
        function["Configuration"],
        function.get("Tags"),
        function.get("Concurrency"),
        client.list_versions_by_function(FunctionName=name)["Versions"],
        client.list_aliases(FunctionName=name)["Aliases"],
        client.list_layers()["Layers"],
    ]
    return json.loads(json.dumps(found, default=str), object_hook=_without_revision)


def _without_revision(one: dict) -> dict:
    return {key: value for key, value in one.items() if key != "RevisionId"}


def test_topics_queues_and_buckets_are_the_same_and_still_wired(tmp_path: Path) -> None:
    bucket = unique("b")
    with killed(tmp_path / "state", tmp_path) as served:
        sqs, sns, s3 = served.client("sqs"), served.client("sns"), served.client("s3")
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        url = sqs.create_queue(
            QueueName="work",
            Attributes={
                "VisibilityTimeout": "0",
                "RedrivePolicy": json.dumps(
                    {"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000000:dead", "maxReceiveCount": 2}
                ),
            },
            tags={"team": "blue"},
        )["QueueUrl"]
        arn = "arn:aws:sqs:eu-west-1:000000000000:work"
        sqs.send_message(
            QueueUrl=url, MessageBody="one", MessageAttributes={"a": {"DataType": "Binary", "BinaryValue": b"\xff"}}
        )
        sqs.receive_message(QueueUrl=url)
        sqs.create_queue(QueueName="passing")
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="passing")["QueueUrl"])
        topic = sns.create_topic(Name="news")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
        )
        s3.put_object(Bucket=bucket, Key="a/b c+é", Body=b"first")
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a/b c+é"})
        s3.put_object(Bucket=bucket, Key="a/b c+é", Body=b"second", Metadata={"m": "n"})
        s3.put_object(Bucket=bucket, Key="gone", Body=b"x")
        s3.delete_object(Bucket=bucket, Key="gone")
        subscriptions = sns.list_subscriptions()["Subscriptions"]
        sent = int(_attribute(served, url, "ApproximateNumberOfMessages"))
        dates = {one["Key"]: one["LastModified"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
        alarm = served.client("cloudwatch")
        alarm.put_metric_alarm(
            AlarmName="late",
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        )
    with killed(tmp_path / "state", tmp_path) as served:
        sqs, sns, s3 = served.client("sqs"), served.client("sns"), served.client("s3")
        assert sorted(one.rpartition("/")[2] for one in sqs.list_queues()["QueueUrls"]) == ["dead", "work"]
        url, dead = (sqs.get_queue_url(QueueName=one)["QueueUrl"] for one in ("work", "dead"))
        assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "blue"}
        assert sns.list_subscriptions()["Subscriptions"] == subscriptions
        assert s3.get_object(Bucket=bucket, Key="a/b c+é")["Body"].read() == b"second"
        assert s3.head_object(Bucket=bucket, Key="a/b c+é")["Metadata"] == {"m": "n"}
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"first"
        assert {one["Key"]: one["LastModified"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]} == dates
        assert [one["AlarmName"] for one in served.client("cloudwatch").describe_alarms()["MetricAlarms"]] == ["late"]
        assert int(_attribute(served, url, "ApproximateNumberOfMessages")) == sent, "nothing was told twice"
        (one, *_) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"])["Messages"]
        assert one["Body"] == "one"
        assert one["MessageAttributes"]["a"]["BinaryValue"] == b"\xff"
        assert one["Attributes"]["ApproximateReceiveCount"] == "2"
        sqs.receive_message(QueueUrl=url)  # the third receive sends it to the dead letters
        assert [one["Body"] for one in sqs.receive_message(QueueUrl=dead)["Messages"]] == ["one"]
        sns.publish(TopicArn=subscriptions[0]["TopicArn"], Message="after")
        s3.put_object(Bucket=bucket, Key="new", Body=b"")
        wait_for(lambda: int(_attribute(served, url, "ApproximateNumberOfMessages")) == sent + 1, "both were told")


def _attribute(served: Served, url: str, name: str) -> str:
    return served.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][name]


def test_versions_of_objects_are_the_same(tmp_path: Path) -> None:
    bucket = unique("b")
    with killed(tmp_path / "state", tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket=bucket, Key="k", Body=b"0")
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for n in (1, 2):
            s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode())
        s3.delete_object(Bucket=bucket, Key="k")
        upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
        s3.complete_multipart_upload(
            Bucket=bucket,
            Key="large",
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]},
        )
        before = _versions(s3, bucket)
        assert len(before) == 5
    with killed(tmp_path / "state", tmp_path) as served:
        s3 = served.client("s3")
        assert _versions(s3, bucket) == before
        assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == b"part"


def _versions(s3, bucket: str) -> list[tuple]:
    page = s3.list_object_versions(Bucket=bucket)
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [(one["Key"], one["VersionId"], one["LastModified"], one.get("Size")) for one in found]


def test_kinesis_streams_go_on_above_their_numbers(tmp_path: Path) -> None:
    with killed(tmp_path / "state", tmp_path) as served:
        kinesis = served.client("kinesis")
        kinesis.create_stream(StreamName="s", ShardCount=1)
        before = [kinesis.put_record(StreamName="s", Data=b"\xff", PartitionKey="p") for _ in range(3)]
        kinesis.split_shard(StreamName="s", ShardToSplit=before[0]["ShardId"], NewStartingHashKey=str(2**127))
        kinesis.put_record(StreamName="s", Data=b"child", PartitionKey="p")
        records = _kinesis_records(kinesis)
        assert len(records) == 4
    with killed(tmp_path / "state", tmp_path) as served:
        kinesis = served.client("kinesis")
        assert _kinesis_records(kinesis) == records
        new = kinesis.put_record(StreamName="s", Data=b"after", PartitionKey="p")
        assert (new["ShardId"], int(new["SequenceNumber"])) > records[-1][:2]


def _kinesis_records(kinesis) -> list[tuple]:
    found = []
    for shard in kinesis.list_shards(StreamName="s")["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName="s", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        page = kinesis.get_records(ShardIterator=iterator)["Records"]
        found += [
            (shard["ShardId"], int(one["SequenceNumber"]), one["Data"], one["ApproximateArrivalTimestamp"])
            for one in page
        ]
    return found


def test_disabled_and_deleted_mappings_stay_so(tmp_path: Path) -> None:
    with killed(tmp_path / "state", tmp_path) as served:
        table, other, function = served.table(), served.table(), served.function(tmp_path)
        client = served.client("lambda")
        kept, gone = (
            client.create_event_source_mapping(
                FunctionName=function.name, EventSourceArn=one.stream, StartingPosition="TRIM_HORIZON"
            )["UUID"]
            for one in (table, other)
        )
        for one in (kept, gone):
            served.settle(one, "Enabled")
        client.update_event_source_mapping(UUID=kept, Enabled=False, BatchSize=7)
        client.delete_event_source_mapping(UUID=gone)
    with killed(tmp_path / "state", tmp_path) as served:
        served.settle(kept, "Disabled")
        assert served.state(kept)["BatchSize"] == 7
        assert served.state(gone) is None
        served.client("lambda").update_event_source_mapping(UUID=kept, Enabled=True)
        served.settle(kept, "Enabled")
    with killed(tmp_path / "state", tmp_path) as served:
        served.settle(kept, "Enabled")


def test_an_event_that_is_not_done_is_tried_again(tmp_path: Path) -> None:
    event = {"Records": [{"messageId": "1", "body": "bad"}]}
    with killed(tmp_path / "state", tmp_path) as served:
        function = served.function(tmp_path)
        function.plan("bad", times=2)
        served.client("lambda").invoke(
            FunctionName=function.name, InvocationType="Event", Payload=json.dumps(event).encode()
        )
        wait_for(lambda: len(function.lines()) == 1, "the first attempt failed")
        first = function.lines()[0]["id"]
        wait_for(lambda: _waits_again(tmp_path / "state"), "its retry is noted")
    with killed(tmp_path / "state", tmp_path) as served:
        served.call("clock", advance_s=61)
        wait_for(lambda: len(function.lines()) == 2, "the second attempt failed")
        wait_for(lambda: _waits_again(tmp_path / "state", failures=2), "its retry is noted")
        served.call("clock", advance_s=121)
        wait_for(lambda: len(function.lines()) == 3, "the third attempt")
        wait_for(lambda: not _waiting(tmp_path / "state"), "it is done")
    assert [line["id"] for line in function.lines()] == [first] * 3
    assert [line["failed"] for line in function.lines()] == [True, True, False]


def _waiting(state: Path) -> list[dict]:
    with contextlib.closing(sqlite3.connect(f"file:{state / 'address.sqlite3'}?mode=ro", uri=True)) as file:
        return [msgspec.msgpack.decode(body) for (body,) in file.execute("SELECT body FROM events")]


def _waits_again(state: Path, failures: int = 1) -> bool:
    return any(one["failures"] == failures and one["due"] for one in _waiting(state))


def test_a_reset_empties_the_state(tmp_path: Path) -> None:
    with killed(tmp_path / "state", tmp_path) as served:
        table, function = served.table(), served.function(tmp_path)
        table.put("a")
        served.queue()
        served.client("lambda").create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=table.stream, StartingPosition="TRIM_HORIZON"
        )
        served.call("reset")
        again = served.table()
        again.put("b")
    with killed(tmp_path / "state", tmp_path) as served:
        assert served.client("dynamodb").list_tables()["TableNames"] == [again.name]
        assert len(records_of(served, again.stream)) == 1
        assert len(served.client("dynamodbstreams").list_streams()["Streams"]) == 1
        assert served.client("sqs").list_queues().get("QueueUrls", []) == []
        assert served.client("lambda").list_functions()["Functions"] == []
        assert served.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []


def test_a_second_address_on_a_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    with killed(tmp_path / "state", tmp_path), pytest.raises(AssertionError) as refusal:  # noqa: SIM117 # in order
        with killed(tmp_path / "state", tmp_path):
            pass
    (line,) = str(refusal.value).splitlines()[:1]
    assert "is in use by process" in line
    assert "Traceback" not in str(refusal.value)


def test_an_unanswered_call_that_fails_stores_nothing(tmp_path: Path) -> None:
    with killed(tmp_path / "state", tmp_path) as served:
        table, client = served.table(), served.client("dynamodb")
        with pytest.raises(ClientError):
            client.transact_write_items(
                TransactItems=[
                    {"Put": {"TableName": table.name, "Item": {"pk": {"S": "a"}}}},
                    {
                        "ConditionCheck": {
                            "TableName": table.name,
                            "Key": {"pk": {"S": "b"}},
                            "ConditionExpression": "attribute_exists(pk)",
                        }
                    },
                ]
            )
    with killed(tmp_path / "state", tmp_path) as served:
        assert served.client("dynamodb").scan(TableName=table.name)["Count"] == 0
        assert records_of(served, table.stream) == []
