"""The rules of a region's buses, and which of them an event is for (B3, B23, B30 to B32).

Decides what is answered once the bus is known; that it exists is ``buses.py``'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from afterbay.core.bus.constraints import ARN_MAX, Listed, Text, check, limit_exceeded, not_found, objects, violations
from afterbay.core.bus.names import Home
from afterbay.core.bus.pages import PAGING, page
from afterbay.core.bus.pattern import compile_pattern, has_wildcard
from afterbay.core.bus.rule import EVENT_BUS_NAME, RULE_NAME, Rule, RuleRequest, RuleState
from afterbay.core.bus.tags import merged
from afterbay.core.bus.target import TARGET_ID, Target, parse_target, target_violations
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, text, validation_error
from afterbay.core.pattern import Pattern, PatternSet
from afterbay.errors import EndpointError

__all__ = ["Quotas", "Rules"]

TARGETS_IN_REQUEST_MAX = 10  # B31


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """How much a region has room for: AWS's defaults, all but ``targets_per_rule`` raised on request (B1, B3)."""

    buses: int = 100
    rules_per_bus: int = 300
    wildcard_rules_per_bus: int = 30
    targets_per_rule: int = 5
    pattern_characters: int = 2048


_RULE = replace(RULE_NAME, name="Rule")
_NAMED = (RULE_NAME, EVENT_BUS_NAME)
_OF_RULE = (_RULE, EVENT_BUS_NAME)
_TARGETS = Listed(name="Targets", low=1, high=100, required=True)
_IDS = Listed(name="Ids", low=1, high=100, each=replace(TARGET_ID, name="Ids"), required=True)
_TARGET_ARN = Text(name="TargetArn", low=1, high=ARN_MAX, required=True)


class _Compiled:
    """The enabled rules of a bus with their patterns, ready for an event."""

    def __init__(self, rules: Iterable[Rule], patterns: Mapping[str, Pattern]) -> None:
        self.rules = [rule for rule in rules if rule.enabled]
        self.patterns = PatternSet(patterns[rule.arn] for rule in self.rules)


class Rules:
    """The rules of one home, by bus and name."""

    def __init__(self, home: Home, quotas: Quotas, saved: Iterable[Rule] = ()) -> None:
        self.home = home
        self.quotas = quotas
        self._by_bus: dict[str, dict[str, Rule]] = {}
        self._patterns: dict[str, Pattern] = {}
        self._compiled: dict[str, _Compiled] = {}
        for rule in saved:
            self._keep(rule)

    def put(self, request: RuleRequest, bus: str) -> dict[str, JsonValue]:
        """Make or replace a rule: targets and tags stay, everything else is as ``request`` says (B30)."""
        current = self.find(bus, request.name)
        self._check_room(request, bus)
        rule = Rule(
            arn=self.home.rule_arn(bus, request.name),
            name=request.name,
            bus=bus,
            pattern=request.pattern,
            created_by=self.home.account,
            state=request.state,
            description=request.description,
            role_arn=request.role_arn,
            targets=current.targets if current is not None else (),
            tags=current.tags if current is not None else merged({}, request.tags),
        )
        self._keep(rule)
        return {"RuleArn": rule.arn}

    def describe(self, params: Mapping[str, JsonValue], bus: str) -> dict[str, JsonValue]:
        check(params, _NAMED)
        rule = self._named(bus, text(params, "Name") or "")
        return {**rule.body(), "CreatedBy": rule.created_by}

    def listed(self, params: Mapping[str, JsonValue], bus: str) -> dict[str, JsonValue]:
        check(params, (replace(RULE_NAME, name="NamePrefix", required=False), EVENT_BUS_NAME, *PAGING))
        prefix = text(params, "NamePrefix") or ""
        rules = {name: rule for name, rule in self._by_bus.get(bus, {}).items() if name.startswith(prefix)}
        shown, more = page(rules, params)
        return {"Rules": [rule.body() for rule in shown], **more}

    def switch(self, params: Mapping[str, JsonValue], bus: str, state: RuleState) -> dict[str, JsonValue]:
        """EnableRule, DisableRule."""
        check(params, _NAMED)
        self._keep(replace(self._named(bus, text(params, "Name") or ""), state=state))
        return {}

    def delete(self, params: Mapping[str, JsonValue], bus: str) -> dict[str, JsonValue]:
        """A rule that is not there is deleted all the same; one with targets is not (B32)."""
        check(params, _NAMED)
        rule = self.find(bus, text(params, "Name") or "")
        if rule is None:
            return {}
        if rule.targets:
            raise EndpointError("ValidationException", "Rule can't be deleted since it has targets.")
        del self._by_bus[bus][rule.name], self._patterns[rule.arn]
        self._compiled.pop(bus, None)
        return {}

    def read_targets(self, params: Mapping[str, JsonValue], bus: str) -> tuple[Target, ...]:
        """The targets of a PutTargets request, if nothing is wrong with it. Raises ``SettingsError``,
        ``EndpointError``."""
        given = objects(params, "Targets")
        broken = list(violations(params, (*_OF_RULE, _TARGETS)))
        for number, one in enumerate(given, start=1):
            broken.extend(target_violations(one, number))
        if broken:
            raise validation_error(broken)
        self._named(bus, text(params, "Rule") or "")
        return tuple(parse_target(one, self.home) for one in given)

    def put_targets(self, params: Mapping[str, JsonValue], bus: str) -> dict[str, JsonValue]:
        """Add targets, or replace those of the same ids wholly (B31)."""
        given = self.read_targets(params, bus)
        rule = self._named(bus, text(params, "Rule") or "")
        targets = {target.id: target for target in (*rule.targets, *given)}
        if len(targets) > self.quotas.targets_per_rule or len(given) > TARGETS_IN_REQUEST_MAX:
            raise limit_exceeded()
        self._keep(replace(rule, targets=tuple(targets[name] for name in sorted(targets))))
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def remove_targets(self, params: Mapping[str, JsonValue], bus: str) -> dict[str, JsonValue]:
        """An id that the rule does not have is removed all the same (ours)."""
        check(params, (*_OF_RULE, _IDS))
        rule, gone = self._named(bus, text(params, "Rule") or ""), items(params, "Ids") or []
        self._keep(replace(rule, targets=tuple(target for target in rule.targets if target.id not in gone)))
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def list_targets(self, params: Mapping[str, JsonValue], bus: str) -> dict[str, JsonValue]:
        check(params, (*_OF_RULE, *PAGING))
        rule = self._named(bus, text(params, "Rule") or "")
        shown, more = page({target.id: target for target in rule.targets}, params)
        return {"Targets": [target.body() for target in shown], **more}

    def names_by_target(self, params: Mapping[str, JsonValue], bus: str) -> dict[str, JsonValue]:
        check(params, (_TARGET_ARN, EVENT_BUS_NAME, *PAGING))
        arn = text(params, "TargetArn")
        names = {
            name: name
            for name, rule in self._by_bus.get(bus, {}).items()
            if any(target.arn == arn for target in rule.targets)
        }
        shown, more = page(names, params)
        return {"RuleNames": list(shown), **more}

    def matching(self, bus: str, event: bytes) -> list[Rule]:
        """The enabled rules of a bus whose patterns match, each on its own (B23)."""
        if bus not in self._by_bus:
            return []
        if bus not in self._compiled:
            self._compiled[bus] = _Compiled(self._by_bus[bus].values(), self._patterns)
        compiled = self._compiled[bus]
        return [compiled.rules[place] for place in compiled.patterns.matching(event)]

    def find(self, bus: str, name: str) -> Rule | None:
        return self._by_bus.get(bus, {}).get(name)

    def of(self, bus: str) -> tuple[Rule, ...]:
        return tuple(self._by_bus.get(bus, {}).values())

    def retag(self, rule: Rule, tags: dict[str, str]) -> None:
        self._keep(replace(rule, tags=tags))

    def saved(self) -> tuple[Rule, ...]:
        return tuple(rule for rules in self._by_bus.values() for rule in rules.values())

    def _keep(self, rule: Rule) -> None:
        """Every change passes here: the bus's patterns are compiled anew when an event comes next."""
        before = self.find(rule.bus, rule.name)
        if before is None or before.pattern != rule.pattern:
            self._patterns[rule.arn] = compile_pattern(rule.pattern)
        self._by_bus.setdefault(rule.bus, {})[rule.name] = rule
        self._compiled.pop(rule.bus, None)

    def _named(self, bus: str, name: str) -> Rule:
        rule = self.find(bus, name)
        if rule is None:
            raise not_found(f"Rule {name} does not exist on EventBus {bus}.")
        return rule

    def _check_room(self, request: RuleRequest, bus: str) -> None:
        others = [rule for rule in self.of(bus) if rule.name != request.name]
        wild = has_wildcard(compile_pattern(request.pattern))
        if (
            len(request.pattern) > self.quotas.pattern_characters
            or len(others) >= self.quotas.rules_per_bus
            or (
                wild
                and sum(has_wildcard(self._patterns[one.arn]) for one in others) >= self.quotas.wildcard_rules_per_bus
            )
        ):
            raise limit_exceeded()
