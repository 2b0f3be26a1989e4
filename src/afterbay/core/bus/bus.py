"""One bus: its settings checked, and how it is shown (B1, B6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from afterbay.core.bus.constraints import (
    ARN_MAX,
    BUS_NAME_OR_ARN,
    DESCRIPTION,
    KMS_KEY,
    Text,
    invalid,
    refuse_members,
    violations,
)
from afterbay.core.bus.names import Home
from afterbay.core.bus.tags import TAGS, merged, read_tags, tag_violations
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import members, text, validation_error

__all__ = ["BUS_NAME", "NAME_OR_ARN", "Bus", "changed_bus", "new_bus"]

BUS_NAME = Text(name="Name", low=1, high=256, pattern=r"[/\.\-_A-Za-z0-9]+", required=True)
"""The model's spelling, partners' buses included."""

NAME_OR_ARN = Text(name="Name", low=1, high=ARN_MAX, pattern=BUS_NAME_OR_ARN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """One bus. Moments are epoch seconds."""

    name: str
    arn: str
    created_s: float
    modified_s: float
    description: str | None = None
    kms_key: str | None = None
    dead_letter_arn: str | None = None
    policy: str | None = None
    tags: dict[str, str] = field(default_factory=dict[str, str])

    def settings(self) -> dict[str, JsonValue]:
        """What was set, and nothing else."""
        given: dict[str, JsonValue] = {"Description": self.description, "KmsKeyIdentifier": self.kms_key}
        if self.dead_letter_arn is not None:
            given["DeadLetterConfig"] = {"Arn": self.dead_letter_arn}
        return {name: value for name, value in given.items() if value is not None}

    def summary(self) -> dict[str, JsonValue]:
        """As ListEventBuses shows it [recorded]."""
        optional: dict[str, JsonValue] = {"Description": self.description, "Policy": self.policy}
        shown = {name: value for name, value in optional.items() if value is not None}
        times = {"CreationTime": self.created_s, "LastModifiedTime": self.modified_s}
        return {"Name": self.name, "Arn": self.arn, **shown, **times}

    def body(self) -> dict[str, JsonValue]:
        """As DescribeEventBus shows it [recorded]."""
        return {**self.summary(), **self.settings()}


_SETTINGS = (DESCRIPTION, KMS_KEY)
_LOG_LEVEL = Text(name="Level", choices=("OFF", "ERROR", "INFO", "TRACE"))
_LOG_DETAIL = Text(name="IncludeDetail", choices=("NONE", "FULL"))
_QUEUE = Text(name="Arn", low=1, high=ARN_MAX)


def new_bus(params: Mapping[str, JsonValue], home: Home, now: datetime) -> Bus:
    """Read a CreateEventBus request. Raises ``SettingsError``."""
    _check(params, required=True)
    refuse_members(params, ("EventSourceName",), "there are no partners' buses here")
    name = text(params, "Name") or ""
    if "/" in name:
        raise invalid("Event bus name is not valid: a slash is for partners' buses")
    bus = Bus(
        name=name,
        arn=home.bus_arn(name),
        created_s=now.timestamp(),
        modified_s=now.timestamp(),
        tags=merged({}, read_tags(params)),
    )
    return _with_settings(bus, params)


def changed_bus(bus: Bus, params: Mapping[str, JsonValue], now: datetime) -> Bus:
    """Read an UpdateEventBus request of ``bus``; what it leaves out stays. Raises ``SettingsError``."""
    _check(params, required=False)
    return replace(_with_settings(bus, params), modified_s=now.timestamp())


def _with_settings(bus: Bus, params: Mapping[str, JsonValue]) -> Bus:
    """The dead-letter queue is for events that a key does not decrypt, so nothing comes to it here (B6)."""
    queue = members(params, "DeadLetterConfig")
    return replace(
        bus,
        description=_or(text(params, "Description"), bus.description),
        kms_key=_or(text(params, "KmsKeyIdentifier"), bus.kms_key),
        dead_letter_arn=bus.dead_letter_arn if queue is None else text(queue, "Arn"),
    )


def _or(value: str | None, otherwise: str | None) -> str | None:
    return otherwise if value is None else value or None


def _check(params: Mapping[str, JsonValue], *, required: bool) -> None:
    """Logs of a bus are not written (B6): a level that asks for some is refused by name."""
    log, queue = members(params, "LogConfig") or {}, members(params, "DeadLetterConfig") or {}
    broken = [
        *violations(params, (BUS_NAME if required else replace(BUS_NAME, required=False), *_SETTINGS, TAGS)),
        *violations(queue, (_QUEUE,), at="deadLetterConfig."),
        *violations(log, (_LOG_DETAIL, _LOG_LEVEL), at="logConfig."),
        *tag_violations(params),
    ]
    if broken:
        raise validation_error(broken)
    if text(log, "Level") not in (None, "OFF"):
        raise invalid("LogConfig.Level is not implemented: buses write no logs; leave it out or set it to OFF")
