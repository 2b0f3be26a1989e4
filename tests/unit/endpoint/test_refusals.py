"""What moto would take and AWS refuses, or what nothing here would act on."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from afterbay.endpoint.protocol import Request
from afterbay.endpoint.refusals import refuse_undeliverable
from afterbay.endpoint.routing import Route
from afterbay.errors import EndpointError


def sent(operation: str, name: str, value: str, *, form: bool) -> None:
    """A call that sets one attribute of a queue, as newer clients write it or as older ones do."""
    headers = {} if form else {"x-amz-target": f"AmazonSQS.{operation}"}
    fields = {"Action": operation, "Attribute.1.Name": name, "Attribute.1.Value": value}
    body = urlencode(fields) if form else json.dumps({"QueueName": "q", "Attributes": {name: value}})
    request = Request("POST", "/", "", headers, body.encode(), "eu-west-1")
    refuse_undeliverable(Route("sqs", "eu-west-1", operation), request)


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("operation", ["CreateQueue", "SetQueueAttributes"])
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("DelaySeconds", 0, 900),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ("VisibilityTimeout", 0, 43_200),
    ],
)
def test_a_queues_numbers_have_their_bounds(form, operation, name, least, most):
    for right in (least, most):
        sent(operation, name, str(right), form=form)
    for wrong in (str(least - 1), str(most + 1), "many", "", "1.5"):
        if form and not wrong:
            continue  # a form's empty field is not sent
        with pytest.raises(EndpointError, match=f"Invalid value for the parameter {name}."):
            sent(operation, name, wrong, form=form)
