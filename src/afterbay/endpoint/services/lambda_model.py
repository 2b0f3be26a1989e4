"""A function of the local address: its versions, its aliases, what each of its names means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from afterbay.core.change.arn import FunctionName
from afterbay.endpoint.protocol import ACCOUNT
from afterbay.endpoint.services.lambda_code import Code
from afterbay.endpoint.services.lambda_settings import FunctionSettings
from afterbay.functions.process import ProcessFunction

__all__ = ["LATEST", "Alias", "RegisteredFunction", "Version", "function_arn"]

LATEST = "$LATEST"


@dataclass(slots=True)
class Version:
    """Code and settings that run together, and their processes. ``$LATEST`` is replaced in place by updates; a
    published version stays as it is."""

    number: str
    settings: FunctionSettings
    code: Code
    description: str
    modified: datetime
    revision: str
    process: ProcessFunction


@dataclass(slots=True)
class Alias:
    """A name for a version; ``version`` is the number it points at."""

    name: str
    version: str
    description: str
    revision: str


@dataclass(slots=True)
class RegisteredFunction:
    """One function as it is now.

    ``published`` counts the versions that ever were: a number is not used again. ``reserved`` is None or how many
    invocations, of all versions together, may run at a time; ``running`` is how many do.
    """

    name: str
    region: str
    arn: str
    tags: dict[str, str]
    latest: Version
    versions: dict[str, Version] = field(default_factory=dict[str, Version])
    aliases: dict[str, Alias] = field(default_factory=dict[str, Alias])
    published: int = 0
    reserved: int | None = None
    running: int = 0

    @property
    def settings(self) -> FunctionSettings:
        """The settings that an update changes."""
        return self.latest.settings

    def version(self, qualifier: str | None) -> Version | None:
        """What a qualifier names now: nothing and ``$LATEST``, a number, an alias. None: nothing of that name."""
        if qualifier is None or qualifier == LATEST:
            return self.latest
        alias = self.aliases.get(qualifier)
        return self.version(alias.version) if alias is not None else self.versions.get(qualifier)

    def all_versions(self) -> Iterator[Version]:
        """``$LATEST``, then the published ones as they were published."""
        yield self.latest
        yield from self.versions.values()


def function_arn(name: str, region: str) -> str:
    """The ARN without a qualifier."""
    return FunctionName(name).arn(region=region, account=ACCOUNT)
