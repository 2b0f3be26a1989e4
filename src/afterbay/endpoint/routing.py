"""Which service, region and operation a request means.

Services and operations are named as boto3 names them. Signed requests say it in their credential scope, the others by
target, action or path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from afterbay.endpoint.protocol import Protocol, Request

__all__ = ["DEFAULT_REGION", "MOTO_SERVICES", "Route", "route", "wire_protocol"]

DEFAULT_REGION = "us-east-1"
"""Where an unsigned request goes."""

MOTO_SERVICES = frozenset({"cloudwatch", "dynamodb", "firehose", "iam", "kinesis", "logs", "s3", "sns", "sqs", "sts"})

_SIGNING_NAMES = {"monitoring": "cloudwatch"}
_TARGETS = {
    "DynamoDB": "dynamodb",
    "DynamoDBStreams": "dynamodbstreams",
    "AmazonSQS": "sqs",
    "Logs": "logs",
    "Kinesis": "kinesis",
    "Firehose": "firehose",
    "AWSEvents": "events",
    "GraniteServiceVersion20100801": "cloudwatch",
}
_QUERY_VERSIONS = {
    "2010-03-31": "sns",
    "2012-11-05": "sqs",
    "2010-05-08": "iam",
    "2011-06-15": "sts",
    "2010-08-01": "cloudwatch",
}
_SCOPE = re.compile(r"Credential=[^/,\s]*/[0-9]{8}/([^/]+)/([^/]+)/aws4_request")
_REST_PATHS = (
    *(
        (f"/{date}/", "lambda")
        for date in ("2015-03-31", "2017-03-31", "2017-10-31", "2018-10-31", "2019-09-25", "2019-09-30")
    ),
    ("/v1/pipes", "pipes"),
)
_CBOR_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)")

_OBJECT_OPERATIONS = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_BUCKET_OPERATIONS = {"PUT": "CreateBucket", "GET": "ListObjects", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. ``operation`` is empty where only the service itself can tell it."""

    service: str
    region: str
    operation: str


def route(request: Request) -> Route:
    """Read service, region and operation off a request; a request that names no service is taken for S3."""
    target, _, operation = request.headers.get("x-amz-target", "").partition(".")
    form = _form(request)
    scope = _SCOPE.search(request.headers.get("authorization", "") or unquote(_presigned(request)))
    region = scope[1] if scope else DEFAULT_REGION
    cbor = _CBOR_PATH.fullmatch(request.path)
    if cbor:
        target, operation = cbor[1], cbor[2]
    service = _SIGNING_NAMES.get(scope[2], scope[2]) if scope else _unsigned(request, target, form)
    if service == "dynamodb":
        service = _TARGETS.get(target.partition("_")[0], "dynamodb")
    if not operation:
        operation = form.get("Action", "")
    if service == "s3":
        operation = _s3_operation(request)
    return Route(service, region, operation)


def wire_protocol(service: str, request: Request) -> Protocol:
    """The form in which an error of ours is written for this request."""
    if service in ("dynamodb", "dynamodbstreams"):
        return "json-1.0"
    if service == "sqs" and "x-amz-target" in request.headers:
        return "json-1.0"
    if "x-amz-target" in request.headers:
        return "json-1.1"
    return "query" if service in MOTO_SERVICES or _form(request) else "rest-json"


def _unsigned(request: Request, target: str, form: dict[str, str]) -> str:
    if target:
        return _TARGETS.get(target.partition("_")[0], target)
    if form:
        return _QUERY_VERSIONS.get(form.get("Version", ""), "sts")
    return next((service for prefix, service in _REST_PATHS if request.path.startswith(prefix)), "s3")


def _presigned(request: Request) -> str:
    if "X-Amz-Credential=" not in request.query:
        return ""
    credential = request.parameters.get("X-Amz-Credential", "")
    return f"Credential={credential}"


def _form(request: Request) -> dict[str, str]:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {}
    parsed = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    # Without an action it is a body whose type nobody chose, as of `curl -d`.
    return {name: values[-1] for name, values in parsed.items()} if "Action" in parsed else {}


def _s3_operation(request: Request) -> str:
    """The usual operations; another answers with an empty name and cannot be given a fault."""
    parts = [part for part in request.path.split("/") if part]
    parameters = request.parameters
    if not parts:
        return "ListBuckets" if request.method == "GET" else ""
    if len(parts) == 1:
        if request.method == "GET" and parameters.get("list-type") == "2":
            return "ListObjectsV2"
        if request.method == "POST" and "delete" in parameters:
            return "DeleteObjects"
        return _BUCKET_OPERATIONS.get(request.method, "") if not parameters else ""
    if request.method == "PUT" and "x-amz-copy-source" in request.headers:
        return "CopyObject"
    return _OBJECT_OPERATIONS.get(request.method, "")
