"""Records of a Timestream table (X69): dimensions, a time, a version, and a record for each measure.

``parameters`` are a pipe's TimestreamParameters, with what the event gave them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.core.target.call import AwsCall

__all__ = ["MEASURES_MAX", "WHOLE", "write_records"]

MEASURES_MAX = 100
"""Records that one call takes."""

WHOLE = ("TimeValue", "VersionValue")
"""Parameters that are whole numbers once the event has given them."""

_MILLISECONDS = "MILLISECONDS"

Parameters = Mapping[str, JsonValue]


def write_records(table_arn: str, parameters: Parameters) -> AwsCall:
    """WriteRecords: what all measures share is said once."""
    arn = parse_arn(table_arn)
    _, database, _, table = arn.resource.split("/")
    common: dict[str, object] = {
        "Dimensions": [
            {"Name": one["DimensionName"], "Value": one["DimensionValue"], "DimensionValueType": "VARCHAR"}
            for one in _listed(parameters, "DimensionMappings")
        ],
        "Time": str(parameters["TimeValue"]),
        "TimeUnit": parameters.get("EpochTimeUnit") or _MILLISECONDS,
        "Version": int(str(parameters["VersionValue"])),
    }
    told = {
        "DatabaseName": database,
        "TableName": table,
        "CommonAttributes": common,
        "Records": [*_single(parameters), *_multi(parameters)],
    }
    return AwsCall("timestream-write", "write_records", arn.region, told)


def _single(parameters: Parameters) -> Iterator[dict[str, object]]:
    for one in _listed(parameters, "SingleMeasureMappings"):
        yield {name: one[name] for name in ("MeasureName", "MeasureValue", "MeasureValueType")}


def _multi(parameters: Parameters) -> Iterator[dict[str, object]]:
    for one in _listed(parameters, "MultiMeasureMappings"):
        values = [
            {"Name": each["MultiMeasureAttributeName"], "Value": each["MeasureValue"], "Type": each["MeasureValueType"]}
            for each in _listed(one, "MultiMeasureAttributeMappings")
        ]
        yield {"MeasureName": one["MultiMeasureName"], "MeasureValueType": "MULTI", "MeasureValues": values}


def _listed(members: Parameters, name: str) -> list[dict[str, JsonValue]]:
    listed = members.get(name)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
