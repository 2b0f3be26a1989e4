"""What moto would accept and never deliver: it is refused when it is set up (DESIGN section 8).

moto's own Lambda holds no function, so whatever would call one through moto is named here.
"""

from __future__ import annotations

from afterbay.endpoint.protocol import Request
from afterbay.endpoint.routing import Route
from afterbay.errors import EndpointError

__all__ = ["refuse_undeliverable"]

_LAMBDA_NOTIFICATIONS = (b"CloudFunctionConfiguration", b"LambdaFunctionConfiguration")


def refuse_undeliverable(route: Route, request: Request) -> None:
    """Raises ``EndpointError`` for a subscription or notification that would call a function."""
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
    if route.service == "logs" and route.operation == "PutSubscriptionFilter" and b":lambda:" in request.body:
        raise EndpointError(
            "InvalidParameterException", "the local address does not deliver log events to functions yet"
        )
