"""What CloudWatch shows of a mapping, as recorded (R139 to R148): vectors played through the engine.

A vector's kind is told by its members, never by its name.
"""

from __future__ import annotations

import pytest

from afterbay.core.mapping.settings import parse_create
from afterbay.ports import Answer
from unit.core.mapping.driving import ARN, after
from unit.engine.rig import QUEUE, Rig, record
from vectors.loading import Reader, vectors

DENIED = "sqs, queue policy denies SendMessage after the mapping was created"
FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:f"


async def raises(numbers: list[int]) -> Answer:
    return Answer(b'{"errorType": "Exception"}', "Unhandled")


async def played(given: Reader) -> Rig:
    """The vector's mapping, records and function, until the records are done."""
    esm = dict(given["esm"])
    destination = esm.pop("destination", None)
    assert destination in (None, "sqs", DENIED)
    request = {"EventSourceArn": ARN, "FunctionName": FUNCTION, "StartingPosition": "TRIM_HORIZON", **esm}
    if destination is not None:
        request["DestinationConfig"] = {"OnFailure": {"Destination": QUEUE}}
    assert given["function"] == "raises"
    rig = Rig()
    rig.answer = raises
    rig.target_failures = 3 if destination == DENIED else 0
    await rig.source.add_shard("s")
    count = given["records"]
    async with rig.supervisor:
        await rig.source.append("s", *(record(rig.clock, n) for n in range(1, count + 1)))
        await rig.supervisor.create("m", parse_create(request).settings, enabled=True)
        await rig.until(lambda: any(row.at == after(count) for row in rig.store.load("m")))
        await rig.until(lambda: rig.store.outbox_size() == 0)
    await rig.metrics.send()
    return rig


async def sums(given: Reader, wanted: Reader) -> None:
    rig = await played(given)
    found = rig.sums()
    for name, value in wanted["sums"].items():
        assert found[name, "m"] == value
    if "positive" in wanted.names:
        assert all(found[name, "m"] > 0 for name in wanted["positive"])
    for region, namespace, data in rig.put:
        assert (region, namespace) == ("eu-west-1", wanted["namespace"] if "namespace" in wanted.names else namespace)
        for one in data:
            if "dimension" in wanted.names and "EventCount" in one["MetricName"]:
                assert [each["Name"] for each in one["Dimensions"]] == [wanted["dimension"]]
    if "function_metric" in wanted.names:
        told = dict(wanted["function_metric"])
        assert told.pop("dimension") == "FunctionName"
        for name, value in told.items():
            assert found[name, "f"] == value
        # Ours arrives in the end, and no metric says so: AWS's own never arrives.
        assert wanted["later_redelivery_observed"] is False and wanted["observation_s"] > 0
        assert len(rig.sent) == 1 and ("OnFailureDestinationDeliveredEventCount", "m") not in found


async def contradicted(given: Reader, wanted: Reader) -> None:
    """One run showed no datapoint where the guide says there is one: the guide is followed (R145)."""
    assert wanted["normative"] is False
    assert wanted["docs_say"] == "DroppedEventCount counts records discarded by retry or age limits"
    ((name, none),) = wanted["datapoints"].items()
    assert none is None
    assert (await played(given)).sums()[name, "m"] == given["records"]


async def support_matrix(given: Reader, wanted: Reader) -> None:
    """No metric beside those of streams is ever told."""
    assert "DynamoDB streams" in given["source"]
    esm = {"BatchSize": 3, "MaximumRetryAttempts": 0, "MetricsConfig": {"Metrics": ["EventCount"]}}
    told: set[str] = set()
    for destination in ({"destination": "sqs"}, {"destination": DENIED}):
        story = {"esm": {**esm, **destination}, "records": 3, "function": "raises"}
        rig = await played(Reader(story, "example"))
        told |= {name for name, of in rig.sums() if of == "m"}
    assert told == set(wanted["supported"])
    assert not told & set(wanted["unsupported"])


def kind_of(given: Reader, wanted: Reader):
    if "supported" in wanted.names:
        return support_matrix
    return contradicted if "datapoints" in wanted.names else sums


@pytest.mark.parametrize("vector", vectors("esm/metrics.json"))
async def test_metrics_are_told_as_recorded(vector) -> None:
    with vector.opened() as (given, wanted):
        await kind_of(given, wanted)(given, wanted)
