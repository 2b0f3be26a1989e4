"""Where buses live, and the ARNs of all that is on them (B1, B30)."""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.core.change.arn import arn_in, parse_arn
from afterbay.errors import SettingsError

__all__ = ["DEFAULT_BUS", "Home", "split_rule_arn"]

DEFAULT_BUS = "default"
_BUS = "event-bus/"
_RULE = "rule/"


@dataclass(frozen=True, slots=True)
class Home:
    """One account and region: what every ARN of it begins with."""

    account: str
    region: str

    def arn(self, resource: str) -> str:
        return str(arn_in(self.region, "events", self.account, resource))

    def bus_arn(self, name_or_arn: str) -> str:
        """An ARN is accepted wherever a name is (B1), and need not be of this home."""
        return name_or_arn if name_or_arn.startswith("arn:") else self.arn(_BUS + name_or_arn)

    def bus_name(self, name_or_arn: str | None) -> str:
        """The name of one of our buses; of a bus elsewhere, its ARN, which no bus here has as a name. None: default."""
        if name_or_arn is None:
            return DEFAULT_BUS
        return name_or_arn.removeprefix(self.arn(_BUS))

    def rule_arn(self, bus: str, rule: str) -> str:
        """Rules: B30 and B45, no bus segment on the default bus."""
        return self.arn(f"{_RULE}{rule}" if bus == DEFAULT_BUS else f"{_RULE}{bus}/{rule}")


def split_rule_arn(arn: str) -> tuple[str, str]:
    """The bus and the name of the rule that an ARN is of. Raises ``SettingsError``."""
    resource = parse_arn(arn).resource
    if not resource.startswith(_RULE):
        raise SettingsError(f"{arn!r} is not the ARN of a rule", hint="the form is arn:aws:events:...:rule/BUS/NAME")
    bus, _, name = resource.removeprefix(_RULE).rpartition("/")
    return bus or DEFAULT_BUS, name
