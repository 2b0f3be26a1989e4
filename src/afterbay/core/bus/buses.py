"""The buses of one account and region, and where an event on them goes (B1, B5, B13, B22, B23, B27).

Decides what each request about buses, rules, targets and tags is answered. Times are handed in; changes take effect at
once (B5). What is to be kept is frozen: ``saved`` gives it, the constructor takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from afterbay.core.bus.bus import BUS_NAME, NAME_OR_ARN, Bus, changed_bus, new_bus
from afterbay.core.bus.constraints import check, invalid, limit_exceeded, not_found
from afterbay.core.bus.delivery import Delivery, begin
from afterbay.core.bus.envelope import Arrival, encode_event
from afterbay.core.bus.names import DEFAULT_BUS, Home, split_rule_arn
from afterbay.core.bus.pages import PAGING, page
from afterbay.core.bus.permission import bus_of, permitted, without_permission
from afterbay.core.bus.rule import Rule, RuleState, parse_rule
from afterbay.core.bus.rules import Quotas, Rules
from afterbay.core.bus.tags import merged, read_resource, read_tags, read_untag, tags_body
from afterbay.core.bus.target import Target
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import text
from afterbay.errors import EndpointError, SettingsError

__all__ = ["Buses", "Routing"]

Params = Mapping[str, JsonValue]
Answer = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Routing:
    """What comes of an arrival: ``matched`` rules with their ``deliveries``, one for each target.

    ``looped``: rules that matched and have handed the event on before, so that they do not again (B27).
    """

    matched: tuple[Rule, ...] = ()
    looped: tuple[Rule, ...] = ()
    deliveries: tuple[Delivery, ...] = ()


class Buses:
    """The state of one home. ``created`` is when its default bus came to be, unless ``buses`` has it."""

    def __init__(
        self,
        home: Home,
        *,
        created: datetime,
        quotas: Quotas | None = None,
        buses: Iterable[Bus] = (),
        rules: Iterable[Rule] = (),
    ) -> None:
        self.home = home
        self.quotas = quotas or Quotas()
        self.rules = Rules(home, self.quotas, rules)
        at_s = created.timestamp()
        default = Bus(name=DEFAULT_BUS, arn=home.bus_arn(DEFAULT_BUS), created_s=at_s, modified_s=at_s)
        self._buses = {DEFAULT_BUS: default, **{bus.name: bus for bus in buses}}

    def create_event_bus(self, params: Params, *, now: datetime) -> Answer:
        bus = new_bus(params, self.home, now)
        if bus.name in self._buses:
            raise EndpointError("ResourceAlreadyExistsException", f"Event bus {bus.name} already exists.")
        if len(self._buses) > self.quotas.buses:  # the default bus does not count
            raise limit_exceeded()
        self._buses[bus.name] = bus
        return {"EventBusArn": bus.arn, **bus.settings()}

    def update_event_bus(self, params: Params, *, now: datetime) -> Answer:
        params = self._with_name(params)
        bus = changed_bus(self.bus(text(params, "Name")), params, now)
        self._buses[bus.name] = bus
        return {"Name": bus.name, "Arn": bus.arn, **bus.settings()}

    def describe_event_bus(self, params: Params) -> Answer:
        check(params, (NAME_OR_ARN,))
        return self.bus(text(params, "Name")).body()

    def list_event_buses(self, params: Params) -> Answer:
        check(params, (replace(BUS_NAME, name="NamePrefix", required=False), *PAGING))
        prefix = text(params, "NamePrefix") or ""
        shown, more = page({name: bus for name, bus in self._buses.items() if name.startswith(prefix)}, params)
        return {"EventBuses": [bus.summary() for bus in shown], **more}

    def delete_event_bus(self, params: Params) -> Answer:
        """A bus that is not there is deleted all the same [recorded]; one with rules is not (the text is ours)."""
        params = self._with_name(params)
        check(params, (BUS_NAME,))
        name = text(params, "Name") or ""
        if name == DEFAULT_BUS:
            raise invalid(f"Cannot delete event bus {name}.")
        if self.rules.of(name):
            raise invalid(f"Event bus {name} can't be deleted since it has rules.")
        self._buses.pop(name, None)
        return {}

    def put_permission(self, params: Params) -> Answer:
        bus = permitted(self.bus(bus_of(params)), params)
        self._buses[bus.name] = bus
        return {}

    def remove_permission(self, params: Params) -> Answer:
        bus = without_permission(self.bus(bus_of(params)), params)
        self._buses[bus.name] = bus
        return {}

    def put_rule(self, params: Params) -> Answer:
        request = parse_rule(params)
        return self.rules.put(request, self.bus(request.bus).name)

    def describe_rule(self, params: Params) -> Answer:
        return self.rules.describe(params, self._bus_of(params))

    def list_rules(self, params: Params) -> Answer:
        return self.rules.listed(params, self._bus_of(params))

    def enable_rule(self, params: Params) -> Answer:
        return self.rules.switch(params, self._bus_of(params), RuleState.ENABLED)

    def disable_rule(self, params: Params) -> Answer:
        return self.rules.switch(params, self._bus_of(params), RuleState.DISABLED)

    def delete_rule(self, params: Params) -> Answer:
        return self.rules.delete(params, self._bus_of(params))

    def read_targets(self, params: Params) -> tuple[Target, ...]:
        """What PutTargets would put, once all is found to be right."""
        return self.rules.read_targets(params, self._bus_of(params))

    def put_targets(self, params: Params) -> Answer:
        return self.rules.put_targets(params, self._bus_of(params))

    def remove_targets(self, params: Params) -> Answer:
        return self.rules.remove_targets(params, self._bus_of(params))

    def list_targets_by_rule(self, params: Params) -> Answer:
        return self.rules.list_targets(params, self._bus_of(params))

    def list_rule_names_by_target(self, params: Params) -> Answer:
        return self.rules.names_by_target(params, self._bus_of(params))

    def tag_resource(self, params: Params) -> Answer:
        self._retag(read_resource(params, tags=True), more=read_tags(params))
        return {}

    def untag_resource(self, params: Params) -> Answer:
        arn, keys = read_untag(params)
        self._retag(arn, less=keys)
        return {}

    def list_tags_for_resource(self, params: Params) -> Answer:
        return {"Tags": tags_body(self._resource(read_resource(params)).tags)}

    def bus(self, name_or_arn: str | None) -> Bus:
        """The bus of a name or an ARN, None: the default one. Raises ``EndpointError`` where there is none (B1)."""
        name = self.home.bus_name(name_or_arn)
        if name not in self._buses:
            raise not_found(f"Event bus {name.rpartition('event-bus/')[2]} does not exist.")
        return self._buses[name]

    def has(self, bus_arn: str) -> bool:
        """Whether there is such a bus; an event for another one vanishes (B13)."""
        return self.home.bus_name(bus_arn) in self._buses

    def route(self, arrival: Arrival) -> Routing:
        """Who gets an arrival: nobody, where its bus does not exist (B13).

        Rules: B23 each rule that matches delivers on its own, B22 all of them the one id, B74 a replay may be for some
        rules only.
        """
        if not self.has(arrival.bus_arn):
            return Routing()
        bus = self.home.bus_name(arrival.bus_arn)
        matching = self.rules.matching(bus, encode_event(arrival.event))
        wanted = [rule for rule in matching if not arrival.rules or rule.arn in arrival.rules]
        matched = tuple(rule for rule in wanted if not arrival.passed(rule.arn))
        looped = tuple(rule for rule in wanted if arrival.passed(rule.arn))
        deliveries = tuple(begin(rule.arn, target, arrival) for rule in matched for target in rule.targets)
        return Routing(matched, looped, deliveries)

    def target_of(self, delivery: Delivery) -> tuple[Rule, Target] | None:
        """The rule and the target of a delivery as they are now; None: one of them is gone, and nothing is to be sent.

        A try is made with the settings of its own time, so that one that failed for a wrong one can succeed (ours).
        """
        rule = self.rules.find(*split_rule_arn(delivery.rule_arn))
        found = [target for target in rule.targets if target.id == delivery.target_id] if rule is not None else []
        return (rule, found[0]) if rule is not None and found else None

    def saved(self) -> tuple[tuple[Bus, ...], tuple[Rule, ...]]:
        """What to keep of buses and of rules."""
        return tuple(self._buses.values()), self.rules.saved()

    def _bus_of(self, params: Params) -> str:
        return self.bus(text(params, "EventBusName")).name

    def _with_name(self, params: Params) -> Params:
        """The request with the name of a bus of ours in the place of its ARN, where the model takes names only (B1)."""
        name = text(params, "Name")
        return params if name is None else {**params, "Name": self.home.bus_name(name)}

    def _resource(self, arn: str) -> Bus | Rule:
        """What an ARN is of. Raises ``EndpointError`` in the words of the one that is missing."""
        try:
            bus, name = split_rule_arn(arn)
        except SettingsError:
            return self.bus(arn)
        rule = self.rules.find(bus, name)
        if rule is None or rule.arn != arn:
            raise not_found(f"Rule {name} does not exist on EventBus {bus}.")
        return rule

    def _retag(self, arn: str, *, more: Mapping[str, str] | None = None, less: frozenset[str] = frozenset()) -> None:
        resource = self._resource(arn)
        tags = {key: value for key, value in merged(resource.tags, more or {}).items() if key not in less}
        match resource:
            case Bus():
                self._buses[resource.name] = replace(resource, tags=tags)
            case Rule():
                self.rules.retag(resource, tags)
