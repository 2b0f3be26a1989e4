"""What a Create and an Update request come to, and which are refused (X5, X6, X10)."""

from __future__ import annotations

import pytest

from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.group import shown
from afterbay.core.pipe.lifecycle import DesiredState
from afterbay.core.pipe.request import parse_create, parse_tags, parse_update
from afterbay.core.pipe.target_parameters import HttpParameters, InvocationParameters, QueueTargetParameters
from afterbay.errors import SettingsError

from .making import ACCOUNT, HOME, NEEDED, REGION, ROLE, SOURCES, TARGETS, created, pipe, refused, request, updated

PATTERN = '{"eventName":["MODIFY"]}'
FILTERS = {"FilterCriteria": {"Filters": [{"Pattern": PATTERN}]}}
MISSING = "Missing required parameter."


def with_filters(params: dict) -> dict:
    return {**params, "SourceParameters": {**params["SourceParameters"], **FILTERS}}


FULL = with_filters(
    request(
        "dynamodb",
        "sqs",
        reading={"BatchSize": 5, "MaximumRetryAttempts": 3, "OnPartialBatchItemFailure": "AUTOMATIC_BISECT"},
        Description="d",
        Enrichment=TARGETS["lambda"],
        EnrichmentParameters={"InputTemplate": "<$.eventID>"},
        TargetParameters={"InputTemplate": "x", "SqsQueueParameters": {"MessageGroupId": "g"}},
        LogConfiguration={"Level": "TRACE", "IncludeExecutionData": ["ALL"]},
        KmsKeyIdentifier="alias/k",
    )
)


def test_a_pipe_has_the_arn_of_its_account_and_region() -> None:
    assert pipe().arn == f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/orders-shipped"
    chinese = request(Source=SOURCES["dynamodb"].replace("arn:aws:", "arn:aws-cn:"))
    assert created(chinese).arn == f"arn:aws-cn:pipes:{REGION}:{ACCOUNT}:pipe/orders-shipped"


def test_what_is_left_out_is_off_or_has_its_default() -> None:
    made = pipe()
    assert made.desired_state is DesiredState.RUNNING
    assert (made.filters, made.enrichment, made.log, made.kms_key, made.description) == ((), None, None, None, None)


def test_an_empty_template_and_an_empty_enrichment_are_none() -> None:
    made = pipe(Enrichment="", TargetParameters={"InputTemplate": ""}, Description="", KmsKeyIdentifier="")
    assert (made.enrichment, made.target_template, made.description, made.kms_key) == (None, None, None, None)


@pytest.mark.parametrize("source", ["dynamodb", "kinesis"])
def test_a_stream_needs_its_parameters(source: str) -> None:
    group = {"dynamodb": "DynamoDBStreamParameters", "kinesis": "KinesisStreamParameters"}[source]
    for given in (None, {}, {"FilterCriteria": {"Filters": []}}):
        assert refused(request(source, SourceParameters=given)) == [(f"SourceParameters.{group}", MISSING)]
    bare = request(source, SourceParameters={group: {}})
    assert refused(bare) == [(f"SourceParameters.{group}.StartingPosition", MISSING)]


def test_a_queue_needs_no_parameters() -> None:
    assert created(request("sqs", SourceParameters=None)).batch_size == 10


def test_parameters_of_another_source_are_refused() -> None:
    params = request("sqs")
    params["SourceParameters"]["DynamoDBStreamParameters"] = {"StartingPosition": "LATEST"}
    assert [name for name, _ in refused(params)] == ["SourceParameters.DynamoDBStreamParameters"]


@pytest.mark.parametrize(
    ("source", "group", "named"),
    [
        ("msk", "ManagedStreamingKafkaParameters", "an Amazon MSK cluster"),
        ("kafka", "SelfManagedKafkaParameters", "a self-managed Kafka cluster"),
        ("mq", "RabbitMQBrokerParameters", "an Amazon MQ broker"),
        ("mq", "ActiveMQBrokerParameters", "an Amazon MQ broker"),
    ],
)
def test_kafka_and_brokers_are_refused_by_name(source: str, group: str, named: str) -> None:
    ((name, sentence),) = refused(request(source, SourceParameters={group: {"TopicName": "t"}}))
    assert name == "Source" and SOURCES[source] in sentence and named in sentence


@pytest.mark.parametrize(
    "source",
    [
        f"arn:aws:dynamodb:{HOME}:table/orders",
        f"arn:aws:kinesis:{HOME}:stream/s/consumer/c:1",
        f"arn:aws:s3:{HOME}:bucket",
    ],
)
def test_what_is_no_source_is_refused_by_name(source: str) -> None:
    reading = {"StartingPosition": "LATEST"}
    groups = {"dynamodb": {"DynamoDBStreamParameters": reading}, "kinesis": {"KinesisStreamParameters": reading}}
    ((name, sentence),) = refused(request(Source=source, SourceParameters=groups.get(source.split(":")[2])))
    assert name == "Source" and source in sentence


@pytest.mark.parametrize("member", ["Source", "Target"])
def test_another_region_is_refused_in_plain_text(member: str) -> None:
    params = request()
    params[member] = params[member].replace(REGION, "eu-west-1")
    with pytest.raises(PipeError) as caught:
        created(params)
    assert caught.value.body == {"message": "Creating cross-region pipe is not permitted."}


def test_a_pipe_may_not_move_to_another_region_by_an_update() -> None:
    with pytest.raises(PipeError, match="cross-region"):
        updated(pipe(), Target=TARGETS["sqs"].replace(REGION, "eu-west-1"))


@pytest.mark.parametrize(
    "target",
    [
        f"arn:aws:sns:{HOME}:t.fifo",
        f"arn:aws:events:{REGION}:444455556666:event-bus/theirs",
        f"arn:aws:events:{HOME}:rule/r",
        "arn:aws:s3:::bucket",
        f"arn:aws:lambda:{HOME}:layer:l",
    ],
)
def test_a_target_that_pipes_do_not_have_is_refused_by_name(target: str) -> None:
    ((name, sentence),) = refused(request(Target=target))
    assert name == "Target" and target in sentence


def test_what_is_no_enrichment_is_refused_by_name() -> None:
    ((name, sentence),) = refused(request(Enrichment=TARGETS["sqs"]))
    assert name == "Enrichment" and TARGETS["sqs"] in sentence


def test_parameters_of_another_target_are_refused_unless_empty() -> None:
    given = {"SqsQueueParameters": {"MessageGroupId": "g"}}
    assert [name for name, _ in refused(request(TargetParameters=given))] == ["TargetParameters.SqsQueueParameters"]
    assert pipe(TargetParameters={"SqsQueueParameters": {}}).target_parameters is None
    http = {"HttpParameters": {"HeaderParameters": {"a": "b"}}}
    for enrichment in (None, TARGETS["lambda"]):
        params = request(Enrichment=enrichment, EnrichmentParameters=http)
        assert [name for name, _ in refused(params)] == ["EnrichmentParameters.HttpParameters"]
    made = pipe(reading={"BatchSize": 1}, Enrichment=TARGETS["apigateway"], EnrichmentParameters=http)
    assert made.enrichment_parameters == HttpParameters(header_parameters={"a": "b"})


def test_kinesis_needs_a_partition_key_and_a_fifo_queue_a_group() -> None:
    params = request("dynamodb", "kinesis", TargetParameters=None)
    assert refused(params) == [("TargetParameters.KinesisStreamParameters", MISSING)]
    fifo = request(Target=TARGETS["sqs"] + ".fifo")
    assert refused(fifo) == [("TargetParameters.SqsQueueParameters.MessageGroupId", MISSING)]
    created({**fifo, "TargetParameters": {"SqsQueueParameters": {"MessageGroupId": "$.eventID"}}})


def test_what_a_start_at_a_moment_needs() -> None:
    path = "SourceParameters.KinesisStreamParameters.StartingPositionTimestamp"
    at = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1767323045.5}
    assert pipe("kinesis", reading=at).source_settings().starting_at.timestamp() == 1767323045.5
    assert refused(request("kinesis", reading={"StartingPosition": "AT_TIMESTAMP"})) == [(path, MISSING)]
    assert [name for name, _ in refused(request("kinesis", reading={**at, "StartingPosition": "LATEST"}))] == [path]
    assert [name for name, _ in refused(request("kinesis", reading={**at, "StartingPositionTimestamp": "noon"}))] == [
        path
    ]


@pytest.mark.parametrize(
    "arn", ["arn:aws:s3:::letters", f"arn:aws:sns:{HOME}:t.fifo", f"arn:aws:lambda:{HOME}:function:f"]
)
def test_a_dead_letter_destination_is_a_standard_queue_or_topic(arn: str) -> None:
    for source, group in (("dynamodb", "DynamoDBStreamParameters"), ("kinesis", "KinesisStreamParameters")):
        ((name, sentence),) = refused(request(source, reading={"DeadLetterConfig": {"Arn": arn}}))
        assert name == f"SourceParameters.{group}.DeadLetterConfig.Arn" and arn in sentence
    topic = f"arn:aws:sns:{HOME}:letters"
    assert pipe(reading={"DeadLetterConfig": {"Arn": topic}}).source_settings().on_failure == topic
    assert pipe(reading={"DeadLetterConfig": {}}).source_settings().on_failure is None


def test_a_template_is_shown_to_whoever_checks_templates() -> None:
    seen: list[str] = []

    def check(template: str) -> None:
        seen.append(template)
        if "unknown" in template:
            raise SettingsError("no such variable")

    parse_create(FULL, account=ACCOUNT, region=REGION, check_template=check)
    assert seen == ["<$.eventID>", "x"]
    wrong = {**FULL, "TargetParameters": {"InputTemplate": "<aws.pipes.unknown>"}}
    with pytest.raises(PipeError) as caught:
        parse_create(wrong, account=ACCOUNT, region=REGION, check_template=check)
    assert caught.value.members["fieldList"] == [
        {"name": "TargetParameters.InputTemplate", "message": "no such variable"}
    ]
    with pytest.raises(PipeError):
        parse_update(pipe(), {"RoleArn": ROLE, "TargetParameters": {"InputTemplate": "unknown"}}, check_template=check)


def test_tags_of_aws_are_refused() -> None:
    assert parse_tags({"Tags": {"a": ""}}, "Tags") == {"a": ""}
    with pytest.raises(PipeError, match="aws:"):
        parse_tags({"tags": {"AWS:x": "y"}}, "tags")


def test_an_update_needs_the_role() -> None:
    with pytest.raises(PipeError, match="RoleArn"):
        parse_update(pipe(), {})


def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    current = created(FULL)
    assert updated(current) == current
    other = updated(current, Description="other", DesiredState="STOPPED")
    assert (other.description, other.desired_state) == ("other", DesiredState.STOPPED)
    assert updated(other, Description="d", DesiredState="RUNNING") == current


def test_an_update_replaces_the_sources_parameters_whole_but_where_it_began() -> None:
    current = created(FULL)
    params = {"DynamoDBStreamParameters": {"ParallelizationFactor": 2, "StartingPosition": "LATEST"}}
    changed = updated(current, SourceParameters=params)
    settings = changed.source_settings()
    assert settings.starting_position is current.source_settings().starting_position
    assert (settings.parallelization_factor, settings.batch_size) == (2, 10)
    assert (settings.retry_attempts_max, settings.bisect) == (None, False)
    assert changed.filters == (PATTERN,), "filters are no part of the source's own parameters"
    kept = updated(current, SourceParameters={"FilterCriteria": {"Filters": []}})
    assert kept.filters == () and kept.source_parameters == current.source_parameters
    assert updated(current, Source=SOURCES["sqs"]).source == current.source


def test_an_update_keeps_the_moment_at_which_reading_began() -> None:
    at = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1767323045.5}
    current = pipe("kinesis", reading=at)
    changed = updated(current, SourceParameters={"KinesisStreamParameters": {"BatchSize": 7}})
    assert changed.source_settings().starting_at == current.source_settings().starting_at
    assert changed.batch_size == 7


def test_empty_texts_clear() -> None:
    current = created(FULL)
    cleared = updated(
        current,
        Description="",
        KmsKeyIdentifier="",
        Enrichment="",
        EnrichmentParameters={"InputTemplate": ""},
        TargetParameters={"InputTemplate": ""},
    )
    assert (cleared.description, cleared.kms_key, cleared.enrichment) == (None, None, None)
    assert (cleared.enrichment_template, cleared.target_template) == (None, None)
    assert cleared.target_parameters == QueueTargetParameters(message_group_id="g")


def test_an_update_replaces_a_targets_parameters_whole_and_keeps_the_template() -> None:
    given = {"SqsQueueParameters": {"MessageDeduplicationId": "$.eventID"}}
    changed = updated(created(FULL), TargetParameters=given)
    assert changed.target_parameters == QueueTargetParameters(message_deduplication_id="$.eventID")
    assert changed.target_template == "x"


def test_parameters_of_the_old_target_go_with_it() -> None:
    current = pipe(
        TargetParameters={"InputTemplate": "x", "LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}
    )
    assert isinstance(current.target_parameters, InvocationParameters) and not current.target_parameters.waits
    moved = updated(current, Target=TARGETS["states-express"])
    assert (moved.target_parameters, moved.target_template) == (None, "x")
    same = updated(current, Target=TARGETS["lambda"] + ":live")
    assert same.target_parameters == current.target_parameters
    with pytest.raises(PipeError, match="KinesisStreamParameters"):
        updated(current, Target=TARGETS["kinesis"])
    updated(current, Target=TARGETS["kinesis"], TargetParameters=NEEDED["kinesis"])


def test_a_log_configuration_is_replaced_whole() -> None:
    group = {"LogGroupArn": f"arn:aws:logs:{HOME}:log-group:g"}
    current = created({**FULL, "LogConfiguration": {"Level": "TRACE", "CloudwatchLogsLogDestination": group}})
    assert current.log is not None and current.log.cuts
    changed = updated(current, LogConfiguration={"Level": "ERROR"})
    assert changed.log is not None and shown(changed.log) == {"Level": "ERROR"}
