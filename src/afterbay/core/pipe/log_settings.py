"""What of a pipe is logged, and where to: LogConfiguration, typed (X100)."""

from __future__ import annotations

from typing import Literal

from afterbay.core.pipe.group import Group
from afterbay.core.pipe.log import Level

__all__ = ["FirehoseDestination", "LogSettings", "LogsDestination", "S3Destination"]


class LogsDestination(Group, frozen=True, kw_only=True):
    log_group_arn: str


class FirehoseDestination(Group, frozen=True, kw_only=True):
    delivery_stream_arn: str


class S3Destination(Group, frozen=True, kw_only=True):
    """Only the format ``json`` is honoured, which the guide says of AWS too."""

    bucket_name: str
    bucket_owner: str
    output_format: Literal["json", "plain", "w3c"] | None = None
    prefix: str | None = None


class LogSettings(Group, frozen=True, kw_only=True):
    """The same records go to every destination."""

    level: Level
    include_execution_data: tuple[Literal["ALL"], ...] | None = None
    cloudwatch_logs_log_destination: LogsDestination | None = None
    firehose_log_destination: FirehoseDestination | None = None
    s3_log_destination: S3Destination | None = None

    @property
    def includes_data(self) -> bool:
        """True if payloads, requests and answers are logged (X103); they are not by default."""
        return bool(self.include_execution_data)

    @property
    def cuts(self) -> bool:
        """True if records are cut to what CloudWatch Logs takes (X104)."""
        return self.cloudwatch_logs_log_destination is not None
