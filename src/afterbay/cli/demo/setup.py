"""The pipeline, put up by the AWS CLI alone: the steps that a user would type (and the seed's own commands)."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

from afterbay.cli.demo.awscli import AwsCli, text_at
from afterbay.cli.demo.function import app
from afterbay.cli.demo.places import Names, Places, sink_addresses

__all__ = ["put_up", "zip_function"]

ROLE = "arn:aws:iam::000000000000:role/orders-cdc"
"""A role has to be named; at a local address it need not exist."""

TIMEOUT_S = 60
MEMORY_MB = 512
"""Of the function. Memory is counted per process, and boto3 with its models alone takes some 60 MB."""


def put_up(aws: AwsCli, url: str, folder: Path, started_s: float) -> Places:
    """Tables, stream, time to live, failure queue, function, and at last the mapping.

    A CLI command takes about a second, nearly all of it start-up, so those that do not need each other run side by
    side.
    """
    sqlite, witness = folder / "sink.sqlite3", folder / "witness.jsonl"
    environment = {
        "AFTERBAY_SINK": " ".join(sink_addresses(sqlite, Names.COPY)),
        "AFTERBAY_TTL": "mirror",
        "DEMO_WITNESS": str(witness),
    }
    _, _, queue, function = aws.side_by_side(
        _create_table(Names.TABLE),
        _create_table(Names.COPY),
        ("sqs", "create-queue", "--queue-name", Names.QUEUE),
        _create_function(zip_function(folder), environment),
    )
    queue_url = text_at(queue, "QueueUrl")
    table, attributes, _, _ = aws.side_by_side(
        (
            *("dynamodb", "update-table", "--table-name", Names.TABLE),
            *("--stream-specification", "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES"),
        ),
        ("sqs", "get-queue-attributes", "--queue-url", queue_url, "--attribute-names", "QueueArn"),
        _enable_ttl(Names.TABLE, "expires_at"),
        _enable_ttl(Names.COPY, "_expires"),  # what purges the sink's tombstones (E7)
    )
    stream_arn = text_at(table, "TableDescription", "LatestStreamArn")
    mapping = aws.run(_create_mapping(stream_arn, text_at(attributes, "Attributes", "QueueArn")))
    return Places(
        url=url,
        sqlite=sqlite,
        witness=witness,
        copy=Names.COPY,
        queue_url=queue_url,
        stream_arn=stream_arn,
        mapping=text_at(mapping, "UUID"),
        function_arn=text_at(function, "FunctionArn"),
        started_s=started_s,
    )


def zip_function(folder: Path) -> Path:
    """The function's one file as ``app.py`` in a zip."""
    target = folder / "function.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.py", Path(app.__file__).read_bytes())
    return target


def _create_table(name: str) -> tuple[str, ...]:
    return (
        *("dynamodb", "create-table", "--table-name", name),
        *("--attribute-definitions", "AttributeName=pk,AttributeType=S"),
        *("--key-schema", "AttributeName=pk,KeyType=HASH"),
        *("--billing-mode", "PAY_PER_REQUEST"),
    )


def _enable_ttl(table: str, attribute: str) -> tuple[str, ...]:
    return (
        *("dynamodb", "update-time-to-live", "--table-name", table),
        *("--time-to-live-specification", f"Enabled=true,AttributeName={attribute}"),
    )


def _create_function(code: Path, environment: dict[str, str]) -> tuple[str, ...]:
    runtime = f"python3.{sys.version_info.minor}"
    return (
        *("lambda", "create-function", "--function-name", Names.FUNCTION),
        *("--runtime", runtime, "--handler", "app.handler", "--role", ROLE),
        *("--timeout", str(TIMEOUT_S), "--memory-size", str(MEMORY_MB)),
        *("--zip-file", f"fileb://{code}"),
        *("--environment", json.dumps({"Variables": environment})),
    )


def _create_mapping(stream_arn: str, queue_arn: str) -> tuple[str, ...]:
    return (
        *("lambda", "create-event-source-mapping", "--function-name", Names.FUNCTION),
        *("--event-source-arn", stream_arn),
        *("--starting-position", "TRIM_HORIZON", "--batch-size", "100"),
        *("--maximum-batching-window-in-seconds", "1", "--parallelization-factor", "4"),
        *("--maximum-retry-attempts", "3", "--bisect-batch-on-function-error"),
        *("--maximum-record-age-in-seconds", "3600"),
        *("--function-response-types", "ReportBatchItemFailures"),
        *("--destination-config", json.dumps({"OnFailure": {"Destination": queue_arn}}, separators=(",", ":"))),
    )
