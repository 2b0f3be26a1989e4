"""Random CreatePipe requests that the API takes: what the properties of a pipe's settings are held against."""

from __future__ import annotations

from hypothesis import strategies as st

from unit.core.pipe.making import HOME, SOURCE_GROUPS, SOURCES, TARGETS, request

ONE_AT_A_TIME = ("apigateway", "api-destination")
CALLED = ("lambda", "states-express", "sqs", "sns", "events", "kinesis", "firehose", "logs", *ONE_AT_A_TIME)
LETTERS = f"arn:aws:sqs:{HOME}:letters"
PATTERNS = ('{"eventName": ["MODIFY"]}', '{ "eventID":[{"prefix":"1"}] }')

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
words = st.sampled_from(["$.eventID", "$.dynamodb.Keys.pk.S", "orders", "x-y"])
http = st.fixed_dictionaries(
    {},
    optional={
        "PathParameterValues": st.lists(words, max_size=2),
        "HeaderParameters": st.dictionaries(st.sampled_from(["a", "B"]), words, max_size=2),
        "QueryStringParameters": st.dictionaries(st.sampled_from(["a", "B"]), words, max_size=2),
    },
)
invocation = st.fixed_dictionaries(
    {}, optional={"InvocationType": st.sampled_from(["REQUEST_RESPONSE", "FIRE_AND_FORGET"])}
)
bus = st.fixed_dictionaries(
    {},
    optional={
        "DetailType": texts,
        "Source": words,
        "Resources": st.lists(st.sampled_from(["$.eventSourceARN", "arn:aws:s3:::b"]), max_size=3),
        "Time": st.just("$.time"),
    },
)
GROUPS: dict[str, tuple[str, st.SearchStrategy[dict]]] = {
    "lambda": ("LambdaFunctionParameters", invocation),
    "states-express": ("StepFunctionStateMachineParameters", invocation),
    "sqs": ("SqsQueueParameters", st.fixed_dictionaries({}, optional={"MessageGroupId": words})),
    "events": ("EventBridgeEventBusParameters", bus),
    "kinesis": ("KinesisStreamParameters", st.fixed_dictionaries({"PartitionKey": words})),
    "logs": ("CloudWatchLogsParameters", st.fixed_dictionaries({}, optional={"LogStreamName": texts})),
    "apigateway": ("HttpParameters", http),
    "api-destination": ("HttpParameters", http),
}
logging = st.fixed_dictionaries(
    {"Level": st.sampled_from(["OFF", "ERROR", "INFO", "TRACE"])},
    optional={
        "IncludeExecutionData": st.lists(st.just("ALL"), max_size=1),
        "FirehoseLogDestination": st.just({"DeliveryStreamArn": f"arn:aws:firehose:{HOME}:deliverystream/d"}),
    },
)
top = st.fixed_dictionaries(
    {},
    optional={
        "Description": texts,
        "DesiredState": st.sampled_from(["RUNNING", "STOPPED"]),
        "KmsKeyIdentifier": st.just("alias/k"),
        "LogConfiguration": logging,
    },
)


@st.composite
def readings(draw: st.DrawFn, source: str, size_max: int) -> dict:
    """Parameters of the source, with a size that its target takes."""
    chosen: dict = {"BatchSize": st.integers(1, size_max)}
    if source != "sqs":
        chosen |= {
            "MaximumBatchingWindowInSeconds": st.integers(0, 300),
            "MaximumRecordAgeInSeconds": st.integers(-1, 604_800),
            "MaximumRetryAttempts": st.integers(-1, 10_000),
            "ParallelizationFactor": st.integers(1, 10),
            "OnPartialBatchItemFailure": st.just("AUTOMATIC_BISECT"),
            "DeadLetterConfig": st.just({"Arn": LETTERS}),
        }
    given = draw(st.fixed_dictionaries({}, optional=chosen))
    if source == "kinesis" and draw(st.booleans()):
        at_s = draw(st.integers(0, 4_000_000_000)) + draw(st.sampled_from([0.0, 0.25, 0.001]))
        return {**given, "StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": at_s}
    return given


@st.composite
def requests(draw: st.DrawFn) -> dict:
    source, target = draw(st.sampled_from(sorted(SOURCE_GROUPS))), draw(st.sampled_from(CALLED))
    enrichment = draw(st.sampled_from([None, "lambda", *ONE_AT_A_TIME]))
    one = target in ONE_AT_A_TIME or enrichment in ONE_AT_A_TIME
    changed = draw(top)
    if enrichment is not None:
        changed["Enrichment"] = TARGETS[enrichment]
        parameters = draw(st.fixed_dictionaries({}, optional={"InputTemplate": texts}))
        if enrichment in ONE_AT_A_TIME and draw(st.booleans()):
            parameters["HttpParameters"] = draw(http)
        changed["EnrichmentParameters"] = parameters
    calling = draw(st.fixed_dictionaries({}, optional={"InputTemplate": texts}))
    if target in GROUPS and (target == "kinesis" or draw(st.booleans())):
        name, group = GROUPS[target]
        calling[name] = draw(group)
    made = request(
        source, target, reading=draw(readings(source, 1 if one else 10_000)), **changed, TargetParameters=calling
    )
    filters = draw(st.lists(st.sampled_from(PATTERNS), max_size=5))
    if filters:
        made["SourceParameters"]["FilterCriteria"] = {"Filters": [{"Pattern": one} for one in filters]}
    assert made["Source"] == SOURCES[source]
    return made
