"""An attribute's column in a lake table is its own, and a name that both formats and their readers take."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from afterbay.sinks.lake_columns import column_name

names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12) | st.text(
    "a%2E.", min_size=1, max_size=6
)


@given(names, names)
def test_no_two_attributes_are_one_column(one, other):
    assert (column_name(one) == column_name(other)) == (one == other)
    assert re.fullmatch(r"(\w|-|%[0-9A-F]{2})+", column_name(one))
