"""A table that is named as its own sink: a load would put the guard's attributes into the source's items."""

from __future__ import annotations

from afterbay.aws.client import AwsSettings
from afterbay.errors import SettingsError
from afterbay.sinks.address import SinkAddress

__all__ = ["refuse_itself"]


def refuse_itself(sink: SinkAddress, table: str, aws: AwsSettings, option: str) -> None:
    """Raise ``SettingsError`` where ``sink`` is plainly ``table`` itself: the same name, region and address said alike
    or not at all. Whether a region that only one of the two names, or the account of an ARN, is the same, nobody knows
    here. A copy of the same name elsewhere is a sink like any other."""
    if sink.scheme != "dynamodb" or aws.profile is not None:
        return
    said = (sink.place, sink.parameters.get("region"), sink.parameters.get("endpoint_url"))
    if said == (table, aws.region, aws.endpoint_url):
        raise SettingsError(
            f"{sink} is the table itself", where=option, hint="name another table: nothing writes to a source"
        )
