"""Alarms."""

from __future__ import annotations

from afterbay.declaration.resources import Alarm
from afterbay.declaration.template import ACCOUNT
from afterbay.declaration.value import Value
from afterbay.manifest.session import Session

__all__ = ["make_alarm"]

ALARM_NAME_MAX = 255


async def make_alarm(session: Session, alarm: Alarm) -> dict[str, Value]:
    properties = session.settled(alarm.declared)
    name = session.name(alarm.declared, alarm.name, ALARM_NAME_MAX)
    properties["AlarmName"] = name
    await session.call("cloudwatch", "put_metric_alarm", **properties)
    arn = f"arn:{session.partition.name}:cloudwatch:{session.region}:{ACCOUNT}:alarm:{name}"
    return {"Ref": name, "Arn": arn}
