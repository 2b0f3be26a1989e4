"""How a request becomes settings, and what is refused on the way (R1 to R25, E1 to E16)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import Session

from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.settings import (
    CreateRequest,
    MappingSettings,
    StartingPosition,
    check_starting_moment,
    parse_create,
    parse_tags,
    parse_update,
    unknown_parameters,
)
from afterbay.errors import SettingsError

STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-02T03:04:05.678"
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:letters"
KINESIS = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"
PATTERN = '{"eventName": ["INSERT"]}'
NEEDED = {"FunctionName": "orders", "EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON"}
IPV, VE = "InvalidParameterValueException", "ValidationException"
CURRENT = MappingSettings(
    event_source_arn=STREAM,
    function_arn="arn:aws:lambda:eu-west-1:000000000000:function:orders",
    starting_position=StartingPosition.LATEST,
    batch_size=7,
    retry_attempts_max=3,
    record_age_max_s=60,
    bisect=True,
    report_batch_item_failures=True,
    on_failure=QUEUE,
)


def create(**params: Any) -> CreateRequest:
    return parse_create({name: value for name, value in {**NEEDED, **params}.items() if value != "absent"})


def refused(**params: Any) -> tuple[str, str]:
    with pytest.raises(SettingsError) as error:
        create(**params)
    return error.value.code, error.value.message


def update(**params: Any) -> MappingSettings:
    return parse_update(CURRENT, params).settings


def violation(value: object, name: str, rule: str) -> str:
    return f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}"


def test_what_is_not_given_has_awss_defaults() -> None:
    made = create()
    assert made.enabled and made.tags == {} and made.function_name == "orders"
    assert made.settings == MappingSettings(
        event_source_arn=STREAM, function_arn="orders", starting_position=StartingPosition.TRIM_HORIZON
    )
    assert made.resolved("arn:f").function_arn == "arn:f"


def test_every_starting_position_of_a_table_is_taken_by_its_name() -> None:
    """R7."""
    for position in (StartingPosition.TRIM_HORIZON, StartingPosition.LATEST):
        assert create(StartingPosition=position.name).settings.starting_position is position


def test_a_stream_needs_a_starting_position() -> None:
    """E7: with the full stop that the model's own violations lack."""
    text = "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
    assert refused(StartingPosition="absent") == (IPV, text + "Member must not be null.")


def test_an_on_success_destination_is_refused() -> None:
    """E14."""
    told = refused(DestinationConfig={"OnSuccess": {"Destination": QUEUE}})
    assert told == (IPV, "OnSuccess configuration is not supported for event source mappings.")
    queue = {"EventSourceArn": QUEUE, "StartingPosition": "absent"}
    told = refused(DestinationConfig={"OnSuccess": {"Destination": QUEUE}}, **queue)
    assert told == (IPV, "Unsupported DestinationConfig parameter for given event source mapping type.")


@pytest.mark.parametrize(("name", "shown"), [("EventSourceArn", "eventSourceArn"), ("KMSKeyArn", "kMSKeyArn")])
def test_an_arn_that_is_too_long_is_refused_by_the_model(name: str, shown: str) -> None:
    """R1, R17."""
    code, message = refused(**{name: "a" * 10_001})
    assert code == VE and message == violation(
        "a" * 10_001, shown, "Member must have length less than or equal to 10000"
    )


@pytest.mark.parametrize(("bucket", "taken"), [("abc", True), ("ab", False), ("a" * 63, True), ("abc-", False)])
def test_a_bucket_as_a_destination_has_a_buckets_name(bucket: str, taken: bool) -> None:
    """R14."""
    destination = {"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}}
    if taken:
        assert create(DestinationConfig=destination).settings.on_failure == f"arn:aws:s3:::{bucket}"
    else:
        assert "on-failure destination" in refused(DestinationConfig=destination)[1]


def test_everything_that_is_given_arrives() -> None:
    made = create(
        Enabled=False,
        BatchSize=10_000,
        MaximumBatchingWindowInSeconds=300,
        ParallelizationFactor=10,
        MaximumRecordAgeInSeconds=604_800,
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        TumblingWindowInSeconds=0,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
        FilterCriteria={"Filters": []},
        Tags={"team": "shop"},
        SomethingNewOfAws=1,
    )
    assert not made.enabled and made.tags == {"team": "shop"}
    assert made.settings == MappingSettings(
        event_source_arn=STREAM,
        function_arn="orders",
        starting_position=StartingPosition.TRIM_HORIZON,
        batch_size=10_000,
        batching_window_s=300,
        parallelization_factor=10,
        record_age_max_s=604_800,
        retry_attempts_max=0,
        bisect=True,
        report_batch_item_failures=True,
        on_failure=QUEUE,
    )


def test_null_is_as_good_as_absent() -> None:
    assert create(BatchSize=None, DestinationConfig=None, Enabled=None) == create()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("BatchSize", 1, 10_000),
        ("MaximumBatchingWindowInSeconds", 0, 300),
        ("ParallelizationFactor", 1, 10),
        ("MaximumRecordAgeInSeconds", -1, 604_800),
        ("MaximumRetryAttempts", -1, 10_000),
        ("TumblingWindowInSeconds", 0, 900),
    ],
)
def test_a_number_out_of_its_range_is_refused_at_both_ends(name: str, low: int, high: int) -> None:
    camel = name[0].lower() + name[1:]
    for value, rule in ((high + 1, f"less than or equal to {high}"), (low - 1, f"greater than or equal to {low}")):
        assert refused(**{name: value}) == (VE, violation(value, camel, f"Member must have value {rule}"))
    create(**{name: low})


@pytest.mark.parametrize("age", [0, 1, 59])
def test_a_record_age_below_a_minute_passes_the_model_and_no_more(age: int) -> None:
    text = "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)"
    assert refused(MaximumRecordAgeInSeconds=age) == (IPV, text)
    assert create(MaximumRecordAgeInSeconds=60).settings.record_age_max_s == 60


def test_several_violations_are_told_at_once_and_before_anything_else() -> None:
    code, text = refused(BatchSize=0, ParallelizationFactor=11, EventSourceArn="absent")
    assert code == VE and text.startswith("2 validation errors detected: Value '0' at 'batchSize' ")
    assert "; Value '11' at 'parallelizationFactor' " in text


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        *(("BatchSize", value, "BatchSize must be a whole number") for value in ("ten", 1.5, True, [])),
        *(("BisectBatchOnFunctionError", value, "BisectBatchOnFunctionError must be true or") for value in ("true", 1)),
        ("Enabled", "false", "Enabled must be true or false, not 'false'"),
        ("EventSourceArn", 5, "EventSourceArn must be a string, not 5"),
        ("DestinationConfig", [], "DestinationConfig must be an object"),
        ("FunctionResponseTypes", "ReportBatchItemFailures", "FunctionResponseTypes must be a list"),
        ("FilterCriteria", {"Filters": {}}, "Filters must be a list"),
        ("Tags", {"team": 1}, "team must be a string"),
    ],
)
def test_a_value_of_another_type_names_the_parameter(name: str, value: object, told: str) -> None:
    code, text = refused(**{name: value})
    assert code == "SerializationException" and text.startswith(told)


@pytest.mark.parametrize(
    "name",
    [
        "f",
        "f:$LATEST",
        "f:1",
        "f:live",
        "000000000000:function:f",
        "arn:aws:lambda:eu-west-1:000000000000:function:f:1",
    ],
)
def test_every_form_of_a_functions_name_is_taken(name: str) -> None:
    assert create(FunctionName=name).function_name == name


@pytest.mark.parametrize("name", ["absent", "", "a b", "f:", "x" * 257])
def test_what_cannot_be_a_functions_name_is_refused_by_the_model(name: str) -> None:
    code, text = refused(FunctionName=name)
    assert code == VE and "at 'functionName' failed to satisfy constraint" in text


def test_the_text_of_that_refusal_shows_the_models_own_pattern() -> None:
    """R2, E5 form."""
    model = Session().get_service_model("lambda").operation_model("CreateEventSourceMapping").input_shape
    pattern = model.members["FunctionName"].metadata["pattern"]
    rule = f"Member must satisfy regular expression pattern: {pattern}"
    told = f"1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: {rule}"
    assert refused(FunctionName="a b") == (VE, told)
    assert create(FunctionName="arn:aws-eusc:lambda:eusc-de-east-1:000000000000:function:f").function_name


@pytest.mark.parametrize(
    "arn",
    [
        "absent",
        "",
        "orders",
        "arn:aws:dynamodb:eu-west-1:000000000000:table/orders",
        "arn:aws:kafka:eu-west-1:000000000000:c",
    ],
)
def test_what_is_no_source_is_not_recognised(arn: str) -> None:
    assert refused(EventSourceArn=arn) == (IPV, "Unrecognized event source.")


def queue(**params: Any) -> CreateRequest:
    return create(EventSourceArn=QUEUE, StartingPosition="absent", **params)


def refused_by_queue(arn: str = QUEUE, **params: Any) -> tuple[str, str]:
    return refused(**{"EventSourceArn": arn, "StartingPosition": "absent", **params})


def test_a_queue_has_its_own_defaults() -> None:
    made = queue().settings
    assert made == MappingSettings(event_source_arn=QUEUE, function_arn="orders", starting_position=None, batch_size=10)
    assert made.kind is SourceKind.QUEUE and made.concurrency_max is None


def test_a_queue_takes_its_own_parameters() -> None:
    made = queue(
        BatchSize=10_000,
        MaximumBatchingWindowInSeconds=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"body": ["plain"]}'}]},
        ScalingConfig={"MaximumConcurrency": 2},
        MetricsConfig={"Metrics": ["EventCount"]},
    ).settings
    assert (made.batch_size, made.batching_window_s, made.concurrency_max) == (10_000, 1, 2)
    assert made.report_batch_item_failures and made.filters and made.event_count
    assert parse_update(made, {"ScalingConfig": {}}).settings.concurrency_max is None
    assert parse_update(made, {"BatchSize": 5}).settings.concurrency_max == 2


def test_more_than_a_receipt_needs_a_window_and_a_fifo_queue_has_none() -> None:
    needs = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    assert refused_by_queue(BatchSize=11) == (IPV, needs)
    windowed = queue(BatchSize=50, MaximumBatchingWindowInSeconds=1).settings
    with pytest.raises(SettingsError, match=needs):
        parse_update(windowed, {"MaximumBatchingWindowInSeconds": 0})
    fifo = QUEUE + ".fifo"
    assert create(EventSourceArn=fifo, StartingPosition="absent", BatchSize=10).settings.batch_size == 10
    assert refused_by_queue(fifo, BatchSize=11) == (IPV, needs)
    window = (IPV, "Batching window is not supported for FIFO queues")
    assert refused_by_queue(fifo, BatchSize=11, MaximumBatchingWindowInSeconds=1) == window


@pytest.mark.parametrize("value", [1, 1001])
def test_a_concurrency_has_its_range(value: int) -> None:
    code, text = refused_by_queue(ScalingConfig={"MaximumConcurrency": value})
    assert code == VE and f"Value '{value}' at 'scalingConfig.maximumConcurrency'" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ParallelizationFactor", 1),
        ("MaximumRecordAgeInSeconds", -1),
        ("BisectBatchOnFunctionError", False),
        ("MaximumRetryAttempts", 0),
        ("TumblingWindowInSeconds", 0),
        ("DestinationConfig", {"OnFailure": {"Destination": QUEUE}}),
        ("Topics", ["t"]),
    ],
)
def test_what_streams_take_is_not_a_queues(name: str, value: Any) -> None:
    text = f"Unsupported {name} parameter for given event source mapping type."
    assert refused_by_queue(**{name: value}) == (IPV, text)


@pytest.mark.parametrize("config", [{}, {"OnFailure": {}}, {"OnFailure": {"Destination": ""}, "OnSuccess": {}}])
def test_an_empty_destination_config_of_a_queue_says_nothing(config: Any) -> None:
    """Q4: only one that names a destination is a stream's."""
    assert queue(DestinationConfig=config) == queue()


def test_a_queue_has_no_position_and_its_pollers_are_not_bought_yet() -> None:
    for name, value in (("StartingPosition", "LATEST"), ("StartingPositionTimestamp", 1.5)):
        assert refused_by_queue(**{name: value}) == (IPV, f"{name} is not valid for SQS event sources.")
    pollers = {"MinimumPollers": 2}
    assert "ProvisionedPollerConfig is not implemented" in refused_by_queue(ProvisionedPollerConfig=pollers)[1]


def test_a_consumer_of_kinesis_is_refused_by_name() -> None:
    code, text = refused(EventSourceArn=f"{KINESIS}/consumer/fast:1700000000")
    assert code == IPV and "enhanced fan-out is not implemented" in text and text.endswith(f", {KINESIS}")


def test_kinesis_can_start_at_a_time() -> None:
    for given in (
        1767225600.25,
        "2026-01-01T00:00:00.250Z",
        "2026-01-01T01:00:00.250+01:00",
        "2026-01-01T00:00:00.250",
    ):
        made = create(EventSourceArn=KINESIS, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=given).settings
        assert made.starting_position is StartingPosition.AT_TIMESTAMP
        assert made.starting_at == datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)


def test_a_time_to_start_at_is_one_and_is_not_to_come() -> None:
    at = {"EventSourceArn": KINESIS, "StartingPosition": "AT_TIMESTAMP"}
    code, text = refused(**at)
    assert code == IPV and "'startingPositionTimestamp'" in text and "must not be null" in text
    for wrong in ("noon", True, [], 1e20):
        assert refused(**at, StartingPositionTimestamp=wrong)[0] == "SerializationException"
    made = create(**at, StartingPositionTimestamp=1000.5).settings
    check_starting_moment(made, datetime.fromtimestamp(1000.5, UTC))
    with pytest.raises(SettingsError, match="in the future"):
        check_starting_moment(made, datetime.fromtimestamp(1000.4, UTC))


def test_data_of_kinesis_are_filtered_as_json_only() -> None:
    made = create(EventSourceArn=KINESIS, FilterCriteria={"Filters": [{"Pattern": '{"data": {"a": [1]}}'}]}).settings
    assert made.kind is SourceKind.KINESIS and made.filters
    wrong = {"Filters": [{"Pattern": '{"data": ["plain"]}'}]}
    assert refused(EventSourceArn=KINESIS, FilterCriteria=wrong) == (IPV, "Invalid filter pattern definition.")


def test_a_time_is_for_sources_that_can_start_at_one() -> None:
    unsupported = f"Unsupported starting position for arn type: {STREAM}"
    assert refused(StartingPosition="AT_TIMESTAMP") == (IPV, unsupported)
    assert refused(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1.5) == (IPV, unsupported)
    only = "Timestamp only valid with StartingPosition AT_TIMESTAMP"
    assert refused(StartingPositionTimestamp=1.5) == (IPV, only)


@pytest.mark.parametrize(
    "arn", [QUEUE, "arn:aws:sns:eu-west-1:000000000000:alarms", "arn:aws:s3:::letters.of-orders", "arn:aws-cn:s3:::abc"]
)
def test_a_queue_a_topic_and_a_bucket_take_letters(arn: str) -> None:
    assert create(DestinationConfig={"OnFailure": {"Destination": arn}}).settings.on_failure == arn


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (QUEUE + ".fifo", "FIFO"),
        ("arn:aws:sns:eu-west-1:000000000000:alarms.fifo", "FIFO"),
        ("kafka://letters", "Kafka"),
        ("arn:aws:lambda:eu-west-1:000000000000:function:f", "not the ARN"),
        ("arn:aws:sns:eu-west-1:000000000000:alarms:5be8", "not the ARN"),
        ("https://sqs.eu-west-1.amazonaws.com/000000000000/letters", "not the ARN"),
    ],
)
def test_another_destination_is_refused_with_those_that_would_do(arn: str, why: str) -> None:
    code, text = refused(DestinationConfig={"OnFailure": {"Destination": arn}})
    assert code == IPV and arn in text and why in text and text.endswith("a standard SNS topic or an S3 bucket")


def test_a_destination_that_is_too_long_is_refused_by_the_model() -> None:
    code, text = refused(DestinationConfig={"OnFailure": {"Destination": "a" * 351}})
    assert code == VE and "'destinationConfig.onFailure.destination'" in text and text.endswith("equal to 350")


def test_an_empty_on_success_asks_for_nothing() -> None:
    assert create(DestinationConfig={"OnSuccess": {}, "OnFailure": {}}).settings.on_failure is None


@pytest.mark.parametrize(
    "pattern",
    [
        None,
        "",
        "null",
        "[]",
        '"x"',
        "{",
        '{"a": 1}',
        '{"a": "x"}',
        '{"a": []}',
        '{"a": {"b": null}}',
        '{"a": {"b": []}}',
    ],
)
def test_a_pattern_that_is_none_is_refused(pattern: str | None) -> None:
    text = "Invalid filter pattern definition."
    assert refused(FilterCriteria={"Filters": [{"Pattern": PATTERN}, {"Pattern": pattern}]}) == (IPV, text)


def test_the_number_and_the_length_of_patterns_are_bounded() -> None:
    code, text = refused(FilterCriteria={"Filters": [{"Pattern": PATTERN}] * 6})
    assert code == IPV and "6 filters; at most 5" in text
    code, text = refused(FilterCriteria={"Filters": [{"Pattern": PATTERN}, {"Pattern": " " * 4097}]})
    assert code == VE and "'filterCriteria.filters.2.member.pattern'" in text


def test_event_counts_are_asked_for_and_no_longer() -> None:
    counted = create(MetricsConfig={"Metrics": ["EventCount"]}).settings
    assert counted.event_count and not create().settings.event_count
    assert parse_update(counted, {}).settings.event_count, "what is not named stays"
    assert not parse_update(counted, {"MetricsConfig": {"Metrics": []}}).settings.event_count
    assert not create(MetricsConfig={}).settings.event_count


def test_a_key_is_kept_and_the_empty_text_removes_it() -> None:
    key = "arn:aws:kms:eu-west-1:000000000000:key/k"
    keyed = create(KMSKeyArn=key).settings
    assert keyed.kms_key_arn == key
    assert parse_update(keyed, {}).settings.kms_key_arn == key
    assert parse_update(keyed, {"KMSKeyArn": ""}).settings.kms_key_arn is None


def _refused_update(**params: Any) -> tuple[str, str]:
    with pytest.raises(SettingsError) as error:
        update(**params)
    return error.value.code, error.value.message


def test_aws_refuses_first_what_we_would_refuse_too() -> None:
    window = {"TumblingWindowInSeconds": 10}
    factor = "Parallelization factor must be equal to 1 when tumbling window period is configured"
    assert refused(**window, ParallelizationFactor=2) == (IPV, factor)
    code, text = refused(**window, FilterCriteria={"Filters": [{"Pattern": PATTERN}]})
    assert code == IPV and "tumbling window" in text and "not implemented" not in text
    wanted = (
        "Member must satisfy constraint: [Member must satisfy enum value set: [EventCount, ErrorCount, KafkaMetrics], "
    )
    assert refused(MetricsConfig={"Metrics": ["Bad"]}) == (
        VE,
        violation("[Bad]", "metricsConfig.metrics", wanted + "Member must not be null]"),
    )
    assert refused(MetricsConfig={"Metrics": ["ErrorCount"]})[1].startswith("Unsupported metric ErrorCount ")


def test_an_empty_container_asks_for_nothing() -> None:
    assert create(MetricsConfig={"Metrics": []}, KMSKeyArn="", FilterCriteria={}, ScalingConfig={}) == create()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "ScalingConfig",
            "ProvisionedPollerConfig",
            "LoggingConfig",
            "Topics",
            "Queues",
            "SourceAccessConfigurations",
        ),
        *("SelfManagedEventSource", "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"),
        "DocumentDBEventSourceConfig",
    ],
)
def test_what_belongs_to_another_kind_of_source_is_unsupported(name: str) -> None:
    text = f"Unsupported {name} parameter for given event source mapping type."
    assert refused(**{name: {"x": 1}}) == _refused_update(**{name: {"x": 1}}) == (IPV, text)


def test_a_list_of_answer_types_holds_one() -> None:
    code, text = refused(FunctionResponseTypes=["ReportBatchItemFailures"] * 2)
    assert code == VE and text.endswith("Member must have length less than or equal to 1")


def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    assert update() == CURRENT
    changed = update(BatchSize=9, BisectBatchOnFunctionError=False, FunctionResponseTypes=[])
    assert (changed.batch_size, changed.bisect, changed.report_batch_item_failures) == (9, False, False)
    assert (changed.retry_attempts_max, changed.record_age_max_s, changed.on_failure) == (3, 60, QUEUE)


def test_an_update_is_held_to_the_model_as_well() -> None:
    """E5, E12: before what the service says."""
    with pytest.raises(SettingsError) as error:
        parse_update(CURRENT, {"BatchSize": 0, "FunctionResponseTypes": ["x"]})
    assert error.value.code == VE and error.value.message.startswith("2 validation errors detected: ")


def test_an_update_takes_limits_away() -> None:
    changed = update(MaximumRetryAttempts=-1, MaximumRecordAgeInSeconds=-1)
    assert (changed.retry_attempts_max, changed.record_age_max_s) == (None, None)


def test_an_empty_destination_removes_it_and_no_destination_keeps_it() -> None:
    assert update(DestinationConfig={"OnFailure": {"Destination": ""}}).on_failure is None
    assert update(DestinationConfig={"OnFailure": {}}).on_failure == QUEUE


def test_an_update_cannot_move_source_or_start() -> None:
    assert update(EventSourceArn="x", StartingPosition="TRIM_HORIZON", StartingPositionTimestamp=1.0) == CURRENT


def test_what_only_a_create_says_is_not_even_looked_at_in_an_update() -> None:
    """R21: no members of the request, so nothing can be wrong with them."""
    assert update(EventSourceArn=5, StartingPosition="now", StartingPositionTimestamp=[], Tags="none") == CURRENT


def test_an_update_says_whether_it_enables_and_names_a_function() -> None:
    assert parse_update(CURRENT, {}).enabled is None and parse_update(CURRENT, {}).function_name is None
    asked = parse_update(CURRENT, {"Enabled": False, "FunctionName": "other"})
    assert (asked.enabled, asked.function_name, asked.settings) == (False, "other", CURRENT)


def test_settings_made_in_code_are_checked_as_well() -> None:
    for bad in (
        {"batch_size": 0},
        {"record_age_max_s": 604_801},
        {"tumbling_window_s": 1, "parallelization_factor": 2},
    ):
        with pytest.raises(SettingsError):
            MappingSettings(event_source_arn=STREAM, function_arn="f", starting_position=StartingPosition.LATEST, **bad)


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"": "x"}, "at 'tags' failed to satisfy constraint: Map keys must satisfy"),
        ({"k" * 129: "x"}, "less than or equal to 128"),
        ({"k": "v" * 257}, "at 'tags' failed to satisfy constraint: Map value .*less than or equal to 256"),
        ({"aws:x": "y"}, "AWS's own"),
        ({f"k{n}": "" for n in range(51)}, "at most 50"),
    ],
)
def test_tags_are_bounded(tags: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_tags({"Tags": tags})


def test_what_no_request_has_is_named_for_files_that_people_write() -> None:
    assert unknown_parameters({**NEEDED, "BatchSzie": 1, "Tags": {}, "ScalingConfig": {}}) == ("BatchSzie",)


def test_every_member_of_a_request_is_known_and_others_are_named_in_order() -> None:
    known = (
        *("BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "Enabled", "EventSourceArn"),
        *("FilterCriteria", "FunctionName", "FunctionResponseTypes", "KMSKeyArn", "MaximumBatchingWindowInSeconds"),
        *("MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "MetricsConfig", "ParallelizationFactor"),
        *("ScalingConfig", "StartingPosition", "StartingPositionTimestamp", "Tags", "TumblingWindowInSeconds"),
    )
    assert unknown_parameters(dict.fromkeys(known)) == ()
    strange = [f"{letter}{name}" for letter, name in zip("qwertyuiopasdfghjkl", known, strict=False)]
    assert unknown_parameters(dict.fromkeys(strange)) == tuple(sorted(strange))
