"""Which records a mapping hands on at all (R71 to R78).

Decides from a record's bytes alone; what a pattern means is ``core.pattern``'s. Filtering comes before batching: what
is left out takes no place in a batch, and its position still counts as done (R78).
"""

from __future__ import annotations

from collections.abc import Callable

from afterbay.core.pattern import Pattern, PatternError, PatternSet
from afterbay.errors import SettingsError

__all__ = ["check_pattern", "compile_filters"]


def check_pattern(text: str | None) -> str:
    """One member of ``Filters``, as it was written (R24). Raises ``SettingsError`` with AWS's text (E15); ``hint`` says
    what is wrong and where."""
    try:
        Pattern(text if text is not None else "null", dialect="mapping")
    except PatternError as error:
        hint = "a filter is an object with a Pattern" if text is None else str(error)
        raise SettingsError("Invalid filter pattern definition.", hint=hint) from error
    assert text is not None, "null is no pattern"
    return text


def compile_filters(patterns: tuple[str, ...]) -> Callable[[bytes], bool] | None:
    """The test that a record's body (Lambda's form) must pass: any pattern matches (R71). None: no filters."""
    if not patterns:
        return None
    return PatternSet(Pattern(pattern, dialect="mapping") for pattern in patterns).matches
