"""How a Create or an Update request becomes a pipe's settings, and which is refused (X6, X8, X10, X14).

Decides from the request alone. Whether what it names exists, and may be read by the role, is for whoever can look: it
comes later, and ends in CREATE_FAILED (X5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.source import source_kind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, members, text
from afterbay.core.pipe import filters, source_parameters, target_parameters
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.errors import Field, cross_region, invalid
from afterbay.core.pipe.group import read_group
from afterbay.core.pipe.lifecycle import DesiredState
from afterbay.core.pipe.log_settings import LogSettings
from afterbay.core.pipe.model import CREATE, UPDATE
from afterbay.core.pipe.shape import Object, unknown, violations, without_nulls
from afterbay.core.pipe.source_service import BROKER, source_fault, source_service
from afterbay.core.pipe.target_parameters import HttpParameters
from afterbay.core.pipe.target_service import TargetService, enrichment_fault, target_fault, target_service
from afterbay.errors import SettingsError

__all__ = ["CheckTemplate", "check", "parse_create", "parse_tags", "parse_update", "pipe_arn", "unknown_parameters"]

CheckTemplate = Callable[[str], object]
"""Reads an input template that is not empty, and raises ``SettingsError`` for one that is refused when it is saved
(X40)."""

_Params = Mapping[str, JsonValue]


def parse_create(
    params: _Params, *, account: str, region: str, check_template: CheckTemplate | None = None
) -> PipeSettings:
    """Read a CreatePipe request, ``Name`` with it; its tags are ``parse_tags``'. Raises ``PipeError``.

    Members that AWS does not know are passed over, as AWS does; ``unknown_parameters`` names them.

    Rules: X6 what the model says comes first, then the Regions, then what the source needs, then the rest.
    """
    check(CREATE, params)
    return _settings(without_nulls(params), account, region, check_template)


def parse_update(
    current: PipeSettings, params: _Params, *, check_template: CheckTemplate | None = None
) -> PipeSettings:
    """Read an UpdatePipe request of a pipe that has ``current`` settings. Raises ``PipeError``.

    Rules: X10 what is absent stays; the parameters of a service and the log configuration are replaced whole; ``""``
    clears a description, a template, the enrichment and the key, an empty ``Filters`` the filters. Source and starting
    position are no members of this request, and so passed over.
    """
    check(UPDATE, params)
    home = parse_arn(current.arn)
    return _settings(_updated(current, without_nulls(params)), home.account, home.region, check_template)


def parse_tags(params: _Params, member: str) -> dict[str, str]:
    """The tags of a request that its model has nothing against (X8): ``member`` is ``Tags`` of a Create, ``tags`` of a
    TagResource. Raises ``PipeError`` for AWS's own names."""
    given = members(params, member) or {}
    _refuse(Field(f"{member}.{key}", "Names that begin with aws: are AWS's own") for key in given if _reserved(key))
    return {key: text(given, key) or "" for key in given}


def check(model: Object, params: _Params) -> None:
    """Refuse what the model of a request does not take, all of it at once. Raises ``PipeError``."""
    _refuse(violations(model, dict(params)))


def pipe_arn(name: str, *, account: str, region: str, partition: str = "aws") -> str:
    """X2."""
    return f"arn:{partition}:pipes:{region}:{account}:pipe/{name}"


def unknown_parameters(params: _Params) -> tuple[str, ...]:
    """The paths of members that no Create request has, misspelt ones for instance: for files that a person wrote."""
    return tuple(unknown(CREATE, dict(params)))


def _settings(params: _Params, account: str, region: str, check_template: CheckTemplate | None) -> PipeSettings:
    """The settings of a whole request. An empty text is none at all (X10, X30)."""
    name, source, target = _text(params, "Name"), _text(params, "Source"), _text(params, "Target")
    enrichment = text(params, "Enrichment") or None
    reading = members(params, "SourceParameters") or {}
    calling = members(params, "TargetParameters") or {}
    enriching = members(params, "EnrichmentParameters") or {}
    _check_regions(source, target, region=region)
    service = source_service(source)
    if service is not None:
        _refuse(source_parameters.faults(source, service, reading))
    _refuse(_service_faults(source, target, enrichment, account=account))
    assert service is not None, "told by the source's fault"
    on_target, on_enrichment = target_service(target), None if enrichment is None else target_service(enrichment)
    patterns = _patterns(reading)
    _refuse(
        [
            *filters.faults(patterns, source_kind(source)),
            *target_parameters.faults(on_target, calling, "TargetParameters"),
            *target_parameters.faults(on_enrichment, enriching, "EnrichmentParameters"),
            *_template_faults(enriching, "EnrichmentParameters", check_template),
            *_template_faults(calling, "TargetParameters", check_template),
        ]
    )
    http = target_parameters.read(on_enrichment, enriching)
    log = members(params, "LogConfiguration")
    return PipeSettings(
        name=name,
        arn=pipe_arn(name, account=account, region=region, partition=parse_arn(source).partition),
        role_arn=_text(params, "RoleArn"),
        source=source,
        source_parameters=source_parameters.read(service, reading),
        target=target,
        filters=tuple(one for one in patterns if one is not None),
        enrichment=enrichment,
        enrichment_template=text(enriching, "InputTemplate") or None,
        enrichment_parameters=http if isinstance(http, HttpParameters) else None,
        target_template=text(calling, "InputTemplate") or None,
        target_parameters=target_parameters.read(on_target, calling),
        description=text(params, "Description") or None,
        log=None if log is None else read_group(LogSettings, log),
        desired_state=DesiredState(text(params, "DesiredState") or DesiredState.RUNNING),
        kms_key=text(params, "KmsKeyIdentifier") or None,
    )


def _updated(current: PipeSettings, params: _Params) -> dict[str, JsonValue]:
    """The whole request that ``current`` and an Update make together (X10)."""
    before = current.request()
    whole = {**before, **params, "Name": current.name, "Source": current.source}
    whole["SourceParameters"] = _reading(current, members(params, "SourceParameters") or {})
    target, enrichment = _text(whole, "Target"), _text(whole, "Enrichment")
    for name, old, new in (
        ("TargetParameters", current.target_service, target_service(target)),
        ("EnrichmentParameters", current.enrichment_service, target_service(enrichment) if enrichment else None),
    ):
        whole[name] = {**_kept(members(before, name) or {}, old, new), **(members(params, name) or {})}
    return whole


def _reading(current: PipeSettings, given: _Params) -> dict[str, JsonValue]:
    """The source's parameters after an Update: where reading began stays."""
    before, group = members(current.request(), "SourceParameters") or {}, current.source_service.groups[0]
    own, old = members(given, group), members(before, group) or {}
    whole = {**before, **given}
    if own is not None:
        begun = {name: value for name, value in old.items() if name.startswith("StartingPosition")}
        whole[group] = {**{name: value for name, value in own.items() if name not in _STARTS}, **begun}
    return whole


_STARTS = ("StartingPosition", "StartingPositionTimestamp")


def _kept(before: _Params, old: TargetService | None, new: TargetService | None) -> dict[str, JsonValue]:
    """What stays of the parameters of a call: a group goes when another kind of service is called (ours)."""
    same = old is not None and new is not None and old.group == new.group
    return {name: value for name, value in before.items() if same or name == "InputTemplate"}


def _check_regions(source: str, target: str, *, region: str) -> None:
    """X6. A broker's address has no Region."""
    for arn in (source, target):
        if not arn.startswith(BROKER) and parse_arn(arn).region not in ("", region):
            raise cross_region()


def _service_faults(source: str, target: str, enrichment: str | None, *, account: str) -> Iterator[Field]:
    if sentence := source_fault(source):
        yield Field("Source", sentence)
    if enrichment is not None and (sentence := enrichment_fault(enrichment)):
        yield Field("Enrichment", sentence)
    if sentence := target_fault(target, account=account):
        yield Field("Target", sentence)


def _patterns(reading: _Params) -> list[str | None]:
    criteria = members(reading, "FilterCriteria") or {}
    return [text(one, "Pattern") if isinstance(one, dict) else None for one in items(criteria, "Filters") or []]


def _template_faults(given: _Params, where: str, check_template: CheckTemplate | None) -> Iterator[Field]:
    template = text(given, "InputTemplate")
    if template and check_template is not None:
        try:
            check_template(template)
        except SettingsError as error:
            yield Field(f"{where}.InputTemplate", str(error))


def _reserved(key: str) -> bool:
    return key.lower().startswith("aws:")


def _text(params: _Params, name: str) -> str:
    """A member that the model requires, or the empty text."""
    return text(params, name) or ""


def _refuse(fields: Iterable[Field]) -> None:
    wrong = list(fields)
    if wrong:
        raise invalid(wrong)
