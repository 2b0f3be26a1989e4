"""What moto would accept and never deliver: it is refused when it is set up (DESIGN section 8).

moto's own Lambda holds no function, so whatever would call one through moto is named here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import members, text
from afterbay.endpoint.protocol import Request, json_object
from afterbay.endpoint.routing import Route
from afterbay.errors import EndpointError, SettingsError

__all__ = ["refuse_undeliverable"]

_LAMBDA_NOTIFICATIONS = (b"CloudFunctionConfiguration", b"LambdaFunctionConfiguration")


def refuse_undeliverable(route: Route, request: Request) -> None:
    """Raises ``EndpointError`` for a subscription or notification that would call a function, and for a delivery stream
    that would not deliver as it says."""
    if route.service == "sns" and route.operation == "Subscribe" and b"Protocol=lambda" in request.body:
        raise EndpointError(
            "InvalidParameter",
            "Invalid parameter: Protocol: this address does not deliver topics to functions yet; subscribe a queue",
        )
    notifies = route.service == "s3" and request.method == "PUT" and "notification" in request.parameters
    if notifies and any(name in request.body for name in _LAMBDA_NOTIFICATIONS):
        raise EndpointError(
            "InvalidArgument",
            "the local address does not deliver bucket notifications to functions yet; name a queue or a topic",
        )
    if route.service == "sqs" and route.operation in ("CreateQueue", "SetQueueAttributes"):
        _check_queue(_queue_attributes(request))
    if route.service == "logs" and route.operation == "PutSubscriptionFilter" and b":lambda:" in request.body:
        raise EndpointError(
            "InvalidParameterException", "the local address does not deliver log events to functions yet"
        )
    if route.service == "firehose" and route.operation in _DELIVERY_STREAM_CALLS:
        try:
            told = next(_not_delivered(json_object(request.body)), None)
        except SettingsError as error:
            raise EndpointError("SerializationException", error.message) from error
        if told is not None:
            raise EndpointError("InvalidArgumentException", f"the local address {told}")


_QUEUE_BOUNDS = {
    "DelaySeconds": (0, 900),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
"""What SetQueueAttributes says of each, in seconds; moto takes anything."""


def _queue_attributes(request: Request) -> Mapping[str, JsonValue]:
    """The attributes that a call sets, of JSON or of a form."""
    if request.headers.get("x-amz-target"):
        try:
            return members(json_object(request.body), "Attributes") or {}
        except (EndpointError, SettingsError):  # the next reader says so
            return {}
    form = {name: values[-1] for name, values in parse_qs(request.body.decode(errors="replace")).items()}
    ends = (one.removesuffix("Name") for one in form if one.startswith("Attribute.") and one.endswith(".Name"))
    return {form[end + "Name"]: form.get(end + "Value") for end in ends}


def _check_queue(attributes: Mapping[str, JsonValue]) -> None:
    """Raises ``EndpointError`` for a number out of its bounds."""
    for name, (least, most) in _QUEUE_BOUNDS.items():
        told = attributes.get(name)
        if told is None:
            continue
        digits = str(told)
        if not (digits.isascii() and digits.isdigit() and least <= int(digits) <= most):
            raise EndpointError("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


_DELIVERY_STREAM_CALLS = frozenset({"CreateDeliveryStream", "UpdateDestination"})
_SWITCHED_ON = ("ProcessingConfiguration", "DataFormatConversionConfiguration", "DynamicPartitioningConfiguration")


def _not_delivered(params: Mapping[str, JsonValue]) -> Iterator[str]:
    """What a delivery stream asks for that moto takes and does not do: it puts each call's records into one object."""
    if text(params, "DeliveryStreamType") not in (None, "DirectPut"):
        yield "delivers what is put into a delivery stream, and reads no other source: leave DeliveryStreamType out"
    for name in params:
        if name.endswith(("DestinationConfiguration", "DestinationUpdate")):
            if "S3Destination" not in name:
                yield f"delivers delivery streams to S3 only, not as {name} says"
            yield from _not_written(members(params, name) or {})


def _not_written(destination: Mapping[str, JsonValue]) -> Iterator[str]:
    for name in _SWITCHED_ON:
        setting = members(destination, name)
        if setting is not None and setting.get("Enabled", name.startswith("Data")) is not False:
            yield f"writes records as they came: {name} is not implemented"
    if text(destination, "CompressionFormat") not in (None, "UNCOMPRESSED"):
        yield "writes records as they came: CompressionFormat is not implemented"
    if text(destination, "S3BackupMode") not in (None, "Disabled"):
        yield "keeps no copy of records: S3BackupMode is not implemented"
    for name in ("FileExtension", "CustomTimeZone"):
        if text(destination, name) not in (None, "", "UTC"):
            yield f"names objects its own way: {name} is not implemented"
    prefix = text(destination, "Prefix") or ""
    if "!{" in prefix or (prefix and not prefix.endswith("/")):
        yield "takes a Prefix that ends with a slash and has no expressions in it"
