"""Change data capture off DynamoDB: what a function imports. Everything else is a verb of the command line.

Names are loaded when they are used, so that ``import afterbay`` in a function costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for that of typing, which is half of what this import would cost
if TYPE_CHECKING:
    from afterbay.core.change.record import ChangeRecord as ChangeRecord
    from afterbay.core.guard import Kind as Kind
    from afterbay.core.guard import Verdict as Verdict
    from afterbay.core.pattern import Pattern as Pattern
    from afterbay.core.pattern import PatternError as PatternError
    from afterbay.core.template import InputTemplate as InputTemplate
    from afterbay.core.template import TemplateError as TemplateError
    from afterbay.errors import AfterbayError as AfterbayError
    from afterbay.errors import RecordError as RecordError
    from afterbay.errors import ServiceError as ServiceError
    from afterbay.errors import SettingsError as SettingsError
    from afterbay.handler.delivery import changes as changes
    from afterbay.handler.each import each as each
    from afterbay.handler.into import into as into
    from afterbay.handler.once import ledger as ledger
    from afterbay.handler.once import once as once
    from afterbay.handler.poison import Poison as Poison
    from afterbay.sinks.address import sink as sink

__all__ = [
    "AfterbayError",
    "ChangeRecord",
    "InputTemplate",
    "Kind",
    "Pattern",
    "PatternError",
    "Poison",
    "RecordError",
    "ServiceError",
    "SettingsError",
    "TemplateError",
    "Verdict",
    "changes",
    "each",
    "into",
    "ledger",
    "once",
    "sink",
]

_HOMES = {
    "AfterbayError": "afterbay.errors",
    "ChangeRecord": "afterbay.core.change.record",
    "InputTemplate": "afterbay.core.template",
    "Kind": "afterbay.core.guard",
    "Pattern": "afterbay.core.pattern",
    "PatternError": "afterbay.core.pattern",
    "Poison": "afterbay.handler.poison",
    "RecordError": "afterbay.errors",
    "ServiceError": "afterbay.errors",
    "SettingsError": "afterbay.errors",
    "TemplateError": "afterbay.core.template",
    "Verdict": "afterbay.core.guard",
    "changes": "afterbay.handler.delivery",
    "each": "afterbay.handler.each",
    "into": "afterbay.handler.into",
    "ledger": "afterbay.handler.once",
    "once": "afterbay.handler.once",
    "sink": "afterbay.sinks.address",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
