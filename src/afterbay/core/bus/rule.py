"""A rule: its settings checked (B26, B30).

Decides what a PutRule request means on its own. Whether its bus exists and has room is for ``buses.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from afterbay.core.bus.constraints import ARN_MAX, AWS_NAME, BUS_NAME_OR_ARN, DESCRIPTION, Text, invalid, violations
from afterbay.core.bus.pattern import PATTERN, compile_pattern
from afterbay.core.bus.tags import TAGS, read_tags, tag_violations
from afterbay.core.bus.target import Target
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import text, validation_error

__all__ = [
    "EVENT_BUS_NAME",
    "RULE_NAME",
    "Rule",
    "RuleRequest",
    "RuleState",
    "parse_rule",
]

RULE_NAME = Text(name="Name", low=1, high=64, pattern=AWS_NAME, required=True)
EVENT_BUS_NAME = Text(name="EventBusName", low=1, high=ARN_MAX, pattern=BUS_NAME_OR_ARN)


class RuleState(StrEnum):
    """A disabled rule takes no events; the third state differs from ENABLED for CloudTrail's events only (B30)."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a bus. ``pattern`` is JSON text as it was given; ``targets`` are sorted by their ids."""

    arn: str
    name: str
    bus: str
    pattern: str
    created_by: str
    state: RuleState = RuleState.ENABLED
    description: str | None = None
    role_arn: str | None = None
    targets: tuple[Target, ...] = ()
    tags: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def enabled(self) -> bool:
        return self.state is not RuleState.DISABLED

    def body(self) -> dict[str, JsonValue]:
        """The rule as ListRules shows it; DescribeRule adds CreatedBy [recorded]."""
        optional: dict[str, JsonValue] = {"Description": self.description, "RoleArn": self.role_arn}
        return {
            "Name": self.name,
            "Arn": self.arn,
            "EventPattern": self.pattern,
            "State": self.state.value,
            **{name: value for name, value in optional.items() if value is not None},
            "EventBusName": self.bus,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRequest:
    """A PutRule that is right in itself. ``bus`` is a name or an ARN; what it leaves out is gone from now on (B30)."""

    name: str
    bus: str | None
    pattern: str
    state: RuleState
    description: str | None
    role_arn: str | None
    tags: dict[str, str]


_MODEL = (
    RULE_NAME,
    Text(name="ScheduleExpression", high=256),
    PATTERN,
    Text(name="State", choices=tuple(RuleState)),
    DESCRIPTION,
    Text(name="RoleArn", low=1, high=ARN_MAX),
    TAGS,
    EVENT_BUS_NAME,
)


def parse_rule(params: Mapping[str, JsonValue]) -> RuleRequest:
    """Read a PutRule request. Raises ``SettingsError``; a schedule is refused by name, since none is ever fired."""
    broken = [*violations(params, _MODEL), *tag_violations(params)]
    if broken:
        raise validation_error(broken)
    if text(params, "ScheduleExpression"):
        raise invalid(
            "ScheduleExpression is not implemented: rules are triggered by events only; give an EventPattern instead"
        )
    pattern = text(params, "EventPattern")
    if not pattern:
        raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    compile_pattern(pattern)
    return RuleRequest(
        name=text(params, "Name") or "",
        bus=text(params, "EventBusName"),
        pattern=pattern,
        state=RuleState(text(params, "State") or RuleState.ENABLED),
        description=text(params, "Description"),
        role_arn=text(params, "RoleArn"),
        tags=read_tags(params),
    )
