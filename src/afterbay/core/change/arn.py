"""ARNs and function names, parsed once.

Decides what the parts of an ARN are. Whether the resource exists is the services' to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from afterbay.core.change.partition import partition_of
from afterbay.errors import SettingsError

__all__ = [
    "Arn",
    "FunctionName",
    "StreamArn",
    "arn_in",
    "is_pipe",
    "owner_name",
    "parse_arn",
    "parse_function_name",
    "parse_stream_arn",
]


@dataclass(frozen=True, slots=True)
class Arn:
    """The six parts of an ARN. ``region`` and ``account`` are empty where the service has none (S3)."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def arn_in(region: str, service: str, account: str, resource: str) -> Arn:
    """An ARN in the region's own partition."""
    return Arn(partition_of(region).name, service, region, account, resource)


def is_pipe(arn: str) -> bool:
    """True for the ARN of a pipe, which stands where a function's does in what reads the pipe's source."""
    return ":pipes:" in arn


def owner_name(arn: str) -> str:
    """The name of the function or the pipe that reads a source, of its ARN. Raises ``SettingsError``."""
    return parse_arn(arn).resource.removeprefix("pipe/") if is_pipe(arn) else parse_function_name(arn).name


@dataclass(frozen=True, slots=True)
class StreamArn:
    """A DynamoDB stream. ``label`` is its creation time in UTC, and so the first half of a sequence token (E2)."""

    arn: str
    partition: str
    region: str
    account: str
    table: str
    label: str

    @property
    def table_arn(self) -> str:
        return f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{self.table}"

    def __str__(self) -> str:
        return self.arn


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function as it was named (R2): a part that the name left out is None, and the caller's own applies."""

    name: str
    qualifier: str | None = None
    account: str | None = None
    region: str | None = None
    partition: str | None = None

    def arn(self, *, region: str, account: str, partition: str | None = None) -> str:
        """The full ARN; parts that were named win over the caller's. The qualifier stays exactly as given (R29).

        ``partition`` None: the region's own.
        """
        place = self.region or region
        cloud = self.partition or partition or partition_of(place).name
        whole = f"arn:{cloud}:lambda:{place}:{self.account or account}:function:{self.name}"
        return f"{whole}:{self.qualifier}" if self.qualifier is not None else whole


_STREAM = re.compile(r"table/([a-zA-Z0-9_.-]{1,255})/stream/([^/]+)")
_FUNCTION = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:(?P<region>[a-z0-9-]+):(?=[0-9]{12}:function:))?"
    r"(?:(?P<account>[0-9]{12}):function:|function:)?"
    r"(?P<name>[a-zA-Z0-9_-]{1,64})"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_-]{1,128}))?"
)


def parse_arn(text: str) -> Arn:
    """The parts of an ARN. Raises ``SettingsError`` that shows the text and the form."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        raise SettingsError(f"{text!r} is not an ARN", hint="the form is arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE")
    return Arn(*parts[1:])


@lru_cache(maxsize=1024)  # a process reads few streams and parses their ARNs for every record
def parse_stream_arn(text: str) -> StreamArn:
    """The ARN of a DynamoDB stream. Raises ``SettingsError`` for anything else."""
    arn = parse_arn(text)
    found = _STREAM.fullmatch(arn.resource)
    if arn.service != "dynamodb" or found is None:
        raise SettingsError(
            f"{text!r} is not the ARN of a DynamoDB stream",
            hint="the form is arn:aws:dynamodb:REGION:ACCOUNT:table/NAME/stream/LABEL",
        )
    return StreamArn(text, arn.partition, arn.region, arn.account, found[1], found[2])


def parse_function_name(text: str) -> FunctionName:
    """A function named as ``name``, ``name:qualifier``, ``ACCOUNT:function:name`` or by its ARN (R2).

    Raises ``SettingsError``.
    """
    found = _FUNCTION.fullmatch(text)
    if found is None:
        raise SettingsError(
            f"{text!r} is not a function's name",
            hint="name, name:qualifier, ACCOUNT:function:name or arn:aws:lambda:REGION:ACCOUNT:function:name",
        )
    parts = found.groupdict()
    return FunctionName(found["name"], parts["qualifier"], parts["account"], parts["region"], parts["partition"])
