"""Alarms, and what is read and not created yet: both are named, so that others can refer to them."""

from __future__ import annotations

from afterbay.declaration.resources import Alarm, ApiDestination, Archive, Bus, Connection, Pipe, Rule
from afterbay.declaration.template import ACCOUNT
from afterbay.declaration.value import Value
from afterbay.manifest.session import Session

__all__ = ["make_alarm", "name_later"]

ALARM_NAME_MAX = 255
NAME_MAX = 64

_DEFAULT_BUS = "default"


async def make_alarm(session: Session, alarm: Alarm) -> dict[str, Value]:
    properties = session.settled(alarm.declared)
    name = session.name(alarm.declared, alarm.name, ALARM_NAME_MAX)
    properties["AlarmName"] = name
    await session.call("cloudwatch", "put_metric_alarm", **properties)
    return {"Ref": name, "Arn": f"arn:aws:cloudwatch:{session.region}:{ACCOUNT}:alarm:{name}"}


async def name_later(
    session: Session, resource: Pipe | Bus | Rule | Archive | ApiDestination | Connection
) -> dict[str, Value]:
    """The name and ARN that it will have once it is created."""
    name = session.name(resource.declared, resource.name, NAME_MAX)
    home = f"{session.region}:{ACCOUNT}"
    match resource:
        case Pipe():
            arn = f"arn:aws:pipes:{home}:pipe/{name}"
        case Bus():
            arn = f"arn:aws:events:{home}:event-bus/{name}"
        case Rule():
            bus = (session.text(resource.bus) or _DEFAULT_BUS).rpartition("/")[2]
            arn = f"arn:aws:events:{home}:rule/{name if bus == _DEFAULT_BUS else f'{bus}/{name}'}"
        case Archive():
            arn = f"arn:aws:events:{home}:archive/{name}"
        case ApiDestination():
            arn = f"arn:aws:events:{home}:api-destination/{name}"
        case Connection():
            arn = f"arn:aws:events:{home}:connection/{name}"
    return {"Ref": name, "Arn": arn}
