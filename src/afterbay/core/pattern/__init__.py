"""Event patterns of EventBridge rules, Pipes filters and Lambda filter criteria: one language, one compiler."""

from afterbay.core.pattern.errors import Dialect, PatternError
from afterbay.core.pattern.explain import Explanation, LeafReport
from afterbay.core.pattern.pattern import Pattern, PatternSet

__all__ = ["Dialect", "Explanation", "LeafReport", "Pattern", "PatternError", "PatternSet"]
