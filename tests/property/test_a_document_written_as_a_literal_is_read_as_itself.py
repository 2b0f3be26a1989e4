"""PartiQL's literals: what is written is what is put, whatever its texts hold."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.partiql.statements import Insert, read_statement

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
NUMBERS = st.decimals(-1000, 1000, places=2).map(lambda one: {"N": f"{one:f}"})
VALUES: st.SearchStrategy[dict[str, JsonValue]] = st.recursive(
    st.one_of(
        NAMES.map(lambda one: {"S": one}),
        NUMBERS,
        st.booleans().map(lambda one: {"BOOL": one}),
        st.just({"NULL": True}),
        st.lists(NAMES, min_size=1, max_size=3).map(lambda ones: {"SS": ones}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda ones: {"L": ones}),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda ones: {"M": ones}),
    ),
    max_leaves=8,
)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def literal(value: dict[str, JsonValue]) -> str:
    ((kind, inner),) = value.items()
    if kind == "M":
        return "{" + ", ".join(f"{quoted(name)}: {literal(one)}" for name, one in inner.items()) + "}"
    if kind == "L":
        return "[" + ",".join(map(literal, inner)) + "]"
    if kind == "SS":
        return "<<" + ", ".join(map(quoted, inner)) + ">>"
    return {"S": quoted, "N": str, "BOOL": str, "NULL": lambda _: "null"}[kind](inner)


@settings(max_examples=50)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_literal_is_read_as_the_document_that_it_spells(item: dict[str, JsonValue]) -> None:
    text = f'INSERT INTO "t" VALUE {literal({"M": item})}'
    if len(text) <= 8192:
        assert read_statement({"Statement": text}) == Insert("t", item)
